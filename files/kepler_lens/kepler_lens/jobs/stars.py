"""Drive jobs that take star after star: search, scores and data sets."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from rich.table import Table
from rich.text import Text

from kepler_lens.errors import KeplerLensError
from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.jobs import defects
from kepler_lens.jobs.driver import Driver
from kepler_lens.jobs.fleet import Batch, Fleet, Killed, Work
from kepler_lens.jobs.report import REASONS_KEPT, Account
from kepler_lens.jobs.worker import Luggage
from kepler_lens.transit_search.preparation.observations import NotSearchableError
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.register import Register

SKIPPED = "skipped"
QUARANTINED = "quarantined"

STARS_A_THREAD = 2
"""Stars under way for each thread of the fleet (chosen): one is worked on and one waits. A star
takes long, and the last stars should be spread over the threads."""

_KILLED = "The workers that tried it died again and again: see their journals."
_QUARANTINED_SHOWN = 20
"""Quarantined stars, or parts that are left out, that a report's text lists (chosen)."""


@dataclass(slots=True)
class StarResult:
    """Result of a star.

    Attributes
    ----------
    worker : str
        Name of the worker.
    star : int
        KIC or EPIC number.
    outcome : str
        The job's own word for a star that is done, or `SKIPPED`, or `QUARANTINED`; empty where the
        job must stop.
    reason : str
        Why the star was quarantined.
    left_out : list of str
        Sentences on parts of its light curve that could not be used.
    candidates : int
        Number of candidates.
    seconds : float
        Time that the star took, seconds.
    fatal : str
        Why the whole job must stop; empty if it need not.
    defect : str
        Kind of the program's own error (`kepler_lens.jobs.defects`); empty if there was none.
    """

    worker: str
    star: int
    outcome: str = ""
    reason: str = ""
    left_out: list[str] = field(default_factory=list)
    candidates: int = 0
    seconds: float = 0.0
    fatal: str = ""
    defect: str = ""


@contextmanager
def attempt(result: StarResult) -> Iterator[None]:
    """Note in a star's result how long its work took, and why it failed.

    A star that cannot be searched is quarantined. So is a star at which the program fails; its
    ``defect`` is then set too. ``fatal`` has a failure that all other stars would have too (token,
    server).
    """
    began = time.monotonic()
    try:
        yield
    except NotSearchableError as error:
        result.outcome, result.reason = QUARANTINED, str(error)
    except KeplerLensError as error:
        result.fatal = str(error)
    except Exception as error:
        result.defect = defects.defect(error, f"star {result.star}")
        result.outcome, result.reason = QUARANTINED, defects.reason(result.defect)
    result.seconds = time.monotonic() - began


@dataclass(slots=True)
class Share:
    """Work of one worker.

    Attributes
    ----------
    stars : int
        Stars that are done.
    seconds : float
        Time that they took, seconds.
    """

    stars: int = 0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class StarProgress(Account):
    """Account of a job that takes star after star.

    Attributes
    ----------
    done_word : str
        Outcome of a star whose work is done, such as ``searched``.
    total : int
        Stars that were asked for.
    outcomes : Counter
        Number of stars with outcome `done_word`, `SKIPPED` or `QUARANTINED`.
    candidates : int
        Candidates of the stars that are done.
    workers : dict
        Name of each worker to its `Share`.
    quarantined : list of dict
        Star and reason, at most `REASONS_KEPT`.
    left_out : list of str
        Sentences on parts of light curves that could not be used, at most `REASONS_KEPT`.
    first, last : float or None
        When the first star was handed out and the last one was done, seconds since 1970.
    """

    done_word: ClassVar[str]

    total: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    candidates: int = 0
    workers: defaultdict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    first: float | None = None
    last: float | None = None

    def working(self) -> None:
        """Note the time of the first star: the rate of stars counts from here."""
        self.first = self.first or time.time()

    def add(self, result: StarResult) -> None:
        """Count the result of a star."""
        self.outcomes[result.outcome] += 1
        if result.outcome == self.done_word:
            share = self.workers[result.worker]
            share.stars += 1
            share.seconds += result.seconds
            self.candidates += result.candidates
            self.last = time.time()
        if result.outcome == QUARANTINED and len(self.quarantined) < REASONS_KEPT:
            self.quarantined.append({"star": result.star, "reason": result.reason})
        self.left_out += result.left_out[: REASONS_KEPT - len(self.left_out)]

    @property
    def done(self) -> int:
        """Number of stars whose outcome is known."""
        return sum(self.outcomes.values())

    @property
    def changes(self) -> int:
        """Number of stars with new results."""
        return self.outcomes[self.done_word]

    @property
    def per_minute(self) -> float:
        """Stars done per minute, from the first one handed out to the last one done."""
        if self.first is None or self.last is None:
            return 0.0
        return 60 * self.changes / max(1e-3, self.last - self.first)

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the rate of stars so far; None before the first star."""
        since = time.time() - (self.first or time.time())
        return (self.total - self.done) * since / self.done if self.done and since else None

    def status_fields(self) -> dict[str, Any]:
        """Return the figures of the job for status.json."""
        outcomes = (self.done_word, SKIPPED, QUARANTINED)
        return {
            "stars_done": self.done,
            "stars_total": self.total,
            **{outcome: self.outcomes[outcome] for outcome in outcomes},
            "candidates": self.candidates,
            "stars_per_minute": round(self.per_minute, 1),
            "workers": {
                name: {
                    "stars": share.stars,
                    "seconds": round(share.seconds, 1),
                    "share": round(share.stars / self.changes, 3),
                }
                for name, share in sorted(self.workers.items())
            },
        }

    def results(self) -> dict[str, Any]:
        """Return the figures of report.json that status.json lacks."""
        return {
            "quarantined_stars": sorted(self.quarantined, key=lambda star: star["star"]),
            "left_out": sorted(self.left_out),
        }

    def parts(self) -> list[str]:
        """List in words what has been done so far."""
        others = [(self.outcomes[word], word) for word in (SKIPPED, QUARANTINED)]
        return [
            f"{self.done:,} of {self.total:,} stars",
            f"{self.candidates:,} candidates",
            f"{round(self.per_minute, 1):,} stars/min",
            *(f"{count:,} {word}" for count, word in others if count),
        ]


class NumberedStar(Protocol):
    """A star as a job hands it to a worker."""

    @property
    def number(self) -> int:
        """KIC or EPIC number."""


AnyStar = TypeVar("AnyStar", bound=NumberedStar)
Result = TypeVar("Result", bound=StarResult)


def work_on_stars(
    name: str, run: str, call: Callable[[AnyStar], Result], luggage: Luggage | None = None
) -> Work[AnyStar, Result]:
    """Return the work of a job whose batches are single stars, see `Work`.

    Parameters
    ----------
    name, run : str
        Name of the job for people, and name of its run.
    call : callable
        Does a star, on a worker.
    luggage : Luggage, optional
        Bytes that all workers need for the work.
    """
    return Work(
        name,
        run,
        call,
        STARS_A_THREAD,
        lambda *_: True,
        lambda star: f"star {star.number}",
        luggage,
    )


Progress = TypeVar("Progress", bound=StarProgress)


class StarDriver(Driver[Progress]):
    """Hand out stars one by one, and collect their results."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.waiting: deque[int] = deque()

    @abstractmethod
    def batch(self, star: int) -> Any:
        """Return what is sent to the worker that takes a star."""

    def account(self, result: StarResult) -> None:
        """Count the result of a star.

        Raises
        ------
        KeplerLensError
            The result is fatal for the whole job.
        DefectError
            The program has failed too often at one line.
        """
        if result.fatal:
            raise KeplerLensError(result.fatal)
        self.progress.add(result)
        if result.defect:
            self.progress.defects.add(result.defect, f"star {result.star}")

    def failure(self) -> str:
        """Return why the job failed: a fault of the program, or no star that could be done."""
        progress = self.progress
        if message := super().failure():
            return message
        if not progress.total or progress.outcomes[QUARANTINED] < progress.total:
            return ""
        first = progress.quarantined[0]
        return (
            f"Not one of {progress.total:,} stars could be {progress.done_word}; the first, "
            f"{first['star']}: {first['reason']}"
        )

    def wait_for(self, stars: Sequence[int]) -> None:
        """Set the stars that are to be handed out."""
        self.waiting += sorted(set(stars))
        self.progress.total = len(self.waiting)

    def take_stars(self, fleet: Fleet[Batch, Any]) -> None:
        """Hand out all waiting stars, and count the result of each."""
        while self.waiting or fleet.in_flight:
            self.idle(fleet.message)
            while self.waiting:
                batch = self.batch(self.waiting[0])
                if not fleet.takes(batch):
                    break
                self.waiting.popleft()
                fleet.submit(batch)
            for outcome in fleet.collect(timeout=0.25):
                if isinstance(outcome, Killed):
                    self.account(self.killed(outcome.batch))
                else:
                    self.account(outcome)

    def killed(self, batch: Any) -> StarResult:
        """Return the result of a star whose workers died."""
        return StarResult("none", batch.number, QUARANTINED, _KILLED)

    def every_star(self, warp10: Warp10, read: Token, column: str) -> list[int]:
        """List the stars of which the server's register has a light curve of long cadence.

        Parameters
        ----------
        warp10 : Warp10
        read : Token
        column : str
            FITS name of the flux.

        Returns
        -------
        list of int
            KIC or EPIC numbers, ascending.

        Raises
        ------
        KeplerLensError
            There are none.
        """
        stars: set[int] = set()
        for piece in Register(warp10, read).stars(CLASS_OF_COLUMN[column], "long cadence"):
            self.idle("listing the stars")
            stars.update(piece)
        if not stars:
            raise KeplerLensError(
                f"The register of {warp10.url} names no star with {column} of long cadence: import "
                "some, or let `kepler-lens status --recount` note those that are there already."
            )
        return sorted(stars)


def shares(report: dict[str, Any]) -> dict[str, str]:
    """Return the rows of a report's table that show the work of each worker."""
    return {
        f"worker {name}": (
            f"{share['share']:.0%} of the stars ({share['stars']:,}, {share['seconds']:,} s)"
        )
        for name, share in report["workers"].items()
    }


def quarantined(report: dict[str, Any]) -> list[Table]:
    """Make the tables of stars and of parts of light curves that could not be used."""
    tables = []
    if stars := report["quarantined_stars"]:
        tables.append(_quarantined(stars))
    if parts := report["left_out"]:
        tables.append(_left_out(parts))
    return tables


def _quarantined(stars: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="Quarantined stars", title_justify="left")
    table.add_column("star", justify="right")
    table.add_column("reason", overflow="fold")
    for star in stars[:_QUARANTINED_SHOWN]:
        table.add_row(str(star["star"]), Text(star["reason"]))
    if len(stars) > _QUARANTINED_SHOWN:
        table.add_row("…", f"{len(stars) - _QUARANTINED_SHOWN:,} more in report.json")
    return table


def _left_out(parts: Sequence[str]) -> Table:
    table = Table(title="Left out of light curves", title_justify="left", show_header=False)
    for part in parts[:_QUARANTINED_SHOWN]:
        table.add_row(Text(part))
    if len(parts) > _QUARANTINED_SHOWN:
        table.add_row(f"… and {len(parts) - _QUARANTINED_SHOWN:,} more in report.json")
    return table
