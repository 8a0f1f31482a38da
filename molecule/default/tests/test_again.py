"""A second run changes nothing, also after a reboot of every host; the status is true."""

from __future__ import annotations

import subprocess

import pytest
from lab import PROJECT, Lab


def assert_changes_nothing(lab: Lab, source: str) -> None:
    before = lab.counts()
    seconds = []
    # Whoever else uses this machine may slow a run down, but none may change anything.
    while not seconds or (min(seconds) >= 60 and len(seconds) < 3):
        run = lab.import_playbook("-e", f"import_source={source}")
        assert run.rc == 0, run.output[-4000:]
        assert set(run.changed.values()) == {0}, run.output[-6000:]
        assert len(run.changed) == 5
        assert "points pushed     │ 0 " in run.output
        seconds.append(run.seconds)
    print(f"a second import took {seconds} s")
    assert lab.counts() == before
    assert min(seconds) < 60


def test_second_import_changes_nothing_and_pushes_nothing(lab, data):
    assert_changes_nothing(lab, str(data / "k2"))


def test_import_after_a_reboot_of_every_host(lab, data):
    for name in lab.hosts:
        lab.docker("restart", f"{lab.name}-{name}")
    for name in lab.hosts:
        lab.host(name).run("systemctl is-system-running --wait")
    assert_changes_nothing(lab, str(data / "k2"))


@pytest.mark.usefixtures("data")
def test_status_says_what_is_there(lab):
    done = subprocess.run(
        ["make", "-s", "status"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    said = dict(line.split("=", 1) for line in done.stdout.splitlines())
    counts = lab.counts()
    assert int(said["points"]) == sum(counts.values())
    assert int(said["stars"]) == len({star for _, star, _ in counts})
    assert said["warp10_url"].startswith("http://127.0.0.1:")
