#!/usr/bin/python3
"""Run the guest server, end it if a script exceeds its time, and share out the data server.

Warp 10 limits only the time of loops: a script can hold a thread in one function, or answer without
end. A connection lives as long as its script, so the age of a connection is that of its script.

Nor can a script pause. Before a question to the data server, the macro GUEST/ASK asks this program,
which answers when guests may ask again; after the question, the macro says how long it took. Guests
have a share of the data server's time while it is sent points, as by an import, and else all. Of
the host's cores the guest server has a share then, too: beyond it the guest server is stopped for
moments.

Argument: a file of JSON, see templates/keep.json.j2. The service manager restarts this program.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

# States of a connection whose script runs: open, or closed by the guest. In other states a
# connection only waits for late packets.
ESTABLISHED, LEFT = "01", "08"
# Seconds beyond the time of a script: the front's limit ends first and gives the guest a reason.
GRACE = 3.0
# Seconds between two checks of the servers, seconds to wait for an answer, and failures in a row
# that end the guest server.
LOOK, PATIENCE, FAILURES = 5.0, 10.0, 2
# Seconds between the first two counts of points: until the second, the shares hold.
FIRST_LOOK = 1.0
# Seconds of the data server that guests may ask for at once after a quiet time (chosen: some thirty
# light curves), and that a question costs at least (measured: a light curve takes 0.06 s).
STORE, LEAST = 2.0, 0.05
# Seconds between two readings of the guest server's time on the cores while it has a share of them
# (chosen: short against what a guest waits for an answer), and while it has all.
BEAT, IDLE_BEAT = 0.05, 0.25
# Points a second that the data server is sent by an import and not by its own watch (chosen: an
# import sends a hundred thousand, and the watch a point a star).
IMPORT = 1000
COUNTER = re.compile(r"warp\.standalone\.update\.datapoints\.raw\{[^}]*\} (\d+)")
# An answer that does not come, or breaks off.
FAILURE = (OSError, HTTPException)
# Part of a script's time that it may wait for the data server (chosen: enough is left to compute).
WAITING = 1 / 3


def execute(url: str, script: bytes, timeout: float) -> bytes:
    """Run a script on a Warp 10 server, past the proxies of the host, and return its answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(
        urllib.request.Request(f"{url}/api/v0/exec", script), timeout=timeout
    ) as reply:
        return reply.read()


def answers(url: str, timeout: float) -> bool:
    """Check whether a Warp 10 server computes the sum of 1 and 1."""
    try:
        return execute(url, b"1 1 +", timeout).strip() == b"[2]"
    except FAILURE:
        return False


def points_sent(url: str, timeout: float) -> int | None:
    """Return how many points a Warp 10 server was sent since its start; None if it says nothing."""
    try:
        counters = json.loads(execute(url, b"true SENSISION.DUMP", timeout))[0]
    except (*FAILURE, ValueError):
        return None
    return sum(map(int, COUNTER.findall(counters)))


def connections(port: int) -> set[str]:
    """Return names of the connections to a port of this host whose scripts run."""
    found = set()
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            _, local, remote, state = row.split()[:4]
            if state in (ESTABLISHED, LEFT) and int(local.rpartition(":")[2], 16) == port:
                found.add(f"{remote} {row.split()[9]}")
    return found


def cores_used(pid: int) -> float:
    """Return the seconds of cores that a process with all its threads has used since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def notify(words: str) -> None:
    """Send a notification to the service manager."""
    if path := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(path.replace("@", "\0", 1) if path.startswith("@") else path)
            sender.sendall(words.encode())


class Share:
    """The time of a server or of cores that guests may use: a store that fills as time goes by.

    Parameters
    ----------
    rate
        Seconds of work a second.
    most
        Seconds that a full store holds.

    Attributes
    ----------
    needed : bool
        Whether others need the time, or nothing is known yet; if not, nobody waits, and the store
        is full.
    """

    def __init__(self, rate: float, most: float = STORE) -> None:
        self.rate, self.most = rate, most
        # A script can end this program, and must gain nothing by that.
        self.left, self.filled = 0.0, time.monotonic()
        self.needed = True
        self.lock = threading.Lock()

    def spend(self, seconds: float) -> None:
        """Take what a question has cost; the store may fall below zero."""
        with self.lock:
            self._fill()
            self.left -= seconds if self.needed else 0

    def wait(self, longest: float) -> float:
        """Take the least cost of a question, and return the seconds to wait before it.

        Where these exceed the longest wait, nothing is taken.
        """
        with self.lock:
            self._fill()
            seconds = max(0.0, -self.left / self.rate)
            if seconds <= longest and self.needed:
                self.left -= LEAST
            return seconds

    def _fill(self) -> None:
        now = time.monotonic()
        left = self.left + self.rate * (now - self.filled) if self.needed else self.most
        self.left, self.filled = min(self.most, left), now


class Local(BaseHTTPRequestHandler):
    """Answers this host: whether both servers answer, and when guests may ask the data server."""

    state: ClassVar[dict[str, bool]] = {"guest": False, "data": False}
    share: ClassVar[Share]
    longest: ClassVar[float]

    def do_GET(self) -> None:
        """Answer with the state of both servers as JSON."""
        answer: dict[str, object] = dict(self.state)
        if not self.state["guest"]:
            answer["error"] = "The server for guests is starting: try again in ten seconds."
        elif not self.state["data"]:
            answer["error"] = "The database does not answer: try again in a minute."
        body = json.dumps(answer).encode() + b"\n"
        self.send_response(503 if "error" in answer else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answer a script: 0 asks to be let through, another number says microseconds spent."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = 200
        if self.path != "/share":
            status = 404
        elif spent := int(body.split()[0]):
            self.share.spend(spent / 1e6 - LEAST)
        elif (seconds := self.share.wait(self.longest)) <= self.longest:
            time.sleep(seconds)
        else:
            status = 503
        # What Warp 10 takes for an empty stack of another server.
        answer = b'[""]'
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Log nothing: a request comes every few seconds."""


class Pace:
    """The guest server's share of the cores: beyond it, the server is stopped for moments.

    Parameters
    ----------
    server
        The process.
    share
        Seconds of cores.
    """

    def __init__(self, server: subprocess.Popen[bytes], share: Share) -> None:
        self.server, self.share = server, share
        self.used, self.stopped = 0.0, False

    def beat(self) -> float:
        """Stop the server or let it go on, and return the seconds until the next beat."""
        used = cores_used(self.server.pid)
        self.share.spend(used - self.used)
        self.used = used
        if self.stopped != (self.share.left < 0):
            self.stopped = not self.stopped
            self.server.send_signal(signal.SIGSTOP if self.stopped else signal.SIGCONT)
        return BEAT if self.share.needed else IDLE_BEAT


def watch_points(job: dict, shares: Sequence[Share], over: threading.Event) -> None:
    """Update whether others need what guests have a share of: they do while points come in."""
    points, counted = None, 0.0
    while not over.is_set():
        before, since = points, counted
        points, counted = points_sent(job["data"], PATIENCE), time.monotonic()
        if before is not None and points is not None:
            for share in shares:
                share.needed = points - before > IMPORT * (counted - since)
        over.wait(FIRST_LOOK if before is None else LOOK)


def watch_servers(job: dict, over: threading.Event) -> None:
    """Update the state of both servers, and set `over` if the guest server hangs."""
    failures = 0
    while not over.is_set():
        Local.state["data"] = answers(job["data"], PATIENCE)
        Local.state["guest"] = answers(job["guest"], PATIENCE)
        failures = 0 if Local.state["guest"] else failures + 1
        if failures >= FAILURES:
            print("The server for guests does not answer: it is started anew.", flush=True)
            over.set()
        over.wait(LOOK)


def watch_start(job: dict, over: threading.Event) -> None:
    """Wait for the guest server's first answer, say so, and watch it from then on."""
    until = time.monotonic() + job["start_timeout"]
    while not answers(job["guest"], PATIENCE):
        if time.monotonic() > until:
            print("The server for guests did not start.", flush=True)
            over.set()
        if over.wait(0.25):
            return
    notify("READY=1")
    for watch in (watch_servers, watch_scripts):
        threading.Thread(target=watch, args=(job, over), daemon=True).start()


def watch_scripts(job: dict, over: threading.Event) -> None:
    """Set `over` if a connection is older than a script may be."""
    seen: dict[str, float] = {}
    while not over.wait(1.0):
        now = time.monotonic()
        seen = {name: seen.get(name, now) for name in connections(job["port"])}
        if seen and now - min(seen.values()) > job["maxtime"] + GRACE:
            print(
                f"A script ran longer than {job['maxtime']} s: the server for guests starts anew.",
                flush=True,
            )
            over.set()


def run(job: dict, server: subprocess.Popen[bytes], over: threading.Event) -> None:
    """Watch the guest server from its start to its end, or until a watch sets `over`."""
    cores = Share(job["cores"])
    pace = Pace(server, cores)
    threading.Thread(
        target=watch_points, args=(job, (Local.share, cores), over), daemon=True
    ).start()
    threading.Thread(target=watch_start, args=(job, over), daemon=True).start()
    while server.poll() is None and not over.wait(pace.beat()):
        pass


def main(path: str) -> int:
    """Run the guest server until it ends, or until a watch sets `over`."""
    job = json.loads(Path(path).read_text())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Local.share, Local.longest = Share(job["share"]), WAITING * job["maxtime"]
    local = ThreadingHTTPServer(("127.0.0.1", job["health_port"]), Local)
    threading.Thread(target=local.serve_forever, daemon=True).start()
    server = subprocess.Popen(job["command"], stdin=subprocess.DEVNULL)
    try:
        run(job, server, threading.Event())
        return 1
    finally:
        server.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
