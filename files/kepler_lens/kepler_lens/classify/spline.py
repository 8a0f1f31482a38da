"""The robust spline that AstroNet divides a light curve by, compiled.

For each of 20 knot spacings a cubic B-spline is fitted to each stretch between gaps (`robust`); the
Bayesian information criterion chooses one spacing for the whole star (Vanderburg and Johnson 2014,
PASP 126, 948; Shallue and Vanderburg 2018, AJ 155, 94, section 3.2; google-research/exoplanet-ml,
`kepler_spline.py`). Transits are not masked: AstroNet's records were made so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.robust import choose
from kepler_lens.lightcurve import QUARTER_STARTS

Floats = NDArray[np.float64]

GAP_DAYS = 0.75
"""After a longer gap a new stretch begins (AstroNet)."""
_EARLY_DAYS = 0.3
"""A star's quarter may begin this much before the table of quarters has it: BKJD is the time at the
Solar System's barycentre, and the shortest gap between quarters is 0.736 d."""
SPACINGS_DAYS = np.geomspace(0.5, 20.0, 20)
"""Knot spacings that are tried (AstroNet)."""

_MAD_OF_STEPS = 1.48
"""As AstroNet rounds it for the noise that the criterion compares with."""


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
        Of the points where the star has a positive spline: a stretch of fewer than four points has
        none.
    flux : float32[m]
        About 1: AstroNet divides in single precision.
    spacing : float
        Of the knots, days; not a number where no spline could be fitted at all.
    """
    model, spacing = spline(time, flux)
    # A comparison with what is not a number is false.
    shown = model > 0
    with np.errstate(over="ignore"):
        flat = (flux[shown] / model[shown]).astype(np.float32)
    finite = np.isfinite(flat)
    return time[shown][finite], flat[finite], spacing


def spline(time: Floats, flux: Floats) -> tuple[Floats, float]:
    """Fit the spline; see `flatten`.

    Returns
    -------
    model : float64[n]
        In the unit of `flux`; not a number in a stretch that is too short.
    spacing : float
        Days.
    """
    starts = stretches(time)
    steps = np.abs(np.delete(np.diff(flux), starts[1:-1] - 1)) / np.sqrt(2)
    if not len(steps):
        return np.full(len(flux), np.nan), np.nan
    noise = _MAD_OF_STEPS * float(np.median(steps))
    model, chosen = choose(time, flux, starts, SPACINGS_DAYS, noise)
    return model, float(SPACINGS_DAYS[chosen]) if chosen >= 0 else np.nan


def stretches(time: Floats) -> NDArray[np.int64]:
    """Give where stretches begin, and last the number of points (int64[s + 1]).

    AstroNet splits each quarter's file at its gaps; between some quarters there are but 0.736 d.
    """
    quarter = np.searchsorted(np.array(QUARTER_STARTS) - _EARLY_DAYS, time)
    apart = (np.diff(time) > GAP_DAYS) | (np.diff(quarter) > 0)
    return np.asarray(np.r_[0, np.flatnonzero(apart) + 1, len(time)], np.int64)
