"""A star's own variability and the photometer's noise, as one Gaussian process.

The model of a light curve is white noise, two stochastically driven oscillators of quality 1/√2
(a slow one for rotation and drifts, a fast one for granulation), and an unknown level for each
stretch without a long gap. The covariance of the model is semi-separable: factoring it takes a time
in proportion to the number of points, and gaps need no filling (Foreman-Mackey, Agol, Ambikasaran
and Angus 2017, AJ 154, 220; the recursions are those of their section 5).

For Gaussian noise, a matched filter under that covariance is the best linear detector. The search
subtracts no trend first, so that no transit leaves shoulders in a trend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]

_SAME_STEP_DAYS = 1e-7
"""Nine milliseconds: time steps that differ by less count as equal (chosen: timestamps are in
microseconds)."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The Gaussian process of one star.

    Attributes
    ----------
    white : float
        Factor on the white noise of each point.
    slow, fast : float
        Standard deviations of the two oscillators, relative flux.
    slow_days, fast_days : float
        Their time scales: 1 / angular frequency, days.
    level : float
        Standard deviation of a stretch's level, relative flux.
    """

    white: float
    slow: float
    slow_days: float
    fast: float
    fast_days: float
    level: float


def terms(noise: Noise) -> tuple[Floats, Floats]:
    """Return the variances and the damping rates of the terms: slow, fast and level.

    Parameters
    ----------
    noise : Noise

    Returns
    -------
    float64[3], float64[3]
        Relative flux squared, and 1/day.
    """
    variances = np.array([noise.slow**2, noise.fast**2, noise.level**2])
    rates = np.array([1 / noise.slow_days, 1 / noise.fast_days, 0.0]) / np.sqrt(2)
    return variances, rates


@numba.njit(cache=True, fastmath=True)
def factor(
    time: Floats, diagonal: Floats, start: NDArray[np.bool_], variances: Floats, rates: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Factor the covariance into L D Lᵀ.

    Parameters
    ----------
    time : float64[n]
        Days, ascending.
    diagonal : float64[n]
        Variance of the white noise, relative flux squared.
    start : bool[n]
        Where a stretch begins that is independent of the one before it.
    variances, rates : float64[3]
        See `terms`.

    Returns
    -------
    u, w, phi : float64[n, 5]
        L is 1 on its diagonal and u φ w below it; φ is the decay from the previous point to this.
    d : float64[n]
        Variance of each point given those before it, relative flux squared: the diagonal of D.
    """
    n = len(time)
    u = np.empty((n, 5))
    w = np.empty((n, 5))
    phi = np.empty((n, 5))
    d = np.empty(n)
    s = np.zeros((5, 5))
    total = variances[0] + variances[1] + variances[2]
    origin = 0.0
    for i in range(n):
        if start[i]:
            for j in range(5):
                phi[i, j] = 0.0
                for k in range(5):
                    s[j, k] = 0.0
            origin = time[i]
        else:
            for k in range(2):
                decay = np.exp(-rates[k] * (time[i] - time[i - 1]))
                phi[i, 2 * k] = decay
                phi[i, 2 * k + 1] = decay
            phi[i, 4] = 1.0
            for j in range(5):
                for k in range(j + 1):
                    s[j, k] = (
                        phi[i, j] * phi[i, k] * (s[j, k] + d[i - 1] * w[i - 1, j] * w[i - 1, k])
                    )
                    s[k, j] = s[j, k]
        for k in range(2):
            angle = rates[k] * (time[i] - origin)
            c = np.cos(angle)
            si = np.sin(angle)
            u[i, 2 * k] = variances[k] * (c + si)
            u[i, 2 * k + 1] = variances[k] * (si - c)
            w[i, 2 * k] = c
            w[i, 2 * k + 1] = si
        u[i, 4] = variances[2]
        w[i, 4] = 1.0
        left = diagonal[i] + total
        for j in range(5):
            us = 0.0
            for k in range(5):
                us += u[i, k] * s[k, j]
            left -= us * u[i, j]
            w[i, j] -= us
        d[i] = left
        for j in range(5):
            w[i, j] /= left
    return u, w, phi, d


@numba.njit(cache=True, fastmath=True)
def whiten(y: Floats, u: Floats, w: Floats, phi: Floats) -> Floats:
    """Compute L⁻¹ y: each point less the prediction from those before it.

    Parameters
    ----------
    y : float64[n]
        Relative flux about 0.
    u, w, phi : float64[n, 5]
        See `factor`.

    Returns
    -------
    float64[n]
        In the unit of y.
    """
    n = len(y)
    z = np.empty(n)
    f = np.zeros(5)
    for i in range(n):
        predicted = 0.0
        for j in range(5):
            if i > 0:
                f[j] = phi[i, j] * (f[j] + w[i - 1, j] * z[i - 1])
            predicted += u[i, j] * f[j]
        z[i] = y[i] - predicted
    return z


@numba.njit(cache=True, fastmath=True)
def smooth(z: Floats, u: Floats, w: Floats, phi: Floats, d: Floats) -> Floats:
    """Compute K⁻¹ y, with the covariance K, from whitened points z = L⁻¹ y.

    Parameters
    ----------
    z : float64[n]
        See `whiten`.
    u, w, phi : float64[n, 5]
        See `factor`.
    d : float64[n]
        See `factor`.

    Returns
    -------
    float64[n]
        1 / relative flux.
    """
    n = len(z)
    x = np.empty(n)
    g = np.zeros(5)
    for i in range(n - 1, -1, -1):
        later = 0.0
        for j in range(5):
            if i < n - 1:
                g[j] = phi[i + 1, j] * (g[j] + u[i + 1, j] * x[i + 1])
            later += w[i, j] * g[j]
        x[i] = z[i] / d[i] - later
    return x


@numba.njit(cache=True, fastmath=True)
def misfit(
    time: Floats,
    flux: Floats,
    diagonal: Floats,
    start: NDArray[np.bool_],
    variances: Floats,
    rates: Floats,
) -> float:
    """Compute -2 log likelihood per point, up to a constant.

    It does the work of `factor` and `whiten` without their arrays. Cadences are even except for
    some milliseconds. So sines and exponentials of the time step are carried from point to point,
    and computed anew only where the step changes.

    Parameters
    ----------
    time, flux : float64[n]
        BKJD, days, ascending; relative flux about 0.
    diagonal, start, variances, rates
        See `factor`.

    Returns
    -------
    float
        1e30 where the covariance is not positive definite.
    """
    n = len(time)
    u = np.zeros(5)
    w = np.zeros(5)
    old = np.zeros(5)
    phi = np.ones(5)
    f = np.zeros(5)
    s = np.zeros((5, 5))
    cosine = np.ones(2)
    sine = np.zeros(2)
    cosine_step = np.ones(2)
    sine_step = np.zeros(2)
    prior = variances[0] + variances[1] + variances[2]
    step = -1.0
    d = 1.0
    z = 0.0
    total = 0.0
    product = 1.0
    u[4] = variances[2]
    for i in range(n):
        if start[i]:
            for j in range(5):
                f[j] = 0.0
                for k in range(5):
                    s[j, k] = 0.0
            for k in range(2):
                cosine[k] = 1.0
                sine[k] = 0.0
        else:
            lag = time[i] - time[i - 1]
            if abs(lag - step) > _SAME_STEP_DAYS:
                step = lag
                for k in range(2):
                    phi[2 * k] = np.exp(-rates[k] * lag)
                    phi[2 * k + 1] = phi[2 * k]
                    cosine_step[k] = np.cos(rates[k] * lag)
                    sine_step[k] = np.sin(rates[k] * lag)
            for j in range(5):
                f[j] = phi[j] * (f[j] + old[j] * z)
                for k in range(5):
                    s[j, k] = phi[j] * phi[k] * (s[j, k] + d * old[j] * old[k])
            for k in range(2):
                c = cosine[k] * cosine_step[k] - sine[k] * sine_step[k]
                sine[k] = sine[k] * cosine_step[k] + cosine[k] * sine_step[k]
                cosine[k] = c
        for k in range(2):
            u[2 * k] = variances[k] * (cosine[k] + sine[k])
            u[2 * k + 1] = variances[k] * (sine[k] - cosine[k])
            w[2 * k] = cosine[k]
            w[2 * k + 1] = sine[k]
        w[4] = 1.0
        d = diagonal[i] + prior
        z = flux[i]
        for j in range(5):
            us = 0.0
            for k in range(5):
                us += s[j, k] * u[k]
            d -= us * u[j]
            w[j] -= us
            z -= u[j] * f[j]
        if d <= 0:
            return 1e30
        for j in range(5):
            old[j] = w[j] / d
        total += z * z / d
        # A logarithm is slow: take one of the product of sixteen points.
        product *= d / diagonal[0]
        if i % 16 == 15:
            total += np.log(product)
            product = 1.0
    return float((total + np.log(product)) / n + np.log(diagonal[0]))


def fit(time: Floats, flux: Floats, sigma: Floats, start: NDArray[np.bool_]) -> Noise:
    """Find the process that makes a light curve likeliest.

    Parameters
    ----------
    time : float64[n]
        BKJD, days, ascending.
    flux : float64[n]
        Relative flux about 0, without outliers and deep transits.
    sigma : float64[n]
        Standard deviation of the white noise, relative flux, up to a factor.
    start : bool[n]
        Where a stretch begins.

    Returns
    -------
    Noise
        The best of the fits from `_BEGINNINGS`, within `_BOUNDS`.
    """
    # Chosen: a level is free within ten standard deviations of the light curve.
    spread = max(float(np.std(flux)), 1e-7)
    white = float(np.median(sigma))
    lowest, highest = np.log(np.array(_BOUNDS)).T

    def noise(x: Floats) -> Noise:
        scale, slow, slow_days, fast, fast_days = (
            float(v) for v in np.exp(np.clip(x, lowest, highest))
        )
        return Noise(scale, slow * white, slow_days, fast * white, fast_days, 10 * spread)

    def tried_with(x: Floats) -> float:
        process = noise(x)
        outside = float(np.sum((x - np.clip(x, lowest, highest)) ** 2))
        value = misfit(time, flux, (sigma * process.white) ** 2, start, *terms(process))
        return float(value) + 0.01 * outside

    tried = []
    # The tolerances, the number of evaluations and the penalty outside the bounds are chosen.
    for slow_days, fast, fast_days in _BEGINNINGS:
        first = np.log([1.0, max(spread / white, 0.3), slow_days, fast, fast_days])
        best = minimize(
            tried_with,
            first,
            method="Nelder-Mead",
            options={
                "maxfev": 400,
                "xatol": 0.02,
                "fatol": 1e-5,
                "initial_simplex": np.vstack([first, first + np.diag(_STEPS)]),
            },
        )
        tried.append((float(best.fun), best.x))
    return noise(min(tried, key=lambda pair: pair[0])[1])


_BEGINNINGS = ((1.5, 0.4, 0.12), (0.3, 1.0, 0.035))
"""Values of `slow_days` (days), `fast` (in units of the white noise) and `fast_days` (days) with
which fits begin (chosen): from one beginning alone a restless star, 011454304, ends in a poor local
maximum."""
_BOUNDS = [(0.3, 3.0), (0.02, 1e5), (0.2, 30.0), (0.01, 1e3), (0.03, 0.35)]
"""Least and largest `white`, `slow`, `slow_days`, `fast` and `fast_days` (chosen); `slow` and
`fast` in units of the white noise, the others as in `Noise`."""
_STEPS = (-0.2, 0.7, 0.7, -0.7, 0.5)
"""Sides of the first simplex, natural logarithms in the order of `_BOUNDS` (chosen: about a factor
of two)."""
