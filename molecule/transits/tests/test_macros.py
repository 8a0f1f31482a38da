"""The macros answer on the real server, and a macro with an error never replaces a working one."""

from __future__ import annotations

import json

import pytest
from lab import PROJECT, SERVER

READ = "@HELLOEXOWORLD/GETREADTOKEN"
KEPLER_11 = "6541920"


@pytest.fixture(scope="module")
def stars(lab) -> list[str]:
    script = f"[ {READ} 'pdcsap.flux' {{}} ] FIND <% DROP LABELS 'KEPLERID' GET %> LMAP UNIQUE"
    return sorted(lab.execute(script)[0], key=int)


def flat(star: str) -> str:
    return f"'{star}' 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE 1.5 d @HELLOEXOWORLD/DETREND "


@pytest.mark.parametrize("name", ["LIGHTCURVE", "DETREND", "DIPS", "FOLD", "CANDIDATES"])
def test_a_macro_tells_what_it_is(lab, name):
    (about,) = lab.execute(f"INFOMODE @HELLOEXOWORLD/{name}")
    assert about["name"] == f"HELLOEXOWORLD/{name}"
    assert about["params"]


def test_light_curve_is_around_one_and_detrended_keeps_its_ticks(lab, stars):
    raw, level = lab.execute(
        f"'{stars[0]}' 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE 'c' STORE "
        f"$c 1.5 d @HELLOEXOWORLD/DETREND 'f' STORE $f <% DROP VALUES LSORT DUP SIZE 2 / GET %> LMAP "
        "$c <% DROP TICKLIST %> LMAP $f <% DROP TICKLIST %> LMAP == "
    )[::-1]
    assert all(abs(value - 1) < 1e-3 for value in raw)
    assert level is True


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
    install = (PROJECT / "roles/macros/files/install.py").read_text()
    path = "/etc/warp10/macros/HELLOEXOWORLD/FOLD.mc2"
    before = lab.shell(SERVER, f"cat {path}")
    job = {
        "url": f"{lab.url}/api/v0/exec",
        "dry": False,
        "files": [{"path": path, "text": "<%\n NOSUCHFUNCTION\n%>"}],
        "ours": [],
    }
    host = lab.host(SERVER)
    done = host.run("python3 -c %s %s", install, json.dumps(job))
    assert done.rc != 0
    assert "FOLD.mc2: line 2" in done.stderr
    assert "NOSUCHFUNCTION" in done.stderr
    assert lab.shell(SERVER, f"cat {path}") == before
