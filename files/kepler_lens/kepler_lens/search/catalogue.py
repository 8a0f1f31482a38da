"""A search result as a table: columns as in the TCE table of the NASA Exoplanet Archive."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from kepler_lens.search.eclipse import Dimming
from kepler_lens.search.engine import Candidate, Search, same_period, varies_throughout
from kepler_lens.search.engine import search as search_star
from kepler_lens.search.ephemeris import Ephemeris
from kepler_lens.search.observations import Observations
from kepler_lens.search.transit_fit import Shape, measured
from kepler_lens.search.version import engine
from kepler_lens.search.vet import (
    FALSE_POSITIVE,
    SUN_IN_EARTH_RADII,
    Test,
    Vetting,
    disposition,
    second_eclipse,
    vet,
)

if TYPE_CHECKING:
    from kepler_lens.classify.scoring import Explained
    from kepler_lens.classify.stored import Score

_LEAST_LEFT = 0.5
"""Part of its threshold that a candidate's SNR must exceed without the transits of the others
(chosen)."""

SCORE_COLUMNS = ("score", "score_spread", "score_outside", "score_model")
"""Probability that the candidate is a planet; its standard deviation over the ensemble; whether the
candidate lies outside the model's training data (yes or no); name of the model. All are empty where
no model has scored the candidate."""

TRANSIT_COLUMNS = (
    *("kepid", "tce_plnt_num", "transit", "time_bkjd", "computed_bkjd", "late_hours"),
    *("depth_ppm", "depth_err_ppm"),
)
"""Columns of the table of transits: star and candidate; number of the transit, 0 at the epoch; its
middle as it was found and by the mean period (BKJD, days); observed minus computed (hours, 0 where
transits are in time); depth by the matched filter and its error (ppm)."""

COLUMNS = (
    *("kepid", "tce_plnt_num", "tce_period", "tce_time0bk", "tce_duration", "tce_depth"),
    *("tce_depth_err", "tce_model_snr", "tce_max_mult_ev", "tce_num_transits", "tce_prad"),
    *("disposition", "comment", *SCORE_COLUMNS),
)
"""Columns of the catalogue: star and number of the candidate; period (days), epoch (BKJD, days),
duration (hours), depth and its error (ppm), SNR, multiple-event statistic, observed transits,
radius (Earth radii, empty where the star's radius is not known); disposition and the verdicts
against a planet; `SCORE_COLUMNS`."""


@dataclass(frozen=True, slots=True, eq=False)
class Vetted:
    """A candidate with its vetting.

    Attributes
    ----------
    candidate : Candidate
    vetting : Vetting
    score : Explained or None
        None where no model has scored the candidate.
    """

    candidate: Candidate
    vetting: Vetting
    score: Explained | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A star that was searched, with its vetted candidates.

    Attributes
    ----------
    search : Search
    candidates : tuple of Vetted
        By the number of the candidate.
    """

    search: Search
    candidates: tuple[Vetted, ...]


def search_and_vet(observations: Observations) -> Result:
    """Search a star and vet what was found.

    Parameters
    ----------
    observations : Observations

    Returns
    -------
    Result
        One candidate for each period; the ephemerides have measured durations.
    """
    found = search_star(observations)
    if varies_throughout(found.prepared):
        return Result(found, tuple(Vetted(c, throughout(c)) for c in found.candidates))
    found = with_measured_durations(found)
    vetted: list[Vetted] = []
    for candidate in found.candidates:
        vetting = vet(found.prepared, candidate.ephemeris, found.others(candidate.number))
        # The flank of a deeper dimming can look like a dimming: without the deeper one it is gone.
        if vetting.depth_ppm > 0 and vetting.snr > _LEAST_LEFT * candidate.threshold:
            vetted.append(Vetted(candidate, vetting))
    rows = _one_row_a_period(vetted)
    known = tuple(row.candidate for row in rows)
    return Result(replace(found, candidates=known), tuple(rows))


def throughout(candidate: Candidate) -> Vetting:
    """Return the vetting of a variation that fills its period (`engine.varies_throughout`).

    It is a false positive by its shape, the only test.
    """
    found, ephemeris = candidate.transits, candidate.ephemeris
    shape = Shape(found.depth, ephemeris.duration_hours, 0.0, 0.0)
    test = Test(
        "shape",
        1.0,
        False,
        f"The star varies by {found.depth:.1%} all through a period of {ephemeris.period_days:.4f} "
        "d: looks like a contact binary, or a star that pulsates.",
    )
    depth = 1e6 * found.depth
    return Vetting(
        *(ephemeris, found, depth, depth / found.mes, found.mes, shape, 0.5),
        (test,),
        FALSE_POSITIVE,
    )


def _one_row_a_period(vetted: Sequence[Vetted]) -> list[Vetted]:
    """Join candidates of one period in one row.

    The deepest dimming is the candidate and the next its second dimming; any further is dropped.
    The rows get new numbers, from 1.
    """
    rows: list[Vetted] = []
    with_twin: set[int] = set()
    for one in sorted(vetted, key=lambda v: -v.vetting.depth_ppm):
        period = one.candidate.ephemeris
        twin = next(
            (k for k, r in enumerate(rows) if _together(period, r.candidate.ephemeris)), None
        )
        if twin is None:
            rows.append(one)
        elif twin not in with_twin:
            rows[twin] = _joined(rows[twin], one)
            with_twin.add(twin)
    rows.sort(key=lambda v: v.candidate.number)
    return [
        replace(v, candidate=replace(v.candidate, number=number))
        for number, v in enumerate(rows, start=1)
    ]


def _together(one: Ephemeris, deeper: Ephemeris) -> bool:
    """Return whether a dimming has the period of a deeper one, or half of it and is in step."""
    if same_period(one, deeper):
        return True
    half = replace(deeper, period_days=deeper.period_days / 2, late_days=())
    away = np.abs(half.hours_from_middle(np.array([one.epoch_bkjd])))[0]
    return same_period(one, half) and bool(away < one.duration_hours + deeper.duration_hours)


def _joined(main: Vetted, twin: Vetted) -> Vetted:
    """Judge a candidate anew by the dimming that the search found at another phase."""
    vetting, second = main.vetting, twin.vetting
    ephemeris = vetting.ephemeris
    hours = ephemeris.hours_from_middle(second.ephemeris.middles(second.transits.number))
    phase = float(np.median(hours / 24 / ephemeris.period_days % 1.0))
    dimming = Dimming(phase, second.depth_ppm * 1e-6, twin.candidate.statistic)
    test = second_eclipse(dimming, vetting.shape, ephemeris.period_days, found=True)
    tests = tuple(test if old.name == "secondary" else old for old in vetting.tests)
    judged = replace(vetting, tests=tests, secondary_phase=phase, disposition=disposition(tests))
    return replace(main, vetting=judged)


def with_measured_durations(found: Search) -> Search:
    """Measure the durations of transits, which the search knows only by the steps of its durations.

    All are measured twice: where a duration is too short, the mask of the candidate leaves the
    edges of its transits in the light curve on which the others are measured.

    Parameters
    ----------
    found : Search

    Returns
    -------
    Search
        The same candidates with measured durations and epochs.
    """
    for _ in range(2):
        for k, candidate in enumerate(found.candidates):
            others = found.others(candidate.number)
            ephemeris = measured(found.prepared, candidate.ephemeris, others)
            known = (*found.candidates[:k], replace(candidate, ephemeris=ephemeris))
            found = replace(found, candidates=(*known, *found.candidates[k + 1 :]))
    return found


def row(observations: Observations, vetted: Vetted) -> dict[str, object]:
    """Return a candidate's row, by `COLUMNS`."""
    vetting, ephemeris = vetted.vetting, vetted.vetting.ephemeris
    radius = observations.stellar.get("RADIUS")
    ratio = (max(vetting.depth_ppm, 0) / 1e6) ** 0.5
    return {
        "kepid": observations.star,
        "tce_plnt_num": vetted.candidate.number,
        "tce_period": round(ephemeris.period_days, 6),
        "tce_time0bk": round(ephemeris.epoch_bkjd, 4),
        "tce_duration": round(ephemeris.duration_hours, 3),
        "tce_depth": round(vetting.depth_ppm, 1),
        "tce_depth_err": round(vetting.depth_error_ppm, 1),
        "tce_model_snr": round(vetting.snr, 1),
        "tce_max_mult_ev": round(vetted.candidate.statistic, 2),
        "tce_num_transits": len(vetting.transits.number),
        "tce_prad": round(radius * ratio * SUN_IN_EARTH_RADII, 2) if radius else "",
        "disposition": vetting.disposition,
        "comment": " ".join(test.verdict for test in vetting.tests if not test.passed),
        **score_row(vetted.score.score if vetted.score else None),
    }


def score_row(score: Score | None) -> dict[str, object]:
    """Return a score by `SCORE_COLUMNS`, empty texts where there is none."""
    if score is None:
        return dict.fromkeys(SCORE_COLUMNS, "")
    spread, outside = f"{score.spread:.4f}", "yes" if score.outside else "no"
    return dict(
        zip(SCORE_COLUMNS, (f"{score.p_planet:.4f}", spread, outside, score.model), strict=True)
    )


def transit_rows(observations: Observations, vetted: Vetted) -> list[dict[str, object]]:
    """Return a row for each observed transit of a candidate, by `TRANSIT_COLUMNS`."""
    ephemeris, found = vetted.vetting.ephemeris, vetted.vetting.transits
    late = ephemeris.late(found.number)
    return [
        {
            "kepid": observations.star,
            "tce_plnt_num": vetted.candidate.number,
            "transit": int(number),
            "time_bkjd": round(float(time), 4),
            "computed_bkjd": round(float(time - behind), 4),
            "late_hours": round(24 * float(behind), 3),
            "depth_ppm": round(1e6 * float(n / d), 1),
            "depth_err_ppm": round(1e6 / float(d) ** 0.5, 1),
        }
        for number, time, behind, n, d in zip(
            found.number, found.time, late, found.n, found.d, strict=True
        )
    ]


def rank(row: Mapping[str, object]) -> tuple[float, int, int]:
    """Return the key by which a row is sorted.

    The likeliest planet is first and rows without a score are last; equal ones go by star and
    number.

    Parameters
    ----------
    row : mapping
        By `COLUMNS`, or the same as text.

    Raises
    ------
    ValueError
        A value is no number.
    """
    score = -float(str(row["score"])) if row["score"] != "" else 1.0
    return score, int(str(row["kepid"])), int(str(row["tce_plnt_num"]))


def write_csv(
    file: TextIO, rows: Iterable[Mapping[str, object]], columns: Sequence[str] = COLUMNS
) -> None:
    """Write a catalogue, or another table.

    Parameters
    ----------
    file : text stream
    rows : iterable of mapping
        By the columns.
    columns : sequence of str, optional
    """
    table = csv.DictWriter(file, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)


def write_result(folder: Path, result: Result, *, plots: bool = True) -> Sequence[Path]:
    """Write a star's tables, its details and a page for each candidate into a folder.

    Parameters
    ----------
    folder : Path
        Made if needed; older pages in it are deleted.
    result : Result
    plots : bool, optional
        Whether pages are drawn.

    Returns
    -------
    sequence of Path
        What was written: candidates.csv, transits.csv, search.json, candidate-1.png …
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("candidate-*.png"):
        old.unlink()
    observations = result.search.observations
    table, details = folder / "candidates.csv", folder / "search.json"
    times = folder / "transits.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, (row(observations, vetted) for vetted in result.candidates))
    with times.open("w", encoding="utf-8", newline="") as file:
        every = (
            line for vetted in result.candidates for line in transit_rows(observations, vetted)
        )
        write_csv(file, every, TRANSIT_COLUMNS)
    details.write_text(json.dumps(_details(result), indent=1) + "\n", encoding="utf-8")
    written = [table, times, details]
    if plots:
        from kepler_lens.search.page import pages

        for number, picture in pages(result).items():
            path = folder / f"candidate-{number}.png"
            path.write_bytes(picture)
            written.append(path)
    return written


def _details(result: Result) -> dict[str, object]:
    """Return the content of search.json."""
    search, noise = result.search, result.search.prepared.noise
    return {
        "star": search.observations.star,
        "name": search.observations.name,
        "engine": engine(),
        "points": len(search.prepared.time),
        "outliers": len(search.observations.time) - len(search.prepared.time),
        "sine_waves_subtracted": search.prepared.sine_waves,
        "noise": {
            "white_factor": noise.white,
            "slow_ppm": 1e6 * noise.slow,
            "slow_days": noise.slow_days,
            "fast_ppm": 1e6 * noise.fast,
            "fast_days": noise.fast_days,
        },
        "limit_ppm": search.limit_ppm,
        "periods_days": [round(days, 2) for days in search.periods_days],
        "candidates": [
            {
                **row(search.observations, vetted),
                "threshold": vetted.candidate.threshold,
                "transits_bkjd": [round(t, 4) for t in vetted.vetting.transits.time.tolist()],
                "late_days": [round(t, 4) for t in vetted.vetting.ephemeris.late_days],
                "tests": [
                    {
                        "name": test.name,
                        "figure": round(test.value, 3),
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
            for event in search.single_transits
        ],
        "pairs": [
            {
                "first_bkjd": round(pair.first_bkjd, 3),
                "second_bkjd": round(pair.second_bkjd, 3),
                "depth_ppm": round(pair.depth_ppm, 1),
                "periods_days": [round(days, 3) for days in pair.periods_days],
            }
            for pair in search.pairs
        ],
    }
