"""Start, follow or stop a job, and print its progress line by line.

The job belongs to its unit, not to the play: if the play is interrupted, the job goes on.
The module `job` starts, stops and reads it; the job itself writes each line.
"""

from __future__ import annotations

import re
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

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
        name, word = args["name"], args["word"]
        if self._task.check_mode:
            return result | {
                "skipped": True,
                "msg": f"The {word} is neither started nor stopped in check mode.",
            }

        def job(**options: Any) -> dict[str, Any]:
            answer = self._execute_module("job", {"name": name} | options, task_vars=task_vars)
            if answer.get("failed"):
                raise AnsibleActionFail(answer["msg"])
            return answer

        if args["stop"]:
            stopped = job(state="stopped")["changed"]
            words = f"stopped; the next {word} resumes it" if stopped else "not running"
            return result | {"changed": stopped, "msg": f"The {word} is {words}."}
        now = job(state="started", arguments=args["arguments"])
        if not now["changed"]:
            display.display(f"The {word} runs already: following it.")
        display.display(f"Ctrl-C detaches and leaves it running; -e {name}_stop=true stops it.")
        while now["running"]:
            display.display(now["line"] or f"{word}: starting")
            now = job(wait=LINE_EVERY_S)
        return result | end(now, name, word, args["url"])


def end(job: dict[str, Any], name: str, word: str, url: str) -> dict[str, Any]:
    """Print the table of a job that has ended, and return the result of the task.

    Raises
    ------
    AnsibleActionFail
        The job has failed, was stopped, or left no report.
    """
    unit, report, unit_name = job["unit"], job["report"], f"kepler-{name}.service"
    killed = unit["Result"] == "signal" and unit["ExecMainStatus"] == "9"
    if limit := KILLED if killed else LIMITS.get(unit["Result"]):
        raise AnsibleActionFail(f"The {word} failed: {limit.format(unit=unit_name)}.")
    if unit["Result"] != "success":
        if report.get("state") == "failed":
            show_table(job, url)
            raise AnsibleActionFail(f"The {word} failed: {report['message']}")
        how = f"exit status {unit['ExecMainStatus']}, {unit['Result']}"
        raise AnsibleActionFail(f"The {word} failed ({how}): {job['journal']}")
    # systemd forgets the exit status of a unit that ended well; the report keeps it.
    if report.get("state") == "stopped":
        raise AnsibleActionFail(f"The {word} was stopped before its end; the next one resumes.")
    if report.get("state") != "done":
        raise AnsibleActionFail(f"The {word} left no report: see journalctl -u {unit_name}.")
    show_table(job, url)
    return {"changed": report["changes"] > 0, "report": report, "msg": report["outcome"]}


def show_table(job: dict[str, Any], url: str) -> None:
    """Print the job's table; an interrupted job has no table."""
    table, server = job["table"], job["report"].get("server")
    # People may reach the server at another address than the fleet does.
    if url and server:
        cell = re.compile(re.escape(server) + r" *(?= │)")
        table = cell.sub(lambda found: url.ljust(len(found[0])), table).replace(server, url)
    for line in table.splitlines():
        display.display(line)
