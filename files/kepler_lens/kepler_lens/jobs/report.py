"""Report on a job, while it runs (status.json) and when it has ended (report.json)."""

from __future__ import annotations

import json
import os
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from kepler_lens.jobs.defects import Defects
from kepler_lens.jobs.text import duration

PREPARING = "preparing"
RUNNING = "running"
WAITING = "waiting"
STOPPED = "stopped"
FAILED = "failed"
DONE = "done"

STATUS_FILE = "status.json"
REPORT_FILE = "report.json"
SUMMARY_FILE = "report.txt"
REASONS_KEPT = 10_000
"""Reasons that an account keeps (chosen: enough for anyone to read). Further ones are only counted,
so that memory stays bounded."""


@dataclass(slots=True, kw_only=True)
class Account(ABC):
    """Account of one job; each kind of job adds its own figures.

    Attributes
    ----------
    word : str
        What people call such a job, such as ``search``.
    run, server : str
        Name of the run, and URL of the server.
    folder : Path
        Folder of status and report.
    state, message : str
        State of the job, and a sentence for people; empty where there is nothing to say.
    began : float
        Seconds since 1970.
    defects : Defects
        Errors of the program itself.
    """

    word: ClassVar[str]

    run: str
    server: str
    folder: Path
    state: str = PREPARING
    message: str = ""
    began: float = field(default_factory=time.time)
    defects: Defects = field(default_factory=Defects)
    _written: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether the job has ended."""
        return self.state in (STOPPED, FAILED, DONE)

    @abstractmethod
    def status_fields(self) -> dict[str, Any]:
        """Return the figures of this kind of job for status.json."""

    @abstractmethod
    def results(self) -> dict[str, Any]:
        """Return the figures of report.json that status.json lacks."""

    @abstractmethod
    def parts(self) -> list[str]:
        """List in words what has been done so far, the most important first."""

    @property
    @abstractmethod
    def eta_s(self) -> float | None:
        """Seconds left; None where that is not known."""

    @property
    @abstractmethod
    def changes(self) -> int:
        """Amount that the job has changed on the server; 0 for nothing."""

    @abstractmethod
    def working(self) -> None:
        """Note that the work begins: rates count from here."""

    def sample(self) -> None:  # noqa: B027 - not every kind has a rate
        """Note the current rate; called before each status is written."""

    def line(self) -> str:
        """Return the status as one line for people."""
        eta = self.eta_s
        left = "time left not known yet" if eta is None else f"{duration(eta)} left"
        parts = [self.state, *self.parts(), "" if self.ended else left, self.message]
        return f"{self.word}: {', '.join(filter(None, parts))}"

    def tick(self, *, now: bool = False) -> None:
        """Write status.json, at most once a second unless `now` is set."""
        if now or time.time() - self._written >= 1.0:
            self._written = time.time()
            self.sample()
            write_json(self.folder / STATUS_FILE, self.status())

    def end(self, state: str, message: str, exit_status: int, outcome: str = "") -> dict[str, Any]:
        """Write the last status and the report, and return the report.

        Parameters
        ----------
        state, message : str
        exit_status : int
        outcome : str
            A sentence on how the job ended; used where `message` is empty.
        """
        self.state, self.message = state, message
        report = {
            **self.status(),
            "finished": _iso(time.time()),
            "exit_status": exit_status,
            "outcome": message or outcome,
            "changes": self.changes,
            **self.results(),
        }
        write_json(self.folder / REPORT_FILE, report)
        self.tick(now=True)
        return report

    def status(self) -> dict[str, Any]:
        """Return the content of status.json."""
        eta = self.eta_s
        return {
            "run": self.run,
            "pid": os.getpid(),
            "state": self.state,
            "message": self.message,
            "line": self.line(),
            "server": self.server,
            "started": _iso(self.began),
            "updated": _iso(time.time()),
            "elapsed_s": round(time.time() - self.began, 1),
            "eta_s": None if eta is None else round(eta),
            **self.status_fields(),
        }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a file in one step: a reader sees the old file or the new one, never a part."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="seconds")
