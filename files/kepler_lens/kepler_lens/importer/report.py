"""What an import says while it runs (status.json) and when it has ended (report.json)."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any

from kepler_lens.importer.decide import OUTCOMES, PUSHED, QUARANTINED, REPLACED, SUPERSEDED
from kepler_lens.importer.task import BatchResult
from kepler_lens.jobs.report import REASONS_KEPT, Account
from kepler_lens.ledger import Summary

KEPLER_11 = 6541920
_RATE_WINDOW_S = 20.0


@dataclass(slots=True)
class Share:
    """What one worker did."""

    files: int = 0
    points: int = 0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Progress(Account):
    """The account of one import.

    Attributes
    ----------
    source : str
    files_listed : int
        Files the source has named so far.
    listing_done : bool
        Whether these are all.
    present : set of int
        Stars that the source has, of those that were asked for by number.
    absent : list of int
        Stars that were asked for and that it does not have.
    totals : Summary or None
        What the server holds after the import.
    """

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
        """Count files that needed nothing."""
        self.outcomes["unchanged"] += files
        self.stars |= stars

    def working(self) -> None:
        """Note that the first batch has been handed out: points a second count from here."""
        if self.first_points is None:
            self.first_points = time.time()

    def add(self, result: BatchResult) -> None:
        """Count what a worker did."""
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
        """Files of which it is known what became of them."""
        return sum(self.outcomes.values())

    def sample(self) -> None:
        """Note how many points there are, for the rate of the last seconds."""
        now = time.time()
        self._recent.append((now, self.points))
        while self._recent[0][0] < now - _RATE_WINDOW_S:
            self._recent.pop(0)

    def results(self) -> dict[str, Any]:
        """Give what report.json says beyond the status."""
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
        """Give a star for people to look at: the best known one if it is there."""
        if KEPLER_11 in self.stars:
            return KEPLER_11
        return self.example if self.example is not None else min(self.stars, default=None)

    @property
    def rate(self) -> float:
        """Points a second, from the first batch handed out to the last points acknowledged."""
        if self.first_points is None or self.last_points is None:
            return 0.0
        return self.points / max(1e-3, self.last_points - self.first_points)

    def _rate_now(self) -> float:
        """Points a second of the last seconds; of the whole import once it has ended."""
        if self.ended or not self._recent:
            return self.rate
        (t0, p0), (t1, p1) = self._recent[0], self._recent[-1]
        return (p1 - p0) / (t1 - t0) if t1 > t0 else self.rate

    @property
    def eta_s(self) -> float | None:
        """Seconds that are left, at the rate of files so far; None until all are listed."""
        todo = self.files_listed - self.files_done
        since = time.time() - (self.first_points or time.time())
        touched = self.files_done - self.outcomes["unchanged"]
        known = self.listing_done and touched > 0 and since > 0
        return todo * since / touched if known else None

    @property
    def changes(self) -> int:
        """Points that were pushed."""
        return self.points

    def figures(self) -> dict[str, Any]:
        """Give what status.json says of an import."""
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
        """Give what has been done so far in words for people."""
        total = f"{self.files_listed:,}{'' if self.listing_done else ' or more'}"
        rejected = self.outcomes[QUARANTINED]
        return [
            f"{len(self.stars):,} stars",
            f"{self.files_done:,} of {total} files",
            f"{self.points:,} points",
            f"{round(self._rate_now()):,} points/s",
            *([f"{rejected:,} rejected"] if rejected else []),
        ]
