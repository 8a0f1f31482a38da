"""Report on an import, while it runs (status.json) and when it has ended (report.json)."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from kepler_lens.jobs.importer.decide import OUTCOMES, PUSHED, QUARANTINED, REPLACED, SUPERSEDED
from kepler_lens.jobs.importer.task import BatchResult
from kepler_lens.jobs.report import REASONS_KEPT, Account
from kepler_lens.ledger import Summary

KEPLER_11 = 6541920
"""KIC number of Kepler-11, the star that the report shows if it was imported (chosen: it is well
known)."""
_RATE_WINDOW_S = 20.0
"""Seconds before the present over which the current rate is measured (chosen)."""


@dataclass(slots=True)
class Share:
    """Work of one worker.

    Attributes
    ----------
    files, points : int
        Files and points that it pushed.
    seconds : float
        Time that its batches took, seconds.
    """

    files: int = 0
    points: int = 0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Progress(Account):
    """Account of one import.

    Attributes
    ----------
    source : str
        URL or path of the source.
    files_listed : int
        Files that the source has listed so far.
    listing_done : bool
        Whether the listing is complete.
    present : set of int
        Stars that the source has, of those that were asked for by number.
    absent : list of int
        Stars that were asked for and that the source lacks.
    outcomes : Counter
        Number of files with each of `kepler_lens.jobs.importer.decide.OUTCOMES`.
    points : int
        Points that were pushed.
    stars : set of int
        Stars of all files that were not rejected.
    example : int or None
        First star of which points were pushed.
    totals : Summary or None
        Stars, files and points on the server after the import.
    workers : dict
        Name of each worker to its `Share`.
    rejected, superseded : list of dict
        Name, star and reason of such files, at most `REASONS_KEPT`.
    first_points, last_points : float or None
        When the first batch was handed out and the last points were acknowledged, seconds since
        1970.
    """

    word: ClassVar[str] = "import"

    source: str
    files_listed: int = 0
    listing_done: bool = False
    present: set[int] = field(default_factory=set)
    absent: list[int] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    points: int = 0
    stars: set[int] = field(default_factory=set)
    example: int | None = None
    totals: Summary | None = None
    workers: defaultdict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    rejected: list[dict[str, Any]] = field(default_factory=list)
    superseded: list[dict[str, Any]] = field(default_factory=list)
    first_points: float | None = None
    last_points: float | None = None
    _recent: list[tuple[float, int]] = field(default_factory=list)

    def add_known(self, files: int, stars: set[int]) -> None:
        """Count files that need no work, and add their stars."""
        self.outcomes["unchanged"] += files
        self.stars |= stars

    def working(self) -> None:
        """Note the time of the first batch: the rate of points counts from here."""
        if self.first_points is None:
            self.first_points = time.time()

    def add(self, result: BatchResult) -> None:
        """Count the result of a batch."""
        share = self.workers[result.worker]
        share.seconds += result.seconds
        for file in result.files:
            self.outcomes[file.outcome] += 1
            self.points += file.points
            if file.star is not None and file.outcome != QUARANTINED:
                self.stars.add(file.star)
            if file.outcome in (PUSHED, REPLACED):
                share.files += 1
                share.points += file.points
                self.example = file.star if self.example is None else self.example
            kept = {QUARANTINED: self.rejected, SUPERSEDED: self.superseded}.get(file.outcome)
            if kept is not None and len(kept) < REASONS_KEPT:
                kept.append({"name": file.name, "star": file.star, "reason": file.reason})
        if result.files:
            self.last_points = time.time()

    @property
    def files_done(self) -> int:
        """Number of files whose outcome is known."""
        return sum(self.outcomes.values())

    def sample(self) -> None:
        """Note the time and the number of points, for the current rate."""
        now = time.time()
        self._recent.append((now, self.points))
        while self._recent[0][0] < now - _RATE_WINDOW_S:
            self._recent.pop(0)

    def results(self) -> dict[str, Any]:
        """Return the figures of report.json that status.json lacks."""
        return {
            "points_per_s": round(self.rate),
            "example_star": self._example(),
            "in_server": None if self.totals is None else asdict(self.totals),
            "rejected": self.rejected,
            "absent_stars": self.absent[:REASONS_KEPT],
            "absent": len(self.absent),
            "superseded_files": self.superseded,
        }

    def _example(self) -> int | None:
        """Return a star for people to look at: Kepler-11 if it is there."""
        if KEPLER_11 in self.stars:
            return KEPLER_11
        return self.example if self.example is not None else min(self.stars, default=None)

    @property
    def rate(self) -> float:
        """Points per second, from the first batch handed out to the last points acknowledged."""
        if self.first_points is None or self.last_points is None:
            return 0.0
        return self.points / max(1e-3, self.last_points - self.first_points)

    def _rate_now(self) -> float:
        """Return the points per second of the last seconds, or of an import that has ended."""
        if self.ended or not self._recent:
            return self.rate
        (t0, p0), (t1, p1) = self._recent[0], self._recent[-1]
        return (p1 - p0) / (t1 - t0) if t1 > t0 else self.rate

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the rate of files so far; None until all files are listed."""
        todo = self.files_listed - self.files_done
        since = time.time() - (self.first_points or time.time())
        touched = self.files_done - self.outcomes["unchanged"]
        known = self.listing_done and touched > 0 and since > 0
        return todo * since / touched if known else None

    @property
    def changes(self) -> int:
        """Number of points that were pushed."""
        return self.points

    def status_fields(self) -> dict[str, Any]:
        """Return the figures of an import for status.json."""
        return {
            "source": self.source,
            "stars": len(self.stars),
            "files_done": self.files_done,
            "files_total": self.files_listed,
            "files_total_final": self.listing_done,
            "points": self.points,
            "points_per_s": round(self._rate_now()),
            **{outcome: self.outcomes[outcome] for outcome in OUTCOMES},
            "workers": {
                name: {
                    "files": share.files,
                    "points": share.points,
                    "seconds": round(share.seconds, 1),
                    "share": round(share.points / self.points, 3) if self.points else 0.0,
                }
                for name, share in sorted(self.workers.items())
            },
        }

    def parts(self) -> list[str]:
        """List in words what has been done so far."""
        total = f"{self.files_listed:,}{'' if self.listing_done else ' or more'}"
        rejected = self.outcomes[QUARANTINED]
        return [
            f"{len(self.stars):,} stars",
            f"{self.files_done:,} of {total} files",
            f"{self.points:,} points",
            f"{round(self._rate_now()):,} points/s",
            *([f"{rejected:,} rejected"] if rejected else []),
        ]
