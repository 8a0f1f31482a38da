"""Medians in bins along a phase, compiled."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

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
    median = np.zeros(bins)
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
            values[:m] = flux[a:b]
            middle = _median(values[:m])
            for k in range(m):
                values[k] = abs(values[k] - middle)
            median[i] = middle
            scatter[i] = _OF_MEDIAN * MAD * _median(values[:m]) / np.sqrt(m)
        begin += spacing
        end += spacing
    return median, scatter, count


@numba.njit(cache=True)
def _median(values: Flux) -> np.float32:
    """Give the median of some values, which are put into another order (Hoare's selection)."""
    n = len(values)
    k = n // 2
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    if n % 2:
        return np.float32(values[k])
    return np.float32((values[:k].max() + values[k]) / np.float32(2))
