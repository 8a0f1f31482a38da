"""A process dies in the middle of an import; afterwards every point is in the server, once."""

from __future__ import annotations

import time

import pytest
from lab import SCHEDULER, SERVER, finite_points


@pytest.fixture(scope="module")
def expected(data):
    return finite_points(data / "kepler")


@pytest.fixture
def running(lab, data):
    """A running import of 65 files from a slow source, so that a test can meet its middle."""
    lab.clear()
    lab.start_import(lab.publish(data / "kepler", delay_ms=250))
    lab.wait_until("the middle of the import", lambda: lab.import_state().get("points", 0) > 0)
    assert lab.import_state()["files_done"] < 60
    return lab


def assert_complete(lab, expected) -> dict:
    status, report = lab.wait_import()
    assert status == 0, lab.journal()
    assert lab.counts() == expected
    assert report["quarantined"] == 0
    # A second import finds nothing to do: the ledger agrees with the points.
    lab.start_import(f"http://{lab.prefix}.6/")
    status, again = lab.wait_import()
    assert (status, again["points"]) == (0, 0)
    assert again["unchanged"] == again["files_total"]
    assert again["in_server"]["points"] == sum(expected.values())
    # Whatever died, the stored sums equal those of the entries.
    said = lab.shell(
        SCHEDULER,
        "runuser -u kepler -- /opt/kepler-lens/venv/bin/kepler-lens status --recount "
        "--job /etc/kepler-lens/import.json",
    )
    off = [line for line in said.splitlines() if line.startswith(("off_", "sums="))]
    assert off == ["sums=right", "off_stars=0", "off_files=0", "off_points=0"]
    return report


def test_worker_killed(running, expected):
    running.shell("worker1", "systemctl kill --signal KILL kepler-worker")
    report = assert_complete(running, expected)
    assert report["points"] == sum(expected.values())


def test_server_stopped_for_20_s(running, expected):
    running.shell(SERVER, "systemctl stop warp10")
    time.sleep(20)
    running.shell(SERVER, "systemctl start warp10")
    report = assert_complete(running, expected)
    assert report["points"] == sum(expected.values())


def test_server_killed(running, expected):
    running.shell(SERVER, "systemctl kill --signal KILL warp10")
    report = assert_complete(running, expected)
    assert report["points"] == sum(expected.values())


def test_scheduler_killed(running, expected):
    running.shell(SCHEDULER, "systemctl kill --signal KILL kepler-scheduler")
    report = assert_complete(running, expected)
    assert report["points"] == sum(expected.values())


def test_driver_killed_and_started_again(running, expected):
    before = running.import_state()["points"]
    running.shell(SCHEDULER, "systemctl kill --signal KILL kepler-import")
    running.wait_until(
        "the driver's death",
        lambda: running.host(SCHEDULER).run("systemctl is-failed kepler-import").rc == 0,
    )
    running.start_import(f"http://{running.prefix}.6/")
    report = assert_complete(running, expected)
    assert report["points"] <= sum(expected.values()) - before
    assert report["unchanged"] > 0


def test_driver_stopped_goes_on_where_it_stopped(running, expected):
    running.shell(SCHEDULER, "systemctl stop kepler-import")
    assert running.import_state()["state"] == "stopped"
    running.start_import(f"http://{running.prefix}.6/")
    assert assert_complete(running, expected)["unchanged"] > 0


def test_second_import_at_the_same_time_is_refused(running, expected):
    # The first import is paused: on a busy machine it would end before the second begins.
    running.shell(SCHEDULER, "systemctl kill --signal STOP kepler-import")
    second = running.host(SCHEDULER).run(
        "runuser -u kepler -- /opt/kepler-lens/venv/bin/kepler-lens import "
        "--job /etc/kepler-lens/import.json"
    )
    running.shell(SCHEDULER, "systemctl kill --signal CONT kepler-import")
    assert second.rc == 75
    assert "running" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    assert_complete(running, expected)
