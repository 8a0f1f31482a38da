"""What a search says while it runs and when it has ended."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from kepler_lens.jobs.report import REASONS_KEPT, Account
from kepler_lens.searcher.task import OUTCOMES, QUARANTINED, SEARCHED, StarResult


@dataclass(slots=True)
class Share:
    """What one worker did."""

    stars: int = 0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Progress(Account):
    """The account of one search.

    Attributes
    ----------
    total : int
        Stars to be searched.
    outcomes : Counter
        Of `OUTCOMES`.
    candidates : int
        What this job has found.
    seconds : Counter
        Of workers, by what they were spent on.
    stars_in_server, catalogue : int, list of dict
        Stars ever searched, and what counts of their candidates; known at the end.
    """

    total: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    candidates: int = 0
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    workers: defaultdict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    stars_in_server: int | None = None
    catalogue: list[dict[str, object]] = field(default_factory=list)
    first: float | None = None
    last: float | None = None

    def working(self) -> None:
        """Note that the first star has been handed out: stars a minute count from here."""
        self.first = self.first or time.time()

    def add(self, result: StarResult) -> None:
        """Count what became of a star."""
        self.outcomes[result.outcome] += 1
        if result.outcome == SEARCHED:
            share = self.workers[result.worker]
            share.stars += 1
            share.seconds += result.seconds
            self.candidates += result.candidates
            self.last = time.time()
        if result.outcome == QUARANTINED and len(self.quarantined) < REASONS_KEPT:
            self.quarantined.append({"star": result.star, "reason": result.reason})
        for name in ("fetch", "search", "draw", "push"):
            self.seconds[name] += getattr(result, f"{name}_s")

    @property
    def done(self) -> int:
        """Stars of which it is known what became of them."""
        return sum(self.outcomes.values())

    @property
    def per_minute(self) -> float:
        """Stars searched a minute, from the first handed out to the last finished."""
        if self.first is None or self.last is None:
            return 0.0
        return 60 * self.outcomes[SEARCHED] / max(1e-3, self.last - self.first)

    def figures(self) -> dict[str, Any]:
        """Give what status.json says of a search."""
        since = time.time() - (self.first or time.time())
        eta = (self.total - self.done) * since / self.done if self.done and since else None
        searched = self.outcomes[SEARCHED]
        return {
            "stars_done": self.done,
            "stars_total": self.total,
            **{outcome: self.outcomes[outcome] for outcome in OUTCOMES},
            "candidates": self.candidates,
            "stars_per_minute": round(self.per_minute, 1),
            "eta_s": None if eta is None else round(eta),
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
            "workers": {
                name: {
                    "stars": share.stars,
                    "seconds": round(share.seconds, 1),
                    "share": round(share.stars / searched, 3),
                }
                for name, share in sorted(self.workers.items())
            },
        }

    def results(self) -> dict[str, Any]:
        """Give what report.json says beyond the status."""
        return {
            "stars_in_server": self.stars_in_server,
            "candidates_in_server": len(self.catalogue),
            "quarantined_stars": sorted(self.quarantined, key=lambda star: star["star"]),
        }

    def line(self) -> str:
        """Write the status as one line for people."""
        parts = [
            f"{self.done} of {self.total} stars",
            f"{self.outcomes[SEARCHED]} searched",
            f"{self.candidates} candidates",
        ]
        if self.outcomes[QUARANTINED]:
            parts.append(f"{self.outcomes[QUARANTINED]} quarantined")
        if self.message:
            parts.append(self.message)
        return ", ".join(parts)
