"""The front of a lab as guests see it; the front is on the server's own host."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from lab import SERVER, Lab

GUEST = "warp10-guest"
# The guest_port that roles/guest has for default.
PORT = 8081
# Seconds of a script, the guest_maxtime of the inventories.
MAXTIME = 10
# Points of a fetch, the guest_maxpoints of the scenario guests.
MAXPOINTS = 500_000


def slower() -> float:
    """Return the load of this machine for each core; at least 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@dataclass
class Front:
    """The front's address, and the file of the authority that signed its certificate."""

    lab: Lab
    url: str
    authority: str

    def get(self, path: str, **more: object) -> requests.Response:
        return requests.request(
            **{"method": "GET", "url": self.url + path, "verify": self.authority, "timeout": 60}
            | more
        )

    def exec(self, script: str | bytes, **more: object) -> requests.Response:
        """Send a script as a guest; repeat it while the front has no place for it."""
        data = script.encode() if isinstance(script, str) else script
        for _ in range(30):
            answer = self.get("/api/v0/exec", method="POST", data=data, **more)
            if answer.status_code != 429:
                return answer
            time.sleep(0.5)
        return answer

    def health(self) -> dict:
        return self.get("/health").json()

    def wait_health(self, seconds: float) -> float:
        """Wait until guests are served, and return the seconds that took."""
        seconds *= slower()
        begun = time.monotonic()
        while True:
            answer = self.get("/health")
            if answer.status_code == 200 and self.exec("1 1 +").text == "[2]":
                return time.monotonic() - begun
            if time.monotonic() - begun > seconds:
                log = self.lab.shell(SERVER, f"journalctl -u {GUEST} -n 20 --no-pager -o cat")
                pytest.fail(f"no guest is served after {seconds} s: {answer.text}\n{log}")
            time.sleep(0.5)

    def wait_idle(self, seconds: float) -> None:
        """Wait until no script of a guest runs, also of those who have left.

        A script that runs on is ended with the guest server, which other guests notice.
        """
        connections = (
            f"ss --numeric --no-header state established state close-wait 'sport = :{PORT}'"
        )
        until = time.monotonic() + seconds * slower()
        while running := self.lab.shell(SERVER, connections).strip():
            if time.monotonic() > until:
                pytest.fail(f"after {seconds} s there are still scripts of guests:\n{running}")
            time.sleep(0.5)

    def started(self, unit: str = "warp10") -> str:
        """Return process, restarts and last start of a unit."""
        names = "MainPID,NRestarts,ExecMainStartTimestampMonotonic"
        return self.lab.shell(SERVER, f"systemctl show -p {names} {unit}")


@pytest.fixture(scope="session")
def front(lab: Lab, tmp_path_factory) -> Front:
    path = tmp_path_factory.mktemp("front") / "ca.pem"
    path.write_text(lab.shell(SERVER, "cat /etc/kepler-front/tls/ca.pem"))
    front = Front(lab, f"https://{lab.prefix}.10", str(path))
    front.wait_health(60)
    return front


@pytest.fixture
def steady(front: Front) -> Iterator[None]:
    """Check that the data server stays the same process; leave a guest server without a script."""
    before = front.started()
    yield
    assert front.started() == before
    front.wait_idle(MAXTIME + 20)
    front.wait_health(30)


def sentence(answer: requests.Response) -> str:
    """Check that a refusal is JSON with one sentence, and return the sentence."""
    assert answer.headers["Content-Type"].startswith("application/json"), answer.headers
    said = answer.json()
    assert set(said) == {"error"}
    assert len(said["error"]) > 20
    return said["error"]
