"""The keeper of the guest server shares out the data server's time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
import requests
from plays import python_file


@pytest.fixture
def keep() -> ModuleType:
    return python_file("roles/guest/files/keep.py")


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve with a handler, at the URL that is given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Clock:
    """A clock that stands until it is set forward; to sleep sets it forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(keep: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keep, "time", clock)
    return clock


@pytest.fixture
def share(keep: ModuleType, clock: Clock):
    """Half a second a second, while others need the data server."""
    share = keep.Share(0.5, most=2.0)
    assert share.needed
    assert share.left == 0
    share.left = 2.0
    return share


def test_nobody_waits_while_nobody_else_needs_the_data_server(share, clock):
    share.spend(10.0)
    share.needed = False
    for _ in range(10):
        assert share.wait(1.0) == 0
        share.spend(5.0)
    share.needed = True
    share.spend(1.0)
    assert share.wait(1.0) == 0


def test_what_is_asked_after_a_quiet_time_does_not_wait(keep, share, clock):
    for _ in range(3):
        assert share.wait(1.0) == 0
        share.spend(0.6)
    clock.sleep(3600)
    assert share.left < 2.0
    assert share.wait(1.0) == 0
    assert share.left == pytest.approx(2.0 - keep.LEAST)


def test_beyond_the_share_a_question_waits_for_what_was_spent(keep, share, clock):
    share.spend(3.0)
    assert share.wait(10.0) == pytest.approx(2.0)
    # Whoever comes next waits longer: the least cost of the one before is taken already.
    assert share.wait(10.0) == pytest.approx(2.0 + keep.LEAST / 0.5)
    clock.sleep(1.0)
    assert share.wait(10.0) == pytest.approx(1.0 + 2 * keep.LEAST / 0.5)


def test_over_a_long_time_guests_get_their_share(keep, share, clock):
    share.rate, spent, begun = 0.25, 0.0, clock.now
    while clock.now < begun + 1000:
        clock.sleep(share.wait(100.0))
        clock.sleep(0.7)
        share.spend(0.7 - keep.LEAST)
        spent += 0.7
    assert spent / (clock.now - begun) == pytest.approx(0.25, rel=0.02)


def test_who_would_wait_too_long_takes_nothing(share, clock):
    share.spend(10.0)
    for _ in range(3):
        assert share.wait(3.0) == pytest.approx(16.0)
    assert share.left == pytest.approx(-8.0)


@pytest.fixture
def url(keep: ModuleType, share) -> Iterator[str]:
    keep.Local.share, keep.Local.longest = share, 3.0
    with served(keep.Local) as url:
        yield f"{url}/share"


def parts(*texts: str) -> Iterator[bytes]:
    """Yield the parts of a body, which requests sends in chunks as Warp 10 does."""
    yield from (text.encode() for text in texts)


def test_the_macro_is_let_through_and_says_what_it_has_spent(keep, clock, url):
    answer = requests.post(url, data=parts("0\n", "SNAPSHOT ->OPB64\n"), timeout=10)
    assert (answer.status_code, answer.text) == (200, '[""]')
    assert keep.Local.share.left == pytest.approx(2.0 - keep.LEAST)
    requests.post(url, data=parts("4500000\n", "SNAPSHOT"), timeout=10)
    assert keep.Local.share.left == pytest.approx(-2.5)
    # Five seconds are more than three.
    assert requests.post(url, data=b"0\n", timeout=10).status_code == 503
    clock.sleep(3.0)
    before = clock.now
    assert requests.post(url, data=b"0\n", timeout=10).status_code == 200
    assert clock.now - before == pytest.approx(2.0)


def test_nothing_is_spent_at_another_address(keep, url):
    assert requests.post(url.replace("/share", "/"), data=b"99\n", timeout=10).status_code == 404
    assert keep.Local.share.left == pytest.approx(2.0)


COUNTERS = """\
1795971240221000// warp.standalone.update.time.us{app=helloexoworld,producer=a} 156639\r
1795971240221000// warp.standalone.update.datapoints.raw{app=helloexoworld,producer=a} 610\r
1795971124132000// warp.standalone.update.datapoints.raw{app=helloexoworld.ledger,producer=b} 107\r
1795971224783000// warp.standalone.update.requests{app=helloexoworld,producer=a} 52\r
"""


@pytest.mark.parametrize(
    ("answer", "points"),
    [
        ((200, json.dumps([COUNTERS])), 717),
        ((200, json.dumps([""])), 0),
        ((500, "Unknown function SENSISION.DUMP"), None),
        ((200, "<html>"), None),
    ],
)
def test_the_points_that_the_data_server_was_sent_are_counted(keep, answer, points):
    asked = []

    class Data(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, text = answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with served(Data) as url:
        assert keep.points_sent(url, 5) == points
    assert asked == [b"true SENSISION.DUMP"]


def test_an_answer_that_breaks_off_ends_no_watch(keep):
    class Broken(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"[")

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with served(Broken) as url:
        assert keep.points_sent(url, 5) is None
        assert keep.answers(url, 5) is False


def test_the_shares_hold_while_points_come_in(keep, share, clock, monkeypatch):
    # None: the data server said nothing, so nothing is known of the time before and after.
    points = [0, 600_000, 600_010, None, 1_000_000, 2_000_000]
    cores = keep.Share(0.5)
    needed, waits = [], []

    class Over:
        """An event that is set after as many rounds as there are counts."""

        def is_set(self) -> bool:
            return len(needed) == len(points)

        def wait(self, seconds: float) -> None:
            needed.append((share.needed, cores.needed))
            waits.append(seconds)
            clock.sleep(seconds)

    monkeypatch.setattr(keep, "points_sent", lambda *_: points[len(needed)])
    keep.watch_points({"data": ""}, (share, cores), Over())
    assert needed == [(both, both) for both in (True, True, False, False, False, True)]
    # Until the second count, the shares hold: it comes soon.
    assert waits[0] == keep.FIRST_LOOK < min(waits[1:3])


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process that uses a core, and has used it already."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        yield busy
        busy.kill()


def becomes(process: subprocess.Popen[bytes], *, stopped: bool) -> bool:
    """Check whether a process is stopped, or goes on, within ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        if (state == "T") == stopped:
            return True
        time.sleep(0.01)
    return False


def test_a_busy_guest_server_is_stopped_beyond_its_share_of_the_cores(keep, busy):
    pace = keep.Pace(busy, keep.Share(0.25))
    while not keep.cores_used(busy.pid):
        time.sleep(keep.BEAT)
    pace.used = begun_with = keep.cores_used(busy.pid)
    begun = last = time.monotonic()
    longest = 0.0
    while time.monotonic() < begun + 1.0:
        time.sleep(pace.beat())
        longest = max(longest, time.monotonic() - last)
        last = time.monotonic()
    used = keep.cores_used(busy.pid) - begun_with
    # Its clock has ticks of a hundredth of a second.
    assert 0 < used <= 0.25 * (time.monotonic() - begun) + longest + 0.02
    pace.share.spend(10.0)
    assert pace.beat() == keep.BEAT
    assert becomes(busy, stopped=True)
    # Nobody else needs the cores any more.
    pace.share.needed = False
    assert pace.beat() == keep.IDLE_BEAT > keep.BEAT
    assert becomes(busy, stopped=False)


def test_a_guest_server_that_has_ended_is_not_paced_any_more(keep, busy):
    pace = keep.Pace(busy, keep.Share(0.25))
    busy.kill()
    pace.share.spend(10.0)
    pace.beat()


@pytest.mark.parametrize("answers_after", [0, 3])
def test_the_service_manager_hears_of_the_first_answer_alone(
    keep, clock, monkeypatch, answers_after
):
    said, tried = [], []
    monkeypatch.setattr(keep, "notify", said.append)
    monkeypatch.setattr(keep, "watch_servers", lambda *_: None)
    monkeypatch.setattr(keep, "watch_scripts", lambda *_: None)
    monkeypatch.setattr(
        keep, "answers", lambda *_: tried.append(len(said)) or len(tried) > answers_after
    )
    keep.watch_start({"guest": "", "start_timeout": 60}, threading.Event())
    assert said == ["READY=1"]
    assert tried == [0] * (answers_after + 1)


def test_a_guest_server_that_never_answers_is_ended(keep, monkeypatch, capsys):
    monkeypatch.setattr(keep, "notify", pytest.fail)
    monkeypatch.setattr(keep, "answers", lambda *_: False)
    over = threading.Event()
    keep.watch_start({"guest": "", "start_timeout": 0}, over)
    assert over.is_set()
    assert "did not start" in capsys.readouterr().out
