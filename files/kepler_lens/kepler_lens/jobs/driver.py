"""A job from the driver's seat: one at a time, stopped by a signal, accounted for at its end."""

from __future__ import annotations

import fcntl
import json
import signal
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

from kepler_lens.errors import JobRunningError, KeplerLensError
from kepler_lens.jobs import report
from kepler_lens.jobs.config import JobError, Tls
from kepler_lens.jobs.fleet import Batch, Fleet, Result, Work
from kepler_lens.jobs.report import SUMMARY_FILE, Account

EXIT_REJECTED = 3
EXIT_STOPPED = 4
LOCK_FILE = "lock"
SAY_EVERY_S = 10.0

Progress = TypeVar("Progress", bound=Account)


class StoppedError(Exception):
    """SIGTERM or SIGINT: asked for, no error."""


@contextmanager
def lock(folder: Path, name: str) -> Iterator[None]:
    """Make a job's state folder and hold its lock.

    Raises
    ------
    JobRunningError
        Another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JobError(f"Cannot keep the {name}'s state in {folder}: {error.strerror}.") from None
    with (folder / LOCK_FILE).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JobRunningError(_who_runs(folder, name)) from None
        # The kernel frees the lock of a process that dies, however it dies.
        yield


def _who_runs(folder: Path, name: str) -> str:
    sentence = f"Another {name} is running"
    try:
        status = json.loads((folder / report.STATUS_FILE).read_text(encoding="utf-8"))
        of = status.get("source", status["server"])
        sentence += f" since {status['started']} (process {status['pid']}, {of})"
    except (OSError, ValueError, KeyError):
        pass  # it has only just begun
    return f"{sentence}: wait for its end or stop it."


def job_name(folder: Path) -> str:
    """Name a job by host and state folder: its lock lets one run of it live at a time."""
    return f"{socket.gethostname()}:{folder.resolve()}"


class Driver(ABC, Generic[Progress]):
    """Runs a job; each kind says what its work is.

    Parameters
    ----------
    progress : Account
    say : callable
        Gets a line of progress every ten seconds.

    Attributes
    ----------
    complete : str
        What is true when the job has done all of its work, in a sentence.
    """

    complete: str

    def __init__(self, progress: Progress, say: Callable[[str], None]) -> None:
        self.progress = progress
        self.say = say
        self.said = time.monotonic()
        self.stop = threading.Event()

    @abstractmethod
    def work(self) -> None:
        """Do all of it."""

    @abstractmethod
    def rejected(self) -> str:
        """Say what could not be done; empty if there is nothing."""

    def failure(self) -> str:
        """Say why the job failed though it came to its end; empty if it did not."""
        return self.progress.defects.sentence()

    @abstractmethod
    def summary(self, report: dict[str, Any]) -> str:
        """Write the report as people like to read it."""

    def run(self) -> dict[str, Any]:
        """Do the work and give the report, with ``exit_status``; leave report.txt in the folder."""
        report = self._run()
        path = self.progress.folder / SUMMARY_FILE
        path.write_text(self.summary(report), encoding="utf-8")
        return report

    def _run(self) -> dict[str, Any]:
        handlers = {s: signal.signal(s, self._on_signal) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.progress.tick(now=True)
            self.work()
        except StoppedError:
            message = "Stopped as asked; running it again goes on from here."
            return self.progress.end(report.STOPPED, message, EXIT_STOPPED)
        except KeplerLensError as error:
            self.progress.end(report.FAILED, str(error), error.exit_status)
            raise
        except BaseException as error:
            self.progress.end(report.FAILED, f"{type(error).__name__}: {error}", 1)
            raise
        finally:
            self.stop.set()
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if message := self.failure():
            return self.progress.end(report.FAILED, message, 1)
        message = self.rejected()
        status = EXIT_REJECTED if message else 0
        return self.progress.end(report.DONE, message, status, self.complete)

    @contextmanager
    def fleet(
        self, scheduler: str | None, tls: Tls | None, work: Work[Batch, Result]
    ) -> Iterator[Fleet[Batch, Result]]:
        """Connect to the workers; what none of them has begun is taken back at the end."""
        with Fleet(scheduler, tls, work, self.idle) as fleet:
            self.progress.state = report.RUNNING
            self.progress.working()
            try:
                yield fleet
            finally:
                fleet.cancel()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.stop.set()

    def idle(self, message: str) -> None:
        """Note that it waits (or, with no message, works), and stop where that is asked for."""
        if self.stop.is_set():
            raise StoppedError
        self.progress.state = report.WAITING if message else self.progress.state
        if not message and self.progress.state == report.WAITING:
            self.progress.state = report.RUNNING
        self.progress.message = message
        self.progress.tick()
        if time.monotonic() - self.said >= SAY_EVERY_S:
            self.said = time.monotonic()
            self.say(self.progress.line())
