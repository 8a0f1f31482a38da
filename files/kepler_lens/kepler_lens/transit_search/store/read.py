"""The results of searches, read from Warp 10 with a read token; see `write`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kepler_lens.errors import Warp10Error
from kepler_lens.missions import STAR_LABEL
from kepler_lens.transit_search.report.table import score_row
from kepler_lens.transit_search.score import Score
from kepler_lens.transit_search.store.scores import fetch_scores
from kepler_lens.transit_search.store.write import CANDIDATE_CLASS
from kepler_lens.warp10.client import Series, Token, Warp10
from kepler_lens.warp10.number_pattern import number_pattern
from kepler_lens.warp10.star_points import SEARCH, pages, points_of

ATTRIBUTE_OF_COLUMN = {
    "tce_period": "period",
    "tce_time0bk": "epoch",
    "tce_duration": "duration",
    "tce_depth": "depth",
    "tce_depth_err": "depth_error",
    "tce_model_snr": "snr",
    "tce_max_mult_ev": "mes",
    "tce_num_transits": "transits",
    "tce_prad": "radius",
    "disposition": "disposition",
    "comment": "comment",
}
"""Columns of the catalogue, with the names of the attributes that have their values."""

_STARS_A_QUERY = 500
"""Stars of one request (chosen): as many as the Python interface asks for at a time."""

_TRIES = 3
"""How often a star is read whose candidates are not as many as its search found. That happens where
a search ends between the two requests. Chosen: two searches of a star in a row take seconds."""

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Searched:
    """The search of a star that counts.

    Attributes
    ----------
    star : int
        KIC or EPIC number.
    run : str
        Name of the search.
    engine : str
        See `version.engine`.
    fingerprint : str
        See `write.push`.
    candidates : int
        Number of candidates that the search found.
    """

    star: int
    run: str
    engine: str
    fingerprint: str
    candidates: int


def newest(warp10: Warp10, token: Token, star: int) -> Searched | None:
    """Fetch the search of a star that counts.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        A read token.
    star : int
        KIC or EPIC number.

    Returns
    -------
    Searched or None
        None where the star was never searched.

    Raises
    ------
    Warp10Error
        The server refused or could not be reached, or its point of the search cannot be read.
    """
    return _searches(warp10, token, [star]).get(star)


def candidates(warp10: Warp10, token: Token, star: int) -> list[Series]:
    """Fetch a star's series of candidates, of all runs.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        A read token.
    star : int
        KIC or EPIC number.
    """
    return warp10.find(f"{CANDIDATE_CLASS}{{{STAR_LABEL}={star}}}", token)


def searched_stars(warp10: Warp10, token: Token) -> Iterator[list[int]]:
    """Yield the numbers of the stars that were searched, in lists, each of one request."""
    for piece in pages(warp10, token, f"{SEARCH}{{}}"):
        yield piece.ticks


def rows_of(warp10: Warp10, token: Token, stars: Iterable[int]) -> Iterator[Row]:
    """Fetch the rows of some stars' candidates.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        A read token.
    stars : iterable of int
        KIC or EPIC numbers.

    Yields
    ------
    dict
        A row, by `transit_search.report.table.COLUMNS`, for each candidate of the runs that count;
        in no order.
    """
    ordered = sorted(stars)
    for first in range(0, len(ordered), _STARS_A_QUERY):
        yield from _rows(warp10, token, _chosen(ordered[first : first + _STARS_A_QUERY]))


def every_row(warp10: Warp10, token: Token) -> Iterator[Row]:
    """Fetch the rows of all stars' candidates; see `rows_of`."""
    # A request for each last digit of a star: one answer for all of Kepler would be too large.
    for digit in range(10):
        yield from _rows(warp10, token, f"{{{STAR_LABEL}~.*{digit}}}")


def _chosen(stars: Sequence[int]) -> str:
    """Return the label selector of some stars."""
    return f"{{{STAR_LABEL}~{number_pattern(stars)}}}"


def _rows(warp10: Warp10, token: Token, chosen: str, tries: int = _TRIES) -> Iterator[Row]:
    found: defaultdict[int, list[Series]] = defaultdict(list)
    for series in warp10.find(CANDIDATE_CLASS + chosen, token):
        found[int(series.labels[STAR_LABEL])].append(series)
    # Read after the candidates: if a search ends in between, their number does not match its own.
    searches = _searches(warp10, token, found)
    scores = fetch_scores(warp10, token, chosen)
    again = []
    for star, search in searches.items():
        mine = [series for series in found[star] if series.labels["RUN"] == search.run]
        if len(mine) != search.candidates and tries > 1:
            again.append(star)
            continue
        for series in mine:
            number = int(series.labels["CANDIDATE"])
            _, score = scores.get((star, number, search.run), (0, None))
            yield _row(star, number, series.attributes, score)
    if again:
        yield from _rows(warp10, token, _chosen(again), tries - 1)


def _row(star: int, number: int, attributes: dict[str, str], score: Score | None) -> Row:
    return {
        "kepid": star,
        "tce_plnt_num": number,
        **{column: attributes.get(name, "") for column, name in ATTRIBUTE_OF_COLUMN.items()},
        **score_row(score),
    }


def _searches(warp10: Warp10, token: Token, stars: Iterable[int]) -> dict[int, Searched]:
    found = points_of(warp10, token, SEARCH, stars)
    return {
        star: _searched(star, text)
        for series in found
        for star, text in zip(series.ticks, series.values, strict=True)
    }


def _searched(star: int, text: str) -> Searched:
    try:
        about = json.loads(text)
        return Searched(
            star,
            about["run"],
            about["engine"],
            about.get("fingerprint", ""),
            about["candidates"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Warp10Error(
            f"The search of star {star} makes no sense ({error!r}): delete the point of {SEARCH} "
            "at that number and search the star again."
        ) from None
