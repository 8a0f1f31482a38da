"""The macros answer on the real server, and a macro with an error never replaces a working one."""

from __future__ import annotations

import re

import pytest
from lab import PROJECT, SERVER, module, playbook
from searches import CONVERGED

READ = "@HELLOEXOWORLD/GETREADTOKEN"
KEPLER_11 = "6541920"
# MAP of release 3 for a server of release 2: the list of ticks has another name in release 3.
MAP_OF_3 = """
<%
  'given' STORE
  <% $given TYPEOF 'MAP' == %>
  <%
    <% $given 'ticks' CONTAINSKEY SWAP DROP %> <% 'ticks is a deprecated parameter' MSGFAIL %> IFT
    <% $given 'occurrences' GET TYPEOF 'LIST' == %>
    <% $given 'occurrences' REMOVE 'ticks' PUT 'given' STORE %> IFT
  %> IFT
  $given MAP
%> 'MAP' DEF
<% '3.5.0' %> 'REV' DEF
"""


@pytest.fixture(scope="module")
def stars(lab) -> list[str]:
    script = f"[ {READ} 'pdcsap.flux' {{}} ] FIND <% DROP LABELS 'KEPLERID' GET %> LMAP UNIQUE"
    return sorted(lab.execute(script)[0], key=int)


def flat(star: str) -> str:
    return f"'{star}' 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE 1.5 d @HELLOEXOWORLD/DETREND "


@pytest.mark.parametrize(
    "name",
    ["LIGHTCURVE", "DETREND", "DIPS", "MEANAT", "FOLD", "CANDIDATES", "SAMPLE", "CURVE", "SERIES"],
)
def test_a_macro_tells_what_it_is(lab, name):
    (about,) = lab.execute(f"INFOMODE @HELLOEXOWORLD/{name}")
    assert about["name"] == f"HELLOEXOWORLD/{name}"
    assert about["params"]


def test_light_curve_is_around_one_and_detrended_keeps_its_ticks(lab, stars):
    curve, detrended = lab.execute(
        f"'{stars[0]}' 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE 'c' STORE "
        "$c 1.5 d @HELLOEXOWORLD/DETREND $c"
    )
    ticks = [[point[0] for point in series["v"]] for series in curve]
    assert [[point[0] for point in series["v"]] for series in detrended] == ticks
    for series in detrended:
        values = sorted(point[-1] for point in series["v"])
        assert abs(values[len(values) // 2] - 1) < 1e-3


@pytest.mark.parametrize("as_3", [False, True])
def test_means_at_ticks_are_those_of_both_releases(lab, as_3):
    if as_3 and lab.execute("REV")[0][0] == "3":
        pytest.skip("this server is of release 3 itself")
    macro = (PROJECT / "roles/macros/files/MEANAT.mc2").read_text()
    (found,) = lab.execute(
        f"{MAP_OF_3 if as_3 else ''} NEWGTS 0 9 <% DUP s NaN NaN NaN 5 ROLL ADDVALUE %> FOR "
        f"1 ->LIST 2 s [ 60 s 4 s 500 ms -1 s ] {macro} EVAL 0 GET"
    )
    # The ticks -1 s, 0.5 s and 4 s have a mean; around 60 s there are no points.
    assert [point[0] for point in found["v"]] == [-1_000_000, 500_000, 4_000_000]
    assert [point[-1] for point in found["v"]] == [0.5, 1.0, 4.0]


def test_a_star_that_is_not_there_is_said_to_be_so(lab):
    with pytest.raises(AssertionError, match="no long cadence of star 999"):
        lab.execute("999 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE")


def test_dips_of_kepler_11_are_its_transits(lab, stars):
    if KEPLER_11 not in stars:
        pytest.skip("Kepler-11 is not in the server")
    (dips,) = lab.execute(flat(KEPLER_11) + "6 @HELLOEXOWORLD/DIPS")
    times = [point[0] / 86400e6 - 14245.5 for point in dips["v"]]
    assert 150 < len(times) < 300
    near = [t for t in times if abs((t - 154.1636 + 16) % 31.99543 - 16) < 0.3]
    assert len(near) > 30


def test_fold_of_kepler_11_shows_the_dip_at_its_middle(lab, stars):
    if KEPLER_11 not in stars:
        pytest.skip("Kepler-11 is not in the server")
    (folded,) = lab.execute(flat(KEPLER_11) + "31.99543 154.1636 @HELLOEXOWORLD/FOLD")
    inside = sorted(value for tick, value in folded["v"] if abs(tick) < 3600e6)
    assert len(inside) > 50
    assert inside[len(inside) // 2] < 1 - 8e-4


def test_a_macro_with_an_error_is_not_installed(lab):
    path = "/etc/warp10/macros/HELLOEXOWORLD/FOLD.mc2"
    before = lab.shell(SERVER, f"cat {path}")
    file = {"path": path, "text": "<%\n NOSUCHFUNCTION\n%>"}
    done = module(SERVER, "warp10_macros", url=f"{lab.url}/api/v0/exec", files=[file])
    assert done.rc != 0
    assert "FOLD.mc2: line 2" in done.output
    assert "NOSUCHFUNCTION" in done.output
    assert lab.shell(SERVER, f"cat {path}") == before


def test_only_the_candidates_of_the_run_that_counts_are_seen(lab):
    token = "/etc/warp10/tokens/results-write.token"
    # Star 1 has two runs, and its search names one of them; the search of star 2 has not ended.
    text = "%7B%22run%22:%22a%22,%22candidates%22:1%7D"
    names = ("1,CANDIDATE=1,RUN=a", "1,CANDIDATE=1,RUN=b", "2,CANDIDATE=1,RUN=c")
    lines = [f"1300000000000000// transit.candidate{{KEPLERID={name}}} 1.0" for name in names]
    lines.append(f"1// star.search{{}} '{text}'")
    send = (
        "import sys, urllib.request as u; "
        f"u.urlopen(u.Request('{lab.url}/api/v0/' + sys.argv[1], sys.argv[2].encode() or None, "
        f"{{'X-Warp10-Token': open('{token}').read().strip()}}))"
    )
    host = lab.host(SERVER)
    assert host.run("python3 -c %s update %s", send, "\n".join(lines) + "\n").rc == 0
    try:
        script = "{ 'KEPLERID' '~[12]' } @HELLOEXOWORLD/CANDIDATES <% DROP LABELS %> LMAP"
        (found,) = lab.execute(script)
        assert [(one["KEPLERID"], one["RUN"]) for one in found] == [("1", "a")]
    finally:
        for gone in (
            "deleteall&selector=transit.candidate%7BKEPLERID~%5B12%5D%7D",
            "start=1&end=1&selector=star.search%7B%7D",
        ):
            assert host.run("python3 -c %s %s ''", send, f"delete?{gone}").rc == 0


def test_a_part_is_provisioned_by_its_tag():
    parts = {
        "macros_install": "macros : Install the macros and the scheduled job",
        "kepler_lens": "kepler_lens : Read which package is installed",
        "fleet": "fleet : Configure Dask",
    }
    run = playbook("playbooks/site.yml", "--tags", ",".join(parts), *CONVERGED)
    assert run.rc == 0, run.output[-4000:]
    assert "TASK [warp10 : Write the configuration" not in run.output
    for task in parts.values():
        assert re.search(rf"TASK \[{task}.*\] \*+\nok: ", run.output), run.output[-6000:]
    assert set(run.changed.values()) == {0}, run.output[-6000:]


def test_an_import_has_noted_the_series_of_its_stars(lab):
    star = "6541920"
    token = "@HELLOEXOWORLD/GETREADTOKEN"
    (named,) = lab.execute(f"{star} @HELLOEXOWORLD/NAMED")
    (found,) = lab.execute(f"[ {token} '~(sap|pdcsap)%5C..*' {{ 'KEPLERID' '{star}' }} ] FIND")
    known = [(one["c"], one["l"], one["a"]) for one in found]
    assert known
    assert sorted(map(str, known)) == sorted(str((n["c"], n["l"], n["a"])) for n in named)
    labels = f"{{ 'KEPLERID' '{star}' 'OBSMODE' 'long cadence' }}"
    (curve,) = lab.execute(f"{star} 'sap.flux' 'long cadence' MAXLONG MAXLONG @HELLOEXOWORLD/CURVE")
    (fetched,) = lab.execute(f"[ {token} 'sap.flux' {labels} MAXLONG MAXLONG ] FETCH")
    assert len(curve[0]["v"]) > 60_000
    assert [one["v"] for one in curve] == [one["v"] for one in fetched]
