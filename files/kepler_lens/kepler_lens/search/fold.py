"""Fast folding: the multiple-event statistic of all periods at once.

`events` are laid on an even grid of time whose step is a part of the transit's duration. For each
whole number p of steps, the grid is cut into rows of p, and the rows are summed under every drift
from none to one step a row by halving (Staelin 1969, Proc. IEEE 57, 724; Morello et al. 2020,
MNRAS 497, 4654): all periods between p and p + 1 steps for the price of log2 of the rows. Nothing
is lost to a coarse list of periods; what the grid's step loses, `refine` brings back.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


@numba.njit(cache=True, fastmath=True)
def _add(out: Singles, head: Singles, tail: Singles, shift: int) -> None:
    p = len(out)
    left = p - shift
    for j in range(left):
        out[j] = head[j] + tail[j + shift]
    for j in range(left, p):
        out[j] = head[j] + tail[j - left]


@numba.njit(cache=True, fastmath=True)
def _halve(rows: int) -> tuple[NDArray[np.int64], int]:
    """Cut rows into halves until none has more than two; give the bounds and the levels.

    The bounds of level k (2ᵏ pieces) stand from 2ᵏ - 1 + k on.
    """
    levels = 0
    while (rows + (1 << levels) - 1) >> levels > 2:
        levels += 1
    bounds = np.zeros((2 << levels) + levels + 1, np.int64)
    bounds[1] = rows
    for level in range(levels):
        here = (1 << level) - 1 + level
        below = (2 << level) + level
        for k in range(1 << level):
            low, high = bounds[here + k], bounds[here + k + 1]
            bounds[below + 2 * k] = low
            bounds[below + 2 * k + 1] = low + (high - low) // 2
        bounds[below + (2 << level)] = rows
    return bounds, levels


@numba.njit(cache=True, fastmath=True)
def _transform(
    x: Singles, a: Singles, b: Singles, bounds: NDArray[np.int64], levels: int
) -> tuple[Singles, Singles]:
    """Sum the rows of each half of x under all drifts; give the result and the other buffer."""
    p = x.shape[1]
    here = (1 << levels) - 1 + levels
    for k in range(1 << levels):
        low, high = bounds[here + k], bounds[here + k + 1]
        if high - low == 1:
            a[low] = x[low]
        elif high - low == 2:
            _add(a[low], x[low], x[low + 1], 0)
            _add(a[low + 1], x[low], x[low + 1], 1 % p)
    for level in range(levels - 1, 0, -1):
        here = (1 << level) - 1 + level
        below = (2 << level) + level
        for k in range(1 << level):
            low, middle, high = (
                bounds[below + 2 * k],
                bounds[below + 2 * k + 1],
                bounds[below + 2 * k + 2],
            )
            rows = high - low
            heads, tails = middle - low, high - middle
            for s in range(rows):
                h = (s * (heads - 1) * 2 + (rows - 1)) // (2 * (rows - 1))
                t = (s * (tails - 1) * 2 + (rows - 1)) // (2 * (rows - 1))
                _add(b[low + s], a[low + h], a[middle + t], (s - t) % p)
        a, b = b, a
    return a, b


@numba.njit(cache=True, fastmath=True)
def _best(
    n1: Singles, n2: Singles, d1: Singles, d2: Singles, shift: int, floor: np.float32
) -> np.float32:
    """Give the greatest n² / d over phases where n > 0; d counts as `floor` at least."""
    p = len(n1)
    left = p - shift
    best = np.float32(0.0)
    zero = np.float32(0.0)
    for j in range(left):
        n = max(n1[j] + n2[j + shift], zero)
        d = max(d1[j] + d2[j + shift], floor)
        best = max(best, n * n / d)
    for j in range(left, p):
        n = max(n1[j] + n2[j - left], zero)
        d = max(d1[j] + d2[j - left], floor)
        best = max(best, n * n / d)
    return best


@numba.njit(cache=True, fastmath=True)
def fold_all(
    n: Singles, d: Singles, first: int, last: int, least: float, cut: float
) -> tuple[Floats, Floats]:
    """Fold at all periods from `first` to `last` steps.

    Parameters
    ----------
    n, d : float32[m]
        Of the events, on the even grid.
    first, last : int
        Steps.
    least : float
        Sum of d that a phase must have to count fully: less is taken for that much.
    cut : float
        The statistic from which on a period is recorded.

    Returns
    -------
    period, statistic : float64[k]
        In steps; n / √d at the best phase.
    """
    m = len(n)
    floor = np.float32(least)
    square = np.float32(cut * cut)
    room = m + last
    # One piece of memory serves all periods.
    x0 = np.empty(room, np.float32)
    y0 = np.empty(room, np.float32)
    a0 = np.empty(room, np.float32)
    b0 = np.empty(room, np.float32)
    c0 = np.empty(room, np.float32)
    e0 = np.empty(room, np.float32)
    x0[:m] = n
    y0[:m] = d
    x0[m:] = 0
    y0[m:] = 0
    periods = []
    powers = []
    for p in range(first, last + 1):
        rows = (m + p - 1) // p
        if rows < 2:
            break
        size = rows * p
        x = x0[:size].reshape(rows, p)
        y = y0[:size].reshape(rows, p)
        a = a0[:size].reshape(rows, p)
        b = b0[:size].reshape(rows, p)
        c = c0[:size].reshape(rows, p)
        e = e0[:size].reshape(rows, p)
        if rows > 2:
            bounds, levels = _halve(rows)
            a, b = _transform(x, a, b, bounds, levels)
            c, e = _transform(y, c, e, bounds, levels)
        else:
            a, c = x, y
        middle = rows // 2
        heads, tails = middle, rows - middle
        for s in range(rows):
            h = (s * (heads - 1) * 2 + (rows - 1)) // (2 * (rows - 1))
            t = (s * (tails - 1) * 2 + (rows - 1)) // (2 * (rows - 1))
            power = _best(a[h], a[middle + t], c[h], c[middle + t], (s - t) % p, floor)
            if power > square:
                periods.append(p + s / (rows - 1))
                powers.append(np.sqrt(power))
    return np.array(periods), np.array(powers)
