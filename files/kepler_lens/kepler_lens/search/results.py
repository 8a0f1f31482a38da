"""The results of searches in Warp 10, beside the light curves.

- ``transit.candidate``, labels KEPLERID, CANDIDATE (from 1) and RUN: a point at each observed
  transit, the flux at its bottom, so that it overlays the light curve. Attributes: `attributes`.
- ``transit.score``: see `kepler_lens.classify.stored`.
- ``star.search``, without labels: a point at the star's number (`kepler_lens.star_points`), written
  last and over the one before, whose text (JSON) names the RUN that counts. Readers take candidates
  of that run alone; the series of older runs are deleted after it is there. Whatever dies in
  between leaves the run before it whole.
"""

from __future__ import annotations

import json
import math
import time
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.stored import clear_scores, push_scores
from kepler_lens.gts import attribute_text, series_name
from kepler_lens.lightcurve import bkjd_to_us
from kepler_lens.search.catalogue import Result, Vetted, row
from kepler_lens.search.observations import Observations
from kepler_lens.search.prepare import detrended
from kepler_lens.search.version import engine
from kepler_lens.star_points import SEARCH
from kepler_lens.warp10 import Token, Warp10

CANDIDATE = "transit.candidate"

Floats = NDArray[np.float64]


def attributes(star: Observations, vetted: Vetted) -> dict[str, str]:
    """Give what is known of a candidate, as text.

    Returns
    -------
    dict
        period (days), epoch (BKJD), duration (hours), depth and depth_error (ppm), snr, mes (the
        multiple-event statistic) and its threshold, transits (observed), radius (of the planet, of
        the Earth's; only where the star's is known), for each test of the vetting its figure
        (``odd_even.figure``, …) and verdict (``odd_even.verdict``), disposition, comment (what
        speaks against a planet; only where something does), late (days by which each transit from
        the epoch's on comes after its mean ephemeris; only where they are not in time), engine.
    """
    vetting, ephemeris = vetted.vetting, vetted.vetting.ephemeris
    table = row(star, vetted)
    known = {
        "period": f"{ephemeris.period_days:.6f}",
        "epoch": f"{ephemeris.epoch_bkjd:.4f}",
        "duration": f"{ephemeris.duration_hours:.3f}",
        "depth": f"{vetting.depth_ppm:.1f}",
        "depth_error": f"{vetting.depth_error_ppm:.1f}",
        "snr": f"{vetting.snr:.2f}",
        "mes": f"{vetted.candidate.statistic:.2f}",
        "threshold": f"{vetted.candidate.threshold:.2f}",
        "transits": str(len(vetting.found.number)),
        "disposition": vetting.disposition,
        "engine": engine(),
    }
    if ephemeris.late_days:
        known["late"] = " ".join(f"{late:.4f}" for late in ephemeris.late_days)
    for test in vetting.tests:
        # A test may be called as a quantity is: duration.
        known[f"{test.name}.figure"] = f"{test.figure:.3f}"
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
    """Write a star's candidates and make them the ones that count.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        The results' write token.
    result : Result
    run : str
        Name of this search, never used for another.
    fingerprint : str
        Of the server's light curve that was searched; empty where that came from elsewhere.
    scored : int, optional
        Tick (µs) of the scores, the same for each attempt of a job; by default now.
    """
    star = result.search.star
    points = [_points(result, vetted, run) for vetted in result.candidates]
    if points:
        warp10.update("".join(points).encode(), token)
        warp10.meta(
            [
                _name(star.star, v.candidate.number, run) + attribute_text(attributes(star, v))
                for v in result.candidates
            ],
            token,
        )
    scores = {v.candidate.number: v.score.score for v in result.candidates if v.score}
    now = time.time_ns() // 1000
    push_scores(warp10, token, star.star, run, scores, now if scored is None else scored)
    text = quote(_about(result, run, now, fingerprint), safe="")
    warp10.update(f"{star.star}// {SEARCH}{{}} '{text}'\n".encode(), token)
    clear(warp10, token, star.star, run)


def clear(warp10: Warp10, token: Token, star: int, run: str) -> None:
    """Delete a star's candidates of all runs but one, and their scores."""
    warp10.delete(f"{CANDIDATE}{{KEPLERID={star},RUN~(?!{run}$).*}}", token)
    clear_scores(warp10, token, star, run)


def _about(result: Result, run: str, time_us: int, fingerprint: str) -> str:
    limit = result.search.limit_ppm
    return json.dumps(
        {
            "run": run,
            "time": time_us,
            "candidates": len(result.candidates),
            # WarpScript reads no JSON with Infinity in it.
            "limit": round(limit, 1) if math.isfinite(limit) else None,
            "lone": [
                [round(event.time_bkjd, 3), round(event.depth_ppm), round(event.statistic, 1)]
                for event in result.search.lone
            ],
            "pairs": [
                [round(pair.first_bkjd, 3), round(pair.second_bkjd, 3), round(pair.depth_ppm)]
                for pair in result.search.together
            ],
            "engine": engine(),
            "fingerprint": fingerprint,
        },
        separators=(",", ":"),
    )


def _name(star: int, number: int, run: str) -> str:
    return series_name(CANDIDATE, {"KEPLERID": str(star), "CANDIDATE": str(number), "RUN": run})


def _points(result: Result, vetted: Vetted, run: str) -> str:
    """Write a candidate's points: at each transit the local flux less the depth."""
    prepared, vetting = result.search.prepared, vetted.vetting
    own = np.abs(vetting.ephemeris.hours_from_middle(prepared.time)) < (
        0.75 * vetting.ephemeris.duration_hours + 0.5
    )
    others = result.search.others(vetted.candidate.number)
    variability = prepared.flux - detrended(prepared, own | others)
    middle = vetting.found.time
    quarter = np.interp(middle, prepared.centres, prepared.centre_quarter).astype(np.int32)
    local = prepared.star.level[quarter] * (1 + np.interp(middle, prepared.time, variability))
    value = local * (1 - vetting.depth_ppm * 1e-6)
    name = _name(prepared.star.star, vetted.candidate.number, run)
    return "".join(
        f"{tick}// {name} {flux!r}\n"
        for tick, flux in zip(bkjd_to_us(middle).tolist(), value.tolist(), strict=True)
    )
