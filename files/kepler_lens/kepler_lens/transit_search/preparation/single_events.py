"""Single-event statistic: how well a transit centred on each instant fits, in units of the noise.

For a transit of shape s and depth 1 centred on an instant, N = -sᵀ K⁻¹ y and D = sᵀ K⁻¹ s, with the
relative flux y and the covariance K of `noise`. N / D is the depth there and N / √D the
single-event statistic (Jenkins 2002, ApJ 575, 493). N and D add up over transits: `folding`
sums them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
from numpy.typing import NDArray

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.scatter import scatter
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.preparation.noise import whiten

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLIP = 8.0
"""Standard deviations that a single event may count (chosen): otherwise one jump of the flux would
make a planet of every period."""
_LEAST_INFORMATION = 0.2
"""Part of the usual D of a transit below which a single event is left out (chosen)."""
_OBSERVED = 0.35
"""Part of the usual D (chosen): a transit of a period counts as observed above this. Half of a
transit, with a little of the flux beside it, shows whether there is one."""


def template(duration_hours: float) -> Floats:
    """Compute the shape of a transit: the mean dimming of each exposure, 1 at the deepest.

    Parameters
    ----------
    duration_hours : float
        First to fourth contact.

    Returns
    -------
    float64[2 h + 1]
        One value for each cadence, symmetric about the middle one.
    """
    # Chosen: radius ratio 0.03, impact parameter 0.3 and 15 samples of an exposure; the period is
    # so long that there is one transit.
    planet = TransitModel(1e6, 0.0, duration_hours, 0.03, 0.3)
    half = int(np.ceil((duration_hours / 24 / 2) / LONG_CADENCE_DAYS + 0.5))
    offsets: Floats = np.arange(-half, half + 1, dtype=np.float64) * LONG_CADENCE_DAYS
    shape = planet.mean_dimming(offsets, LONG_CADENCE_DAYS, samples=15)
    # At least one cadence on each side: even a short transit has flanks.
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
        Trial centres, BKJD, days, evenly spaced in cadences.
    n, d : float64[m]
        N and D of the module's docstring, 1 / relative flux and its square; 0 where too little was
        observed. Depth is n / d, relative flux.
    """

    duration_hours: float
    time: Floats
    n: Floats
    d: Floats

    @cached_property
    def usual(self) -> float:
        """D of a usual transit: its median where it is not 0; 1 where nothing was observed."""
        seen = self.d > 0
        return float(np.median(self.d[seen])) if seen.any() else 1.0

    @property
    def least(self) -> float:
        """Least D of an observed transit."""
        return _OBSERVED * self.usual

    @cached_property
    def capped(self) -> Floats:
        """N of single events that count `CLIP` standard deviations at most (float64[m])."""
        return np.clip(self.ses, -CLIP, CLIP) * np.sqrt(self.d)

    @property
    def ses(self) -> Floats:
        """Single-event statistic N / √D (float64[m]), 0 where nothing was observed."""
        return np.divide(self.n, np.sqrt(self.d), out=np.zeros_like(self.n), where=self.d > 0)


@dataclass(frozen=True, slots=True, eq=False)
class Whitened:
    """Whitened points, and sums over the points after a transit that hold for every transit.

    Attributes
    ----------
    cadence : int64[n]
        Cadence of each point, zero-based.
    start : bool[n]
        Where a stretch begins, see `noise`.
    z : float64[n]
        Whitened relative flux, see `noise.whiten`.
    u, w, phi : float64[n, 5]
        See `noise.factor`.
    d : float64[n]
        See `noise.factor`, relative flux squared.
    top : float64[n, 5]
        N of the points from each one to the end of its stretch is top · f, where f (float64[5]) is
        the state of the recursion of `noise.whiten` after the transit.
    bottom : float64[n, 5, 5]
        D of the same points is f · bottom f.
    power : float64[n + 1]
        Sum of z² / d over the points before each one.
    following : int64[n + 1]
        Index of the first point, at or after each one, where a stretch begins; n if there is none.
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
    """Whiten a light curve for `correlate`.

    Parameters
    ----------
    cadence : int64[n]
        Cadence of each point, zero-based, ascending.
    start : bool[n]
        Where a stretch begins.
    flux : float64[n]
        Relative flux about 0.
    factors : tuple of arrays
        Result of `noise.factor`.
    """
    u, w, phi, d = factors
    z = whiten(flux, u, w, phi)
    top, bottom, following = _tails(start, z, u, w, phi, d)
    power = np.concatenate(([0.0], np.cumsum(z * z / d)))
    return Whitened(cadence, start, z, u, w, phi, d, top, bottom, power, following)


@numba.njit(cache=True, fastmath=True)
def _tails(
    start: NDArray[np.bool_], z: Floats, u: Floats, w: Floats, phi: Floats, d: Floats
) -> tuple[Floats, Floats, Ints]:
    """Compute `top`, `bottom` and `following` of `Whitened`, backwards through the points.

    After a transit f becomes φ (f - w (u · f)) from one point to the next. This map is linear, so N
    and D of all later points are a linear and a quadratic form of f.
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
        There are `count` trial centres, at cadences 0, step, …

    Returns
    -------
    float64[count], float64[count], float64[count]
        N (positive for a dimming), D, and the misfit of a transit there (see `excess`): above 1
        for anything else, as a jump, a ramp or a flare.
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
    """Compute N and D at each trial centre, and sum and number of z² / d of the points around it.

    These points are those within two half-widths of the shape that are in the transit's stretch or
    before it.
    """
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
    """Compute the misfit of a transit: the scatter that it leaves, over what chance allows.

    A quarter of a transit's power counts as explained, since limb darkening, impact parameter and
    timing leave up to that much (chosen).

    Parameters
    ----------
    square : float64[m]
        Sum of squared deviations of the points around each trial centre.
    points : float64[m]
        Number of these points.
    power : float64[m]
        N² / D, the squared deviations that a transit explains.

    Returns
    -------
    float64[m]
        Above 1 where a transit is a poor description. The limit is 2.5 times the standard deviation
        of a reduced χ² (chosen).
    """
    freedom = np.maximum(points - 1.0, 1.0)
    return (square - 1.25 * power) / freedom / (1 + 2.5 * np.sqrt(2 / freedom))


def standardise(events: Events, quarter: NDArray[np.int32], misfit: Floats) -> Events:
    """Scale the single-event statistic of each quarter to median 0 and robust deviation 1.

    Parameters
    ----------
    events : Events
    quarter : int32[m]
        Quarter of each trial centre.
    misfit : float64[m]
        See `correlate`. Where it is above 1 the statistic is divided by its root, as Kepler's
        pipeline does with its χ² discriminators (Seader et al. 2013, ApJS 206, 25).

    Returns
    -------
    Events
        With D by the noise that is measured. N and D are 0 at centres with less than a fifth of the
        usual D.
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
        # Few centres give an uncertain median and deviation. So 10 centres with a median of 0, and
        # 20 with the deviation of all quarters, count with those of the quarter (both chosen).
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
    """Return the robust standard deviation, 1 where it is 0."""
    return scatter(values) or 1.0


def _spacing(time: Floats) -> float:
    """Return the median distance of trial centres, days."""
    return float(np.median(np.diff(time))) if len(time) > 1 else 1.0
