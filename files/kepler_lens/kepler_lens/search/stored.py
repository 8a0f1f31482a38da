"""The results of searches, read back from Warp 10 as any guest may; see `results`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kepler_lens.errors import Warp10Error
from kepler_lens.search.results import CANDIDATE, SEARCH
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


@dataclass(frozen=True, slots=True)
class Searched:
    """The search of a star that counts.

    Attributes
    ----------
    star, tick : int
        Number, and when it was searched (µs).
    run, engine, fingerprint : str
        See `results.push`.
    candidates : int
        How many were found.
    """

    star: int
    tick: int
    run: str
    engine: str
    fingerprint: str
    candidates: int


def newest(warp10: Warp10, token: Token, star: int) -> Searched | None:
    """Give the search of a star that counts; None if it was never searched."""
    return next(_newest(warp10.fetch(f"{SEARCH}{{KEPLERID={star}}}", token)), None)


def candidates(warp10: Warp10, token: Token, star: int) -> list[Series]:
    """Give a star's series of candidates, of all runs."""
    return warp10.find(f"{CANDIDATE}{{KEPLERID={star}}}", token)


def everything(warp10: Warp10, token: Token) -> tuple[int, list[dict[str, object]]]:
    """Give how many stars have been searched, and the catalogue of what was found.

    Returns
    -------
    int, list of dict
        A row for each candidate of the runs that count, by `kepler_lens.search.catalogue.COLUMNS`,
        sorted by star and number.
    """
    stars = 0
    rows: list[tuple[int, int, dict[str, object]]] = []
    # By the last digit of the star: all of Kepler in one answer would be too much.
    for digit in range(10):
        chosen = f"{{KEPLERID~.*{digit}}}"
        runs = {s.star: s.run for s in _newest(warp10.fetch(SEARCH + chosen, token))}
        stars += len(runs)
        for series in warp10.find(CANDIDATE + chosen, token):
            star, number = int(series.labels["KEPLERID"]), int(series.labels["CANDIDATE"])
            if series.labels["RUN"] == runs.get(star):
                rows.append((star, number, _row(star, number, series.attributes)))
    return stars, [row for _, _, row in sorted(rows, key=lambda r: r[:2])]


def _row(star: int, number: int, attributes: dict[str, str]) -> dict[str, object]:
    return {
        "kepid": star,
        "tce_plnt_num": number,
        **{column: attributes.get(name, "") for column, name in ATTRIBUTE_OF_COLUMN.items()},
    }


def _newest(found: Iterable[Series]) -> Iterator[Searched]:
    for series in found:
        star, tick, text = int(series.labels["KEPLERID"]), series.ticks[-1], series.values[-1]
        try:
            about = json.loads(text)
            yield Searched(
                star,
                tick,
                about["run"],
                about["engine"],
                about.get("fingerprint", ""),
                about["candidates"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Warp10Error(
                f"The search of star {star} at {tick} makes no sense ({error!r}): delete its "
                f"{SEARCH} series and search it again."
            ) from None
