"""A search result as a table: columns as in the TCE table of the NASA Exoplanet Archive."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from kepler_lens.search.engine import Candidate, Search, same_period
from kepler_lens.search.engine import search as search_star
from kepler_lens.search.observations import Observations
from kepler_lens.search.vet import FALSE_POSITIVE, Test, Vetting, measured, vet

if TYPE_CHECKING:
    from kepler_lens.classify.scoring import Explained
    from kepler_lens.classify.stored import Score

ENGINE = "1"
"""Version of the search: a star is searched again where this has changed."""

_SUN_IN_EARTH_RADII = 109.1

SCORE_COLUMNS = ("score", "score_spread", "score_outside", "score_model")
"""Probability of a planet and its deviation over the ensemble, whether the candidate lies outside
of what the model was trained on (yes or no), and the model; empty where none has scored it."""

COLUMNS = (
    *("kepid", "tce_plnt_num", "tce_period", "tce_time0bk", "tce_duration", "tce_depth"),
    *("tce_depth_err", "tce_model_snr", "tce_max_mult_ev", "tce_num_transits", "tce_prad"),
    *("disposition", "comment", *SCORE_COLUMNS),
)
"""kepid and planet number; period (days), epoch (BKJD), duration (hours), depth and its error
(ppm), SNR, multiple-event statistic, transits observed, radius (of the Earth's, empty where the
star's is not known); disposition and the verdicts that speak against a planet; `SCORE_COLUMNS`."""


@dataclass(frozen=True, slots=True, eq=False)
class Vetted:
    """A candidate with its vetting and, once a model has seen it, its score."""

    candidate: Candidate
    vetting: Vetting
    score: Explained | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A star, searched and vetted."""

    search: Search
    candidates: tuple[Vetted, ...]


def search_and_vet(star: Observations) -> Result:
    """Search a star and vet what was found.

    Raises
    ------
    NotSearchableError
        See `kepler_lens.search.engine.search`.
    """
    found = with_measured_durations(search_star(star))
    vetted = []
    for candidate in found.candidates:
        others = [c for c in found.candidates if c.number != candidate.number]
        twin = next((c for c in others if same_period(c.ephemeris, candidate.ephemeris)), None)
        vetting = vet(found.prepared, candidate.ephemeris, found.others(candidate.number))
        vetted.append(Vetted(candidate, vetting if twin is None else eclipses(vetting, twin)))
    return Result(found, tuple(vetted))


def with_measured_durations(found: Search) -> Search:
    """Measure how long transits last, of which the search knows the step of its durations.

    Twice: the wings of a transit that was taken for shorter lie beside those of the others.
    """
    for _ in range(2):
        for k, candidate in enumerate(found.candidates):
            others = found.others(candidate.number)
            ephemeris = measured(found.prepared, candidate.ephemeris, others)
            known = (*found.candidates[:k], replace(candidate, ephemeris=ephemeris))
            found = replace(found, candidates=(*known, *found.candidates[k + 1 :]))
    return found


def eclipses(vetting: Vetting, twin: Candidate) -> Vetting:
    """Call a candidate with a twin of the same period a binary."""
    words = f"Candidate {twin.number} has the same period: the other eclipse of a binary."
    tests = tuple(
        Test("secondary", twin.statistic, False, words) if test.name == "secondary" else test
        for test in vetting.tests
    )
    return replace(vetting, tests=tests, disposition=FALSE_POSITIVE)


def row(star: Observations, vetted: Vetted) -> dict[str, object]:
    """Give a candidate's row, by `COLUMNS`."""
    vetting, ephemeris = vetted.vetting, vetted.vetting.ephemeris
    radius = star.stellar.get("RADIUS")
    ratio = (max(vetting.depth_ppm, 0) / 1e6) ** 0.5
    return {
        "kepid": star.star,
        "tce_plnt_num": vetted.candidate.number,
        "tce_period": round(ephemeris.period_days, 6),
        "tce_time0bk": round(ephemeris.epoch_bkjd, 4),
        "tce_duration": round(ephemeris.duration_hours, 3),
        "tce_depth": round(vetting.depth_ppm, 1),
        "tce_depth_err": round(vetting.depth_error_ppm, 1),
        "tce_model_snr": round(vetting.snr, 1),
        "tce_max_mult_ev": round(vetted.candidate.statistic, 2),
        "tce_num_transits": len(vetting.found.number),
        "tce_prad": round(radius * ratio * _SUN_IN_EARTH_RADII, 2) if radius else "",
        "disposition": vetting.disposition,
        "comment": " ".join(test.verdict for test in vetting.tests if not test.passed),
        **score_row(vetted.score.score if vetted.score else None),
    }


def score_row(score: Score | None) -> dict[str, object]:
    """Give a score by `SCORE_COLUMNS`."""
    if score is None:
        return dict.fromkeys(SCORE_COLUMNS, "")
    spread, outside = f"{score.spread:.4f}", "yes" if score.outside else "no"
    return dict(
        zip(SCORE_COLUMNS, (f"{score.p_planet:.4f}", spread, outside, score.model), strict=True)
    )


def ranked(rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """Sort a catalogue by score, the likeliest planet first, what has none last."""
    return sorted(rows, key=lambda r: -float(str(r["score"])) if r["score"] != "" else 1.0)


def write_csv(file: TextIO, rows: Iterable[dict[str, object]]) -> None:
    """Write a catalogue."""
    table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)


def write_result(folder: Path, result: Result, *, plots: bool = True) -> Sequence[Path]:
    """Write a star's table, its details and one page a candidate into a folder.

    Returns
    -------
    sequence of Path
        What was written: candidates.csv, search.json, candidate-1.png …
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("candidate-*.png"):
        old.unlink()
    star = result.search.star
    table, details = folder / "candidates.csv", folder / "search.json"
    with table.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, (row(star, vetted) for vetted in result.candidates))
    details.write_text(json.dumps(_details(result), indent=1) + "\n", encoding="utf-8")
    written = [table, details]
    if plots:
        from kepler_lens.search.page import pages

        for number, picture in pages(result).items():
            path = folder / f"candidate-{number}.png"
            path.write_bytes(picture)
            written.append(path)
    return written


def _details(result: Result) -> dict[str, object]:
    search, noise = result.search, result.search.prepared.noise
    return {
        "star": search.star.star,
        "name": search.star.name,
        "engine": ENGINE,
        "points": len(search.prepared.time),
        "outliers": len(search.star.time) - len(search.prepared.time),
        "sine_waves_subtracted": search.prepared.lines,
        "noise": {
            "white_factor": noise.white,
            "slow_ppm": 1e6 * noise.slow,
            "slow_days": noise.slow_days,
            "fast_ppm": 1e6 * noise.fast,
            "fast_days": noise.fast_days,
        },
        "limit_ppm": search.limit_ppm,
        "candidates": [
            {
                **row(search.star, vetted),
                "threshold": vetted.candidate.threshold,
                "transits_bkjd": [round(t, 4) for t in vetted.vetting.found.time.tolist()],
                "tests": [
                    {
                        "name": test.name,
                        "figure": round(test.figure, 3),
                        "passed": test.passed,
                        "verdict": test.verdict,
                    }
                    for test in vetted.vetting.tests
                ],
            }
            for vetted in result.candidates
        ],
        "lone_events": [
            {
                "time_bkjd": round(event.time_bkjd, 3),
                "duration_hours": round(event.duration_hours, 2),
                "depth_ppm": round(event.depth_ppm, 1),
                "statistic": round(event.statistic, 2),
            }
            for event in search.lone
        ],
    }
