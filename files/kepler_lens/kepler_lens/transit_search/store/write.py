"""The results of searches in Warp 10, beside the light curves.

- ``transit.candidate`` with the labels of the star (`STAR_LABEL`), CANDIDATE (from 1) and RUN: a
  point at each observed transit. Its value is the flux at the bottom (electrons/s), so that it
  overlays the light curve. `attributes` lists the attributes.
- ``transit.score``: see `kepler_lens.transit_search.store.scores`.
- ``star.search`` without labels: a point at the star's number (`warp10.star_points`). Its text
  (JSON) names the RUN that counts, and readers take the candidates of that run alone. A search
  writes the point last, over the earlier one, and then deletes the series of older runs. If a
  search dies before that, the earlier run still counts and is complete.
"""

from __future__ import annotations

import json
import math
import time
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from kepler_lens.gts import attribute_text, series_name
from kepler_lens.missions import STAR_LABEL
from kepler_lens.missions.kepler import bkjd_to_us
from kepler_lens.transit_search.detection.transit_fit import transit_points
from kepler_lens.transit_search.preparation.observations import Observations
from kepler_lens.transit_search.preparation.prepare import detrended
from kepler_lens.transit_search.report.table import row
from kepler_lens.transit_search.search import Result, Vetted
from kepler_lens.transit_search.store.scores import clear_scores, push_scores
from kepler_lens.transit_search.version import engine
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.star_points import SEARCH

CANDIDATE_CLASS = "transit.candidate"
"""Class of the series of candidates."""

Floats = NDArray[np.float64]


def attributes(observations: Observations, vetted: Vetted) -> dict[str, str]:
    """Return the attributes of a candidate's series.

    Parameters
    ----------
    observations : Observations
    vetted : Vetted

    Returns
    -------
    dict of str to str
        period (days), epoch (BKJD, days), duration (hours), depth and depth_error (ppm), snr, mes
        (multiple-event statistic), threshold, transits (number observed), disposition, engine; for
        each test its figure (``odd_even.figure``, …) and verdict (``odd_even.verdict``, …). Some
        have radius (Earth radii; where the star's radius is known), comment (the verdicts against a
        planet), late (days by which each transit, from that of the epoch on, is later than by the
        mean period; where transits are out of time).
    """
    vetting, ephemeris = vetted.vetting, vetted.vetting.ephemeris
    table = row(observations, vetted)
    known = {
        "period": f"{ephemeris.period_days:.6f}",
        "epoch": f"{ephemeris.epoch_bkjd:.4f}",
        "duration": f"{ephemeris.duration_hours:.3f}",
        "depth": f"{vetting.depth_ppm:.1f}",
        "depth_error": f"{vetting.depth_error_ppm:.1f}",
        "snr": f"{vetting.snr:.2f}",
        "mes": f"{vetted.candidate.statistic:.2f}",
        "threshold": f"{vetted.candidate.threshold:.2f}",
        "transits": str(len(vetting.transits.number)),
        "disposition": vetting.disposition,
        "engine": engine(),
    }
    if ephemeris.late_days:
        known["late"] = " ".join(f"{late:.4f}" for late in ephemeris.late_days)
    for test in vetting.tests:
        # The suffixes keep tests apart from quantities: there is a test "duration".
        known[f"{test.name}.figure"] = f"{test.value:.3f}"
        known[f"{test.name}.verdict"] = test.verdict
    for name, column in (("radius", "tce_prad"), ("comment", "comment")):
        if table[column]:
            known[name] = str(table[column])
    return known


def push(
    warp10: Warp10,
    token: Token,
    result: Result,
    run: str,
    fingerprint: str = "",
    scored: int | None = None,
) -> None:
    """Write a star's candidates and scores, and make them the ones that count.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        The write token for results.
    result : Result
    run : str
        Name of this search, never used for another one.
    fingerprint : str, optional
        `ServerCurve.fingerprint` of the light curve; empty where it did not come from the server.
    scored : int, optional
        Tick of the scores, µs, the same for each attempt of a job; by default now.

    Raises
    ------
    Warp10Error
        The server did not accept something.
    """
    observations = result.search.observations
    points = [_points(result, vetted, run) for vetted in result.candidates]
    if points:
        warp10.update("".join(points).encode(), token)
        warp10.meta(
            [
                _name(observations.star, v.candidate.number, run)
                + attribute_text(attributes(observations, v))
                for v in result.candidates
            ],
            token,
        )
    scores = {v.candidate.number: v.score.score for v in result.candidates if v.score}
    now = time.time_ns() // 1000
    push_scores(warp10, token, observations.star, run, scores, now if scored is None else scored)
    text = quote(_about(result, run, now, fingerprint), safe="")
    warp10.update(f"{observations.star}// {SEARCH}{{}} '{text}'\n".encode(), token)
    clear(warp10, token, observations.star, run)


def clear(warp10: Warp10, token: Token, star: int, run: str) -> None:
    """Delete a star's candidates of all runs but one, and their scores.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        The write token for results.
    star : int
        KIC or EPIC number.
    run : str
        The run that stays.

    Raises
    ------
    Warp10Error
        The server did not accept something.
    """
    warp10.delete(f"{CANDIDATE_CLASS}{{{STAR_LABEL}={star},RUN~(?!{run}$).*}}", token)
    clear_scores(warp10, token, star, run)


def _about(result: Result, run: str, time_us: int, fingerprint: str) -> str:
    """Return the text (JSON) of the star's point in `star.search`."""
    limit = result.search.limit_ppm
    return json.dumps(
        {
            "run": run,
            "time": time_us,
            "candidates": len(result.candidates),
            # WarpScript cannot read JSON with Infinity.
            "limit": round(limit, 1) if math.isfinite(limit) else None,
            "lone": [
                [round(event.time_bkjd, 3), round(event.depth_ppm), round(event.statistic, 1)]
                for event in result.search.single_transits
            ],
            "pairs": [
                [round(pair.first_bkjd, 3), round(pair.second_bkjd, 3), round(pair.depth_ppm)]
                for pair in result.search.pairs
            ],
            "engine": engine(),
            "fingerprint": fingerprint,
        },
        separators=(",", ":"),
    )


def _name(star: int, number: int, run: str) -> str:
    return series_name(
        CANDIDATE_CLASS, {STAR_LABEL: str(star), "CANDIDATE": str(number), "RUN": run}
    )


def _points(result: Result, vetted: Vetted, run: str) -> str:
    """Return a candidate's points in GTS input format: at each transit the flux at its bottom."""
    prepared, vetting = result.search.prepared, vetted.vetting
    own = transit_points(prepared, vetting.ephemeris)
    others = result.search.others(vetted.candidate.number)
    variability = prepared.flux - detrended(prepared, own | others)
    middle = vetting.transits.time
    quarter = np.interp(middle, prepared.centres, prepared.centre_quarter).astype(np.int32)
    local = prepared.observations.level[quarter] * (
        1 + np.interp(middle, prepared.time, variability)
    )
    value = local * (1 - vetting.depth_ppm * 1e-6)
    name = _name(prepared.observations.star, vetted.candidate.number, run)
    return "".join(
        f"{tick}// {name} {flux!r}\n"
        for tick, flux in zip(bkjd_to_us(middle).tolist(), value.tolist(), strict=True)
    )
