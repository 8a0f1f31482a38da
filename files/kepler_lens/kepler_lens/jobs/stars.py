"""Drive jobs that take star after star: search, scores and data sets."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from kepler_lens.errors import KeplerLensError
from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.jobs.driver import Driver
from kepler_lens.jobs.fleet import Batch, Fleet, Killed, Work
from kepler_lens.jobs.star_results import QUARANTINED, StarProgress, StarResult
from kepler_lens.jobs.worker import Luggage
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.register import Register

STARS_A_THREAD = 2
"""Stars under way for each thread of the fleet (chosen): one is worked on and one waits. A star
takes long, and the last stars should be spread over the threads."""

KILLED = "The workers that tried it died again and again: see their journals."
"""Why a star was quarantined whose workers died."""


class NumberedStar(Protocol):
    """A star as a job hands it to a worker."""

    @property
    def number(self) -> int:
        """KIC or EPIC number."""


AnyStar = TypeVar("AnyStar", bound=NumberedStar)
Result = TypeVar("Result", bound=StarResult)


def work_on_stars(
    name: str, run: str, call: Callable[[AnyStar], Result], luggage: Luggage | None = None
) -> Work[AnyStar, Result]:
    """Return the work of a job whose batches are single stars, see `Work`.

    Parameters
    ----------
    name, run : str
        Name of the job for people, and name of its run.
    call : callable
        Does a star, on a worker.
    luggage : Luggage, optional
        Bytes that all workers need for the work.
    """
    return Work(
        name,
        run,
        call,
        STARS_A_THREAD,
        lambda *_: True,
        lambda star: f"star {star.number}",
        luggage,
    )


Progress = TypeVar("Progress", bound=StarProgress)


class StarDriver(Driver[Progress]):
    """Hand out stars one by one, and collect their results."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.waiting: deque[int] = deque()

    @abstractmethod
    def batch(self, star: int) -> Any:
        """Return what is sent to the worker that takes a star."""

    def account(self, result: StarResult) -> None:
        """Count the result of a star.

        Raises
        ------
        KeplerLensError
            The result is fatal for the whole job.
        DefectError
            The program has failed too often at one line.
        """
        if result.fatal:
            raise KeplerLensError(result.fatal)
        self.progress.add(result)
        if result.defect:
            self.progress.defects.add(result.defect, f"star {result.star}")

    def failure(self) -> str:
        """Return why the job failed: a fault of the program, or no star that could be done."""
        progress = self.progress
        if message := super().failure():
            return message
        if not progress.total or progress.outcomes[QUARANTINED] < progress.total:
            return ""
        first = progress.quarantined[0]
        return (
            f"Not one of {progress.total:,} stars could be {progress.done_word}; the first, "
            f"{first['star']}: {first['reason']}"
        )

    def wait_for(self, stars: Sequence[int]) -> None:
        """Set the stars that are to be handed out."""
        self.waiting += sorted(set(stars))
        self.progress.total = len(self.waiting)

    def take_stars(self, fleet: Fleet[Batch, Any]) -> None:
        """Hand out all waiting stars, and count the result of each."""
        while self.waiting or fleet.in_flight:
            self.idle(fleet.message)
            while self.waiting:
                batch = self.batch(self.waiting[0])
                if not fleet.takes(batch):
                    break
                self.waiting.popleft()
                fleet.submit(batch)
            for outcome in fleet.collect(timeout=0.25):
                if isinstance(outcome, Killed):
                    self.killed(outcome.batch)
                else:
                    self.account(outcome)

    def killed(self, batch: Any) -> None:
        """Count a star whose workers died."""
        self.account(StarResult("none", batch.number, QUARANTINED, KILLED))

    def every_star(self, warp10: Warp10, read: Token, column: str) -> list[int]:
        """List the stars of which the server's register has a light curve of long cadence.

        Parameters
        ----------
        warp10 : Warp10
        read : Token
        column : str
            FITS name of the flux.

        Returns
        -------
        list of int
            KIC or EPIC numbers, ascending.

        Raises
        ------
        KeplerLensError
            There are none.
        """
        stars: set[int] = set()
        for piece in Register(warp10, read).stars(CLASS_OF_COLUMN[column], "long cadence"):
            self.idle("listing the stars")
            stars.update(piece)
        if not stars:
            raise KeplerLensError(
                f"The register of {warp10.url} names no star with {column} of long cadence: import "
                "some, or let `kepler-lens status --recount` note those that are there already."
            )
        return sorted(stars)
