"""A search result as files: tables, all details, and a page of plots for each candidate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from kepler_lens.transit_search.report.table import TRANSIT_COLUMNS, row, transit_rows, write_csv
from kepler_lens.transit_search.search import Result
from kepler_lens.transit_search.version import engine


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
        from kepler_lens.transit_search.report.page import pages

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
