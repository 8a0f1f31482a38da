"""Medians in bins along a phase, compiled."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from kepler_lens.median import median

Floats = NDArray[np.float64]
Flux = NDArray[np.float32]

MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""
_OF_MEDIAN = float(np.sqrt(np.pi / 2))
"""Deviation of a median over that of a mean, of many normal values."""


@numba.njit(cache=True)
def binned(
    phase: Floats, flux: Flux, low: float, spacing: float, width: float, bins: int
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Give each bin's median, its deviation by the points' own scatter, and how many they are.

    Phases ascend. Bounds are added up as AstroNet does it, and medians rounded as there.
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
            scatter[i] = _OF_MEDIAN * MAD * median(values[:m]) / np.sqrt(m)
        begin += spacing
        end += spacing
    return medians, scatter, count
