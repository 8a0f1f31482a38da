"""Fast folding: the multiple-event statistic of all periods at once.

The single events lie on an even grid of time, whose step is a part of the transit's duration. For
each whole number p of steps the grid is cut into rows of p. The rows are summed under every drift,
from no step to one step per row. A path through all rows is a sum of paths through their halves, so
that all periods between p and p + 1 steps cost log2(rows) additions of the grid (Staelin 1969,
Proc. IEEE 57, 724; Morello et al. 2020, MNRAS 497, 4654, also for the period of a drift).

No period is left out between those of a coarse list. The folding loses some of the statistic to the
step of the grid, and `refine` recovers it.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Whole = NDArray[np.int64]


@numba.njit(cache=True, fastmath=True)
def _halve(rows: int, bounds: Whole) -> int:
    """Cut rows into halves until no piece has more than two, and return the number of levels.

    The bounds of level k (2ᵏ pieces) are written to `bounds` from index 2ᵏ - 1 + k on.
    """
    levels = 0
    while (rows + (1 << levels) - 1) >> levels > 2:
        levels += 1
    bounds[0] = 0
    bounds[1] = rows
    for level in range(levels):
        here = (1 << level) - 1 + level
        below = (2 << level) + level
        for k in range(1 << level):
            low, high = bounds[here + k], bounds[here + k + 1]
            bounds[below + 2 * k] = low
            bounds[below + 2 * k + 1] = low + (high - low) // 2
        bounds[below + (2 << level)] = rows
    return levels


@numba.njit(cache=True, fastmath=True)
def _drifts(rows: int, heads: Whole, tails: Whole) -> None:
    """Compute which paths through the halves of a piece make up each path through the piece.

    A drift is the number of steps by which a path moves from the first row of a piece to the last:
    0 to `rows` - 1. For each drift s of the piece, heads[s] and tails[s] (int64[rows]) are the
    drifts of the path in the upper and in the lower half, rounded to whole steps.
    """
    upper = rows // 2
    lower = rows - upper
    for s in range(rows):
        heads[s] = (s * (upper - 1) * 2 + (rows - 1)) // (2 * (rows - 1))
        tails[s] = (s * (lower - 1) * 2 + (rows - 1)) // (2 * (rows - 1))


@numba.njit(cache=True, fastmath=True)
def _add(
    out_n: Singles,
    out_d: Singles,
    n: Singles,
    d: Singles,
    o: int,
    h: int,
    t: int,
    p: int,
    shift: int,
) -> None:
    """Write at `o` the sum of the row at `h` and of the row at `t`, rotated by `shift` steps."""
    left = p - shift
    # Slices with indices from 0: only these are compiled to vector instructions.
    on, hn, tn = out_n[o : o + left], n[h : h + left], n[t + shift : t + p]
    od, hd, td = out_d[o : o + left], d[h : h + left], d[t + shift : t + p]
    for j in range(left):
        on[j] = hn[j] + tn[j]
    for j in range(left):
        od[j] = hd[j] + td[j]
    on, hn, tn = out_n[o + left : o + p], n[h + left : h + p], n[t : t + shift]
    od, hd, td = out_d[o + left : o + p], d[h + left : h + p], d[t : t + shift]
    for j in range(shift):
        on[j] = hn[j] + tn[j]
    for j in range(shift):
        od[j] = hd[j] + td[j]


@numba.njit(cache=True, fastmath=True)
def _best(
    n: Singles, d: Singles, h: int, t: int, p: int, shift: int, floor: np.float32
) -> np.float32:
    """Return the greatest n² / d over phases where n > 0, with d of `floor` at least.

    The row at `t` is rotated by `shift` steps and added to the row at `h`, as in `_add`.
    """
    left = p - shift
    best = np.float32(0.0)
    zero = np.float32(0.0)
    hn, tn = n[h : h + left], n[t + shift : t + p]
    hd, td = d[h : h + left], d[t + shift : t + p]
    for j in range(left):
        x = max(hn[j] + tn[j], zero)
        best = max(best, x * x / max(hd[j] + td[j], floor))
    hn, tn = n[h + left : h + p], n[t : t + shift]
    hd, td = d[h + left : h + p], d[t : t + shift]
    for j in range(shift):
        x = max(hn[j] + tn[j], zero)
        best = max(best, x * x / max(hd[j] + td[j], floor))
    return best


@numba.njit(cache=True, fastmath=True)
def fold_all(n: Singles, d: Singles, first: int, last: int, least: float) -> tuple[Floats, Floats]:
    """Fold at all periods from `first` to `last` steps.

    Parameters
    ----------
    n, d : float32[m]
        Of the events (see `single_events`), on the even grid.
    first, last : int
        Shortest and longest period, steps of the grid.
    least : float
        Least d of a phase: a smaller sum counts as this much.

    Returns
    -------
    period, statistic : float64[k]
        Period in steps of the grid, and n / √d at its best phase, where that is above 0.
    """
    m = len(n)
    floor = np.float32(least)
    # The same memory serves all periods.
    room = m + last
    xn, xd = np.zeros(room, np.float32), np.zeros(room, np.float32)
    an, ad = np.empty(room, np.float32), np.empty(room, np.float32)
    bn, bd = np.empty(room, np.float32), np.empty(room, np.float32)
    for j in range(m):
        xn[j] = n[j]
        xd[j] = d[j]
    most = m // first + 2
    bounds = np.empty(4 * most + 64, np.int64)
    heads, tails = np.empty((2, most), np.int64), np.empty((2, most), np.int64)
    periods = []
    powers = []
    for p in range(first, last + 1):
        rows = (m + p - 1) // p
        if rows < 2:
            break
        levels = _halve(rows, bounds)
        sn, sd, on, od = xn, xd, an, ad
        if levels > 0:
            here = (1 << levels) - 1 + levels
            for k in range(1 << levels):
                low, high = bounds[here + k] * p, bounds[here + k + 1] * p
                if high - low == p:
                    for j in range(low, high):
                        on[j] = sn[j]
                        od[j] = sd[j]
                elif high - low == 2 * p:
                    _add(on, od, sn, sd, low, low, low + p, p, 0)
                    _add(on, od, sn, sd, low + p, low, low + p, p, 1 % p)
            sn, sd, on, od = an, ad, bn, bd
        for level in range(levels - 1, 0, -1):
            below = (2 << level) + level
            # The pieces of a level have this many rows or one more.
            fewest = rows >> level
            for more in range(2):
                if fewest + more > 1:
                    _drifts(fewest + more, heads[more], tails[more])
            for k in range(1 << level):
                low, middle = bounds[below + 2 * k], bounds[below + 2 * k + 1]
                count = bounds[below + 2 * k + 2] - low
                head, tail = heads[count - fewest], tails[count - fewest]
                for s in range(count):
                    h, t = (low + head[s]) * p, (middle + tail[s]) * p
                    shift = s - tail[s]
                    if shift >= p:
                        shift %= p
                    _add(on, od, sn, sd, (low + s) * p, h, t, p, shift)
            sn, sd, on, od = on, od, sn, sd
        _drifts(rows, heads[0], tails[0])
        for s in range(rows):
            t = tails[0, s]
            power = _best(sn, sd, heads[0, s] * p, (rows // 2 + t) * p, p, (s - t) % p, floor)
            if power > 0:
                # A path that leaves its row at the end re-enters it p steps earlier, not one
                # period earlier (Morello et al. 2020).
                periods.append(p * p / (p - s / (rows - 1)))
                powers.append(np.sqrt(power))
    return np.array(periods), np.array(powers)
