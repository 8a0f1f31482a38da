# ruff: noqa: E501 - a script stands as it is sent, in one line
"""A guest reads and computes, but cannot write, call programs, reach another host, or get a refused function back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
import yaml
from lab import PROJECT, SCHEDULER_PORT, SERVER, SERVER_PORT
from lab_front import sentence

VARS = yaml.safe_load((PROJECT / "roles/guest/vars/main.yml").read_text())
KINDS = ("writing", "reaching", "threads", "server", "parsers")
REFUSED = [name for kind in KINDS for name in VARS[f"guest_refused_{kind}"].split()]
TOKEN = "@HELLOEXOWORLD/GETREADTOKEN"
POINT = "NEWGTS 'evil' RENAME 1 NaN NaN NaN 1 ADDVALUE"


@pytest.fixture(scope="module")
def write(lab) -> str:
    """A write token that a guest may know."""
    return lab.shell(SERVER, "cat /etc/warp10/tokens/write.token").strip()


@pytest.fixture(scope="module")
def outside(lab) -> Iterator[tuple[str, list]]:
    """The URL of a host that nobody should reach, and the addresses that have reached it."""
    reached: list = []
    with socket.create_server((f"{lab.prefix}.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                reached.append(address)
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://{lab.prefix}.1:{server.getsockname()[1]}/", reached


def ways(name: str) -> dict[str, str]:
    """Return scripts that try to call a refused function, with any arguments on the stack."""
    return {
        "by its name": name,
        "from text": f"'{name}' EVAL",
        "in a macro": f"<% {name} %> EVAL",
        "in a macro of a mapper": f"<% {name} %> MACROMAPPER DROP <% {name} %> EVAL",
        "undefined": f"NULL '{name}' DEF {name}",
        "defined anew and undefined": f"<% %> '{name}' DEF NULL '{name}' DEF {name}",
        "after all definitions are cleared": f"<% %> '{name}' DEF CLEARDEFS {name}",
        "after a reset": f"{name} ",
        "by a restored context": f"SAVE 'c' STORE NULL '{name}' DEF $c RESTORE {name}",
        "from a snapshot": f"<% {name} %> SNAPSHOT EVAL EVAL",
        "through a name of the server's": f"<% {name} %> 'HELLOEXOWORLD/GUEST/ASK' STORE [ 'a' 'b' {{}} ] FIND",
        "through the macro of FETCH": f"<% {name} %> 'HELLOEXOWORLD/GUEST/FETCH' STORE [] FETCH",
        "through what unpacks answers": f"<% {name} %> 'OPB64->' DEF [ {TOKEN} 'sap.flux' {{}} ] FIND",
        "through what evaluates answers": f"<% {name} %> 'EVAL' DEF [ {TOKEN} 'sap.flux' {{}} ] FIND",
    }


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_is_refused_with_a_sentence(front, name):
    answer = front.exec(name)
    assert answer.status_code == 500
    assert f"{name} is not for guests" in sentence(answer)


@pytest.fixture(scope="module")
def untouched(lab) -> Iterator[None]:
    """Check after the tests that the database has not changed."""
    before = lab.counts()
    yield
    assert lab.counts() == before
    assert lab.execute(f"[ {TOKEN} 'evil' {{}} ] FIND SIZE") == [0]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("way", ways("X"))
@pytest.mark.parametrize("name", ["REXEC", "UPDATE", "DELETE", "CALL", "WEBCALL"])
def test_there_is_no_way_back(front, outside, write, name, way):
    url, reached = outside
    arguments = {
        "REXEC": f"'1 1 +' '{front.lab.url}/api/v0/exec'",
        "UPDATE": f"{POINT} '{write}'",
        "DELETE": f"'{write}' 'sap.flux{{}}' NULL NULL 100",
        "CALL": "'' 'transits'",
        "WEBCALL": f"'{write}' 'GET' '{url}' {{}} ''",
    }
    answer = front.exec(f"{arguments[name]} {ways(name)[way]}")
    assert answer.status_code == 500
    sentence(answer)
    assert reached == []


ASK = "@HELLOEXOWORLD/GUEST/ASK"
INJECTED = {
    "another function": f"[ 'x' ] 'UPDATE' {ASK}",
    "text for a function": f"[ 'x' ] 'FIND 1 1 +' {ASK}",
    "no text for a function": f"[ 'x' ] [ 'FIND' ] {ASK}",
    "text for a macro": f"[ 1 ] 'SAMPLE 1 1 +' {ASK}",
    "a macro that guests may not ask for": f"[ 'x' 6541920 ] 'TRANSITS' {ASK}",
    "the macro that gives the token": f"[] 'GETREADTOKEN' {ASK}",
    "a path to a macro": f"[] 'GUEST/ASK' {ASK}",
    "a list that holds itself for a name": f"[] 'l' STORE $l $l +! DROP [] $l {ASK}",
    "too few arguments of a macro": f"[ 6541920 ] 'SAMPLE' {ASK}",
    "a map for a macro": f"{{ 'a' 1 }} 'SAMPLE' {ASK}",
    "macros for a macro": f"[ <% 1 1 + %> 'sap.flux' 'long cadence' 10 10 1 1 ] 'SAMPLE' {ASK}",
    "maps for a macro": "6541920 {} {} 10 10 1 1 @HELLOEXOWORLD/SAMPLE",
    "a sample without end": "6541920 'sap.flux' 'long cadence' MAXLONG MAXLONG MAXLONG MAXLONG @HELLOEXOWORLD/SAMPLE",
    "a pattern for a star": "'~((.+)+)+!' 'sap.flux' 'long cadence' MAXLONG MAXLONG 10 1 @HELLOEXOWORLD/SAMPLE",
    "series in place of a selector": f"{{ 'token' {TOKEN} 'gts' [ NEWGTS ] 'end' MAXLONG 'count' 1 }} FETCH",
    "quotes in a class": f"[ {TOKEN} 'a\" B64URL-> 1 1 + \"' {{}} ] FIND SIZE",
    "a macro in a class": f"[ {TOKEN} <% 1 1 + %> {{}} ] FIND",
    "a macro in a label": f"[ {TOKEN} 'sap.flux' {{ 'KEPLERID' <% 1 1 + %> }} ] FIND",
    "too much": f"[ {TOKEN} 'sap.flux' {{ 'KEPLERID' 'a' 1 17 <% DROP DUP + %> FOR }} ] FIND",
    "references that blow up": f"[ {TOKEN} 'a' {{}} [ 1 ] 1 30 <% DROP DUP 2 ->LIST %> FOR ] FIND",
    "itself within itself": f"[] 'l' STORE $l $l +! DROP [ {TOKEN} 'sap.flux' $l ] FIND",
}
# Patterns of a label that try every way to split it. None may reach the directory of the data server.
TEN = "(.|.|.|.|.|.|.|.|.|.)" * 10
PATTERNS = {
    "repetition after a bracket": "((.+)+)+!",
    "many signs": ".*.*.*.*.*.*!",
    "bracket after bracket": f"{TEN}!",
    "two brackets": "(a|.)(b|.)!",
    "brackets with letters between": "(a|.)b(c|.)!",
    "brackets in brackets": "((a|.)(b|.)|c)!",
    "a bar in a class between brackets": "(a|.)[|](b|.)!",
    "a bar in a class that begins with its end": "(a|.)[]|](b|.)!",
    "a bar in a class in a class": "(a|.)[[]|]](b|.)!",
    "an escaped bar between brackets": "(a|.)\\|(b|.)!",
    "an escaped backslash before a bracket": "(a|.)\\\\(b|.)!",
    "comments in the pattern": "(?x)((.+) +) +!",
    "comments in a part of the pattern": "(?x:((.+) +) +)!",
    "many alternatives with signs": ".*.*.*(a|b|c|d|e|f)!",
    "more alternatives with a sign": ".*(" + "|".join(["."] * 202) + ")!",
}


def percent(text: str, times: int = 1) -> str:
    """Encode all of a text, as often as it is decoded."""
    for _ in range(times):
        text = "".join(f"%{ord(sign):02X}" for sign in text)
    return text


def asks(pattern: str) -> dict[str, str]:
    """Return scripts that have the data server match a label with a pattern."""
    literal, selector = percent(f"~{pattern}"), percent(f"sap.flux{{OBJECT~{percent(pattern)}}}")
    return {
        "label": f"[ {TOKEN} 'sap.flux' {{ 'OBJECT' '{literal}' }} ] FIND",
        "class": f"[ {TOKEN} '{literal}' {{}} ] FIND",
        "label in a map": f"{{ 'token' {TOKEN} 'class' 'sap.flux' 'labels' {{ 'OBJECT' '{literal}' }} 'end' NOW 'count' 1 }} FETCH",
        "selector": f"{{ 'token' {TOKEN} 'selector' '{selector}' }} FIND",
        "selectors": f"{{ 'token' {TOKEN} 'selectors' [ 'sap.flux{{}}' '{selector}' ] 'end' NOW 'count' 1 }} FETCH",
        "list for a macro": f"{{ 'KEPLERID' '{literal}' }} @HELLOEXOWORLD/CANDIDATES",
    }


@pytest.mark.parametrize("where", asks(""))
@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_that_takes_for_ever_is_refused_before_it_is_sent(front, name, where):
    answer = front.exec(asks(PATTERNS[name])[where])
    assert answer.status_code == 500
    assert "a pattern of a guest has no repetition after a bracket" in sentence(answer)


PLAIN = {
    "a number as its beginning": "6541.*",
    "numbers as a tree": "6541(8(0|12)|9(2(0|1)|5))",
    "classes": "[0-9]+[^a-z]",
    "no difference between small and capital letters": "(?i)kic 65.*",
    "a group with a flag": "(?i:(.*,|)kepler.11.*)",
    "a name that no digit follows": "(?i).*(kepler-11|kepler-90)([^0-9].*|)",
    "escapes": "KIC\\ 6541920",
}


@pytest.mark.parametrize("where", asks(""))
@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_pattern_is_sent(front, name, where):
    answer = front.exec(asks(PLAIN[name])[where])
    assert answer.status_code == 200, answer.text[:500]


@pytest.mark.parametrize("key", ["sample", "skip", "step", "timestep", "boundary.pre", "gts"])
@pytest.mark.parametrize("function", ["FETCH", "FIND"])
def test_a_key_that_may_read_more_than_is_counted_is_refused(front, key, function):
    known = f"'token' {TOKEN} 'class' 'sap.flux' 'labels' {{}} 'end' NOW 'count' 1"
    answer = front.exec(f"{{ {known} '{key}' 1 }} {function}")
    assert answer.status_code == 500
    assert key in sentence(answer)
    assert front.exec(f"{{ {known} }} {function} SIZE").json()[0] > 0


@pytest.mark.parametrize("name", INJECTED)
@pytest.mark.usefixtures("steady")
def test_what_is_asked_is_data_and_no_script(front, name):
    answer = front.exec(INJECTED[name])
    if name == "quotes in a class":
        assert answer.json() == [0]
        return
    assert answer.status_code in (500, 502)
    sentence(answer)


def test_what_a_guest_does_to_the_names_that_may_be_asked_lasts_no_longer_than_his_script(front):
    """Each call creates the texts again, so a guest who changes one changes nothing for others."""
    tries = [
        f"{{ 'SAMPLE' 'UPDATE' }} 'texts' STORE [ 1 ] 'SAMPLE' {ASK}",
        f"<% [] {{}} {ASK} %> <% %> <% %> TRY DEPTH ->LIST <% DROP TYPEOF %> LMAP",
        f"<% DROP DROP 'EVAL' %> 'GET' DEF [ {TOKEN} 'sap.flux' {{}} ] FIND SIZE",
    ]
    for script in tries:
        front.exec(script)
    assert front.exec(f"[ {TOKEN} 'sap.flux' {{}} MAXLONG -1 ] FETCH SIZE").json()[0] >= 1
    with_no_star = "'~.*' 'sap.flux' 'long cadence' 10 10 1 1 @HELLOEXOWORLD/SAMPLE SIZE"
    assert front.exec(with_no_star).json() == [0]


def test_no_pattern_reaches_the_directory_by_a_macro(front):
    """A pattern is not the number of a star."""
    script = (
        "'~6.*' 'sap.flux' 'long cadence' 1400000000000000 2000 d 10 1 @HELLOEXOWORLD/SAMPLE SIZE"
    )
    assert front.exec(script).json() == [0]
    assert front.exec(script.replace("~6.*", "6541920")).json()[0] > 1


def test_a_list_of_series_is_refused_with_the_way(front):
    found = f"[ {TOKEN} 'sap.flux' {{}} ] FIND"
    answer = front.exec(f"{{ 'token' {TOKEN} 'gts' {found} 'end' MAXLONG 'count' 1 }} FETCH")
    assert answer.status_code == 500
    assert "give class and labels, a selector, or selectors" in sentence(answer)


def test_a_token_that_writes_reads_nothing_and_writes_nothing(front, write):
    answer = front.exec(f"[ '{write}' 'sap.flux' {{}} MAXLONG -1 ] FETCH")
    assert answer.status_code == 500
    assert "FETCH: " in sentence(answer)
    assert write not in answer.text


def test_the_server_for_guests_has_no_secret_of_the_database(lab):
    theirs = lab.shell(SERVER, "cat /etc/warp10-guest/secrets.conf /etc/warp10-guest/guest.conf")
    for line in lab.shell(SERVER, "cat /etc/warp10/secrets.conf").splitlines():
        assert line.partition("hex:")[2] not in theirs
    for path in (
        "/etc/warp10/secrets.conf",
        "/etc/warp10/tokens/write.token",
        "/var/lib/warp10/leveldb/CURRENT",
    ):
        assert lab.host(SERVER).run(f"runuser -u warp10-guest -- cat {path}").rc != 0
    # Only the server's own user can read the name of the function that sends.
    assert lab.host(SERVER).run("runuser -u nobody -- ls /etc/warp10-guest").rc != 0


REACH = "python3 -c \"import socket; socket.create_connection(('{host}', {port}), 5); print('open')\" 2>&1 || true"


@pytest.mark.parametrize(
    ("user", "host", "port", "open_"),
    [
        ("warp10-guest", "{prefix}.10", SERVER_PORT, True),
        ("warp10-guest", "{prefix}.20", SCHEDULER_PORT, False),
        ("warp10-guest", "{prefix}.20", 22, False),
        ("warp10-guest", "{prefix}.10", 443, False),
        ("kepler-front", "{prefix}.10", SERVER_PORT, False),
        ("kepler-front", "127.0.0.1", 8081, True),
        ("nobody", "{prefix}.10", SERVER_PORT, False),
        ("nobody", "127.0.0.1", 8081, False),
        ("nobody", "127.0.0.1", 8082, False),
        ("root", "{prefix}.10", SERVER_PORT, True),
    ],
)
def test_a_user_of_the_host_reaches_what_is_meant_for_him(lab, user, host, port, open_):
    command = REACH.format(host=host.format(prefix=lab.prefix), port=port)
    said = lab.shell(SERVER, f"runuser -u {user} -- {command}" if user != "root" else command)
    assert (said.strip() == "open") == open_, said
