"""The results of searches, read back from Warp 10 as any guest may; see `results`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kepler_lens.classify.stored import Score, fetch_scores
from kepler_lens.errors import Warp10Error
from kepler_lens.search.catalogue import ranked, score_row, write_csv
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


def searched_stars(warp10: Warp10, token: Token) -> list[int]:
    """List the stars that were searched."""
    stars: list[int] = []
    for digit in range(10):
        found = warp10.find(f"{SEARCH}{{KEPLERID~.*{digit}}}", token)
        stars += [int(series.labels["KEPLERID"]) for series in found]
    return stars


def write_catalogue(path: Path, rows: Iterable[dict[str, object]]) -> None:
    """Replace the file of the catalogue in one step."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, rows)
    part.replace(path)


def everything(warp10: Warp10, token: Token) -> tuple[int, list[dict[str, object]]]:
    """Give how many stars have been searched, and the catalogue of what was found.

    Returns
    -------
    int, list of dict
        A row for each candidate of the runs that count, by `kepler_lens.search.catalogue.COLUMNS`,
        the likeliest planet first, then by star and number.
    """
    stars = 0
    rows: list[tuple[int, int, dict[str, object]]] = []
    # By the last digit of the star: all of Kepler in one answer would be too much.
    for digit in range(10):
        chosen = f"{{KEPLERID~.*{digit}}}"
        runs = {s.star: s.run for s in _newest(warp10.fetch(SEARCH + chosen, token))}
        stars += len(runs)
        scores = fetch_scores(warp10, token, chosen)
        for series in warp10.find(CANDIDATE + chosen, token):
            star, number = int(series.labels["KEPLERID"]), int(series.labels["CANDIDATE"])
            run = series.labels["RUN"]
            if run == runs.get(star):
                _, score = scores.get((star, number, run), (0, None))
                rows.append((star, number, _row(star, number, series.attributes, score)))
    return stars, ranked(row for _, _, row in sorted(rows, key=lambda r: r[:2]))


def _row(
    star: int, number: int, attributes: dict[str, str], score: Score | None
) -> dict[str, object]:
    return {
        "kepid": star,
        "tce_plnt_num": number,
        **{column: attributes.get(name, "") for column, name in ATTRIBUTE_OF_COLUMN.items()},
        **score_row(score),
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
