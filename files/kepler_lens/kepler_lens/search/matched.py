"""Single-event statistic: how much each instant looks like the middle of a transit.

For a transit shape s of depth 1 centred on an instant, N = sᵀ K⁻¹ y and D = sᵀ K⁻¹ s, with the
covariance K of `noise`. N / D is the depth there, N / √D the single-event statistic (Jenkins 2002,
ApJ 575, 493). Both add up over transits, which is what `fold` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
from numpy.typing import NDArray

from kepler_lens.search.noise import whiten
from kepler_lens.search.observations import CADENCE_DAYS
from kepler_lens.transit import Planet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLIP = 8.0
"""Deviations: a single event counts for no more, else one jump makes a planet of every period."""
_LEAST_INFORMATION = 0.2
"""Part of a transit's usual information that must have been observed."""
_OBSERVED = 0.35
"""The same from which on one transit of a period counts as observed (chosen): the half of it, with
a little of what lies beside, tells a transit from none."""


def template(duration_hours: float) -> Floats:
    """Give the shape of a transit, each exposure's mean dimming, 1 at the deepest.

    Parameters
    ----------
    duration_hours
        First to fourth contact.

    Returns
    -------
    float64[2 h + 1]
        One a cadence, symmetric about the middle one.
    """
    planet = Planet(0, "b", 1e6, 0.0, duration_hours, 0.03, 0.3)
    half = int(np.ceil((duration_hours / 24 / 2) / CADENCE_DAYS + 0.5))
    offsets: Floats = np.arange(-half, half + 1, dtype=np.float64) * CADENCE_DAYS
    shape = planet.mean_dimming(offsets, CADENCE_DAYS, samples=15)
    # One cadence to each side at least: however short, a transit has flanks.
    used = int(min(np.flatnonzero(shape > 0)[0], half - 1))
    shape = shape[used : len(shape) - used]
    return np.asarray(shape / planet.dimming(np.array([0.0]))[0])


@dataclass(frozen=True, eq=False)
class Events:
    """The single-event statistic for one duration.

    Attributes
    ----------
    duration_hours : float
    time : float64[m]
        BKJD of the trial centres, evenly spaced in cadences.
    n, d : float64[m]
        See this module; 0 where too little was observed. Depth is n / d (relative flux).
    """

    duration_hours: float
    time: Floats
    n: Floats
    d: Floats

    @cached_property
    def usual(self) -> float:
        """D of a usual transit: the median where something was observed; 1 where nothing was."""
        seen = self.d > 0
        return float(np.median(self.d[seen])) if seen.any() else 1.0

    @property
    def least(self) -> float:
        """D from which on a transit counts as observed."""
        return _OBSERVED * self.usual

    @cached_property
    def capped(self) -> Floats:
        """N of single events that count for `CLIP` deviations at most."""
        return np.clip(self.ses, -CLIP, CLIP) * np.sqrt(self.d)

    @property
    def ses(self) -> Floats:
        """N / √d, 0 where nothing was observed."""
        return np.divide(self.n, np.sqrt(self.d), out=np.zeros_like(self.n), where=self.d > 0)


@dataclass(frozen=True, slots=True, eq=False)
class Whitened:
    """Whitened points, and what a filter gathers after a transit's end, whatever the transit.

    Attributes
    ----------
    cadence : int64[n]
        Of each point, from 0.
    start : bool[n]
        Where a stretch begins, see `noise`.
    z, u, w, phi, d
        See `noise`.
    top : float64[n, 5]
        N of all points from each one on to the stretch's end is top · f, f being what the process
        remembers of the transit there.
    bottom : float64[n, 5, 5]
        D of them is f · bottom f.
    power : float64[n + 1]
        Sum of z² / d before each point.
    following : int64[n + 1]
        The first point at or after each one where a stretch begins, or n.
    """

    cadence: Ints
    start: NDArray[np.bool_]
    z: Floats
    u: Floats
    w: Floats
    phi: Floats
    d: Floats
    top: Floats
    bottom: Floats
    power: Floats
    following: Ints


def whitened(
    cadence: Ints, start: NDArray[np.bool_], flux: Floats, factors: tuple[Floats, ...]
) -> Whitened:
    """Whiten a light curve (float64[n], relative flux) with the factors that `noise` gives."""
    u, w, phi, d = factors
    z = whiten(flux, u, w, phi)
    top, bottom, following = _tails(start, z, u, w, phi, d)
    power = np.concatenate(([0.0], np.cumsum(z * z / d)))
    return Whitened(cadence, start, z, u, w, phi, d, top, bottom, power, following)


@numba.njit(cache=True, fastmath=True)
def _tails(
    start: NDArray[np.bool_], z: Floats, u: Floats, w: Floats, phi: Floats, d: Floats
) -> tuple[Floats, Floats, Ints]:
    """Run backwards through the points for `Whitened`.

    Without a transit f becomes φ (f - w (u · f)) from a point to the next: a linear map, so that
    what is gathered later is a linear and a quadratic form of f.
    """
    n = len(z)
    top = np.empty((n, 5))
    bottom = np.empty((n, 5, 5))
    following = np.full(n + 1, n)
    g = np.zeros(5)
    q = np.zeros((5, 5))
    r = np.zeros(5)
    for i in range(n - 1, -1, -1):
        if i == n - 1 or start[i + 1]:
            for j in range(5):
                g[j] = 0.0
                for k in range(5):
                    q[j, k] = 0.0
        gw = 0.0
        for j in range(5):
            if i < n - 1:
                g[j] *= phi[i + 1, j]
                for k in range(5):
                    q[j, k] *= phi[i + 1, j] * phi[i + 1, k]
            gw += g[j] * w[i, j]
        rho = 0.0
        for j in range(5):
            r[j] = 0.0
            for k in range(5):
                r[j] += q[j, k] * w[i, k]
            rho += r[j] * w[i, j]
        rho += 1.0 / d[i]
        for j in range(5):
            g[j] -= u[i, j] * (gw - z[i] / d[i])
            for k in range(5):
                q[j, k] += rho * u[i, j] * u[i, k] - u[i, j] * r[k] - r[j] * u[i, k]
        for j in range(5):
            top[i, j] = g[j]
            for k in range(5):
                bottom[i, j, k] = q[j, k]
        following[i] = i if start[i] else following[i + 1]
    return top, bottom, following


def correlate(
    points: Whitened, shape: Floats, step: int, count: int
) -> tuple[Floats, Floats, Floats]:
    """Correlate whitened points with a whitened transit at every `step`-th cadence.

    Parameters
    ----------
    points : Whitened
    shape : float64[2 h + 1]
        The transit, see `template`.
    step, count : int
        Trial centres are at cadences 0, step, … (count of them).

    Returns
    -------
    float64[count], float64[count], float64[count]
        N (of dips, so that a dimming is positive), D, and how badly a transit describes what is
        there: more than 1 where something else is (a jump, a ramp, a flare).
    """
    p = points
    found: tuple[Floats, Floats, Floats, Floats] = _correlate(
        *(p.cadence, p.start, p.z, p.u, p.w, p.phi, p.d),
        *(p.top, p.bottom, p.power, p.following, shape, step, count),
    )
    n, d, square, number = found
    power = np.divide(n**2, d, out=np.zeros_like(n), where=d > 0)
    return n, d, excess(square, number, power)


@numba.njit(cache=True, fastmath=True)
def _correlate(
    cadence: Ints,
    start: NDArray[np.bool_],
    z: Floats,
    u: Floats,
    w: Floats,
    phi: Floats,
    d: Floats,
    tail_top: Floats,
    tail_bottom: Floats,
    power: Floats,
    following: Ints,
    shape: Floats,
    step: int,
    count: int,
) -> tuple[Floats, Floats, Floats, Floats]:
    n = len(cadence)
    half = len(shape) // 2
    top = np.zeros(count)
    bottom = np.zeros(count)
    square = np.zeros(count)
    number = np.zeros(count)
    far = 0
    begin = 0
    beyond = 0
    f = np.zeros(5)
    for k in range(count):
        centre = k * step
        while far < n and cadence[far] < centre - 2 * half:
            far += 1
        while begin < n and cadence[begin] < centre - half:
            begin += 1
        while beyond < n and cadence[beyond] <= centre + 2 * half:
            beyond += 1
        i = begin
        last = 0.0
        a = 0.0
        b = 0.0
        for j in range(5):
            f[j] = 0.0
        while i < n and cadence[i] <= centre + half:
            predicted = 0.0
            if start[i]:
                for j in range(5):
                    f[j] = 0.0
            elif i > begin:
                for j in range(5):
                    f[j] = phi[i, j] * (f[j] + w[i - 1, j] * last)
                    predicted += u[i, j] * f[j]
            last = shape[cadence[i] - centre + half] - predicted
            a -= last * z[i] / d[i]
            b += last * last / d[i]
            i += 1
        if begin < i < n and not start[i]:
            for j in range(5):
                f[j] = phi[i, j] * (f[j] + w[i - 1, j] * last)
            for j in range(5):
                a += tail_top[i, j] * f[j]
                for m in range(5):
                    b += f[j] * tail_bottom[i, j, m] * f[m]
        top[k] = a
        bottom[k] = b
        if b > 0:
            stop = min(beyond, following[i])
            square[k] = power[stop] - power[far]
            number[k] = stop - far
    return top, bottom, square, number


def excess(square: Floats, points: Floats, power: Floats) -> Floats:
    """Squared deviations a point beyond chance, and beyond what a deep transit's own shape leaves.

    Limb darkening, impact parameter and timing leave up to a quarter of a transit's power.
    """
    freedom = np.maximum(points - 1.0, 1.0)
    # What fits a transit is no deviation, nor is a quarter of its power.
    return (square - 1.25 * power) / freedom / (1 + 2.5 * np.sqrt(2 / freedom))


def standardise(events: Events, quarter: NDArray[np.int32], misfit: Floats) -> Events:
    """Make the statistic of each quarter one of mean 0 and deviation 1, robustly.

    Parameters
    ----------
    events : Events
    quarter : int32[m]
        Of each trial centre.
    misfit : float64[m]
        See `correlate`. Where it is above 1 the statistic is divided by its root, as the pipeline
        does it with its χ² discriminators (Seader et al. 2013, ApJS 206, 25).

    Returns
    -------
    Events
        With d in units of the noise that is really there. Centres at which less than a fifth of
        a transit's usual information was gathered are left out.
    """
    n, d = events.n.copy(), events.d.copy()
    seen = d > 0
    if seen.any():
        seen &= d > _LEAST_INFORMATION * np.median(d[seen])
    n[~seen] = 0
    d[~seen] = 0
    ses = np.divide(n, np.sqrt(d), out=np.zeros_like(n), where=seen)
    overall = _deviation(ses[seen]) if seen.any() else 1.0
    centres_a_duration = max(1.0, events.duration_hours / 24 / _spacing(events.time))
    for q in np.unique(quarter):
        mine = seen & (quarter == q)
        count = mine.sum()
        if count == 0:
            continue
        independent = count / centres_a_duration
        middle = np.median(ses[mine]) * independent / (independent + 10)
        own = _deviation(ses[mine])
        scale = np.sqrt((independent * own**2 + 20 * overall**2) / (independent + 20))
        scale = max(float(scale), 1e-12)
        d[mine] /= scale**2
        trust = np.sqrt(np.maximum(1, misfit[mine]))
        n[mine] = (ses[mine] - middle) / scale / trust * np.sqrt(d[mine])
    return Events(events.duration_hours, events.time, n, d)


def _deviation(values: Floats) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) or 1.0


def _spacing(time: Floats) -> float:
    return float(np.median(np.diff(time))) if len(time) > 1 else 1.0
