"""Make a star's observations ready for the search: pulsations and outliers off, noise fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from kepler_lens.search import stationary
from kepler_lens.search.lines import Wave, subtract_lines
from kepler_lens.search.matched import Events, correlate, standardise, template, whitened
from kepler_lens.search.noise import Noise, factor, fit, smooth, terms, whiten
from kepler_lens.search.observations import CADENCE_DAYS, GAP_DAYS, Observations

Floats = NDArray[np.float64]
Correlated = Callable[[Floats, int], tuple[Floats, Floats, Floats]]

_LONG_ENOUGH_DAYS = 300.0
"""Chosen: of a year or more, the spectrum is resolved well enough to weigh by."""


@dataclass(slots=True, eq=False)
class Prepared:
    """A star made ready: its points without outliers, its noise, its stretches."""

    star: Observations
    time: Floats
    flux: Floats
    quarter: NDArray[np.int32]
    cadence: NDArray[np.int64]
    sigma: Floats
    noise: Noise
    centres: Floats
    centre_quarter: NDArray[np.int32]
    lines: int
    wave: Wave | None

    @property
    def pulsating(self) -> bool:
        """Whether noise has the spectrum of `stationary`: waves were subtracted, and it is known.

        A campaign of K2 resolves too little of a spectrum to weigh frequencies by it.
        """
        return self.lines > 0 and self.star.span_days > _LONG_ENOUGH_DAYS


def _white(flux: Floats, quarter: NDArray[np.int32]) -> Floats:
    """Deviation of the white noise of each point, from its quarter's point-to-point scatter."""
    sigma = np.empty_like(flux)
    for q in np.unique(quarter):
        mine = quarter == q
        steps = np.abs(np.diff(flux[mine]))
        sigma[mine] = 1.4826 * np.median(steps) / np.sqrt(2) if mine.sum() > 1 else 1e-4
    return np.maximum(sigma, 1e-7)


def _starts(time: Floats, quarter: NDArray[np.int32]) -> NDArray[np.bool_]:
    return np.asarray(np.r_[True, (np.diff(quarter) > 0) | (np.diff(time) > GAP_DAYS)])


def _running_median(flux: Floats, width: int = 49) -> Floats:
    return np.asarray(median_filter(flux, width, mode="nearest"))


def prepare(star: Observations) -> Prepared:
    """Take a star's pulsations and single bright or dark points away, and fit its noise."""
    time, quarter = star.time, star.quarter
    flux, lines, wave = subtract_lines(time, star.flux)
    sigma = _white(flux, quarter)
    model = _fit(time, flux, quarter, sigma)
    cadence = np.round((time - time[0]) / CADENCE_DAYS).astype(np.int64)
    keep = np.r_[True, np.diff(cadence) > 0]
    aside = flux - _running_median(flux)
    for _ in range(2):
        residual = _residual(time[keep], flux[keep], quarter[keep], sigma[keep], model)
        relative = residual / (model.white * sigma[keep])
        # Beside a deep transit the process is off, but not the running median.
        beside = aside[keep] / (model.white * sigma[keep])
        bad = _outliers(np.where(relative > 0, np.minimum(relative, beside), relative))
        keep[np.flatnonzero(keep)[bad]] = False
    grid = np.arange(cadence[-1] + 1)
    return Prepared(
        star,
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
    )


def refit(prepared: Prepared, mask: NDArray[np.bool_]) -> None:
    """Fit the noise again without known transits, which look like fast noise."""
    keep = ~mask
    prepared.noise = _fit(
        prepared.time[keep], prepared.flux[keep], prepared.quarter[keep], prepared.sigma[keep]
    )


def _fit(time: Floats, flux: Floats, quarter: NDArray[np.int32], sigma: Floats) -> Noise:
    """Fit the noise of a few quarters spread over the mission, without what sticks out."""
    rough = flux - _running_median(flux)
    quiet = np.abs(rough) < 4 * 1.4826 * np.median(np.abs(rough))
    stretches = np.unique(quarter)
    part = quiet & np.isin(quarter, stretches[:: max(1, len(stretches) // 5)])
    return fit(time[part], flux[part], sigma[part], _starts(time[part], quarter[part]))


def _residual(
    time: Floats, flux: Floats, quarter: NDArray[np.int32], sigma: Floats, model: Noise
) -> Floats:
    """Give what of each point the process takes for white noise (float64[n], relative flux)."""
    diagonal = (sigma * model.white) ** 2
    u, w, phi, d = factor(time, diagonal, _starts(time, quarter), *terms(model))
    return diagonal * smooth(whiten(flux, u, w, phi), u, w, phi, d)


def detrended(prepared: Prepared, in_transit: NDArray[np.bool_]) -> Floats:
    """Give the relative flux without the star's own variability (float64[n], about 0).

    Points in transit do not take part in what the process makes of the variability.
    """
    diagonal = (prepared.sigma * prepared.noise.white) ** 2
    diagonal = np.where(in_transit, 1e8 * diagonal, diagonal)
    start = _starts(prepared.time, prepared.quarter)
    u, w, phi, d = factor(prepared.time, diagonal, start, *terms(prepared.noise))
    return diagonal * smooth(whiten(prepared.flux, u, w, phi), u, w, phi, d)


def _outliers(relative: Floats) -> NDArray[np.bool_]:
    """Bright points, and dark ones that stand alone: a transit lasts for some cadences."""
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
    """
    correlated = (_by_spectrum if prepared.pulsating else _by_process)(prepared, ~masked)
    bank = []
    for hours in durations:
        step = max(1, int(hours / 24 / 8 / CADENCE_DAYS))
        centres = prepared.centres[::step]
        n, information, misfit = correlated(template(float(hours)), step)
        events = Events(float(hours), centres, n, information)
        bank.append(standardise(events, prepared.centre_quarter[::step], misfit))
    return bank


def _by_process(prepared: Prepared, keep: NDArray[np.bool_]) -> Correlated:
    """Correlate a shape with the points that are kept, at every so many cadences (`matched`)."""
    time, quarter = prepared.time[keep], prepared.quarter[keep]
    start, model = _starts(time, quarter), prepared.noise
    factors = factor(time, (prepared.sigma[keep] * model.white) ** 2, start, *terms(model))
    points = whitened(prepared.cadence[keep], start, prepared.flux[keep], factors)
    count = len(prepared.centres)
    return lambda shape, step: correlate(points, shape, step, (count - 1) // step + 1)


def _by_spectrum(prepared: Prepared, keep: NDArray[np.bool_]) -> Correlated:
    """Do the same with the noise that the star's own spectrum shows (`stationary`)."""
    time, quarter = prepared.time[keep], prepared.quarter[keep]
    flux = stationary.levelled(time, prepared.flux[keep], _starts(time, quarter))
    points = stationary.spectral(prepared.cadence[keep], len(prepared.centres), flux)
    return lambda shape, step: stationary.correlate(points, shape, step)
