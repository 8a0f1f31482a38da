"""Single-event statistic: how much each instant looks like the middle of a transit.

For a transit shape s of depth 1 centred on an instant, N = sᵀ K⁻¹ y and D = sᵀ K⁻¹ s, with the
covariance K of `noise`. N / D is the depth there, N / √D the single-event statistic (Jenkins 2002,
ApJ 575, 493). Both add up over transits, which is what `fold` does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from kepler_lens.search.observations import CADENCE_DAYS
from kepler_lens.transit import Planet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MEMORY_DAYS = 1.0
"""How long after a transit the process still remembers it in the filter."""
_LEAST_INFORMATION = 0.2
"""Part of a transit's usual information that must have been observed."""


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
    used = np.flatnonzero(shape > 0)
    shape = shape[used[0] : used[-1] + 1]
    return np.asarray(shape / planet.dimming(np.array([0.0]))[0])


@dataclass(frozen=True, slots=True, eq=False)
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

    @property
    def ses(self) -> Floats:
        """N / √d, 0 where nothing was observed."""
        return np.divide(self.n, np.sqrt(self.d), out=np.zeros_like(self.n), where=self.d > 0)


@numba.njit(cache=True, fastmath=True)
def correlate(
    cadence: Ints,
    start: NDArray[np.bool_],
    z: Floats,
    u: Floats,
    w: Floats,
    phi: Floats,
    d: Floats,
    shape: Floats,
    memory: int,
    step: int,
    count: int,
) -> tuple[Floats, Floats, Floats]:
    """Correlate whitened points with a whitened transit at every `step`-th cadence.

    Parameters
    ----------
    cadence : int64[n]
        Cadence of each point, from 0.
    start, z, u, w, phi, d
        See `noise`.
    shape : float64[2 h + 1]
    memory : int
        Cadences after the transit over which the filter is followed.
    step, count : int
        Trial centres are at cadences 0, step, … (count of them).

    Returns
    -------
    float64[count], float64[count], float64[count]
        N (of dips, so that a dimming is positive), D, and how badly a transit describes what is
        there: more than 1 where something else is (a jump, a ramp, a flare).
    """
    n = len(cadence)
    half = len(shape) // 2
    top = np.zeros(count)
    bottom = np.zeros(count)
    misfit = np.zeros(count)
    begin = 0
    f = np.zeros(5)
    for k in range(count):
        centre = k * step
        while begin < n and cadence[begin] < centre - 2 * half:
            begin += 1
        i = begin
        last = 0.0
        a = 0.0
        b = 0.0
        square = 0.0
        points = 0
        for j in range(5):
            f[j] = 0.0
        while i < n and cadence[i] <= centre + half + memory:
            offset = cadence[i] - centre
            if start[i]:
                if offset > half:
                    break
                last = 0.0
                for j in range(5):
                    f[j] = 0.0
            elif i > begin:
                for j in range(5):
                    f[j] = phi[i, j] * (f[j] + w[i - 1, j] * last)
            last = 0.0
            for j in range(5):
                last -= u[i, j] * f[j]
            if -half <= offset <= half:
                last += shape[offset + half]
            a -= last * z[i] / d[i]
            b += last * last / d[i]
            if offset <= 2 * half:
                square += z[i] * z[i] / d[i]
                points += 1
            i += 1
        top[k] = a
        bottom[k] = b
        if b > 0:
            misfit[k] = _excess(square - a * a / b, points, a * a / b)
    return top, bottom, misfit


@numba.njit(cache=True, fastmath=True)
def _excess(square: float, points: int, power: float) -> float:
    """Squared deviations a point beyond chance, and beyond what a deep transit's own shape leaves.

    Limb darkening, impact parameter and timing leave up to a quarter of a transit's power.
    """
    freedom = max(points - 1, 1)
    return float((square - 0.25 * power) / freedom / (1 + 2.5 * np.sqrt(2 / freedom)))


def memory_cadences() -> int:
    """Cadences of the filter's memory."""
    return round(_MEMORY_DAYS / CADENCE_DAYS)


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
