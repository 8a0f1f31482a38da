"""Drive a job of scores: choose the model, hand out stars, bring the catalogue up to date."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from kepler_lens.jobs.driver import lock
from kepler_lens.jobs.fleet import Work
from kepler_lens.jobs.models import choose, make_current, packed
from kepler_lens.jobs.scorer.report import Progress
from kepler_lens.jobs.scorer.table import render_summary
from kepler_lens.jobs.scorer.task import ScoreResult, ScoreSettings, Star, score_star
from kepler_lens.jobs.searcher.catalogue import Catalogue
from kepler_lens.jobs.searcher.config import Job
from kepler_lens.jobs.star_results import QUARANTINED
from kepler_lens.jobs.stars import StarDriver, work_on_stars
from kepler_lens.run_name import new_run
from kepler_lens.transit_search.store.read import searched_stars
from kepler_lens.warp10.client import Token, Warp10


def run_scores(job: Job, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Score the candidates of the stars of a job.

    Parameters
    ----------
    job : Job
        Of `kepler_lens.jobs.searcher.config`. A model that the job names becomes the current one.
    say : callable, optional
        Called with a line of progress every ten seconds.

    Returns
    -------
    dict
        The report (see `kepler_lens.jobs.scorer.report`), with ``exit_status``: 0, 3 if stars were
        quarantined, or 4 if a signal stopped the job.

    Raises
    ------
    JobRunningError
        Another such job holds the lock.
    KeplerLensError
        The job cannot continue; the report has the same sentence.
    """
    with lock(job.state, "job of scores"):
        return _Driver(job, say).run()


class _Driver(StarDriver[Progress]):
    complete = "Every candidate has a score."

    def __init__(self, job: Job, say: Callable[[str], None]) -> None:
        super().__init__(Progress(run=new_run(), server=job.server, folder=job.state), say)
        self.job = job
        self.warp10 = Warp10(job.server)

    def work(self) -> None:
        """Score the candidates, then bring the catalogue up to date, which is ranked by score."""
        job, progress = self.job, self.progress
        bundle = choose(job.models, job.model)
        progress.model, progress.bundle = bundle.name, bundle
        progress.threshold = bundle.threshold()
        read = Token.from_file(job.tokens.read)
        # An empty write finds a wrong token before the first star is scored.
        self.warp10.update(b"", Token.from_file(job.tokens.results_write))
        self.wait_for(self._searched(read) if job.stars is None else job.stars)
        catalogue = Catalogue(job.state)
        catalogue.touch(job.stars)
        if self.waiting:
            model, luggage = packed(bundle)
            tick = time.time_ns() // 1000
            settings = ScoreSettings(tick, job.server, job.tokens, job.column, job.force, model)
            work: Work[Star, ScoreResult] = work_on_stars(
                "job of scores", progress.run, partial(score_star, settings=settings), luggage
            )
            with self.fleet(job.scheduler, job.tls, work) as fleet:
                self.take_stars(fleet)
        if job.model:
            make_current(job.models, job.model)
        catalogue.bring(self.warp10, read, job.stars)

    def _searched(self, read: Token) -> list[int]:
        stars: list[int] = []
        for piece in searched_stars(self.warp10, read):
            self.idle("listing the stars that were searched")
            stars += piece
        return stars

    def batch(self, star: int) -> Star:
        """Return the star."""
        return Star(star)

    def rejected(self) -> str:
        """Return a sentence with the number of stars without scores; empty for none."""
        count = self.progress.outcomes[QUARANTINED]
        return f"{count} stars cannot be scored." if count else ""

    def summary(self, report: dict[str, Any]) -> str:
        """Return the report as text, see `kepler_lens.jobs.scorer.table`."""
        return render_summary(report)
