"""Score the candidates of one star, within a Dask worker; this module knows nothing of the driver.

The task may be killed at any moment and run again. All points of a job have one tick, so writing a
score twice equals writing it once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kepler_lens.classify.scoring import scored_again
from kepler_lens.jobs.models import unpacked
from kepler_lens.jobs.searcher.config import Tokens
from kepler_lens.jobs.star_results import SKIPPED, StarResult, attempt
from kepler_lens.jobs.worker import worker_name
from kepler_lens.missions import STAR_LABEL
from kepler_lens.transit_search.score import Score
from kepler_lens.transit_search.store.light_curve import fetch_curve
from kepler_lens.transit_search.store.read import Searched, candidates, newest
from kepler_lens.transit_search.store.scores import fetch_scores, push_scores
from kepler_lens.warp10.client import Series, Token, Warp10

SCORED = "scored"


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """Settings that are the same for all stars of a job; small, and without secrets.

    Attributes
    ----------
    tick : int
        Time of all scores of the job, µs.
    server : str
        URL of Warp 10.
    tokens : Tokens
    column : str
        FITS name of the flux that was searched.
    force : bool
        Whether to score again what the model has scored.
    model : str
        Key of the model, see `kepler_lens.jobs.models.packed`.
    """

    tick: int
    server: str
    tokens: Tokens
    column: str
    force: bool
    model: str


@dataclass(frozen=True, slots=True)
class Star:
    """A star whose candidates are to be scored.

    Attributes
    ----------
    number : int
        KIC or EPIC number.
    """

    number: int


@dataclass(slots=True)
class ScoreResult(StarResult):
    """Result of a star.

    Attributes
    ----------
    scores : list of Score
        Current scores of all its candidates.
    scalars : list of lists of float
        Inputs of the model for each candidate that was scored now, by
        `kepler_lens.classify.scalars.SCALARS`.
    """

    scores: list[Score] = field(default_factory=list)
    scalars: list[list[float]] = field(default_factory=list)


def score_star(star: Star, settings: ScoreSettings, *, worker: str = "") -> ScoreResult:
    """Score the candidates of a star that the model has not scored yet.

    Parameters
    ----------
    star : Star
    settings : ScoreSettings
    worker : str, optional
        Name in the report; by default that of the Dask worker.

    Returns
    -------
    ScoreResult
        ``fatal`` has a failure that all other stars would have too (token, server, model).
    """
    result = ScoreResult(worker or worker_name(), star.number)
    with attempt(result):
        _score(star.number, settings, result)
    return result


def _score(star: int, settings: ScoreSettings, result: ScoreResult) -> None:
    warp10 = Warp10(settings.server)
    read = Token.from_file(settings.tokens.read)
    bundle = unpacked(settings.model)
    search = newest(warp10, read, star)
    known = _of_run(search, candidates(warp10, read, star))
    result.outcome = SKIPPED
    if search is None or not known:
        return
    before = {
        key[1]: found
        for key, found in fetch_scores(warp10, read, f"{{{STAR_LABEL}={star}}}").items()
        if key[2] == search.run
    }
    result.scores = [score for _, score in before.values()]
    last = max((tick for tick, _ in before.values()), default=0)
    by_us = all(score.model == bundle.name for score in result.scores)
    if by_us and before.keys() == known.keys():
        # An earlier attempt of this very job may have got here before its worker died.
        ours = all(tick == settings.tick for tick, _ in before.values())
        if ours or not settings.force:
            result.outcome = SCORED if ours else SKIPPED
            result.candidates = len(known)
            return
    curve = fetch_curve(warp10, read, star, settings.column)
    about = {number: series.attributes for number, series in known.items()}
    found = scored_again(curve.observations(result.left_out.append), about, bundle)
    scores = {number: explained.score for number, explained in found.items()}
    if by_us and scores.keys() == before.keys() and not settings.force:
        return  # no views can be made of the other candidates
    result.scores = list(scores.values())
    result.scalars = [explained.scalars.tolist() for explained in found.values()]
    result.outcome, result.candidates = SCORED, len(scores)
    write = Token.from_file(settings.tokens.results_write)
    push_scores(warp10, write, star, search.run, scores, max(settings.tick, last + 1))


def _of_run(search: Searched | None, series: list[Series]) -> dict[int, Series]:
    """Return the candidates of the current search, by number."""
    run = "" if search is None else search.run
    return {int(s.labels["CANDIDATE"]): s for s in series if s.labels["RUN"] == run}
