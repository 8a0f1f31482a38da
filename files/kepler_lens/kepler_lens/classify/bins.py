"""Compute the medians of a folded light curve in bins of phase, as compiled code."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from kepler_lens.median import median
from kepler_lens.scatter import MAD_TO_SIGMA

Floats = NDArray[np.float64]
Flux = NDArray[np.float32]

_OF_MEDIAN = float(np.sqrt(np.pi / 2))
"""Standard deviation of a median over that of a mean, for many normally distributed values, no unit
(property of that distribution)."""


@numba.njit(cache=True)
def binned(
    phase: Floats, flux: Flux, low: float, spacing: float, width: float, bins: int
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Compute the median of each bin, the error of that median, and the number of points.

    Bin ``i`` begins at ``low + i * spacing`` and is `width` wide, so bins may overlap. The bounds
    are added up one bin at a time and medians are rounded to single precision, both as AstroNet
    does.

    Parameters
    ----------
    phase : float64[n]
        Time from the middle of the view, days, ascending.
    flux : float32[n]
        Relative flux of each point.
    low, spacing, width : float
        Start of the first bin, distance between starts, and width of a bin, days.
    bins : int
        Number of bins.

    Returns
    -------
    medians : float64[bins]
        0 in an empty bin.
    scatter : float64[bins]
        Standard error of each median, from the median absolute deviation of the points in its bin.
    count : int64[bins]
        Points in each bin.
    """
    n = len(phase)
    medians = np.zeros(bins)
    scatter = np.zeros(bins)
    count = np.zeros(bins, np.int64)
    values = np.empty(n, np.float32)
    a = b = 0
    begin, end = low, low + width
    for i in range(bins):
        while a < n and phase[a] < begin:
            a += 1
        while b < n and phase[b] < end:
            b += 1
        m = b - a
        if m > 0:
            count[i] = m
            for k in range(m):
                values[k] = flux[a + k]
            middle = median(values[:m])
            for k in range(m):
                values[k] = abs(values[k] - middle)
            medians[i] = middle
            scatter[i] = _OF_MEDIAN * MAD_TO_SIGMA * median(values[:m]) / np.sqrt(m)
        begin += spacing
        end += spacing
    return medians, scatter, count
