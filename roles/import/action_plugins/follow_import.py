"""Start, follow or stop kepler-import.service, with a line of progress as it goes.

The job is the unit's, not the play's: interrupting the play leaves it running.
"""

from __future__ import annotations

import json
import shlex
import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

UNIT = "kepler-import.service"
STATE = "/var/lib/kepler-lens/import"
RUNNING = ("active", "activating", "reloading", "deactivating")
LINE_EVERY = 8.0
QUARANTINED = 3
STOPPED = 4

display = Display()


class ActionModule(ActionBase):
    """Options: stop, server_bytes (size of its disk and what is free), url (as people see it)."""

    _VALID_ARGS = frozenset(("server_bytes", "stop", "url"))
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            {
                "stop": {"type": "bool", "default": False},
                "server_bytes": {"type": "list", "elements": "int", "default": []},
                "url": {"type": "str", "default": ""},
            }
        )
        if self._task.check_mode:
            return result | {
                "skipped": True,
                "msg": "An import is neither started nor stopped in check mode.",
            }
        running = self._unit()["ActiveState"] in RUNNING
        if args["stop"]:
            return result | self._stop(running)
        if running:
            display.display("An import runs already: following it.")
        else:
            self._start(args["server_bytes"])
        display.display("Ctrl-C detaches and leaves it running; -e import_stop=true stops it.")
        return result | self._end(self._follow())

    def _stop(self, running: bool) -> dict[str, Any]:
        if running:
            self._shell(f"systemctl stop {UNIT}")
        words = "stopped; the next import resumes it" if running else "not running"
        return {"changed": running, "msg": f"The import is {words}."}

    def _start(self, server_bytes: list[int]) -> None:
        words = ""
        if server_bytes:
            total, free = server_bytes
            words = f"--server-total-bytes {total} --server-free-bytes {free}"
        # The last import's numbers must not be taken for this one's.
        self._shell(
            f"echo 'SERVER_DISK={words}' > /run/kepler-lens-import.env && "
            f"rm -f {STATE}/status.json {STATE}/report.* && "
            f"(systemctl reset-failed {UNIT} 2>/dev/null || true) && "
            f"systemctl start --no-block {UNIT}"
        )

    def _follow(self) -> dict[str, str]:
        """Print progress until the unit ends; gives its properties then."""
        last = 0.0
        while True:
            unit = self._unit()
            if unit["ActiveState"] not in RUNNING and unit["Job"] in ("", "0"):
                return unit
            if time.monotonic() - last >= LINE_EVERY:
                display.display(progress(self._json("status.json")))
                last = time.monotonic()
            time.sleep(1)

    def _end(self, unit: dict[str, str]) -> dict[str, Any]:
        report = self._json("report.json")
        if unit["Result"] != "success":
            lines = self._shell(
                "journalctl --quiet --output cat --lines 5 "
                f"_SYSTEMD_INVOCATION_ID={unit['InvocationID']}"
            ).strip()
            how = f"exit status {unit['ExecMainStatus']}, {unit['Result']}"
            raise AnsibleActionFail(f"The import failed ({how}): {lines}")
        # systemd forgets the exit status of a unit that ended well; the report does not.
        status = report.get("exit_status")
        if status == STOPPED:
            raise AnsibleActionFail("The import was stopped before its end; the next one resumes.")
        if status not in (0, QUARANTINED):
            raise AnsibleActionFail("The import left no report: see journalctl -u kepler-import.")
        table = self._shell(f"cat {STATE}/report.txt")
        server = report.get("server", "")
        # People reach the server where it is published, which need not be where the fleet does.
        for line in table.replace(server, self._task.args.get("url") or server).splitlines():
            display.display(line)
        return {
            "changed": report.get("points", 0) > 0,
            "report": report,
            "exit_status": status,
            "msg": "Some files were rejected; the table names them."
            if status
            else "Every file is in.",
        }

    def _unit(self) -> dict[str, str]:
        names = "ActiveState,Job,Result,ExecMainStatus,InvocationID"
        lines = self._shell(f"systemctl show --property {names} {UNIT}").splitlines()
        found = dict(line.split("=", 1) for line in lines if "=" in line)
        return dict.fromkeys(names.split(","), "") | found

    def _json(self, name: str) -> dict[str, Any]:
        text = self._shell(f"cat {shlex.quote(f'{STATE}/{name}')} 2>/dev/null || echo '{{}}'")
        return json.loads(text)

    def _shell(self, command: str) -> str:
        answer = self._low_level_execute_command(command)
        if answer["rc"] != 0:
            raise AnsibleActionFail(
                f"{command.split()[0]} failed: {answer['stderr'] or answer['stdout']}"
            )
        return answer["stdout"]


def progress(status: dict[str, Any]) -> str:
    """Give one line of an import's status.json."""
    if not status:
        return "import: starting"
    total = f"{status['files_total']:,}{'' if status['files_total_final'] else ' or more'}"
    words = [
        f"import: {status['state']}",
        f"{status['stars']:,} stars",
        f"{status['files_done']:,} of {total} files",
        f"{status['points']:,} points",
        f"{status['points_per_s']:,} points/s",
    ]
    left = status["eta_s"]
    words.append("time left not known yet" if left is None else f"{duration(left)} left")
    if status["quarantined"]:
        words.append(f"{status['quarantined']:,} rejected")
    if status["message"]:
        words.append(status["message"])
    return ", ".join(words)


def duration(seconds: float) -> str:
    """Give a duration as a person would say it."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole:02d} s" if minutes else f"{whole} s"
