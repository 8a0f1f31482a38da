"""End ansible-playbook with the exit status that a play has set.

A play sets it by `set_stats: {data: {exit_status: 10}}`. Ansible's own statuses only tell that a
host failed; a script that runs a play needs to know which failures it can handle.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: exit_status
type: aggregate
short_description: Exit status that a play asked for
description: Ends ansible-playbook with the C(exit_status) that a play left by C(set_stats).
"""


def end(status: int) -> None:
    """End the process after its output is written."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class CallbackModule(CallbackBase):
    """Read the exit status from the statistics at the end of the plays."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "exit_status"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_stats(self, stats: Any) -> None:
        status = stats.custom.get("_run", {}).get("exit_status")
        if status is not None:
            atexit.register(end, int(status))
