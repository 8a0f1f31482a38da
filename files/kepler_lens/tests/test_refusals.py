"""What cannot pass is told at once and with its reason, whichever version answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from scripted_server import VERSIONS, Scripted, answer, written_down

from kepler_lens import errors
from kepler_lens.transit_search.store.light_curve import fetch_curve
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.refusals import check_meta, reason

TOKEN = Token("s3cret")


def some(which: Callable[[dict[str, Any]], bool]) -> list[Any]:
    """Give what was written down, each with an id that names version and request."""
    return [
        pytest.param(record, id=f"{version} {record['name']}")
        for version in VERSIONS
        for record in written_down(version)
        if which(record)
    ]


@pytest.mark.parametrize("record", some(lambda record: record["error"]))
def test_what_is_refused_is_not_tried_again(
    scripted: Callable[..., Scripted], record: dict[str, Any]
) -> None:
    server = scripted(answer(record))
    with pytest.raises(errors.Warp10Error) as caught:
        Warp10(server.url, patience=2)._ask(record["endpoint"], TOKEN, record["body"].encode())
    assert type(caught.value) is getattr(errors, record["error"])
    assert len(server.requests) == 1
    assert "Exception" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_bad_line_is_quoted_whole(scripted: Callable[..., Scripted], version: str) -> None:
    (record,) = (r for r in written_down(version) if r["name"] == "update: a line that is none")
    with pytest.raises(errors.InputRefusedError, match=r"Parse error at .*'broken <x>'"):
        Warp10(scripted(answer(record)).url).update(b"broken <x>\n", TOKEN)


def test_a_macro_that_is_not_there_is_no_matter_of_tokens(
    scripted: Callable[..., Scripted],
) -> None:
    why = "in section '[TOP]': Unknown macro 'HELLOEXOWORLD/GETREADTOKEN'"
    server = scripted((500, "", "Server Error", {"X-Warp10-Error-Message": why}))
    with pytest.raises(errors.Warp10Error, match=r"refuses exec .500.: in section") as caught:
        Warp10(server.url).public_token()
    assert type(caught.value) is errors.UnknownMacroError


def test_a_light_curve_is_fetched_without_the_project_s_macros(
    scripted: Callable[..., Scripted],
) -> None:
    why = "in section '[TOP]': Unknown macro 'HELLOEXOWORLD/GETREADTOKEN'"
    points = "2000// pdcsap.flux{KEPLERID=7,OBSMODE=long%20cadence}{} 3.5\n=1000// 2.5\n"
    server = scripted(
        (500, "", "Server Error", {"X-Warp10-Error-Message": why}),
        (200, points),
        (500, "", "Server Error", {"X-Warp10-Error-Message": "Unknown function 'CURVE'"}),
    )
    curve = fetch_curve(Warp10(server.url), TOKEN, 7, "PDCSAP_FLUX")
    assert (curve.time_us.tolist(), curve.value.tolist()) == ([1000, 2000], [2.5, 3.5])
    with pytest.raises(errors.Warp10Error, match="Unknown function"):
        fetch_curve(Warp10(server.url), TOKEN, 7, "PDCSAP_FLUX")


@pytest.mark.parametrize(
    ("why", "times"),
    [
        ("Exception at '] FETCH' (DB was closed)", 2),
        ("in section '[TOP]': Unknown macro 'HELLOEXOWORLD/CURVE'", 1),
        ("Exception at '] FETCH' (Invalid token s3cret.)", 1),
    ],
)
def test_a_script_of_the_package_s_own_is_tried_again(
    scripted: Callable[..., Scripted], why: str, times: int
) -> None:
    failed = (500, "", "Server Error", {"X-Warp10-Error-Message": why})
    server = scripted(failed, (200, "[1]") if times > 1 else failed)
    client = Warp10(server.url, patience=2)
    if times > 1:
        assert client.exec("[ 's3cret' 'a' {} 1 1 ] FETCH", TOKEN) == [1]
    else:
        with pytest.raises(errors.Warp10Error) as caught:
            client.exec("[ 's3cret' 'a' {} 1 1 ] FETCH", TOKEN)
        assert isinstance(caught.value, errors.TokenError) is ("token" in why)
        assert "s3cret" not in str(caught.value)
    assert len(server.requests) == times


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_given_is_read(scripted: Callable[..., Scripted], version: str) -> None:
    given = {
        record["endpoint"]: Warp10(scripted(answer(record)).url)
        for record in written_down(version)
        if record["status"] == 200
    }
    selector = "t{KEPLERID=990009012}"
    given["update"].update(b"1// t{} 1\n", TOKEN)
    given["meta"].meta(["t{}{a=b}"], TOKEN)
    found = (given["find"].find(selector, TOKEN), given["delete"].delete(selector, TOKEN))
    for (series,) in (*found, given["fetch"].fetch(selector, TOKEN)):
        assert series.labels == {"KEPLERID": "990009012", "OBJECT": "KIC 1"}
        assert series.attributes == {"planet": "Kepler-11 b"}
    assert (series.ticks, series.values) == ([1, 2, 3], [1.5, "x y", -7])


def test_a_failure_that_may_pass_is_not_called_an_absent_server(
    scripted: Callable[..., Scripted],
) -> None:
    server = scripted((500, "<pre>    org.fusesource.leveldbjni.Native$DBException: Closed</pre>"))
    with pytest.raises(errors.Warp10Error, match=r"fails in update, tried for 2 s: 500 .*log"):
        Warp10(server.url, patience=2).update(b"0// a{} 1\n", TOKEN)
    assert len(server.requests) > 1


@pytest.mark.parametrize("selector", ["", "t", "t{", "t{a}", "t{a=b,}", "{a=b}", "t{a=b} u"])
def test_a_selector_that_is_none_is_not_sent(selector: str) -> None:
    nobody = Warp10("http://127.0.0.1:1", patience=0)
    for ask in (nobody.find, nobody.fetch, nobody.delete):
        with pytest.raises(errors.InputRefusedError, match="is no selector: it should look like"):
            ask(selector, TOKEN)


def test_lines_of_meta_are_named_where_they_are_none() -> None:
    good = ["t{}{}", "a%7B{KEPLERID=1,O=}{planet=Kepler-11%20b,x={}"]
    assert check_meta(iter(good)) == good
    for line in ("nonsense", "t{a=b}", "t{a}{c=d}", "t{a=b}{c=d", "t{a=b}{c=d} 1", "{}{}", ""):
        with pytest.raises(errors.InputRefusedError, match="Line 3 for meta, "):
            Warp10("http://127.0.0.1:1", patience=0).meta([*good, line], TOKEN)


def test_the_real_server_answers_as_it_is_written_down(real_server: tuple[str, Path]) -> None:
    url, folder = real_server
    version = Warp10(url).exec("REV")[0]
    if version not in VERSIONS:
        pytest.skip(f"nothing is written down of Warp 10 {version}")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for record in written_down(version):
        tokens = {"nonsense": "nonsense", None: ""} | {
            name: Token.from_file(folder / f"{name}.token").reveal() for name in ("read", "write")
        }
        response = requests.post(
            f"{url}/api/v0/{record['endpoint']}",
            data=record["body"].encode(),
            headers={"X-Warp10-Token": tokens[record["token"]]}
            | (form if record["endpoint"] in ("find", "fetch", "delete") else {}),
            timeout=60,
        )
        wanted = requests.Response()
        wanted.status_code, wanted.reason = record["status"], record["reason"]
        wanted.headers.update(record["headers"])
        wanted._content, wanted.encoding = "\n".join(record["page"]).encode(), "utf-8"
        assert response.status_code == wanted.status_code, record["name"]
        if response.ok:
            assert response.text == wanted.text, record["name"]
        else:
            assert reason(response) == reason(wanted), record["name"]
    Warp10(url).delete("t{KEPLERID=990009012}", Token.from_file(folder / "write.token"))
