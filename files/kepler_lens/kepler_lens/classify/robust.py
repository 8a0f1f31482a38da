"""One stretch of a light curve fitted by a cubic spline, time and again without what lies far off.

Knots are evenly spaced, so that all basis functions are one and the same piecewise cubic: a piece's
part of the normal equations follows from sums of powers, and they have seven diagonals. The result
is that of pydl's `bspline.iterfit` as AstroNet calls it, to the digits that double precision has.

What is compiled together stands in this file: numba's cache does not see a change in another. An
array is filled value by value: a slice that is assigned to takes seconds to compile.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from kepler_lens.median import median, middle

Floats = NDArray[np.float64]

_FITTED, _TOO_FEW, _UNFIT = 0, 1, 2
"""Of a stretch: fitted; left out, for it has too few points; knots lie too close for its points."""

_ROUNDS = 5
"""So many fits at most (AstroNet)."""
_CUT = 3.0
"""Points further off, in standard deviations, are left out of the next fit (AstroNet)."""
_CUT_FACTOR = -0.15405 + 0.90723 * _CUT - 0.23584 * _CUT**2 + 0.020142 * _CUT**3
"""What is left of a normal deviation when its tails are cut (IDL's `resistant_mean`)."""
_MAD, _MEAN_DEVIATION = 1.4826, 1.253
"""Standard deviation of a normal distribution over its median and mean absolute deviation."""
_NO_DEVIATION = 1e-24
"""Below it the median absolute deviation counts as zero (AstroNet)."""
_NEAR = 0.1
"""Chosen: a median is looked for within so many median deviations of the last fit's first."""
_BASIS = np.array([[1, -3, 3, -1], [4, 0, -6, 3], [1, 3, 3, -3], [0, 0, 0, 1]]) / 6
"""The four cubic B-splines of a piece, each by the powers 0 to 3 of the part of it that is past."""
_PAIRS = np.array([[np.convolve(one, other) for other in _BASIS] for one in _BASIS])
"""Their products, by the powers 0 to 6."""
_LEAST_POINTS = 4
"""What a cubic needs."""
_LEAST_INFLUENCE = 1e-10
"""Of the points' mean weight: a basis function with less cannot be fitted (pydl's `bspline`)."""


@numba.njit(cache=True)
def choose(
    time: Floats, flux: Floats, starts: NDArray[np.int64], spacings: Floats, noise: float
) -> tuple[Floats, int]:
    """Fit each spacing; give the spline of the lowest criterion, and its number or -1."""
    n = len(time)
    best, chosen, lowest = np.full(n, np.nan), -1, np.inf
    model = np.empty(n)
    mask = np.empty(n, np.bool_)
    work = np.empty((2, n))
    near = np.zeros((len(starts), 2))
    for k in range(len(spacings)):
        parameters = points = 0
        squares = 0.0
        good = True
        for s in range(len(starts) - 1):
            a, b = starts[s], starts[s + 1]
            fitted = _fit_robustly(
                time[a:b], flux[a:b], spacings[k], model[a:b], mask[a:b], work[:, a:b], near[s]
            )
            if fitted == _UNFIT:
                good = False
                break
            if fitted == _TOO_FEW:
                for i in range(a, b):
                    model[i] = np.nan
                continue
            parameters += int((time[b - 1] - time[a]) / spacings[k]) + 3
            for i in range(a, b):
                if mask[i]:
                    points += 1
                    squares += (flux[i] - model[i]) ** 2
        if not good or points == 0:
            continue
        criterion = -np.inf
        if noise > 0:
            criterion = points * np.log(2 * np.pi * noise**2) + squares / noise**2
            criterion += parameters * np.log(points)
        if chosen < 0 or criterion < lowest:
            chosen, lowest = k, criterion
            for i in range(n):
                best[i] = model[i]
    return best, chosen


@numba.njit(cache=True)
def _fit_robustly(
    time: Floats,
    flux: Floats,
    spacing: float,
    model: Floats,
    mask: NDArray[np.bool_],
    work: Floats,
    near: Floats,
) -> int:
    """Fit one stretch, in place: `model` at all points, `mask` those that were fitted.

    `work` is room for two values a point. `near` has the median of the last residuals and that of
    their distances from it: the next ones lie close by.
    """
    n = len(time)
    if n < _LEAST_POINTS:
        return _TOO_FEW
    for i in range(n):
        mask[i] = True
    for round_ in range(_ROUNDS):
        if round_ > 0 and not _inliers(flux, model, mask, work, near):
            break
        kept = 0
        for i in range(n):
            kept += mask[i]
        if kept < _LEAST_POINTS:
            return _TOO_FEW
        if not _fit(time, flux, mask, kept, spacing, model):
            return _UNFIT
    return _FITTED


@numba.njit(cache=True)
def _inliers(
    flux: Floats, model: Floats, mask: NDArray[np.bool_], work: Floats, near: Floats
) -> bool:
    """Renew the mask by `resistant_mean`'s rule; give whether that changed it."""
    n = len(flux)
    off, room = work[0], work[1]
    for i in range(n):
        off[i] = flux[i] - model[i]
    near[0] = _median(off, near[0], _NEAR * near[1], room)
    total = 0.0
    for i in range(n):
        off[i] = abs(off[i] - near[0])
        total += off[i]
    near[1] = _median(off, near[1], _NEAR * near[1], room)
    sigma = _MAD * near[1]
    if sigma < _NO_DEVIATION:
        sigma = _MEAN_DEVIATION * total / n
    count = 0
    mean = square = 0.0
    for i in range(n):
        if off[i] <= _CUT * sigma:
            count += 1
            signed = flux[i] - model[i] - near[0]
            mean += signed
            square += signed * signed
    mean /= max(count, 1)
    sigma = np.sqrt(max(square / max(count, 1) - mean**2, 0.0)) / _CUT_FACTOR
    changed = False
    for i in range(n):
        inside = off[i] <= _CUT * sigma
        changed |= inside != mask[i]
        mask[i] = inside
    return changed


@numba.njit(cache=True)
def _median(values: Floats, guess: float, reach: float, room: Floats) -> float:
    """Give the median; quickly, where it lies within reach of the guess."""
    n = len(values)
    low, high = guess - reach, guess + reach
    below = inside = 0
    for i in range(n):
        below += values[i] < low
        room[inside] = values[i]
        inside += low <= values[i] <= high
        # The next one may be written behind the last.
        inside = min(inside, n - 1)
    k = n // 2
    if not below < k < below + inside or inside == n - 1:
        for i in range(n):
            room[i] = values[i]
        return median(room[:n])
    return middle(room[:inside], k - below, n % 2 == 0)


@numba.njit(cache=True)
def _fit(
    time: Floats,
    flux: Floats,
    mask: NDArray[np.bool_],
    kept: int,
    spacing: float,
    model: Floats,
) -> bool:
    """Fit a cubic spline to the masked points by least squares, evaluate it at all of them.

    Beyond the first and the last fitted point its outer cubics go on.
    """
    n = len(time)
    first, last = 0, n - 1
    while not mask[first]:
        first += 1
    while not mask[last]:
        last -= 1
    span = time[last] - time[first]
    if span <= 0:
        return False
    pieces = max(int(span / spacing), 1)
    step = span / pieces
    size = pieces + 3
    # Lower diagonals of the normal equations, and their right-hand side.
    a = np.zeros((size, 4))
    x = np.zeros(size)
    # The fit of what lies about 0 loses fewer digits.
    level = flux[first]
    powers = np.empty(7)
    products = np.empty(4)
    per_day = 1 / step
    i = first
    while i <= last:
        k = _piece((time[i] - time[first]) * per_day, pieces)
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = 0.0
        y0 = y1 = y2 = y3 = 0.0
        while i <= last:
            at = (time[i] - time[first]) * per_day
            if _piece(at, pieces) != k:
                break
            if mask[i]:
                u = at - k
                y = flux[i] - level
                u2 = u * u
                u3 = u2 * u
                s0 += 1.0
                s1 += u
                s2 += u2
                s3 += u3
                s4 += u2 * u2
                s5 += u2 * u3
                s6 += u3 * u3
                y0 += y
                y1 += y * u
                y2 += y * u2
                y3 += y * u3
            i += 1
        powers[0], powers[1], powers[2], powers[3] = s0, s1, s2, s3
        powers[4], powers[5], powers[6] = s4, s5, s6
        products[0], products[1], products[2], products[3] = y0, y1, y2, y3
        for p in range(4):
            for r in range(4):
                x[k + p] += _BASIS[p, r] * products[r]
            for q in range(p + 1):
                for r in range(7):
                    a[k + p, p - q] += _PAIRS[p, q, r] * powers[r]
    for k in range(size):
        if a[k, 0] <= _LEAST_INFLUENCE * kept / size:
            return False
    if not _solve(a, x):
        return False
    cubic = np.zeros((pieces, 4))
    for k in range(pieces):
        for p in range(4):
            for r in range(4):
                cubic[k, r] += _BASIS[p, r] * x[k + p]
        cubic[k, 0] += level
    for i in range(n):
        at = (time[i] - time[first]) * per_day
        k = _piece(at, pieces)
        u = at - k
        model[i] = cubic[k, 0] + u * (cubic[k, 1] + u * (cubic[k, 2] + u * cubic[k, 3]))
    return True


@numba.njit(cache=True)
def _piece(at: float, pieces: int) -> int:
    """Give the number of the piece between knots that lies there, or of the nearest one."""
    return min(max(int(at), 0), pieces - 1)


@numba.njit(cache=True)
def _solve(a: Floats, x: Floats) -> bool:
    """Solve a banded positive definite system in place, by Cholesky; give whether it is one."""
    size = len(x)
    for k in range(size):
        for j in range(max(0, k - 3), k + 1):
            left = a[k, k - j]
            for m in range(max(0, k - 3), j):
                left -= a[k, k - m] * a[j, j - m]
            if j < k:
                a[k, k - j] = left / a[j, 0]
            elif left > 0:
                a[k, 0] = np.sqrt(left)
            else:
                return False
        for j in range(max(0, k - 3), k):
            x[k] -= a[k, k - j] * x[j]
        x[k] /= a[k, 0]
    for k in range(size - 1, -1, -1):
        for j in range(k + 1, min(size, k + 4)):
            x[k] -= a[j, j - k] * x[j]
        x[k] /= a[k, 0]
    return True
