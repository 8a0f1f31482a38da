"""Fit a cubic spline to one stretch of a light curve, several times and without outliers.

The knots are evenly spaced, so all basis functions are shifted copies of one piecewise cubic. The
part of a piece in the normal equations therefore follows from sums of powers, and the equations
have seven diagonals. The result equals that of pydl's `bspline.iterfit` as AstroNet calls it, to
the digits of double precision.

All functions that are compiled together stand in this file, because numba's cache does not notice a
change in another file. Arrays are filled value by value, because numba takes seconds to compile an
assignment to a slice.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from kepler_lens.median import median, middle
from kepler_lens.scatter import MAD_TO_SIGMA

Floats = NDArray[np.float64]

_FITTED, _TOO_FEW, _UNFIT = 0, 1, 2
"""States of a stretch: fitted; left out because it has too few points; not fitted because its knots
are too close for its points."""

_ROUNDS = 5
"""Greatest number of fits of a stretch (AstroNet)."""
_CUT = 3.0
"""Points farther from the fit than this many standard deviations are left out of the next fit
(AstroNet)."""
_CUT_FACTOR = -0.15405 + 0.90723 * _CUT - 0.23584 * _CUT**2 + 0.020142 * _CUT**3
"""Standard deviation of a normal distribution whose tails are cut at `_CUT`, over its full standard
deviation (IDL's `resistant_mean`)."""
_MEAN_DEVIATION = 1.253
"""Standard deviation of a normal distribution over its mean absolute deviation, no unit (property
of that distribution)."""
_NO_DEVIATION = 1e-24
"""A smaller median absolute deviation counts as zero, in the unit of the flux (AstroNet)."""
_NEAR = 0.1
"""A median is first looked for near the last one, within this many median absolute deviations of it
(chosen)."""
_BASIS = np.array([[1, -3, 3, -1], [4, 0, -6, 3], [1, 3, 3, -3], [0, 0, 0, 1]]) / 6
"""Coefficients of the four cubic B-splines that are not zero on a piece, for the powers 0 to 3 of
the position in the piece (0 to 1)."""
_PAIRS = np.array([[np.convolve(one, other) for other in _BASIS] for one in _BASIS])
"""Coefficients of the products of two of these splines, for the powers 0 to 6."""
_LEAST_POINTS = 4
"""Least number of points of a fit: a cubic has four coefficients."""
_LEAST_INFLUENCE = 1e-10
"""A basis function whose diagonal element is smaller cannot be fitted, in units of the points per
basis function (pydl's `bspline`)."""


@numba.njit(cache=True)
def choose(
    time: Floats, flux: Floats, starts: NDArray[np.int64], spacings: Floats, noise: float
) -> tuple[Floats, int]:
    """Fit the spline with each spacing, and keep the one with the lowest criterion.

    Parameters
    ----------
    time : float64[n]
        Days, ascending.
    flux : float64[n]
        In any unit.
    starts : int64[s + 1]
        Index of the first point of each stretch, and last n.
    spacings : float64[k]
        Spacings of the knots, days.
    noise : float
        Standard deviation of a point, in the unit of `flux`.

    Returns
    -------
    model : float64[n]
        Spline with the lowest Bayesian information criterion; NaN in stretches that are left out.
    chosen : int
        Index of its spacing; -1 where no spacing can be fitted.
    """
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
    """Fit one stretch in place: `model` at all points, and `mask` for the points that were fitted.

    `work` (float64[2, n]) is room for two values of each point. `near` (float64[2]) has the median
    of the last residuals and the median of their distances from it: the next medians lie close to
    these.
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
    """Set the mask by the rule of `resistant_mean`, and return whether that changed the mask."""
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
    sigma = MAD_TO_SIGMA * near[1]
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
    """Compute the median; faster if it lies within `reach` of `guess`."""
    n = len(values)
    low, high = guess - reach, guess + reach
    below = inside = 0
    for i in range(n):
        below += values[i] < low
        room[inside] = values[i]
        inside += low <= values[i] <= high
        # The next value may overwrite the last place.
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
    """Fit a cubic spline to the masked points by least squares, and evaluate it at all points.

    Outside the fitted points the first and the last cubic continue.
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
    # Values about 0 lose fewer digits in the fit.
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
    """Return the number of the piece that holds a position, or of the piece nearest to it."""
    return min(max(int(at), 0), pieces - 1)


@numba.njit(cache=True)
def _solve(a: Floats, x: Floats) -> bool:
    """Solve a banded symmetric system in place by Cholesky.

    Returns
    -------
    bool
        False if the matrix is not positive definite.
    """
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
