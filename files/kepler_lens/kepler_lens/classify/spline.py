"""Fit the robust spline by which AstroNet divides a light curve, as compiled code.

For each of 20 knot spacings a cubic B-spline is fitted to each stretch between gaps (`robust`). The
Bayesian information criterion chooses one spacing for the whole star (Vanderburg and Johnson 2014,
PASP 126, 948; Shallue and Vanderburg 2018, AJ 155, 94, section 3.2; google-research/exoplanet-ml,
`kepler_spline.py`). Transits are not masked, since they were not masked for AstroNet's records.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.robust import choose
from kepler_lens.missions.kepler import QUARTER_STARTS
from kepler_lens.missions.observing import segment_numbers

Floats = NDArray[np.float64]

GAP_DAYS = 0.75
"""A stretch ends where the next point comes later than this, days (AstroNet)."""
SPACINGS_DAYS = np.geomspace(0.5, 20.0, 20)
"""Knot spacings that are tried, days (AstroNet)."""

_MAD_OF_STEPS = 1.48
"""Standard deviation over median absolute deviation of a normal distribution, no unit, rounded as
AstroNet rounds it for the noise in the criterion."""


def flatten(time: Floats, flux: Floats) -> tuple[Floats, NDArray[np.float32], float]:
    """Divide a light curve by its spline.

    Parameters
    ----------
    time : float64[n]
        Days, ascending, finite.
    flux : float64[n]
        In any unit, finite.

    Returns
    -------
    time : float64[m]
        Times of the points where the spline is positive, days. A stretch of fewer than four points
        has no spline.
    flux : float32[m]
        Relative flux, about 1, in single precision as in AstroNet.
    spacing : float
        Chosen spacing of the knots, days; NaN where no spline could be fitted.
    """
    model, spacing = spline(time, flux)
    # A comparison with NaN is false.
    shown = model > 0
    with np.errstate(over="ignore"):
        flat = (flux[shown] / model[shown]).astype(np.float32)
    finite = np.isfinite(flat)
    return time[shown][finite], flat[finite], spacing


def spline(time: Floats, flux: Floats) -> tuple[Floats, float]:
    """Fit the spline of a light curve; see `flatten` for the parameters.

    Returns
    -------
    model : float64[n]
        In the unit of `flux`; NaN in a stretch that has too few points.
    spacing : float
        Chosen spacing of the knots, days; NaN where no spline could be fitted.
    """
    starts = stretches(time)
    steps = np.abs(np.delete(np.diff(flux), starts[1:-1] - 1)) / np.sqrt(2)
    if not len(steps):
        return np.full(len(flux), np.nan), np.nan
    noise = _MAD_OF_STEPS * float(np.median(steps))
    model, chosen = choose(time, flux, starts, SPACINGS_DAYS, noise)
    return model, float(SPACINGS_DAYS[chosen]) if chosen >= 0 else np.nan


def stretches(time: Floats) -> NDArray[np.int64]:
    """Find the stretches of a light curve, which end at long gaps and at the ends of quarters.

    AstroNet splits each quarter's file at its gaps. Some quarters follow each other after 0.736 d
    only, less than `GAP_DAYS`.

    Parameters
    ----------
    time : float64[n]
        BKJD, days, ascending.

    Returns
    -------
    int64[s + 1]
        Index of the first point of each of the s stretches, and last n.
    """
    quarter = segment_numbers(QUARTER_STARTS, time)
    apart = (np.diff(time) > GAP_DAYS) | (np.diff(quarter) > 0)
    return np.asarray(np.r_[0, np.flatnonzero(apart) + 1, len(time)], np.int64)
