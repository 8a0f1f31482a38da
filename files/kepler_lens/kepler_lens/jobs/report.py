"""What a job says while it runs (status.json) and when it has ended (report.json)."""

from __future__ import annotations

import json
import os
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
# Enough for anyone to read; beyond, the count alone goes on, so that memory stays flat.
REASONS_KEPT = 10_000


@dataclass(slots=True, kw_only=True)
class Account(ABC):
    """The account of one job; each kind adds its own figures.

    Attributes
    ----------
    run, server : str
    folder : Path
        Where status and report are written.
    state, message : str
    began : float
        Seconds since 1970.
    defects : Defects
        Errors of the program itself.
    """

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
        """Whether it will do no more."""
        return self.state in (STOPPED, FAILED, DONE)

    @abstractmethod
    def figures(self) -> dict[str, Any]:
        """Give what status.json says of this kind of job."""

    @abstractmethod
    def results(self) -> dict[str, Any]:
        """Give what report.json says beyond the status."""

    @abstractmethod
    def parts(self) -> list[str]:
        """Give what has been done so far in words for people, the most telling first."""

    @property
    @abstractmethod
    def eta_s(self) -> float | None:
        """Seconds that are left; None where that is not known."""

    @property
    @abstractmethod
    def changes(self) -> int:
        """How much the job has changed of what the server holds; 0 for nothing."""

    @abstractmethod
    def working(self) -> None:
        """Note that the work itself begins: rates count from here."""

    def sample(self) -> None:  # noqa: B027 - not every kind has a rate
        """Note the rate; called before each status."""

    def line(self) -> str:
        """Write the status as one line for people."""
        eta = self.eta_s
        left = "time left not known yet" if eta is None else f"{duration(eta)} left"
        parts = [self.state, *self.parts(), "" if self.ended else left, self.message]
        return ", ".join(filter(None, parts))

    def tick(self, *, now: bool = False) -> None:
        """Write status.json if the last time was a second ago."""
        if now or time.time() - self._written >= 1.0:
            self._written = time.time()
            self.sample()
            write_json(self.folder / STATUS_FILE, self.status())

    def end(self, state: str, message: str, exit_status: int, outcome: str = "") -> dict[str, Any]:
        """Write the last status and the report, and give the report.

        Parameters
        ----------
        state, message : str
        exit_status : int
        outcome : str
            How it ended, in a sentence; the message where there is one.
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
        """Give status.json's content."""
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
            **self.figures(),
        }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a file in one step: a reader sees the old or the new one, never a part."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="seconds")
