"""Fit a transit to a folded light curve: depth, duration, impact parameter and middle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.detection.ephemeris import Ephemeris
from kepler_lens.transit_search.detection.periods import central_duration
from kepler_lens.transit_search.preparation.prepare import Prepared, detrended

Floats = NDArray[np.float64]

RADIUS_RATIO = 0.03
"""Radius ratio of planet and star in the fit (chosen): the shape for smaller planets is the same,
and the depth is fitted separately."""
_IMPACTS = (0.0, 0.4, 0.6, 0.75, 0.85, 0.91, 0.95, 0.97)
"""Impact parameters that are tried, in stellar radii (chosen): from a central transit to one that
grazes the star."""
_OWN_DURATIONS, _OWN_HOURS = 0.75, 0.5
"""Durations and hours, added up, on each side of the middle of a transit: these points are left out
when the star's variability is estimated (both chosen)."""
_SPACING = 0.25
"""Standard deviation of the search's duration (natural logarithm) and middle (in durations), as the
fit takes it: the relative spacing of the durations that the search tries."""
_TIMES = np.geomspace(0.4, 2.5, 11)
"""Durations with which the fit begins, in units of the search's (chosen)."""
_DELAYS = np.linspace(-0.6, 0.6, 13)
"""Delays of the middle with which the fit begins, in units of the search's duration (chosen)."""
_SIMPLEX = np.array([(0, 0), (0.1, 0), (0, 0.05)])
"""First simplex about the beginning: natural logarithm of the duration, and delay in durations
(chosen)."""
_BINS = 40
"""Bins in a duration (chosen)."""
_PASSES = 3
"""Most passes of folding and fitting (chosen): they end when the fit moves by less than a tenth."""
TOO_LONG = 2.0
"""Durations above this are too long for a circular orbit, in units of a central transit's
(chosen)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fitted shape of a folded transit.

    Attributes
    ----------
    depth : float
        At the middle, relative flux.
    duration_hours : float
        First to fourth contact.
    impact : float
        Impact parameter, in radii of the star.
    late_hours : float
        Middle of the transit, hours after that of the ephemeris.
    """

    depth: float
    duration_hours: float
    impact: float
    late_hours: float

    def flux(self, hours: Floats) -> Floats:
        """Compute the mean flux of exposures under the model of `kepler_lens.transit_model`.

        Parameters
        ----------
        hours : float64[n]
            Middle of each exposure, hours after the middle of the ephemeris.

        Returns
        -------
        float64[n]
            Relative flux about 0.
        """
        planet = TransitModel(1e6, 0.0, self.duration_hours, RADIUS_RATIO, self.impact)
        dimming = planet.mean_dimming((hours - self.late_hours) / 24, LONG_CADENCE_DAYS)
        return np.asarray(-self.depth * dimming / planet.dimming(np.zeros(1)))


def transit_points(prepared: Prepared, ephemeris: Ephemeris) -> NDArray[np.bool_]:
    """Return the points in or near transit, left out of the variability's estimate (bool[n]).

    Parameters
    ----------
    prepared : Prepared
        With n points.
    ephemeris : Ephemeris
    """
    return ephemeris.near_transit(prepared.time, _OWN_DURATIONS, _OWN_HOURS)


def folded(
    prepared: Prepared, ephemeris: Ephemeris, others: NDArray[np.bool_]
) -> tuple[Floats, Floats, NDArray[np.int64], Floats]:
    """Fold the detrended light curve, without the transits of other candidates.

    Parameters
    ----------
    prepared : Prepared
    ephemeris : Ephemeris
    others : bool[n]
        Points in transit of the star's other candidates.

    Returns
    -------
    hours : float64[m]
        Hours after the nearest middle.
    flux : float64[m]
        Relative flux about 0.
    number : int64[m]
        Number of the nearest transit.
    sigma : float64[m]
        Standard deviation of the white noise, relative flux.
    """
    hours = ephemeris.hours_from_middle(prepared.time)
    flux = detrended(prepared, transit_points(prepared, ephemeris) | others)
    keep = ~others
    number = ephemeris.numbers(prepared.time)
    return hours[keep], flux[keep], number[keep], prepared.sigma[keep] * prepared.noise.white


def fit_transit(hours: Floats, flux: Floats, sigma: Floats, duration: float) -> Shape:
    """Fit depth, duration, impact parameter and middle of a folded transit.

    The search's duration and middle, uncertain by `_SPACING`, count as a measurement. Where the
    noise is too high to measure these better, they stay nearly the same.

    Parameters
    ----------
    hours, flux, sigma : float64[n]
        See `folded`.
    duration : float
        The search's own, hours.

    Returns
    -------
    Shape
    """
    # Chosen: the fit takes points within 1.5 durations of the middle.
    near = np.abs(hours) < 1.5 * duration
    number = np.floor(hours[near] / duration * _BINS).astype(np.int64) + 2 * _BINS
    each = sigma[near] ** -2.0
    total = np.bincount(number, each, 4 * _BINS).astype(np.float64)
    mean = np.bincount(number, each * flux[near], 4 * _BINS) / np.maximum(total, 1e-30)
    seen = np.flatnonzero(total)
    x, y, weight = (seen - 2 * _BINS + 0.5) / _BINS * duration, mean[seen], total[seen]

    def fitted(times: float, late: float, impact: float) -> tuple[float, Shape]:
        """Return χ², with the search's duration and middle as a measurement, and the shape.

        The duration (`times`) and the delay (`late`) are in units of the search's duration.
        """
        unit = Shape(1.0, times * duration, impact, late * duration)
        dimming = -unit.flux(x)
        norm = float((weight * dimming**2).sum())
        depth = -float((weight * dimming * y).sum()) / norm if norm > 0 else 0.0
        known = float(np.log(times) ** 2 + late**2) / _SPACING**2
        square = float((weight * (y + depth * dimming) ** 2).sum())
        return square + known, replace(unit, depth=depth)

    grid = [(times, late) for times in _TIMES for late in _DELAYS]
    times, late = min(grid, key=lambda at: fitted(at[0], at[1], _IMPACTS[1])[0])
    # The tolerances of the fit, a small part of the first simplex, are chosen.
    start = np.array([np.log(times), late])
    every = []
    for impact in _IMPACTS:
        found = minimize(
            lambda at, impact=impact: fitted(float(np.exp(at[0])), float(at[1]), impact)[0],
            start,
            method="Nelder-Mead",
            options={"xatol": 0.002, "fatol": 0.01, "initial_simplex": start + _SIMPLEX},
        )
        every.append(fitted(float(np.exp(found.x[0])), float(found.x[1]), impact))
    return min(every, key=lambda one: one[0])[1]


def measured(prepared: Prepared, ephemeris: Ephemeris, others: NDArray[np.bool_]) -> Ephemeris:
    """Measure duration and epoch on the folded light curve.

    Parameters
    ----------
    prepared : Prepared
    ephemeris : Ephemeris
    others : bool[n]
        Points in transit of the star's other candidates.

    Returns
    -------
    Ephemeris
        Unchanged where the fit leads far away, or to a duration that is too long.
    """
    better = ephemeris
    for _ in range(_PASSES):
        before = better.duration_hours
        hours, flux, _, sigma = folded(prepared, better, others)
        shape = fit_transit(hours, flux, sigma, before)
        better = replace(
            better,
            epoch_bkjd=better.epoch_bkjd + shape.late_hours / 24,
            duration_hours=shape.duration_hours,
        )
        if abs(shape.duration_hours / before - 1) + abs(shape.late_hours) / before < 0.1:
            break
    # The measured transit must overlap that of the search, and it must not last too long.
    apart = 24 * abs(better.epoch_bkjd - ephemeris.epoch_bkjd)
    part = 2 * apart < better.duration_hours + ephemeris.duration_hours
    longest = TOO_LONG * central_duration(ephemeris.period_days, prepared.observations.density)
    return better if part and better.duration_hours < longest else ephemeris
