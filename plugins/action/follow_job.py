"""Start, follow or stop the unit of a job, with a line of progress as it goes.

The job is the unit's, not the play's: interrupting the play leaves it running.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

RUNNING = ("active", "activating", "reloading", "deactivating")
LINE_EVERY = 8.0
QUARANTINED = 3
STOPPED = 4

display = Display()


class ActionModule(ActionBase):
    """Options: name (a key of JOBS), stop, settings (its environment), url (as people see it)."""

    _VALID_ARGS = frozenset(("name", "settings", "stop", "url"))
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            {
                "name": {"type": "str", "required": True, "choices": list(JOBS)},
                "stop": {"type": "bool", "default": False},
                "settings": {"type": "dict", "default": {}},
                "url": {"type": "str", "default": ""},
            }
        )
        self._name: str = args["name"]
        self._job = JOBS[self._name]
        self._unit_name = f"kepler-{self._name}.service"
        self._state = f"/var/lib/kepler-lens/{self._name}"
        word = self._job.word
        if self._task.check_mode:
            return result | {
                "skipped": True,
                "msg": f"The {word} is neither started nor stopped in check mode.",
            }
        running = self._unit()["ActiveState"] in RUNNING
        if args["stop"]:
            return result | self._stop(running)
        if running:
            display.display(f"The {word} runs already: following it.")
        else:
            self._start(args["settings"])
        display.display(
            f"Ctrl-C detaches and leaves it running; -e {self._name}_stop=true stops it."
        )
        return result | self._end(self._follow(), args["url"])

    def _stop(self, running: bool) -> dict[str, Any]:
        word = self._job.word
        if running:
            self._shell(f"systemctl stop {self._unit_name}")
        words = f"stopped; the next {word} resumes it" if running else "not running"
        return {"changed": running, "msg": f"The {word} is {words}."}

    def _start(self, settings: dict[str, str]) -> None:
        unit, state = self._unit_name, self._state
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        # The last job's numbers must not be taken for this one's.
        self._shell(
            f"printf %s {shlex.quote(lines)} > /run/kepler-lens-{self._name}.env && "
            f"rm -f {state}/status.json {state}/report.* && "
            f"(systemctl reset-failed {unit} 2>/dev/null || true) && "
            f"systemctl start --no-block {unit}"
        )

    def _follow(self) -> dict[str, str]:
        """Print progress until the unit ends; gives its properties then."""
        last = 0.0
        while True:
            unit = self._unit()
            if unit["ActiveState"] not in RUNNING and unit["Job"] in ("", "0"):
                return unit
            if time.monotonic() - last >= LINE_EVERY:
                status = self._json("status.json")
                words = self._job.progress(status) if status else ["starting"]
                display.display(f"{self._job.word}: {', '.join(words)}")
                last = time.monotonic()
            time.sleep(1)

    def _end(self, unit: dict[str, str], url: str) -> dict[str, Any]:
        report, word = self._json("report.json"), self._job.word
        if unit["Result"] != "success":
            lines = self._shell(
                "journalctl --quiet --output cat --lines 5 "
                f"_SYSTEMD_INVOCATION_ID={unit['InvocationID']}"
            ).strip()
            how = f"exit status {unit['ExecMainStatus']}, {unit['Result']}"
            raise AnsibleActionFail(f"The {word} failed ({how}): {lines}")
        # systemd forgets the exit status of a unit that ended well; the report does not.
        status = report.get("exit_status")
        if status == STOPPED:
            raise AnsibleActionFail(f"The {word} was stopped before its end; the next one resumes.")
        if status not in (0, QUARANTINED):
            raise AnsibleActionFail(
                f"The {word} left no report: see journalctl -u {self._unit_name}."
            )
        table = self._shell(f"cat {self._state}/report.txt")
        server = report.get("server", "")
        # People reach the server where it is published, which need not be where the fleet does.
        for line in table.replace(server, url or server).splitlines():
            display.display(line)
        return {
            "changed": report.get(self._job.changes, 0) > 0,
            "report": report,
            "exit_status": status,
            "msg": self._job.incomplete if status else self._job.complete,
        }

    def _unit(self) -> dict[str, str]:
        names = "ActiveState,Job,Result,ExecMainStatus,InvocationID"
        lines = self._shell(f"systemctl show --property {names} {self._unit_name}").splitlines()
        found = dict(line.split("=", 1) for line in lines if "=" in line)
        return dict.fromkeys(names.split(","), "") | found

    def _json(self, name: str) -> dict[str, Any]:
        text = self._shell(f"cat {shlex.quote(f'{self._state}/{name}')} 2>/dev/null || echo '{{}}'")
        return json.loads(text)

    def _shell(self, command: str) -> str:
        answer = self._low_level_execute_command(command)
        if answer["rc"] != 0:
            raise AnsibleActionFail(
                f"{command.split()[0]} failed: {answer['stderr'] or answer['stdout']}"
            )
        return answer["stdout"]


def import_progress(status: dict[str, Any]) -> list[str]:
    """Give what an import's status.json says."""
    total = f"{status['files_total']:,}{'' if status['files_total_final'] else ' or more'}"
    return [
        status["state"],
        f"{status['stars']:,} stars",
        f"{status['files_done']:,} of {total} files",
        f"{status['points']:,} points",
        f"{status['points_per_s']:,} points/s",
        left(status["eta_s"]),
        *([f"{status['quarantined']:,} rejected"] if status["quarantined"] else []),
        *([status["message"]] if status["message"] else []),
    ]


def transits_progress(status: dict[str, Any]) -> list[str]:
    """Give what a search's status.json says."""
    return [
        status["state"],
        f"{status['stars_done']:,} of {status['stars_total']:,} stars",
        f"{status['candidates']:,} candidates",
        f"{status['stars_per_minute']:,} stars/min",
        left(status["eta_s"]),
        *([f"{status['skipped']:,} skipped"] if status["skipped"] else []),
        *([f"{status['quarantined']:,} quarantined"] if status["quarantined"] else []),
        *([status["message"]] if status["message"] else []),
    ]


def left(seconds: float | None) -> str:
    """Say how long it will take."""
    return "time left not known yet" if seconds is None else f"{duration(seconds)} left"


def duration(seconds: float) -> str:
    """Give a duration as a person would say it."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole:02d} s" if minutes else f"{whole} s"


@dataclass(frozen=True)
class Job:
    """A kind of job: its word for people, its progress, and what of its report is a change."""

    word: str
    progress: Callable[[dict[str, Any]], list[str]]
    changes: str
    complete: str
    incomplete: str


JOBS = {
    "import": Job(
        "import",
        import_progress,
        "points",
        "Every file is in.",
        "Some files were rejected; the table names them.",
    ),
    "transits": Job(
        "search",
        transits_progress,
        "searched",
        "Every star is searched.",
        "Some stars cannot be searched; the table names them.",
    ),
}
