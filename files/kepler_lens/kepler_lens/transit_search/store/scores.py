"""Keep scores in Warp 10, beside the candidates that they are of.

The series ``transit.score`` has the labels of the star (`STAR_LABEL`), CANDIDATE, RUN and MODEL.
Each scoring adds a point whose value is the calibrated probability that the candidate is a planet.
See `attributes` for the attributes.

CANDIDATE and RUN are those of ``transit.candidate``. That series is not changed, because the server
replaces all attributes of a series at once. If several models have scored a candidate, the score of
the latest scoring is the current one. A return to an older model therefore takes effect when that
model has scored again. The scores of the other models stay for comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import attribute_text, series_name
from kepler_lens.missions import STAR_LABEL
from kepler_lens.transit_search.score import Score
from kepler_lens.warp10.client import Series, Token, Warp10

SCORE = "transit.score"

_NUMBERS = ("p_planet", "p_eclipse", "p_noise", "spread", "distance")
_FLAG = {True: "yes", False: "no"}


Key = tuple[int, int, str]
"""Star, number of the candidate, and run of the search."""


def attributes(score: Score) -> dict[str, str]:
    """Return the attributes of a score, as text.

    Returns
    -------
    dict
        p_planet, p_eclipse, p_noise, spread, distance, outside (yes or no: whether the candidate is
        unlike the training set), model, recipe. Numbers have six decimals.
    """
    return {
        **{name: f"{getattr(score, name):.6f}" for name in _NUMBERS},
        "outside": _FLAG[score.outside],
        "model": score.model,
        "recipe": score.recipe,
    }


def push_scores(
    warp10: Warp10, token: Token, star: int, run: str, scores: Mapping[int, Score], tick: int
) -> None:
    """Write the scores of a star's candidates; writing twice with one tick equals writing once.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        Write token of the results.
    star : int
        KIC or EPIC number.
    run : str
        Run of the search that found the candidates.
    scores : mapping
        Number of a candidate to its score.
    tick : int
        Time of the scoring, µs.
    """
    if not scores:
        return
    names = {number: _name(star, number, run, score.model) for number, score in scores.items()}
    lines = (f"{tick}// {names[n]} {score.p_planet:.6f}\n" for n, score in scores.items())
    warp10.update("".join(lines).encode(), token)
    known = (names[n] + attribute_text(attributes(score)) for n, score in scores.items())
    warp10.meta(known, token)


def clear_scores(warp10: Warp10, token: Token, star: int, run: str) -> None:
    """Delete the scores of a star's candidates of all runs except one.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        Write token of the results.
    star : int
        KIC or EPIC number.
    run : str
        Run whose scores stay.
    """
    warp10.delete(f"{SCORE}{{{STAR_LABEL}={star},RUN~(?!{run}$).*}}", token)


def fetch_scores(warp10: Warp10, token: Token, labels: str) -> dict[Key, tuple[int, Score]]:
    """Read the current score of each candidate.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        Read token.
    labels : str
        Selector of labels, such as ``{MODEL=…}``.

    Returns
    -------
    dict
        Star, candidate and run (`Key`) to the tick (µs) of the latest scoring, and its score.
    """
    return newest(warp10.fetch(SCORE + labels, token))


def newest(found: Iterable[Series]) -> dict[Key, tuple[int, Score]]:
    """Choose the latest score of each candidate, among the series of all models.

    Parameters
    ----------
    found : iterable of Series
        Series of `SCORE` with points and attributes.

    Returns
    -------
    dict
        See `fetch_scores`.
    """
    scores: dict[Key, tuple[int, Score]] = {}
    for series in found:
        labels = series.labels
        key = int(labels[STAR_LABEL]), int(labels["CANDIDATE"]), labels["RUN"]
        tick = series.ticks[-1]
        if key not in scores or tick > scores[key][0]:
            scores[key] = tick, _score(series)
    return scores


def _score(series: Series) -> Score:
    known, model = series.attributes, series.labels["MODEL"]
    try:
        # A worker that died between the point and the attributes left the probability alone.
        numbers = [float(known.get(name, "nan")) for name in _NUMBERS[1:]]
        p = float(series.values[-1])
    except (TypeError, ValueError) as error:
        raise Warp10Error(
            f"The score of candidate {series.labels} makes no sense ({error!r}): delete its "
            f"{SCORE} series and score it again."
        ) from None
    outside = known.get("outside") == _FLAG[True]
    p_eclipse, p_noise, spread, distance = numbers
    recipe = known.get("recipe", "")
    return Score(p, p_eclipse, p_noise, spread, distance, outside, model, recipe)


def _name(star: int, number: int, run: str, model: str) -> str:
    labels = {STAR_LABEL: str(star), "CANDIDATE": str(number), "RUN": run, "MODEL": model}
    return series_name(SCORE, labels)
