"""Start, follow or stop the unit of a job, and print its progress line by line.

The job belongs to the unit, not to the play: if the play is interrupted, the job goes on.
`kepler_lens.jobs` writes the job's status.json and report.json.
"""

from __future__ import annotations

import json
import shlex
import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

RUNNING = ("active", "activating", "reloading", "deactivating")
LINE_EVERY_S = 8.0
# Result of a unit whose limits systemd enforced, with the reason for people.
LIMITS = {
    "oom-kill": "it needed more memory than {unit} allows (MemoryMax); the next one resumes",
    "timeout": "it took longer than {unit} allows (RuntimeMaxSec); the next one resumes",
}
# With control groups of version 1, systemd does not know who sent the signal.
KILLED = (
    "it was killed, by hand or since it needed more memory than {unit} allows (MemoryMax); "
    "the next one resumes"
)

display = Display()


class ActionModule(ActionBase):
    """Options: name (of the unit and its folder), word (for people), stop, arguments, url."""

    _VALID_ARGS = frozenset(("arguments", "name", "stop", "url", "word"))
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            {
                "name": {"type": "str", "required": True},
                "word": {"type": "str", "required": True},
                "stop": {"type": "bool", "default": False},
                "arguments": {"type": "list", "elements": "str", "default": []},
                "url": {"type": "str", "default": ""},
            }
        )
        self._name, self._word = args["name"], args["word"]
        self._unit_name = f"kepler-{self._name}.service"
        self._state = f"/var/lib/kepler-lens/{self._name}"
        if self._task.check_mode:
            return result | {
                "skipped": True,
                "msg": f"The {self._word} is neither started nor stopped in check mode.",
            }
        running = self._unit()["ActiveState"] in RUNNING
        if args["stop"]:
            return result | self._stop(running)
        if running:
            display.display(f"The {self._word} runs already: following it.")
        else:
            self._start(args["arguments"])
        display.display(
            f"Ctrl-C detaches and leaves it running; -e {self._name}_stop=true stops it."
        )
        return result | self._end(self._follow(), args["url"])

    def _stop(self, running: bool) -> dict[str, Any]:
        if running:
            self._shell(f"systemctl stop {self._unit_name}")
        words = f"stopped; the next {self._word} resumes it" if running else "not running"
        return {"changed": running, "msg": f"The {self._word} is {words}."}

    def _start(self, arguments: list[str]) -> None:
        unit, state = self._unit_name, self._state
        line = f"START_ARGUMENTS={' '.join(arguments)}\n"
        # Without the files of the last job, its numbers cannot be taken for those of this job.
        self._shell(
            f"printf %s {shlex.quote(line)} > /run/kepler-lens-{self._name}.env && "
            f"rm -f {state}/status.json {state}/report.* && "
            f"(systemctl reset-failed {unit} 2>/dev/null || true) && "
            f"systemctl start --no-block {unit}"
        )

    def _follow(self) -> dict[str, str]:
        """Print progress until the unit ends, and return the unit's properties."""
        last = 0.0
        while True:
            unit = self._unit()
            if unit["ActiveState"] not in RUNNING and unit["Job"] in ("", "0"):
                return unit
            if time.monotonic() - last >= LINE_EVERY_S:
                display.display(
                    f"{self._word}: {self._json('status.json').get('line', 'starting')}"
                )
                last = time.monotonic()
            time.sleep(1)

    def _end(self, unit: dict[str, str], url: str) -> dict[str, Any]:
        word = self._word
        killed = unit["Result"] == "signal" and unit["ExecMainStatus"] == "9"
        if limit := KILLED if killed else LIMITS.get(unit["Result"]):
            raise AnsibleActionFail(f"The {word} failed: {limit.format(unit=self._unit_name)}.")
        if unit["Result"] != "success":
            report = self._json("report.json")
            if report.get("state") == "failed":
                self._show_table(report, url)
                raise AnsibleActionFail(f"The {word} failed: {report['message']}")
            lines = self._shell(
                "journalctl --quiet --output cat --lines 5 "
                f"_SYSTEMD_INVOCATION_ID={unit['InvocationID']}"
            ).strip()
            how = f"exit status {unit['ExecMainStatus']}, {unit['Result']}"
            raise AnsibleActionFail(f"The {word} failed ({how}): {lines}")
        # systemd forgets the exit status of a unit that ended well; the report keeps it.
        report = self._json("report.json")
        if report.get("state") == "stopped":
            raise AnsibleActionFail(f"The {word} was stopped before its end; the next one resumes.")
        if report.get("state") != "done":
            raise AnsibleActionFail(
                f"The {word} left no report: see journalctl -u {self._unit_name}."
            )
        self._show_table(report, url)
        return {"changed": report["changes"] > 0, "report": report, "msg": report["outcome"]}

    def _show_table(self, report: dict[str, Any], url: str) -> None:
        """Print the job's table; an interrupted job has no table."""
        table = self._shell(f"cat {self._state}/report.txt 2>/dev/null || true")
        # People may reach the server at another address than the fleet does.
        if url and report.get("server"):
            table = table.replace(report["server"], url)
        for line in table.splitlines():
            display.display(line)

    def _unit(self) -> dict[str, str]:
        names = "ActiveState,Job,Result,ExecMainStatus,InvocationID"
        lines = self._shell(f"systemctl show --property {names} {self._unit_name}").splitlines()
        found = dict(line.split("=", 1) for line in lines if "=" in line)
        return dict.fromkeys(names.split(","), "") | found

    def _json(self, name: str) -> dict[str, Any]:
        text = self._shell(f"cat {shlex.quote(f'{self._state}/{name}')} 2>/dev/null || echo '{{}}'")
        return json.loads(text)

    def _shell(self, command: str) -> str:
        # Over ssh the command has a terminal, where systemd's pager would wait for a key.
        answer = self._low_level_execute_command(f"export SYSTEMD_PAGER=cat; {command}")
        if answer["rc"] != 0:
            raise AnsibleActionFail(
                f"{command.split()[0]} failed: {answer['stderr'] or answer['stdout']}"
            )
        return answer["stdout"]
