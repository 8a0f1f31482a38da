"""The driver of a search: it chooses stars, hands them out, collects results and counts them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from kepler_lens.jobs.driver import lock
from kepler_lens.jobs.fleet import Work
from kepler_lens.jobs.models import choose, packed
from kepler_lens.jobs.searcher.catalogue import Catalogue
from kepler_lens.jobs.searcher.config import Job
from kepler_lens.jobs.searcher.pages import Pages
from kepler_lens.jobs.searcher.report import Progress
from kepler_lens.jobs.searcher.table import render_summary
from kepler_lens.jobs.searcher.task import SEARCHED, SearchResult, SearchSettings, Star, search_star
from kepler_lens.jobs.star_results import QUARANTINED, StarResult
from kepler_lens.jobs.stars import StarDriver, work_on_stars
from kepler_lens.run_name import new_run
from kepler_lens.warp10.client import Token, Warp10

PAGES_FOLDER = "pages"


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
        The report (see `jobs.searcher.report`), with ``exit_status``: 0, 3 if stars were
        quarantined, 4 if a signal stopped the search.

    Raises
    ------
    JobRunningError
        Another search holds the lock.
    KeplerLensError
        The search cannot go on; the report has the same message.
    """
    with lock(job.state, "search"):
        return _Driver(job, say).run()


class _Driver(StarDriver[Progress]):
    complete = "Every star is searched."

    def __init__(self, job: Job, say: Callable[[str], None]) -> None:
        super().__init__(Progress(run=new_run(), server=job.server, folder=job.state), say)
        self.job = job
        self.pages = Pages(job.state / PAGES_FOLDER)
        self.warp10 = Warp10(job.server)

    def work(self) -> None:
        """Search the stars, then read their rows that count."""
        job = self.job
        read = Token.from_file(job.tokens.read)
        # An update without points shows a wrong token before the first star is searched.
        self.warp10.update(b"", Token.from_file(job.tokens.results_write))
        every = self.every_star(self.warp10, read, job.column) if job.stars is None else job.stars
        self.wait_for(every)
        catalogue = Catalogue(job.state)
        catalogue.touch(job.stars)
        if self.waiting:
            model, luggage = packed(choose(job.models, job.model))
            settings = SearchSettings(
                self.progress.run,
                job.server,
                job.tokens,
                job.column,
                job.force,
                time.time_ns() // 1000,
                model,
            )
            work: Work[Star, SearchResult] = work_on_stars(
                "search", settings.run, partial(search_star, settings=settings), luggage
            )
            with self.fleet(job.scheduler, job.tls, work) as fleet:
                self.take_stars(fleet)
        self.progress.brought = catalogue.bring(self.warp10, read, job.stars)

    def rejected(self) -> str:
        """Return a sentence with the number of quarantined stars; empty if there are none."""
        count = self.progress.outcomes[QUARANTINED]
        return f"{count} stars cannot be searched." if count else ""

    def summary(self, report: dict[str, Any]) -> str:
        """Return the report as text, see `kepler_lens.jobs.searcher.table`."""
        brought = self.progress.brought
        return render_summary(report, brought.rows if brought else ())

    def batch(self, star: int) -> Star:
        """Return a star with the run whose pages are on this host."""
        return Star(star, self.pages.run_of(star))

    def account(self, result: StarResult) -> None:
        """Count the result of a star, and store its pages."""
        if isinstance(result, SearchResult) and result.outcome == SEARCHED:
            self.pages.put(result.star, result.run, result.pages)
        super().account(result)
