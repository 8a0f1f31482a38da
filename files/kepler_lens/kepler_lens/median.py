"""Medians, compiled: numba's own takes seconds to compile, and copies what it is given."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True)
def median(values: NDArray[np.floating]) -> float:
    """Give the median of at least one value; it puts them in another order."""
    n = len(values)
    return middle(values, n // 2, n % 2 == 0)


@numba.njit(cache=True)
def middle(values: NDArray[np.floating], k: int, halfway: bool) -> float:
    """Give the value of rank k (from 0 on), or halfway between it and the one of rank k - 1.

    Hoare's selection, which puts the values in another order.
    """
    low, high = 0, len(values) - 1
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
    found: float = values[k]
    if halfway:
        below = values[0]
        for i in range(1, k):
            below = max(below, values[i])
        found = (below + found) / values.dtype.type(2)
    return found
