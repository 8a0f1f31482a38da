"""The results of searches, read back from Warp 10 as any guest may; see `results`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kepler_lens.classify.stored import Score, fetch_scores
from kepler_lens.errors import Warp10Error
from kepler_lens.number_pattern import number_pattern
from kepler_lens.search.catalogue import score_row
from kepler_lens.search.results import CANDIDATE
from kepler_lens.star_points import SEARCH, pages, points_of
from kepler_lens.warp10 import Series, Token, Warp10

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

_STARS_A_QUERY = 500
"""Chosen: as many as the Python interface asks for at a time."""

_TRIES = 3
"""How often a star is read whose candidates are not those of its search, as they are when a search
ends between the two looks. Chosen: two searches of a star in a row take seconds at least."""

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Searched:
    """The search of a star that counts.

    Attributes
    ----------
    star : int
    run, engine, fingerprint : str
        See `results.push`.
    candidates : int
        How many were found.
    """

    star: int
    run: str
    engine: str
    fingerprint: str
    candidates: int


def newest(warp10: Warp10, token: Token, star: int) -> Searched | None:
    """Give the search of a star that counts; None if it was never searched."""
    return _searches(warp10, token, [star]).get(star)


def candidates(warp10: Warp10, token: Token, star: int) -> list[Series]:
    """Give a star's series of candidates, of all runs."""
    return warp10.find(f"{CANDIDATE}{{KEPLERID={star}}}", token)


def searched_stars(warp10: Warp10, token: Token) -> Iterator[list[int]]:
    """List the stars that were searched, piece by piece."""
    for piece in pages(warp10, token, f"{SEARCH}{{}}"):
        yield piece.ticks


def rows_of(warp10: Warp10, token: Token, stars: Iterable[int]) -> Iterator[Row]:
    """Give the rows of some stars' candidates, by `kepler_lens.search.catalogue.COLUMNS`.

    A row for each candidate of the runs that count; in no order.
    """
    ordered = sorted(stars)
    for first in range(0, len(ordered), _STARS_A_QUERY):
        yield from _rows(warp10, token, _chosen(ordered[first : first + _STARS_A_QUERY]))


def every_row(warp10: Warp10, token: Token) -> Iterator[Row]:
    """Give the rows of all stars' candidates; see `rows_of`."""
    # By the last digit of the star: all of Kepler in one answer would be too much.
    for digit in range(10):
        yield from _rows(warp10, token, f"{{KEPLERID~.*{digit}}}")


def _chosen(stars: Sequence[int]) -> str:
    return f"{{KEPLERID~{number_pattern(stars)}}}"


def _rows(warp10: Warp10, token: Token, chosen: str, tries: int = _TRIES) -> Iterator[Row]:
    found: defaultdict[int, list[Series]] = defaultdict(list)
    for series in warp10.find(CANDIDATE + chosen, token):
        found[int(series.labels["KEPLERID"])].append(series)
    # After the candidates: those of a search that ends in between are then missed by its count.
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
