"""Drive a job: it runs once at a time, stops by a signal, and writes a report at its end."""

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
"""Exit status of a job that could not do all of its work."""
EXIT_STOPPED = 4
"""Exit status of a job that a signal stopped."""
LOCK_FILE = "lock"
SAY_EVERY_S = 10.0
"""Seconds between two lines of progress (chosen)."""

Progress = TypeVar("Progress", bound=Account)


class StoppedError(Exception):
    """The job got SIGTERM or SIGINT; this is no failure."""


@contextmanager
def lock(folder: Path, name: str) -> Iterator[None]:
    """Create a job's state folder and hold its lock.

    Parameters
    ----------
    folder : Path
        State folder of the job.
    name : str
        Kind of job, for messages.

    Raises
    ------
    JobRunningError
        Another process holds the lock.
    JobError
        The folder cannot be created.
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
        # The kernel frees the lock when its process dies, for whatever reason.
        yield


def _who_runs(folder: Path, name: str) -> str:
    sentence = f"Another {name} is running"
    try:
        status = json.loads((folder / report.STATUS_FILE).read_text(encoding="utf-8"))
        of = status.get("source", status["server"])
        sentence += f" since {status['started']} (process {status['pid']}, {of})"
    except (OSError, ValueError, KeyError):
        pass  # the job has only just begun
    return f"{sentence}: wait for its end or stop it."


def job_name(folder: Path) -> str:
    """Return a name of host and state folder. Its lock lets only one run of the job live."""
    return f"{socket.gethostname()}:{folder.resolve()}"


class Driver(ABC, Generic[Progress]):
    """Run a job; each kind of job defines its work.

    Parameters
    ----------
    progress : Account
    say : callable
        Called with a line of progress every ten seconds.

    Attributes
    ----------
    complete : str
        Sentence that is true when the job has done all of its work.
    """

    complete: str

    def __init__(self, progress: Progress, say: Callable[[str], None]) -> None:
        self.progress = progress
        self.say = say
        self.said = time.monotonic()
        self.stop = threading.Event()

    @abstractmethod
    def work(self) -> None:
        """Do all of the work."""

    @abstractmethod
    def rejected(self) -> str:
        """Return a sentence on what could not be done; empty if there is nothing."""

    def failure(self) -> str:
        """Return why the job failed although it came to its end; empty if it did not fail."""
        return self.progress.defects.sentence()

    @abstractmethod
    def summary(self, report: dict[str, Any]) -> str:
        """Return the report as text for people."""

    def run(self) -> dict[str, Any]:
        """Do the work, write report.txt to the folder, and return the report.

        Returns
        -------
        dict
            Content of report.json, with ``exit_status``.
        """
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
        """Connect to the workers; at the end cancel the batches that no worker has begun."""
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
        """Note what the job waits for (an empty text while it works), and stop if a signal came.

        Parameters
        ----------
        message : str

        Raises
        ------
        StoppedError
            A signal has come.
        """
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
