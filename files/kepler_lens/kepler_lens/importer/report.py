"""What an import says while it runs (status.json) and when it has ended (report.json)."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kepler_lens.importer.decide import OUTCOMES, PUSHED, QUARANTINED, REPLACED, SUPERSEDED
from kepler_lens.importer.task import BatchResult
from kepler_lens.ledger import Summary

PREPARING = "preparing"
RUNNING = "running"
WAITING = "waiting"
STOPPED = "stopped"
FAILED = "failed"
DONE = "done"

STATUS_FILE = "status.json"
REPORT_FILE = "report.json"
KEPLER_11 = 6541920
# Enough for anyone to read; beyond, the count alone goes on, so that memory stays flat.
_REASONS_KEPT = 10_000
_RATE_WINDOW_S = 20.0


@dataclass(slots=True)
class Share:
    """What one worker did."""

    files: int = 0
    points: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Progress:
    """The account of one import.

    Attributes
    ----------
    run, source, server : str
    folder : Path
        Where status and report are written.
    state, message : str
    files_listed : int
        Files the source has named so far.
    listing_done : bool
        Whether these are all.
    totals : Summary or None
        What the server holds after the import.
    """

    run: str
    source: str
    server: str
    folder: Path
    state: str = PREPARING
    message: str = ""
    files_listed: int = 0
    listing_done: bool = False
    outcomes: Counter[str] = field(default_factory=Counter)
    points: int = 0
    stars: set[int] = field(default_factory=set)
    example: int | None = None
    totals: Summary | None = None
    workers: defaultdict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    rejected: list[dict[str, Any]] = field(default_factory=list)
    superseded: list[dict[str, Any]] = field(default_factory=list)
    began: float = field(default_factory=time.time)
    first_points: float | None = None
    last_points: float | None = None
    _recent: list[tuple[float, int]] = field(default_factory=list)
    _written: float = 0.0

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
            if kept is not None and len(kept) < _REASONS_KEPT:
                kept.append({"name": file.name, "star": file.star, "reason": file.reason})
        if result.files:
            self.last_points = time.time()

    @property
    def files_done(self) -> int:
        """Files of which it is known what became of them."""
        return sum(self.outcomes.values())

    def tick(self, *, now: bool = False) -> None:
        """Write status.json if the last time was a second ago."""
        if now or time.time() - self._written >= 1.0:
            self._written = time.time()
            self._recent.append((self._written, self.points))
            while self._recent[0][0] < self._written - _RATE_WINDOW_S:
                self._recent.pop(0)
            write_json(self.folder / STATUS_FILE, self.status())

    def end(self, state: str, message: str, exit_status: int) -> dict[str, Any]:
        """Write the last status and the report, and give the report."""
        self.state, self.message = state, message
        report = {
            **self.status(),
            "finished": _iso(time.time()),
            "exit_status": exit_status,
            "points_per_s": round(self.rate),
            "example_star": self._example(),
            "in_server": None if self.totals is None else asdict(self.totals),
            "rejected": self.rejected,
            "superseded_files": self.superseded,
        }
        write_json(self.folder / REPORT_FILE, report)
        self.tick(now=True)
        return report

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
        (t0, p0), (t1, p1) = self._recent[0], self._recent[-1]
        return (p1 - p0) / (t1 - t0) if t1 > t0 else self.rate

    def status(self) -> dict[str, Any]:
        """Give status.json's content."""
        elapsed = time.time() - self.began
        todo = self.files_listed - self.files_done
        since = time.time() - (self.first_points or time.time())
        touched = self.files_done - self.outcomes["unchanged"]
        known = self.listing_done and touched > 0 and since > 0
        eta = todo * since / touched if known else None
        return {
            "run": self.run,
            "pid": os.getpid(),
            "state": self.state,
            "message": self.message,
            "source": self.source,
            "server": self.server,
            "started": _iso(self.began),
            "updated": _iso(time.time()),
            "elapsed_s": round(elapsed, 1),
            "stars": len(self.stars),
            "files_done": self.files_done,
            "files_total": self.files_listed,
            "files_total_final": self.listing_done,
            "points": self.points,
            "points_per_s": round(self._rate_now()) if self._recent else 0,
            "eta_s": None if eta is None else round(eta),
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


def progress_line(status: dict[str, Any]) -> str:
    """Write a status as one line for people."""
    total = f"{status['files_total']}{'' if status['files_total_final'] else '+'}"
    parts = [
        f"{status['stars']} stars",
        f"{status['files_done']} of {total} files",
        f"{status['points']:,} points",
        f"{status['points_per_s']:,} points/s",
    ]
    if status["eta_s"] is not None:
        parts.append(f"{status['eta_s']} s left")
    if status[QUARANTINED]:
        parts.append(f"{status[QUARANTINED]} rejected")
    if status["message"]:
        parts.append(status["message"])
    return ", ".join(parts)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a file in one step: a reader sees the old or the new one, never a part."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="seconds")
