# ruff: noqa: E501 - a script stands as it is sent, in one line
"""The front answers byte for byte as the data server: macros, scripts of the documents, the hands-on."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest
import requests
from lab import PROJECT, SERVER

TOKEN = "@HELLOEXOWORLD/GETREADTOKEN"
STAR = "6541920"
CURVE = f"{STAR} 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE"
FETCHED = f"""{TOKEN} 'token' STORE
[ $token 'sap.flux' {{ 'KEPLERID' '{STAR}' }} '2009-05-02T00:56:10.000000Z' '2013-05-11T12:02:06.000000Z' ] FETCH 'fetched' STORE
"""
NAMED = f"{{ 'token' {TOKEN} 'class' 'sap.flux' 'labels' {{ 'KEPLERID' '{STAR}' }} "
SCRIPTS = {
    "find": f"[ {TOKEN} '~.*flux' {{}} ] FIND",
    "find without a list": f"{TOKEN} 'sap.flux' {{}} FIND",
    "find by a map": f"{{ 'token' {TOKEN} 'class' 'sap.flux' 'labels' {{}} }} FIND",
    "find nothing": f"[ {TOKEN} 'no.such' {{}} ] FIND",
    "sets": f"[ {TOKEN} '~.*flux' {{}} ] FINDSETS",
    "statistics": f"[ {TOKEN} '~.*flux' {{}} ] FINDSTATS",
    "fetch": FETCHED + "$fetched",
    "fetch without a list": f"{TOKEN} 'sap.flux' {{}} MAXLONG -10 FETCH",
    "fetch a count": f"[ {TOKEN} 'sap.flux' {{}} MAXLONG -10 ] FETCH",
    "fetch a span": f"[ {TOKEN} 'sap.flux' {{}} '2012-01-01T00:00:00Z' TOTIMESTAMP 30 d ] FETCH",
    "fetch by a map": NAMED + "'end' MAXLONG 'count' 5 } FETCH",
    "fetch from start to end": NAMED
    + "'start' '2012-01-01T00:00:00Z' 'end' '2012-02-01T00:00:00Z' } FETCH",
    "fetch by a selector": f"{{ 'token' {TOKEN} 'selector' 'sap.flux{{KEPLERID={STAR}}}' 'end' MAXLONG 'timespan' MAXLONG }} FETCH",
    "fetch stars by a pattern": f"[ {TOKEN} 'sap.flux' {{ 'KEPLERID' '~({STAR}|11442793)' }} MAXLONG -3 ] FETCH",
    "fetch text": f"[ {TOKEN} '~transit.*' {{}} MAXLONG -3 ] FETCHSTRING",
    "fetch numbers": f"[ {TOKEN} 'sap.flux' {{}} MAXLONG -3 ] FETCHDOUBLE",
    "LIGHTCURVE": CURVE,
    "DETREND": f"{CURVE} 1.5 d @HELLOEXOWORLD/DETREND",
    "DIPS": f"{CURVE} 1.5 d @HELLOEXOWORLD/DETREND 6 @HELLOEXOWORLD/DIPS",
    "FOLD": f"{CURVE} 1.5 d @HELLOEXOWORLD/DETREND 10.3039 131.5 @HELLOEXOWORLD/FOLD",
    "MEANAT": f"{CURVE} DUP 0 GET TICKLIST 30 m SWAP @HELLOEXOWORLD/MEANAT",
    "CANDIDATES": "{} @HELLOEXOWORLD/CANDIDATES",
    "CANDIDATES of a range": "{ 'period' [ 1 30 ] } @HELLOEXOWORLD/CANDIDATES",
    "CANDIDATES without points": "{ 'KEPLERID' '~.*' 'snr' [ 0 1000 ] 'points' false } @HELLOEXOWORLD/CANDIDATES",
    "SAMPLE": f"{STAR} 'pdcsap.flux' 'long cadence' 1400000000000000 2000 d 300 4 @HELLOEXOWORLD/SAMPLE",
    "what a macro that is asked for says of itself": "INFOMODE @HELLOEXOWORLD/SAMPLE",
    "the read token": TOKEN,
    "what macros say of themselves": "INFOMODE @HELLOEXOWORLD/LIGHTCURVE",
    "records": FETCHED + "$fetched 0 GET 6 h 100 'record' TIMESPLIT",
    "trend": FETCHED
    + """$fetched 0 GET 6 h 100 'record' TIMESPLIT 'records' STORE
[ $records [] { 'record' '~[2-5]' } filter.bylabels ] FILTER 'some' STORE
[ $some bucketizer.mean 0 2 h 0 ] BUCKETIZE 'buckets' STORE
[ $buckets mapper.mean 12 12 0 ] MAP 'trend' STORE
[ $buckets $trend [ 'record' ] op.sub ] APPLY""",
    "all stars": f"""[ {TOKEN} '~.*flux' {{}} '2009-01-01T00:00:00Z' '2019-01-01T00:00:00Z' ] FETCH 'all' STORE
[ $all bucketizer.median 0 1 d 0 ] BUCKETIZE [ 'KEPLERID' ] PARTITION VALUELIST <% DROP SIZE %> LMAP""",
    "a definition of one's own": f"<% 2 * %> 'TWICE' DEF [ {TOKEN} 'sap.flux' {{}} MAXLONG -1 ] FETCH SIZE TWICE",
    "variables and contexts": f"1 'a' STORE 'context' 'context' STORE [ {TOKEN} 'sap.flux' {{}} ] FIND SIZE $a $context",
    "text of all kinds": "'é \"quoted\" <b> 100%25 + \\\\' { 'k' [ NaN NULL true 1.5 ] }",
}


def documented() -> dict[str, str]:
    """Return the scripts of the documents: code blocks, and scripts that curl sends."""
    found = {}
    for path in (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))):
        text = path.read_text()
        sent = re.findall(r"/exec --data-binary @- <<'END'\n(.*?)END\n", text, re.DOTALL)
        alone = [
            block
            for block in re.findall(r"```\n(.*?)```", text, re.DOTALL)
            if "@HELLOEXOWORLD/" in block
        ]
        for number, script in enumerate([*sent, *alone]):
            found[f"{path.name} {number}"] = script
    assert len(found) >= 5
    return found


def examples() -> dict[str, str]:
    """Return the examples in the macros' own help that need nothing on the stack."""
    found = {}
    for path in sorted((PROJECT / "roles/macros/files").glob("*.mc2")):
        text = path.read_text()
        # Macros that only the data server has give no examples.
        line = re.search(r"'examples' \[ (.*) \]", text)
        for number, example in enumerate(re.findall(r'"([^"]*)"', line[1] if line else "")):
            if not re.search(r"\$(series|call_token)", example):
                found[f"{path.stem} {number}"] = example
    return found


HANDS_ON = os.environ.get("HELLOEXOWORLD_HANDS_ON", "")
"""Folder with a copy of the repository of the public hands-on; its licence keeps its scripts out of this one."""


def hands_on() -> dict[str, str]:
    """Return the solutions of the public hands-on, unmodified."""
    if not HANDS_ON:
        return {}
    found = {}
    for path in sorted(Path(HANDS_ON).glob("step-*/*/solutions.md")):
        code = re.search(r"warpscript=\"\n(.*?)\">|```\n(.*?)```", path.read_text(), re.DOTALL)
        found[f"hands-on {path.parent.name}"] = code[1] or code[2]
    return found


ALL = SCRIPTS | documented() | examples() | hands_on()


@pytest.fixture(scope="module", autouse=True)
def quiet(lab):
    """Stop the scheduled job, which otherwise writes between the two answers."""
    lab.shell(SERVER, "mv /etc/warp10/runners/transits /etc/warp10/transits.off; sleep 12")
    yield
    lab.shell(SERVER, "mv /etc/warp10/transits.off /etc/warp10/runners/transits")


@pytest.mark.parametrize("name", ALL)
def test_the_front_gives_what_the_data_server_gives(front, name):
    there = requests.post(f"{front.lab.url}/api/v0/exec", data=ALL[name].encode(), timeout=120)
    here = front.exec(ALL[name])
    assert there.ok, there.headers.get("X-Warp10-Error-Message")
    assert here.ok, here.text[:500]
    assert len(there.content) > 1
    if "NOW" in ALL[name].split():
        # Of all that is compared, only the present is not the same twice: microseconds since 1970.
        now = re.compile(rb"\b1[0-9]{15}\b")
        assert now.sub(b"NOW", here.content) == now.sub(b"NOW", there.content)
    elif here.content != there.content:
        # The attributes of a series have no order, in Warp 10 as in JSON.
        assert here.json() == there.json()
        assert Counter(here.content) == Counter(there.content)


@pytest.mark.skipif(
    not HANDS_ON,
    reason="HELLOEXOWORLD_HANDS_ON names no copy of the repository of the public hands-on",
)
def test_the_scripts_of_the_public_hands_on_are_compared():
    assert len([name for name in ALL if name.startswith("hands-on ")]) == 16


def test_an_error_says_what_and_in_which_line(front):
    answer = front.exec("1 'a' STORE\n$a 1 +\n'wrong' ABS\n")
    assert answer.status_code == 500
    assert answer.headers["X-Warp10-Error-Line"] == "3"
    assert "ABS" in answer.headers["X-Warp10-Error-Message"]
    assert answer.json()["error"] == answer.headers["X-Warp10-Error-Message"]


def test_what_the_data_server_refuses_is_said(front):
    answer = front.exec("[ 'no token' 'sap.flux' {} MAXLONG -1 ] FETCH")
    assert answer.status_code == 500
    assert "FETCH: " in answer.headers["X-Warp10-Error-Message"]
