"""A play follows a job's unit over any connection."""

from __future__ import annotations

import importlib.util
import subprocess

from plays import PROJECT

PLUGIN = PROJECT / "plugins/action/follow_job.py"


def test_systemd_shows_no_page_that_waits_for_a_key():
    """In a terminal without a size, Debian 12's pager waits for a key."""
    spec = importlib.util.spec_from_file_location("follow_job", PLUGIN)
    plugin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plugin)
    action = object.__new__(plugin.ActionModule)

    def execute(command: str) -> dict[str, object]:
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env={})
        return {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}

    action._low_level_execute_command = execute
    assert action._shell('printf %s "$SYSTEMD_PAGER"') == "cat"
