"""The results of stars: what a worker says of one, and the account and the tables of all."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rich.table import Table
from rich.text import Text

from kepler_lens.errors import KeplerLensError
from kepler_lens.jobs import defects
from kepler_lens.jobs.report import REASONS_KEPT, Account
from kepler_lens.transit_search.preparation.observations import NotSearchableError

SKIPPED = "skipped"
QUARANTINED = "quarantined"
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
