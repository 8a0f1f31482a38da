"""Give ansible-playbook an exit status of its own where a play asked for it.

A play asks by `set_stats: {data: {exit_status: 10}}`. Ansible's own statuses only say that a host
failed; a script that runs a play needs to tell apart what it may do something about.
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
    """End the process, once all that it says is said."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class CallbackModule(CallbackBase):
    """Look at the statistics at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "exit_status"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_stats(self, stats: Any) -> None:
        status = stats.custom.get("_run", {}).get("exit_status")
        if status is not None:
            atexit.register(end, int(status))
