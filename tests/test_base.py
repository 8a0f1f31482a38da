"""What every host has: one program that keeps the time, and the packages that are missing."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from plays import PROJECT, ansible

WANTED = {
    "clock": "{{ base_clock }}",
    "missing": "{{ base_missing }}",
}
PACKAGES = ["ca-certificates", "nftables", "openssl", "systemd-timesyncd"]


def told(*lines: str) -> dict:
    return {"base_dpkg": {"stdout_lines": list(lines)}}


@pytest.mark.parametrize(
    ("lines", "clock", "missing"),
    [
        ([], "", PACKAGES),
        ([f"installed {name}" for name in PACKAGES], "", []),
        (["installed chrony", "not-installed ntpsec"], "chrony", PACKAGES[:3]),
        # Removed, but its configuration is still there.
        (["config-files chrony", "installed openssl"], "", [p for p in PACKAGES if p != "openssl"]),
    ],
)
def test_a_host_keeps_the_program_that_keeps_its_time(render, lines, clock, missing):
    said = render("worker1.example.org", ["base"], WANTED, **told(*lines))
    assert said["clock"] == clock
    assert json.loads(said["missing"]) == missing


def test_time_servers_for_another_program_are_refused(tmp_path):
    tasks = yaml.safe_load((PROJECT / "roles/base/tasks/main.yml").read_text())
    (refusal,) = [task for task in tasks if "assert" in str(list(task))]
    play = {
        "hosts": "worker1.example.org",
        "gather_facts": False,
        "vars": {"base_ntp_servers": ["192.0.2.1"], "base_clock": "chrony"},
        "tasks": [refusal],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = ansible(
        *("ansible-playbook", "-i", str(PROJECT / "inventories/production")),
        *("-e", "ansible_connection=local", str(tmp_path / "play.yml")),
    )
    assert "keeps its time by chrony" in " ".join(done.stdout.split())
    assert re.search(r"failed=1 ", done.stdout)


def test_a_service_is_restarted_although_a_later_task_fails(tmp_path):
    """Otherwise the next run finds no change, and never restarts the service."""
    debug = "ansible.builtin.debug"
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "handlers": [{"name": "Restart", debug: {"msg": "It restarts."}}],
        "tasks": [
            {"name": "Change", debug: {"msg": ""}, "changed_when": True, "notify": "Restart"},
            {"name": "Fail", "ansible.builtin.fail": {"msg": "No."}},
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = ansible("ansible-playbook", str(tmp_path / "play.yml"))
    assert done.returncode != 0
    assert "It restarts." in done.stdout
