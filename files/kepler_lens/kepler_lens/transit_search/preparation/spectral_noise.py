"""Single events of a pulsating star, with the noise spectrum that its own light curve shows.

When the strongest pulsations are subtracted, the others remain in groups of frequencies, which no
smooth process describes. So each frequency is weighted by the inverse of the power that the light
curve has near it (Jenkins 2002, ApJ 575, 493, whose wavelets do this by octaves).

The width of this neighbourhood depends on the duration. A short period has few, strong harmonics,
which would reduce their own weight in a narrow neighbourhood. A long period has many faint ones,
and a narrow neighbourhood follows the groups better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.transit_search.preparation.single_events import excess

Floats = NDArray[np.float64]

_CELLS, _HOURS = 15, 6.0
"""Width of a frequency's neighbourhood, in units of 1 / time span, at a duration of this many hours
(both chosen).

A period P has P / duration harmonics. By Kepler's third law that number grows as duration². So the
width is proportional to 1 / duration², and a planet's own part of a neighbourhood is always the
same.
"""
_NARROWEST, _WIDEST = 8, 60
"""Least and largest width, in the same units (chosen)."""
_MARGIN_DAYS = 200
"""Days without observations that are added at the end, so that end and beginning do not touch in
the transform (chosen)."""
_LOWEST = 0.05
"""Lowest frequency with a weight, 1/day (chosen): each stretch has a level of its own, so slower
changes have no information."""
_LEAST_COVER = 0.5
"""Part of a template's square that must be observed (chosen)."""
_SHORT_STRETCH = 200
"""Points, about four days (chosen): the slope of a shorter stretch could be that of a transit."""


@dataclass(frozen=True, slots=True, eq=False)
class Spectral:
    """A light curve and its spectrum.

    Attributes
    ----------
    flux : complex128[k]
        Fourier transform of the light curve with interpolated gaps, relative flux.
    power : float64[k]
        Power at each frequency, not smoothed: of white noise it is the variance of a point,
        relative flux squared.
    seen : float64[n]
        1 at each cadence with a point, 0 elsewhere.
    size : int
        Length of the transforms, cadences; k is half of it, plus 1.
    """

    flux: NDArray[np.complex128]
    power: Floats
    seen: Floats
    size: int


def levelled(time: Floats, flux: Floats, start: NDArray[np.bool_]) -> Floats:
    """Subtract a line from each stretch, and the median from a short one.

    The flux jumps from one stretch to the next. Such jumps have power at all frequencies, which
    would look like noise of the whole light curve.

    Parameters
    ----------
    time, flux : float64[n]
        BKJD, days; relative flux.
    start : bool[n]
        Where a stretch begins.

    Returns
    -------
    float64[n]
        Relative flux about 0.
    """
    level = np.empty_like(flux)
    for piece in np.split(np.arange(len(flux)), np.flatnonzero(start[1:]) + 1):
        if len(piece) < _SHORT_STRETCH:
            level[piece] = np.median(flux[piece])
        else:
            level[piece] = Polynomial.fit(time[piece], flux[piece], 1)(time[piece])
    return flux - level


def spectral(cadence: NDArray[np.int64], count: int, flux: Floats) -> Spectral:
    """Measure the spectrum of a light curve.

    Parameters
    ----------
    cadence : int64[n]
        Cadence of each point, zero-based.
    count : int
        Cadences from the first point of the star to the last.
    flux : float64[n]
        Relative flux, each stretch about 0.
    """
    size = fft.next_fast_len(count + round(_MARGIN_DAYS / LONG_CADENCE_DAYS), real=True)
    observed, seen = np.zeros(size), np.zeros(count)
    observed[cadence], seen[cadence] = flux, 1.0
    if not len(flux):
        # The masks of candidates may cover the whole light curve: no transit is seen in it.
        return Spectral(fft.rfft(observed), np.zeros(size // 2 + 1), seen, size)
    power = np.abs(fft.rfft(observed)) ** 2 / len(flux)
    filled = np.interp(np.arange(size), np.r_[cadence, size], np.r_[flux, flux[0]])
    return Spectral(fft.rfft(filled), power, seen, size)


def _weights(points: Spectral, hours: float) -> Floats:
    """Return the inverse of the noise's power at each frequency (float64[k]); 0 for slow ones."""
    cells = min(max(_CELLS * (_HOURS / hours) ** 2, _NARROWEST), _WIDEST)
    width = round(cells * points.size / len(points.seen))
    power = uniform_filter1d(points.power, width, mode="nearest")
    frequency = fft.rfftfreq(points.size, LONG_CADENCE_DAYS)
    return np.where(frequency < _LOWEST, 0.0, 1 / np.maximum(power, 1e-30))


def correlate(points: Spectral, shape: Floats, step: int) -> tuple[Floats, Floats, Floats]:
    """Correlate a light curve with a transit, as `single_events.correlate` does, by its spectrum.

    Parameters
    ----------
    points : Spectral
    shape : float64[2 h + 1]
        The transit, see `single_events.template`.
    step : int
        Trial centres are at cadences 0, step, …

    Returns
    -------
    float64[m], float64[m], float64[m]
        N, D and misfit, see `single_events.correlate`.
    """
    count, half = len(points.seen), len(shape) // 2
    weight = _weights(points, 24 * LONG_CADENCE_DAYS * (len(shape) - 1))
    white = fft.irfft(points.flux * np.sqrt(weight), points.size)[:count]
    transit = np.zeros(points.size)
    transit[: half + 1], transit[-half:] = shape[half:], shape[:half]
    weighted = fft.rfft(transit)
    n = -fft.irfft(points.flux * weighted * weight, points.size)[:count]
    whole = 2 / points.size * float((np.abs(weighted) ** 2 * weight).sum())
    cover = np.convolve(points.seen, shape**2, "same") / (shape**2).sum()
    near = np.ones(4 * half + 1)
    number = np.convolve(points.seen, near, "same")
    square = np.convolve(white**2 * points.seen, near, "same")
    observed = cover > _LEAST_COVER
    d = np.where(observed, whole * cover, 0)
    n = np.where(observed, n, 0)
    power = np.divide(n**2, d, out=np.zeros_like(n), where=observed)
    return n[::step], d[::step], excess(square, number, power)[::step]
