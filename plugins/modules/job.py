#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: job
short_description: Start or stop the unit of a job, or read how far it is
description:
  - A job is the unit kepler-NAME.service, which the role job writes.
  - It goes on when Ansible is interrupted.
  - The job itself writes what it says to /var/lib/kepler-lens/NAME.
options:
  name:
    description: The name of the job and of its folder, such as import.
    type: str
    required: true
  state:
    description: Whether to start or stop the job. The default only reads.
    type: str
    choices: [started, stopped, read]
    default: read
  arguments:
    description: Arguments of the job that are not among its settings, for a start.
    type: list
    elements: str
    default: []
  wait:
    description: Seconds to wait for the end of the job before it is read.
    type: float
    default: 0
"""

EXAMPLES = r"""
- name: Wait a minute for the end of the import
  job:
    name: import
    wait: 60
"""

RETURN = r"""
running:
  description: Whether the job runs, or is about to.
  returned: success
  type: bool
line:
  description: The job's own line on its progress, empty before the job has written one.
  returned: success
  type: str
  sample: "import: running, 3 of 12 files, 1 min 05 s left"
unit:
  description: Properties of the unit, as systemd names them.
  returned: success
  type: dict
report:
  description: What the job says of its end in report.json, empty as long as there is none.
  returned: success
  type: dict
table:
  description: The job's table for people, as above.
  returned: success
  type: str
journal:
  description: The last words of a job that has failed.
  returned: success
  type: str
"""

import json
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

RUNNING = ("active", "activating", "reloading", "deactivating")
PROPERTIES = ("ActiveState", "Job", "Result", "ExecMainStatus", "InvocationID")
STATES = Path("/var/lib/kepler-lens")
RUN = Path("/run")


def read(path: Path) -> str:
    """Return a file's text, empty if the file does not exist."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


class Job:
    """The unit of a job, and what the job has written."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.name = module.params["name"]
        self.unit = f"kepler-{self.name}.service"
        self.folder = STATES / self.name

    def systemctl(self, *words: str, check: bool = True) -> str:
        return self.module.run_command(["systemctl", *words], check_rc=check)[1]

    def properties(self) -> dict[str, str]:
        lines = self.systemctl("show", "--property", ",".join(PROPERTIES), self.unit).splitlines()
        found = dict(line.split("=", 1) for line in lines if "=" in line)
        return dict.fromkeys(PROPERTIES, "") | found

    def start(self, arguments: list[str]) -> None:
        line = f"START_ARGUMENTS={' '.join(arguments)}\n"
        (RUN / f"kepler-lens-{self.name}.env").write_text(line, encoding="utf-8")
        # Without the files of the last job, its numbers cannot be taken for those of this job.
        for path in (self.folder / "status.json", *self.folder.glob("report.*")):
            path.unlink(missing_ok=True)
        self.systemctl("reset-failed", self.unit, check=False)
        self.systemctl("start", "--no-block", self.unit)

    def stop(self) -> None:
        self.systemctl("stop", self.unit)

    def wait(self, seconds: float) -> dict[str, str]:
        """Wait at most `seconds` for the end, and return the unit's properties."""
        until = time.monotonic() + seconds
        while runs(unit := self.properties()) and time.monotonic() < until:
            time.sleep(min(1.0, seconds))
        return unit

    def said(self, unit: dict[str, str]) -> dict[str, Any]:
        """Return what the job has written; the report only of a job that has ended."""
        running = runs(unit)
        status = json.loads(read(self.folder / "status.json") or "{}")
        return {
            "running": running,
            "line": status.get("line", ""),
            "unit": unit,
            "report": {} if running else json.loads(read(self.folder / "report.json") or "{}"),
            "table": "" if running else read(self.folder / "report.txt"),
            "journal": "" if running or unit["Result"] == "success" else self.journal(unit),
        }

    def journal(self, unit: dict[str, str]) -> str:
        words = ["journalctl", "--quiet", "--output", "cat", "--lines", "5"]
        words.append(f"_SYSTEMD_INVOCATION_ID={unit['InvocationID']}")
        return self.module.run_command(words, check_rc=True)[1].strip()


def runs(unit: dict[str, str]) -> bool:
    """Return whether a unit runs or waits for its start."""
    return unit["ActiveState"] in RUNNING or unit["Job"] not in ("", "0")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["started", "stopped", "read"],
                "default": "read",
            },
            "arguments": {"type": "list", "elements": "str", "default": []},
            "wait": {"type": "float", "default": 0},
        },
        supports_check_mode=True,
    )
    job = Job(module)
    wanted = module.params["state"]
    changed = wanted == ("stopped" if runs(job.properties()) else "started")
    if changed and not module.check_mode:
        job.start(module.params["arguments"]) if wanted == "started" else job.stop()
    unit = job.wait(module.params["wait"])
    module.exit_json(changed=changed, **job.said(unit))


if __name__ == "__main__":
    main()
