"""The work on one star; it runs in a Dask worker and does not depend on the driver.

The worker may die at any moment, and another may do the work again. One point, written last, makes
the candidates the ones that count. After it, the work deletes what other attempts left.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from kepler_lens.errors import KeplerLensError
from kepler_lens.jobs.searcher.config import Tokens
from kepler_lens.jobs.star_results import SKIPPED, StarResult, attempt
from kepler_lens.jobs.worker import worker_name
from kepler_lens.transit_search.search import Result, search_and_vet
from kepler_lens.transit_search.store.light_curve import ServerCurve, fetch_curve
from kepler_lens.transit_search.store.read import Searched, candidates, newest
from kepler_lens.transit_search.store.write import clear, push
from kepler_lens.transit_search.version import engine
from kepler_lens.warp10.client import Series, Token, Warp10

SEARCHED = "searched"

_ATTEMPTS = 3
"""How often results are written until they can be read back (chosen)."""
_ONE_AT_A_TIME = threading.Lock()
"""A process has a core and memory for one search; meanwhile its other threads fetch and push."""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Settings that all stars of a job share; small, and without secrets.

    Attributes
    ----------
    run : str
        Name of this run of the job, and of its results on the server.
    server : str
        URL of Warp 10.
    tokens : Tokens
    column : str
        FITS name.
    force : bool
        Whether to search a star again although its last search had the same light curve and the
        same version of the search.
    tick : int
        Tick of the scores, µs.
    model : str
        Key of the model that scores candidates, see `kepler_lens.jobs.models.packed`.
    """

    run: str
    server: str
    tokens: Tokens
    column: str
    force: bool
    tick: int
    model: str


@dataclass(frozen=True, slots=True)
class Star:
    """A star to be searched.

    Attributes
    ----------
    number : int
        KIC or EPIC number.
    pages_of_run : str
        Run whose pages the driver has; empty if there are none.
    """

    number: int
    pages_of_run: str = ""


@dataclass(slots=True)
class SearchResult(StarResult):
    """The result of the work on a star.

    Attributes
    ----------
    run : str
        Run of the search that counts now.
    pages : dict of int to bytes
        Number of each new candidate to its page (PNG).
    fetch_s, search_s, draw_s, push_s : float
        Seconds of reading, of searching, vetting and scoring, of drawing, and of writing.
    """

    run: str = ""
    pages: dict[int, bytes] = field(default_factory=dict)
    fetch_s: float = 0.0
    search_s: float = 0.0
    draw_s: float = 0.0
    push_s: float = 0.0


def search_star(star: Star, settings: SearchSettings, *, worker: str = "") -> SearchResult:
    """Search a star, unless a search with the same engine and light curve stands.

    Parameters
    ----------
    star : Star
    settings : SearchSettings
    worker : str, optional
        Name in the result; by default that of the Dask worker.

    Returns
    -------
    SearchResult
        A failure that every star would have (token, server) is in ``fatal``.
    """
    result = SearchResult(worker or worker_name(), star.number)
    with attempt(result):
        _Attempt(star, settings, result).run()
    return result


class _Attempt:
    def __init__(self, star: Star, settings: SearchSettings, result: SearchResult) -> None:
        self.star = star
        self.settings = settings
        self.result = result
        self.warp10 = Warp10(settings.server)
        self.read = Token.from_file(settings.tokens.read)
        self.write = Token.from_file(settings.tokens.results_write)

    def run(self) -> None:
        settings, result, number = self.settings, self.result, self.star.number
        began = time.monotonic()
        curve = fetch_curve(self.warp10, self.read, number, settings.column)
        before = newest(self.warp10, self.read, number)
        result.fetch_s = time.monotonic() - began
        if before is not None and self._stands(before, curve):
            result.run, result.candidates = before.run, before.candidates
            # An earlier attempt of this job may have finished the star before its worker died.
            result.outcome = SEARCHED if before.run == settings.run else SKIPPED
            return
        with _ONE_AT_A_TIME:
            found = self._search(curve)
        result.run, result.candidates, result.outcome = (
            settings.run,
            len(found.candidates),
            SEARCHED,
        )
        began = time.monotonic()
        self._push(found, curve.fingerprint)
        result.push_s = time.monotonic() - began

    def _search(self, curve: ServerCurve) -> Result:
        from kepler_lens.classify.scoring import scored
        from kepler_lens.jobs.models import unpacked
        from kepler_lens.transit_search.report.page import pages

        result = self.result
        began = time.monotonic()
        observed = curve.observations(result.left_out.append)
        found = scored(search_and_vet(observed), unpacked(self.settings.model))
        result.search_s = time.monotonic() - began
        result.pages = pages(found)
        result.draw_s = time.monotonic() - began - result.search_s
        return found

    def _stands(self, before: Searched, curve: ServerCurve) -> bool:
        """Return whether a search need not be repeated; if so, delete what other runs left."""
        ours = before.run == self.settings.run
        if self.settings.force and not ours:
            return False
        if (before.engine, before.fingerprint) != (engine(), curve.fingerprint):
            return False
        # The driver may have lost the pages of an earlier search, or never got those of this one.
        if before.candidates and self.star.pages_of_run != before.run:
            return False
        runs = [series.labels["RUN"] for series in self._candidates()]
        if runs.count(before.run) != before.candidates:
            return False
        if len(runs) > before.candidates:
            clear(self.warp10, self.write, before.star, before.run)
        return True

    def _push(self, found: Result, fingerprint: str) -> None:
        """Write the results, and write them again where another attempt has deleted them.

        An attempt that was taken for dead may still run and delete the series of other runs.
        """
        for _ in range(_ATTEMPTS):
            push(
                self.warp10,
                self.write,
                found,
                self.settings.run,
                fingerprint,
                self.settings.tick,
            )
            last = newest(self.warp10, self.read, self.star.number)
            runs = [series.labels["RUN"] for series in self._candidates()]
            complete = runs.count(self.settings.run) == len(found.candidates)
            if last is not None and last.run == self.settings.run and complete:
                return
        raise KeplerLensError(
            f"What was found at star {self.star.number} cannot be read back from "
            f"{self.settings.server}: does the read token see what the results' token writes?"
        )

    def _candidates(self) -> list[Series]:
        return candidates(self.warp10, self.read, self.star.number)
