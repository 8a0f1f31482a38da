"""Compiled medians: numba's own median takes seconds to compile, and copies its argument."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True)
def median(values: NDArray[np.floating]) -> float:
    """Return the median of values, and change their order.

    Parameters
    ----------
    values : floating[n]
        At least one.
    """
    n = len(values)
    return middle(values, n // 2, n % 2 == 0)


@numba.njit(cache=True)
def middle(values: NDArray[np.floating], k: int, halfway: bool) -> float:
    """Return the value of a rank, by Hoare's selection, and change the order of the values.

    Parameters
    ----------
    values : floating[n]
        At least one.
    k : int
        Zero-based rank.
    halfway : bool
        Whether the result is the mean of the values of rank k and k - 1.
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
