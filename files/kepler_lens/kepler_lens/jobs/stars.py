"""What jobs that take star after star have in common: search and scores."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from rich.table import Table
from rich.text import Text

from kepler_lens.errors import KeplerLensError
from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.jobs import defects
from kepler_lens.jobs.driver import Driver
from kepler_lens.jobs.fleet import Batch, Fleet, Killed
from kepler_lens.jobs.report import REASONS_KEPT, Account
from kepler_lens.register import Register
from kepler_lens.search.observations import NotSearchableError
from kepler_lens.warp10 import Token, Warp10

SKIPPED = "skipped"
QUARANTINED = "quarantined"

STARS_A_THREAD = 2
"""One that is worked on and one that waits: a star takes long, and the last ones should spread."""

_KILLED = "The workers that tried it died again and again: see their journals."
_QUARANTINED_SHOWN = 20


@dataclass(slots=True)
class StarResult:
    """What became of a star.

    Attributes
    ----------
    worker : str
    star : int
    outcome : str
        The job's own word for what is done, or `SKIPPED`, or `QUARANTINED`; empty where the job
        must stop.
    reason : str
        Why it was quarantined.
    left_out : list of str
        Parts of its light curve that could not be used, and why.
    candidates : int
    seconds : float
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
    """Do a star's work, and note in its result how long it took and why it failed.

    A star that cannot be searched is quarantined, and so is one at which the program fails: that
    is in ``defect`` too. A failure that no other star would escape (token, server) is in ``fatal``.
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
    """What one worker did."""

    stars: int = 0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class StarProgress(Account):
    """The account of a job that takes star after star.

    Attributes
    ----------
    done_word : str
        Outcome of a star whose work is done, such as ``searched``.
    total : int
        Stars that were asked for.
    outcomes : Counter
        Of `done_word`, `SKIPPED` and `QUARANTINED`.
    candidates : int
        Of the stars that were done.
    left_out : list of str
        Parts of light curves that could not be used, and why.
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
        """Note that the first star has been handed out: stars a minute count from here."""
        self.first = self.first or time.time()

    def add(self, result: StarResult) -> None:
        """Count what became of a star."""
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
        """Stars of which it is known what became of them."""
        return sum(self.outcomes.values())

    @property
    def changes(self) -> int:
        """Stars whose results are new."""
        return self.outcomes[self.done_word]

    @property
    def per_minute(self) -> float:
        """Stars done a minute, from the first handed out to the last finished."""
        if self.first is None or self.last is None:
            return 0.0
        return 60 * self.changes / max(1e-3, self.last - self.first)

    @property
    def eta_s(self) -> float | None:
        """Seconds that are left, at the rate of stars so far; None before the first."""
        since = time.time() - (self.first or time.time())
        return (self.total - self.done) * since / self.done if self.done and since else None

    def figures(self) -> dict[str, Any]:
        """Give what status.json says of such a job."""
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
        """Give what report.json says beyond the status."""
        return {
            "quarantined_stars": sorted(self.quarantined, key=lambda star: star["star"]),
            "left_out": sorted(self.left_out),
        }

    def parts(self) -> list[str]:
        """Give what has been done so far in words for people."""
        others = [(self.outcomes[word], word) for word in (SKIPPED, QUARANTINED)]
        return [
            f"{self.done:,} of {self.total:,} stars",
            f"{self.candidates:,} candidates",
            f"{round(self.per_minute, 1):,} stars/min",
            *(f"{count:,} {word}" for count, word in others if count),
        ]


Progress = TypeVar("Progress", bound=StarProgress)


class StarDriver(Driver[Progress]):
    """Hands out stars one by one, and collects what became of them."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.waiting: deque[int] = deque()

    @abstractmethod
    def batch(self, star: int) -> Any:
        """Give what travels to the worker that takes the star."""

    def account(self, result: StarResult) -> None:
        """Take what became of a star."""
        if result.fatal:
            raise KeplerLensError(result.fatal)
        self.progress.add(result)
        if result.defect:
            self.progress.defects.add(result.defect, f"star {result.star}")

    def failure(self) -> str:
        """Say that the program failed, or that not one star could be done."""
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
        """Note which stars are to be taken."""
        self.waiting += sorted(set(stars))
        self.progress.total = len(self.waiting)

    def take_stars(self, fleet: Fleet[Batch, Any]) -> None:
        """Hand out all stars that wait, and account for each."""
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
        """Give the result of a star that kills its workers."""
        return StarResult("none", batch.number, QUARANTINED, _KILLED)

    def every_star(self, warp10: Warp10, read: Token, column: str) -> list[int]:
        """List the stars that the server's register has a light curve of long cadence of.

        Raises
        ------
        KeplerLensError
            It has none.
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
    """Give the table's rows of what each worker did."""
    return {
        f"worker {name}": (
            f"{share['share']:.0%} of the stars ({share['stars']:,}, {share['seconds']:,} s)"
        )
        for name, share in report["workers"].items()
    }


def quarantined(report: dict[str, Any]) -> list[Table]:
    """Make the tables of stars, and of parts of their light curves, that could not be used."""
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
