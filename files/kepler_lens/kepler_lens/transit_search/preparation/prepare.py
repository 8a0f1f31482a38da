"""Prepare a star's observations: subtract pulsations, drop outliers, fit the noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.scatter import scatter_about, scatter_of_steps
from kepler_lens.transit_search.preparation import spectral_noise as stationary
from kepler_lens.transit_search.preparation.noise import Noise, factor, fit, smooth, terms, whiten
from kepler_lens.transit_search.preparation.observations import GAP_DAYS, Observations
from kepler_lens.transit_search.preparation.prewhitening import Wave, subtract_lines
from kepler_lens.transit_search.preparation.single_events import (
    Events,
    correlate,
    standardise,
    template,
    whitened,
)

Floats = NDArray[np.float64]
Correlated = Callable[[Floats, int], tuple[Floats, Floats, Floats]]
"""Correlates a transit shape with the points at every `step`-th cadence.

Arguments: shape (float64[2 h + 1]) and step (cadences); result: N, D and misfit (float64[m] each).
"""

_LONG_ENOUGH_DAYS = 300.0
"""Time span, days. Chosen: most of a year resolves the spectrum well enough for its weights."""


@dataclass(slots=True, eq=False)
class Prepared:
    """A prepared star: its points without outliers, its noise, its quarters.

    Attributes
    ----------
    observations : Observations
        As observed, with all points.
    time : float64[n]
        BKJD, days, ascending; of the points that are no outliers.
    flux : float64[n]
        Relative flux about 0, without the subtracted sine waves.
    quarter : int32[n]
        Zero-based, see `Observations`.
    cadence : int64[n]
        Cadence of each point, zero-based from the star's first point, ascending.
    sigma : float64[n]
        Standard deviation of the white noise, relative flux, without the factor ``noise.white``.
    noise : Noise
    centres : float64[c]
        BKJD, days, of each cadence from the first point to the last; interpolated in gaps.
    centre_quarter : int32[c]
        Quarter of each of these cadences.
    sine_waves : int
        Number of subtracted sine waves.
    wave : Wave or None
        The variation that the sine waves make, if it has one short period.
    flare_bkjd, flare : float64[f]
        BKJD, days, and height above the running median of a day, relative flux, of the bright
        points that are left out.
    """

    observations: Observations
    time: Floats
    flux: Floats
    quarter: NDArray[np.int32]
    cadence: NDArray[np.int64]
    sigma: Floats
    noise: Noise
    centres: Floats
    centre_quarter: NDArray[np.int32]
    sine_waves: int
    wave: Wave | None
    flare_bkjd: Floats
    flare: Floats

    @property
    def pulsating(self) -> bool:
        """Whether the search takes the noise spectrum of `spectral_noise`.

        It does where sine waves were subtracted and the time span is long enough. One campaign of
        K2 resolves the spectrum too poorly to weigh frequencies by it.
        """
        return self.sine_waves > 0 and self.observations.span_days > _LONG_ENOUGH_DAYS


def _white(flux: Floats, quarter: NDArray[np.int32]) -> Floats:
    """Estimate each point's white noise from the point-to-point scatter of its quarter.

    Returns
    -------
    float64[n]
        Standard deviation, relative flux: 1e-4 in a quarter of one point, 1e-7 at least (both
        chosen).
    """
    sigma = np.empty_like(flux)
    for q in np.unique(quarter):
        mine = quarter == q
        sigma[mine] = scatter_of_steps(flux[mine]) if mine.sum() > 1 else 1e-4
    return np.maximum(sigma, 1e-7)


def _starts(time: Floats, quarter: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which points begin a stretch (bool[n]): a new quarter, or the end of a gap."""
    return np.asarray(np.r_[True, (np.diff(quarter) > 0) | (np.diff(time) > GAP_DAYS)])


def _running_median(flux: Floats, width: int = 49) -> Floats:
    """Return the running median over some points (chosen: 49 points, a day of long cadence)."""
    return np.asarray(median_filter(flux, width, mode="nearest"))


def prepare(observations: Observations) -> Prepared:
    """Subtract a star's pulsations, drop its outliers and fit its noise.

    Parameters
    ----------
    observations : Observations

    Returns
    -------
    Prepared
        Without single bright or dark points, and with one point per cadence at most.
    """
    time, quarter = observations.time, observations.quarter
    flux, lines, wave = subtract_lines(time, observations.flux)
    sigma = _white(flux, quarter)
    model = _fit(time, flux, quarter, sigma)
    cadence = np.round((time - time[0]) / LONG_CADENCE_DAYS).astype(np.int64)
    keep = np.r_[True, np.diff(cadence) > 0]
    aside = flux - _running_median(flux)
    for _ in range(2):
        residual = _residual(time[keep], flux[keep], quarter[keep], sigma[keep], model)
        relative = residual / (model.white * sigma[keep])
        # Beside a deep transit the process is wrong, but the running median is right: a bright
        # point must stand out from both.
        beside = aside[keep] / (model.white * sigma[keep])
        bad = _outliers(np.where(relative > 0, np.minimum(relative, beside), relative))
        keep[np.flatnonzero(keep)[bad]] = False
    flare = ~keep & np.r_[True, np.diff(cadence) > 0] & (aside > 0)
    grid = np.arange(cadence[-1] + 1)
    return Prepared(
        observations,
        time[keep],
        flux[keep],
        quarter[keep],
        cadence[keep],
        sigma[keep],
        model,
        np.interp(grid, cadence, time),
        np.interp(grid, cadence, quarter).astype(np.int32),
        lines,
        wave,
        time[flare],
        aside[flare],
    )


def refit(prepared: Prepared, mask: NDArray[np.bool_]) -> None:
    """Fit the noise again without known transits, which look like fast noise.

    Parameters
    ----------
    prepared : Prepared
        Gets the new noise.
    mask : bool[n]
        Points in transit.
    """
    keep = ~mask
    prepared.noise = _fit(
        prepared.time[keep], prepared.flux[keep], prepared.quarter[keep], prepared.sigma[keep]
    )


def _fit(time: Floats, flux: Floats, quarter: NDArray[np.int32], sigma: Floats) -> Noise:
    """Fit the noise to some quarters that are spread over the mission, without outliers.

    The fit takes all quarters if there are nine or fewer, and otherwise five to seven of them. It
    leaves out points more than four standard deviations from the running median (all chosen).
    """
    rough = flux - _running_median(flux)
    quiet = np.abs(rough) < 4 * scatter_about(rough)
    stretches = np.unique(quarter)
    part = quiet & np.isin(quarter, stretches[:: max(1, len(stretches) // 5)])
    return fit(time[part], flux[part], sigma[part], _starts(time[part], quarter[part]))


def _residual(
    time: Floats, flux: Floats, quarter: NDArray[np.int32], sigma: Floats, model: Noise
) -> Floats:
    """Return the white noise that the process finds in each point (float64[n], relative flux)."""
    diagonal = (sigma * model.white) ** 2
    u, w, phi, d = factor(time, diagonal, _starts(time, quarter), *terms(model))
    return diagonal * smooth(whiten(flux, u, w, phi), u, w, phi, d)


def detrended(prepared: Prepared, in_transit: NDArray[np.bool_]) -> Floats:
    """Return the relative flux without the star's own variability (float64[n], about 0).

    Parameters
    ----------
    prepared : Prepared
    in_transit : bool[n]
        Points that do not count when the process estimates the variability.
    """
    diagonal = (prepared.sigma * prepared.noise.white) ** 2
    # Chosen: with 1e8 times the variance a point has no influence.
    diagonal = np.where(in_transit, 1e8 * diagonal, diagonal)
    start = _starts(prepared.time, prepared.quarter)
    u, w, phi, d = factor(prepared.time, diagonal, start, *terms(prepared.noise))
    return diagonal * smooth(whiten(prepared.flux, u, w, phi), u, w, phi, d)


def _outliers(relative: Floats) -> NDArray[np.bool_]:
    """Return which points are outliers (bool[n]): bright ones, and dark ones that stand alone.

    A transit lasts for several cadences, so a dark point between two bright ones is no transit.
    The limits are chosen: 4 standard deviations for a bright point, 5 for a dark one, and 0.35 of
    its depth for the points beside it.
    """
    bright = relative > 4
    dark = relative < -5
    before = np.r_[0.0, relative[:-1]]
    after = np.r_[relative[1:], 0.0]
    alone = dark & (before > 0.35 * relative) & (after > 0.35 * relative)
    return np.asarray(bright | alone)


def event_bank(
    prepared: Prepared, masked: NDArray[np.bool_], durations: Sequence[float] | Floats
) -> list[Events]:
    """Compute the standardised single-event statistic for each duration.

    Parameters
    ----------
    prepared : Prepared
    masked : bool[n]
        Points to leave out.
    durations : sequence of float
        Hours.

    Returns
    -------
    list of Events
        One for each duration, in the same order.
    """
    correlated = (_by_spectrum if prepared.pulsating else _by_process)(prepared, ~masked)
    bank = []
    for hours in durations:
        # Chosen: trial centres are an eighth of the duration apart, and one cadence at least.
        step = max(1, int(hours / 24 / 8 / LONG_CADENCE_DAYS))
        centres = prepared.centres[::step]
        n, information, misfit = correlated(template(float(hours)), step)
        events = Events(float(hours), centres, n, information)
        bank.append(standardise(events, prepared.centre_quarter[::step], misfit))
    return bank


def _by_process(prepared: Prepared, keep: NDArray[np.bool_]) -> Correlated:
    """Return the function that correlates the kept points (bool[n]) under the fitted noise."""
    time, quarter = prepared.time[keep], prepared.quarter[keep]
    start, model = _starts(time, quarter), prepared.noise
    factors = factor(time, (prepared.sigma[keep] * model.white) ** 2, start, *terms(model))
    points = whitened(prepared.cadence[keep], start, prepared.flux[keep], factors)
    count = len(prepared.centres)
    return lambda shape, step: correlate(points, shape, step, (count - 1) // step + 1)


def _by_spectrum(prepared: Prepared, keep: NDArray[np.bool_]) -> Correlated:
    """Return the function that correlates the kept points (bool[n]) under the measured spectrum."""
    time, quarter = prepared.time[keep], prepared.quarter[keep]
    flux = stationary.levelled(time, prepared.flux[keep], _starts(time, quarter))
    points = stationary.spectral(prepared.cadence[keep], len(prepared.centres), flux)
    return lambda shape, step: stationary.correlate(points, shape, step)
