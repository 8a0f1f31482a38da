# ruff: noqa: E501 - a script stands as it is sent, in one line
"""The front refuses with a status, JSON and one sentence; it disconnects slow and greedy guests."""

from __future__ import annotations

import concurrent.futures
import gzip
import json
import re
import socket
import ssl
import time
from functools import partial

import pytest
import requests
from kepler_lens.warp10.client import Token, Warp10
from lab import SCHEDULER, SERVER
from lab_front import MAXPOINTS, MAXTIME, sentence, slower

PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# What a slow guest sends.
SLOW = ("headers", "body")
# All headers that an answer to a script may have.
ALLOWED = {
    *(
        "server",
        "date",
        "content-type",
        "content-length",
        "transfer-encoding",
        "connection",
        "vary",
        "content-encoding",
    ),
    *(
        "x-warp10-elapsed",
        "x-warp10-ops",
        "x-warp10-fetched",
        "x-warp10-error-message",
        "x-warp10-error-line",
    ),
    *(
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "cross-origin-resource-policy",
        "cache-control",
    ),
}


def test_the_page_is_there_and_may_load_nothing_but_its_own(front):
    answer = front.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == PAGE
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_the_page_needs_to_know_is_said(front):
    said = front.get("/explorer.json").json()
    assert said == {
        "maxtime": MAXTIME,
        "points": MAXPOINTS,
        "script_bytes": 65536,
        "title": "HelloExoWorld",
    }
    assert front.health() == {"guest": True, "data": True}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v0/exec", 405),
        ("OPTIONS", "/api/v0/exec", 405),
        ("PUT", "/api/v0/exec", 405),
        ("POST", "/api/v0/update", 405),
        ("POST", "/", 405),
        ("DELETE", "/explorer.json", 405),
        ("POST", "/health", 405),
        ("POST", "/candidates/6541920/run", 405),
        ("GET", "/candidates/", 404),
        ("GET", "/candidates/6541920/", 404),
        ("GET", "/candidates/6541920/99.png", 404),
        ("GET", "/candidates/../page/index.html", 404),
        ("GET", "/candidates/%2e%2e/candidates.tar", 404),
        ("GET", "/api/v0/exec/a=1", 404),
        ("GET", "/api/v0/fetch", 404),
        ("GET", "/api/v0/find", 404),
        ("GET", "/nothing", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 400),
        ("GET", "/x" * 9000, 414),
    ],
)
def test_everything_else_is_refused(front, method, path, status):
    answer = front.get(path, method=method)
    assert answer.status_code == status
    sentence(answer)


def test_a_script_has_64_kilobytes(front):
    most = "'" + 65533 * "a" + "'\n"
    assert front.exec(most[:-1]).json() == [65533 * "a"]
    answer = front.exec(most + " ")
    assert answer.status_code == 413
    assert "65536 bytes" in sentence(answer)


def test_a_gigabyte_is_refused_before_it_comes(front):
    begun = time.monotonic()
    with tls(front) as wire:
        wire.sendall(head("POST", "/api/v0/exec", "Content-Length: 1073741824"))
        said = wire.recv(20)
    assert b" 413 " in said
    assert time.monotonic() - begun < 5


def head(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: front", *headers, "", ""]).encode()


def tls(front) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=front.authority)
    address = front.url.removeprefix("https://")
    return context.wrap_socket(
        socket.create_connection((address, 443), 30), server_hostname=address
    )


def seconds_held(front, sent: str) -> float:
    """Begin a request and never end it; return after how many seconds the front disconnects."""
    with tls(front) as wire:
        if sent == "body":
            wire.sendall(head("POST", "/api/v0/exec", "Content-Length: 60000"))
        else:
            wire.sendall(b"POST /api/v0/exec HTTP/1.1\r\nX-Slow: ")
        begun = time.monotonic()
        wire.settimeout(1)
        while time.monotonic() - begun < 40:
            try:
                # Headers have a time for all of them, a body has one between two packets.
                if sent == "headers":
                    wire.sendall(b"a")
                if wire.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        return time.monotonic() - begun


def test_who_is_slow_is_let_go(front):
    """Of two guests, one sends headers byte by byte, and one sends no body."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        held = dict(zip(SLOW, pool.map(partial(seconds_held, front), SLOW), strict=True))
    assert max(held.values()) < 30, held


class Sender:
    """A guest whose script comes byte by byte."""

    def __init__(self, front) -> None:
        self.wire = tls(front)
        self.wire.sendall(head("POST", "/api/v0/exec", "Content-Length: 60000") + b"'")

    def go_on(self) -> None:
        self.wire.sendall(b"a")


class Reader:
    """A guest who reads a long answer slowly: 60 MB, a megabyte a second."""

    def __init__(self, front) -> None:
        self.wire = tls(front)
        # A large buffer would take much of the answer.
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        script = "'a' 1 20 <% DROP DUP + %> FOR 'a' STORE 1 60 <% DROP $a %> FOR"
        asked = head("POST", "/api/v0/exec", f"Content-Length: {len(script)}")
        self.wire.sendall(asked + script.encode())

    def go_on(self) -> None:
        for _ in range(32):
            assert self.wire.recv(16384)


@pytest.mark.parametrize("slow", [Sender, Reader])
def test_who_sends_or_reads_slowly_takes_no_place_of_a_script(front, slow):
    """Four slow guests of an address, and a script of the same address runs."""
    guests = [slow(front) for _ in range(4)]
    try:
        until = time.monotonic() + 10 * slower()
        while True:
            time.sleep(0.5)
            answer = front.get("/api/v0/exec", method="POST", data="1 1 +")
            for guest in guests:
                guest.go_on()
            if answer.status_code != 429 or time.monotonic() > until:
                break
        assert answer.status_code == 200, answer.text
    finally:
        for guest in guests:
            guest.wire.close()


def at_once(front, number: int, duration: str) -> list[requests.Response]:
    """Send scripts of some duration at the same time, and return their answers."""
    script = f"NOW 'begin' STORE <% NOW $begin - {duration} < %> <% %> WHILE 'done'"
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        runs = [
            pool.submit(front.get, "/api/v0/exec", method="POST", data=script)
            for _ in range(number)
        ]
        return [run.result() for run in runs]


def test_of_one_address_four_scripts_run(front):
    """A fifth script is refused at once; the four others end normally."""
    # The scripts of guests who have just left may still take places.
    until = time.monotonic() + 15 * slower()
    while {answer.status_code for answer in at_once(front, 4, "300 ms")} != {200}:
        assert time.monotonic() < until
    answers = at_once(front, 8, "4 s")
    states = sorted(answer.status_code for answer in answers)
    assert states == [200] * 4 + [429] * 4
    for answer in answers:
        if answer.status_code == 429:
            assert "send it again" in sentence(answer)


def test_one_address_does_not_keep_another_one_out(front):
    """While one address runs as many scripts as it may, a script of another address runs."""
    loop = "NOW 'begin' STORE <% NOW $begin - 6 s < %> <% %> WHILE 'done'"
    ask = (
        f"urlopen('{front.url}/api/v0/exec', b'1 1 +', 5, context=ssl._create_unverified_context())"
    )
    command = f'python3 -c "import ssl; from urllib.request import urlopen; print({ask}.read())"'
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(front.get, "/api/v0/exec", method="POST", data=loop) for _ in range(4)]
        time.sleep(1)
        assert front.lab.shell(SCHEDULER, command).strip() == "b'[2]'"
        assert [run.result().status_code for run in runs] == [200] * 4


def test_of_one_address_twenty_scripts_a_second_begin(front):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(front.get, "/api/v0/exec", method="POST", data="1") for _ in range(200)]
        states = {run.result().status_code for run in runs}
    assert states == {200, 429}


def test_a_script_sets_no_header_and_makes_no_page(front):
    html = "<html><script>alert(1)</script></html>"
    script = f"""{{ 'Content-Type' 'text/html' 'Set-Cookie' 'a=b' 'X-Accel-Redirect' '/explorer.json' 'Location' '/' 'X-Own' 'yes'
'Access-Control-Allow-Origin' '*' 'Content-Security-Policy' 'none' }} HEADER '{html}'"""
    for more in ("", " 'no' MSGFAIL"):
        answer = front.exec(script.replace("\n", " ") + more)
        assert {name.lower() for name in answer.headers} <= ALLOWED
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert front.exec(script.replace("\n", " ")).json() == [html]


@pytest.fixture
def many(lab):
    """A series with one point more than a fetch of a guest may return."""
    token = Token(lab.shell(SERVER, "cat /etc/warp10/tokens/write.token").strip())
    server = Warp10(lab.url)
    # Ticks begin at 1: a fetch with the longest span leaves out tick 0.
    for begin in range(1, MAXPOINTS + 2, 250_000):
        end = min(begin + 250_000, MAXPOINTS + 2)
        lines = [f"{begin}// refusals.many{{n=1}} 1", *(f"={n}// 1" for n in range(begin + 1, end))]
        server.update("\n".join(lines).encode(), token)
    yield "@HELLOEXOWORLD/GETREADTOKEN 'refusals.many' {}"
    server.delete("refusals.many{}", token)


def asked(front, script: str) -> requests.Response:
    """Ask again while guests have no share left: just now the server was sent points."""
    until = time.monotonic() + 60 * slower()
    while True:
        answer = front.exec(script)
        if "than their share" not in answer.text or time.monotonic() > until:
            return answer
        time.sleep(1)


def test_a_fetch_gives_as_many_points_as_it_may_and_one_more_is_refused(front, many):
    size = "FETCH <% DROP SIZE %> LMAP"
    assert asked(front, f"[ {many} MAXLONG {-MAXPOINTS} ] {size}").json() == [[MAXPOINTS]]
    for span in ("MAXLONG", -MAXPOINTS - 1):
        answer = asked(front, f"[ {many} MAXLONG {span} ] {size}")
        assert answer.status_code == 500
        assert f"FETCH exceeded limit of {MAXPOINTS} datapoints" in sentence(answer)


def test_answers_are_compressed(front):
    answer = front.exec(
        "1 20000 <% %> FOR 20000 ->LIST", headers={"Accept-Encoding": "gzip"}, stream=True
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    raw = answer.raw.read()
    assert len(raw) < 60_000
    assert len(json.loads(gzip.decompress(raw))[0]) == 20_000


def test_the_log_has_no_token(front):
    secret = "tokenthatnobodymaysee"
    front.get(f"/explorer.json?token={secret}", headers={"X-Warp10-Token": secret})
    front.get(f"/nothing?token={secret}")
    front.exec(f"'{secret}' DROP 'no' MSGFAIL")
    time.sleep(1)
    lines = front.lab.shell(SERVER, "journalctl --no-pager -o cat --since -5min")
    assert re.search(r"GET /nothing 404 ", lines)
    assert secret not in lines


def test_plain_http_is_told_what_to_do(front):
    answer = requests.get(front.url.replace("https", "http") + ":443/", timeout=20)
    assert answer.status_code == 400
    assert "HTTPS" in sentence(answer)
