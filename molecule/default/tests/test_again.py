"""A second run changes nothing after a reboot of every host; the status is correct."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lab import PROJECT, playbook

# Seconds of BARE on two cores without other work; a slower machine gets more time.
BARE_SECONDS = 5.0
BARE = (
    """
- hosts: warp10:fleet
  gather_facts: false
  tasks:
"""
    + 10 * "    - ansible.builtin.ping:\n"
)


def slowness(folder: Path) -> float:
    """Return how many times slower than two idle cores this machine is now; at least 1."""
    book = folder / "bare.yml"
    book.write_text(BARE)
    return max(1.0, playbook(str(book)).seconds / BARE_SECONDS)


def test_second_import_changes_nothing_after_a_reboot_of_every_host(again, tmp_path):
    run = again.run
    assert run.rc == 0, run.output[-4000:]
    assert set(run.changed.values()) == {0}, run.output[-6000:]
    assert len(run.changed) == 5
    assert "points pushed     │ 0 " in run.output
    assert again.before == again.after
    if run.seconds >= 60:
        slower = slowness(tmp_path)
        assert run.seconds < 60 * slower, f"{run.seconds:.0f} s, {slower:.1f} times slower"


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
    assert said["sums"] == "right"
    assert said["warp10_url"].startswith("http://127.0.0.1:")
