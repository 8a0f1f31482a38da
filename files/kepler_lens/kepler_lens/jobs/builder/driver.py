"""Drive the building of a data set: plan, hand out stars, keep their records, assemble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from kepler_lens.classify.build import StarRecords, StarSettings
from kepler_lens.classify.curves import COLUMN
from kepler_lens.classify.labels import LabelTable, read_labels
from kepler_lens.classify.parts import Parts, Plan, sources_of
from kepler_lens.classify.recipes import recipe
from kepler_lens.errors import KeplerLensError
from kepler_lens.jobs.builder.config import Job
from kepler_lens.jobs.builder.report import Progress, render_summary
from kepler_lens.jobs.builder.task import BuildResult, BuildSettings, Star, build_star
from kepler_lens.jobs.driver import lock
from kepler_lens.jobs.fleet import Work
from kepler_lens.jobs.star_results import QUARANTINED, SKIPPED, StarResult
from kepler_lens.jobs.stars import KILLED, StarDriver, work_on_stars
from kepler_lens.run_name import new_run
from kepler_lens.warp10.client import Token, Warp10

DEATHS_A_STAR = 2
"""Deaths of the workers of a star, after which the star is left out (chosen: a star may have been
beside another that took the memory; the second try comes after all others)."""
_SHOWN = 5
"""Stars that a sentence names (chosen)."""


def run_build(job: Job, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Build the data set of a job, or the part of it that is missing.

    Parameters
    ----------
    job : Job
    say : callable, optional
        Called with a line of progress every ten seconds.

    Returns
    -------
    dict
        The report (see `jobs.builder.report`), with ``exit_status``: 0, 3 if stars were left
        out, or 4 if a signal stopped the job.

    Raises
    ------
    JobRunningError
        Another such job holds the lock.
    KeplerLensError
        The job cannot continue; the report has the same sentence.
    """
    with lock(job.state, "building of a data set"):
        return _Driver(job, say).run()


class _Driver(StarDriver[Progress]):
    complete = "The data set is whole."

    def __init__(self, job: Job, say: Callable[[str], None]) -> None:
        super().__init__(Progress(run=new_run(), server=job.server, folder=job.state), say)
        self.job = job
        self.parts: Parts | None = None
        self.table: LabelTable | None = None
        self.deaths: Counter[int] = Counter()
        self.dead: list[int] = []

    def work(self) -> None:
        """Make the records of each star that lacks them, then assemble the data set."""
        job, progress = self.job, self.progress
        makes = recipe(job.recipe)
        self.table = read_labels(job.labels, job.release)
        progress.labels, progress.data_set = job.release, str(job.state / job.name)
        stars = self._stars(self.table)
        plan = Plan(
            recipe=makes.name,
            digest=makes.digest,
            light_curves=job.server,
            labels=sources_of(self.table),
            signals=job.signals,
            synthetic=job.synthetic,
            copies=job.copies,
            seed=job.seed,
            stars=tuple(sorted(stars)),
        )
        self.parts = Parts(job.state / job.name, plan)
        self.wait_for(self.parts.missing())
        progress.total = len(stars)
        progress.outcomes[SKIPPED] = len(stars) - len(self.waiting)
        if self.waiting:
            settings = BuildSettings(job.server, job.tokens, makes.name, makes.digest)
            work: Work[Star, BuildResult] = work_on_stars(
                "building of a data set", progress.run, partial(build_star, settings=settings)
            )
            with self.fleet(job.scheduler, job.tls, work) as fleet:
                self.take_stars(fleet)
        if progress.defects.found:
            return  # the next job tries these stars again
        self.idle("assembling the data set")
        # Only now: a job that is stopped before leaves these stars to the next one.
        for star in self.dead:
            self.parts.put(StarRecords(star, [], {f"star {star}": KILLED}))
        progress.classes = dict(self.parts.assemble().counts)

    def _stars(self, table: LabelTable) -> set[int]:
        if self.job.stars is not None:
            return set(self.job.stars)
        warp10, read = Warp10(self.job.server), Token.from_file(self.job.tokens.read)
        there = self.every_star(warp10, read, COLUMN)
        known = set(there) & set(table.of_star)
        if not known:
            raise KeplerLensError(
                f"{table.path}: the table knows none of the {len(there)} stars with a light curve "
                f"at {self.job.server}: name another table, or import its stars."
            )
        return known

    def batch(self, star: int) -> Star:
        """Return the star, with the signals that the table has of it."""
        assert self.table is not None  # noqa: S101 - work() has read it
        job = self.job
        made = (job.signals, job.synthetic, job.copies, job.seed)
        return Star(star, StarSettings(self.table.of(star), *made))

    def account(self, result: StarResult) -> None:
        """Count the result of a star, and keep its records."""
        StarDriver.account(self, result)
        if result.defect:
            return
        assert self.parts is not None  # noqa: S101 - work() has made it
        made = result.records if isinstance(result, BuildResult) else None
        self.parts.put(made or StarRecords(result.star, [], {f"star {result.star}": result.reason}))

    def killed(self, batch: Star) -> None:
        """Try a star again whose workers died, after all others; then count it as left out."""
        self.deaths[batch.number] += 1
        if self.deaths[batch.number] < DEATHS_A_STAR:
            self.waiting.append(batch.number)
            return
        self.dead.append(batch.number)
        StarDriver.account(self, StarResult("none", batch.number, QUARANTINED, KILLED))

    def rejected(self) -> str:
        """Return a sentence with the number of stars left out; empty for none."""
        count = self.progress.outcomes[QUARANTINED]
        parts = [f"{count} stars are left out of the data set."] if count else []
        if dead := sorted(self.dead):
            names = ", ".join(map(str, dead[:_SHOWN])) + (" …" if len(dead) > _SHOWN else "")
            parts.append(
                f"The workers of {len(dead)} of them died ({names}): to have these too, give the "
                "workers more memory, remove the data set and build it again."
            )
        return " ".join(parts)

    def summary(self, report: dict[str, Any]) -> str:
        """Return the report as text, see `kepler_lens.jobs.builder.report`."""
        return render_summary(report)
