"""Single events of a star that pulsates: its noise has the spectrum that is measured.

What is left of pulsations once the strongest are subtracted stands in groups of frequencies, which
no smooth process describes. Here each frequency is weighted by the power that the light curve has
near it (Jenkins 2002, ApJ 575, 493, whose wavelets do it by octaves). How near depends on the
duration: the harmonics of a short period are few and strong, and would weigh themselves down in a
narrow neighbourhood; those of a long one are many and faint, and the narrower it is, the better it
follows the groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d

from kepler_lens.search.matched import excess
from kepler_lens.search.observations import CADENCE_DAYS

Floats = NDArray[np.float64]

_CELLS, _HOURS = 15, 6.0
"""Width of a frequency's neighbourhood, in units of what the time span resolves, at a duration.

A period's harmonics are P / duration in number, which by Kepler's third law goes as duration²: so
the width goes as its inverse, and a planet's own part of its neighbourhood is always the same.
"""
_NARROWEST, _WIDEST = 8, 60
"""The same, at least and at most (chosen)."""
_MARGIN_DAYS = 200
"""Without observations, laid to the end, so that the end and the beginning do not touch
(chosen)."""
_LOWEST = 0.05
"""What is slower than this, 1/day, says nothing: the level of each stretch is its own."""
_LEAST_COVER = 0.5
"""Part of a template that must be observed (chosen)."""
_SHORT_STRETCH = 200
"""Points, about four days: the slope of fewer could be that of a transit."""


@dataclass(frozen=True, slots=True, eq=False)
class Spectral:
    """A light curve and its spectrum.

    Attributes
    ----------
    flux : complex128[k]
        Transform of the light curve.
    power : float64[k]
        What it has at each frequency, in units of a cadence's variance; not smoothed.
    seen : float64[n]
        1 where there is a point, 0 elsewhere.
    size : int
        Of the transforms.
    """

    flux: NDArray[np.complex128]
    power: Floats
    seen: Floats
    size: int


def levelled(time: Floats, flux: Floats, start: NDArray[np.bool_]) -> Floats:
    """Take a line off each stretch, off a short one its median.

    The photometer's jumps from one stretch to the next have power at all frequencies: left in, they
    would pass for noise that is always there.

    Parameters
    ----------
    time, flux : float64[n]
        Days; relative flux.
    start : bool[n]
        Where a stretch begins.

    Returns
    -------
    float64[n]
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
        Of each point, from 0.
    count : int
        Cadences from the first point of the star to the last.
    flux : float64[n]
        Relative flux, each quarter about 0.
    """
    # The ends meet in a stretch of their own.
    size = fft.next_fast_len(count + round(_MARGIN_DAYS / CADENCE_DAYS), real=True)
    observed, seen = np.zeros(size), np.zeros(count)
    observed[cadence], seen[cadence] = flux, 1.0
    power = np.abs(fft.rfft(observed)) ** 2 / len(flux)
    filled = np.interp(np.arange(size), np.r_[cadence, size], np.r_[flux, flux[0]])
    return Spectral(fft.rfft(filled), power, seen, size)


def _weights(points: Spectral, hours: float) -> Floats:
    """Give one over the noise's power at each frequency; 0 where nothing can be said."""
    cells = min(max(_CELLS * (_HOURS / hours) ** 2, _NARROWEST), _WIDEST)
    width = round(cells * points.size / len(points.seen))
    power = uniform_filter1d(points.power, width, mode="nearest")
    frequency = fft.rfftfreq(points.size, CADENCE_DAYS)
    return np.where(frequency < _LOWEST, 0.0, 1 / np.maximum(power, 1e-30))


def correlate(points: Spectral, shape: Floats, step: int) -> tuple[Floats, Floats, Floats]:
    """Do what `matched.correlate` does, for the spectrum that was measured.

    Parameters
    ----------
    points : Spectral
    shape : float64[2 h + 1]
        The transit, see `matched.template`.
    step : int
        Trial centres are at cadences 0, step, …

    Returns
    -------
    float64[m], float64[m], float64[m]
        N, D and how badly a transit describes what is there.
    """
    count, half = len(points.seen), len(shape) // 2
    weight = _weights(points, 24 * CADENCE_DAYS * (len(shape) - 1))
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
