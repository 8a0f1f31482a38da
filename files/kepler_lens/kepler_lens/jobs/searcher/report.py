"""Status and report of a search: what it writes while it runs and when it has ended."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kepler_lens.jobs.searcher.catalogue import Brought
from kepler_lens.jobs.searcher.task import SEARCHED, SearchResult
from kepler_lens.jobs.star_results import StarProgress, StarResult


@dataclass(slots=True, kw_only=True)
class Progress(StarProgress):
    """The account of one search.

    Attributes
    ----------
    seconds : dict
        Seconds that workers spent, by activity: fetch, search, draw and push.
    brought : Brought or None
        The rows that count; None until the end.
    """

    word: ClassVar[str] = "search"
    done_word: ClassVar[str] = SEARCHED

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    brought: Brought | None = None

    def add(self, result: StarResult) -> None:
        """Count the result of a star."""
        StarProgress.add(self, result)
        if isinstance(result, SearchResult):
            for name in ("fetch", "search", "draw", "push"):
                self.seconds[name] += getattr(result, f"{name}_s")

    def status_fields(self) -> dict[str, Any]:
        """Return the content of status.json."""
        seconds = {name: round(value, 1) for name, value in self.seconds.items()}
        return StarProgress.status_fields(self) | {"seconds": seconds}

    def results(self) -> dict[str, Any]:
        """Return the content of report.json that is not in status.json."""
        return {
            "candidates_in_catalogue": self.brought.total if self.brought else None,
            **StarProgress.results(self),
        }
