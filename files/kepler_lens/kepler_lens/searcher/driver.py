"""The search from the driver's seat: which stars, hand out, collect, account."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kepler_lens.errors import KeplerLensError
from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.jobs.driver import Driver, lock, new_run
from kepler_lens.jobs.fleet import Fleet, Killed, Work
from kepler_lens.search.catalogue import write_csv
from kepler_lens.search.stored import everything
from kepler_lens.searcher.config import Job
from kepler_lens.searcher.pages import Pages
from kepler_lens.searcher.report import Progress
from kepler_lens.searcher.table import render_summary
from kepler_lens.searcher.task import (
    QUARANTINED,
    SEARCHED,
    Orders,
    Star,
    StarResult,
    search_star,
)
from kepler_lens.warp10 import Token, Warp10

CATALOGUE_FILE = "catalogue.csv"
SUMMARY_FILE = "report.txt"
PAGES_FOLDER = "pages"
# One that is worked on and one that waits: a star takes long, and the last ones should spread.
STARS_A_THREAD = 2


def run_search(job: Job, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Search the stars that a job asks for.

    Parameters
    ----------
    job : Job
    say : callable, optional
        Gets a line of progress every ten seconds.

    Returns
    -------
    dict
        The report (see `kepler_lens.searcher.report`), with ``exit_status``: 0, 3 if stars were
        quarantined, 4 if it was stopped by a signal.

    Raises
    ------
    JobRunningError
        Another search holds the lock.
    KeplerLensError
        The search could not go on; the report says the same.
    """
    with lock(job.state, "search"):
        driver = _Driver(job, say)
        content = driver.run()
        summary = render_summary(content, driver.progress.catalogue)
        (job.state / SUMMARY_FILE).write_text(summary, encoding="utf-8")
        return content


class _Driver(Driver[Progress]):
    def __init__(self, job: Job, say: Callable[[str], None]) -> None:
        super().__init__(Progress(run=new_run(), server=job.server, folder=job.state), say)
        self.job = job
        self.pages = Pages(job.state / PAGES_FOLDER)
        self.warp10 = Warp10(job.server)
        self.waiting: deque[int] = deque()

    def work(self) -> None:
        """Search, then read back what counts, of earlier searches too."""
        job = self.job
        read = Token.from_file(job.tokens.read)
        # Nothing is written: a wrong token is found before the first star is searched.
        self.warp10.update(b"", Token.from_file(job.tokens.results_write))
        self.waiting += sorted(set(self._every_star(read) if job.stars is None else job.stars))
        self.progress.total = len(self.waiting)
        if self.waiting:
            orders = Orders(self.progress.run, job.server, job.tokens, job.column, job.force)
            with self.fleet(job.scheduler, job.tls, _work_of(orders)) as fleet:
                self._search(fleet)
        self.progress.stars_in_server, self.progress.catalogue = everything(self.warp10, read)
        _write_catalogue(job.state / CATALOGUE_FILE, self.progress.catalogue)

    def rejected(self) -> str:
        """Say how many stars could not be searched."""
        count = self.progress.outcomes[QUARANTINED]
        return f"{count} stars cannot be searched." if count else ""

    def _every_star(self, read: Token) -> list[int]:
        stars: list[int] = []
        classname = CLASS_OF_COLUMN[self.job.column]
        # By the last digit of the star: all of Kepler in one answer would be too much.
        for digit in range(10):
            self.idle("listing the stars")
            selector = f"{classname}{{KEPLERID~.*{digit},OBSMODE=long%20cadence}}"
            stars += [int(s.labels["KEPLERID"]) for s in self.warp10.find(selector, read)]
        return stars

    def _search(self, fleet: Fleet[Star, StarResult]) -> None:
        while self.waiting or fleet.in_flight:
            self.idle(fleet.message)
            while self.waiting:
                star = Star(self.waiting[0], self.pages.run_of(self.waiting[0]))
                if not fleet.takes(star):
                    break
                self.waiting.popleft()
                fleet.submit(star)
            for outcome in fleet.collect(timeout=0.25):
                if isinstance(outcome, Killed):
                    reason = "The workers that tried it died again and again: see their journals."
                    outcome = StarResult("none", outcome.batch.number, QUARANTINED, reason)
                self._account(outcome)

    def _account(self, result: StarResult) -> None:
        if result.fatal:
            raise KeplerLensError(result.fatal)
        if result.outcome == SEARCHED:
            self.pages.put(result.star, result.run, result.pages)
        self.progress.add(result)


def _work_of(orders: Orders) -> Work[Star, StarResult]:
    return Work(
        "search",
        orders.run,
        partial(search_star, orders=orders),
        STARS_A_THREAD,
        lambda *_: True,
        lambda star: f"star {star.number}",
    )


def _write_catalogue(path: Path, rows: list[dict[str, object]]) -> None:
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, rows)
    part.replace(path)
