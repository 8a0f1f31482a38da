"""Single events of a star that pulsates: its noise has the spectrum that is measured.

What is left of pulsations once the strongest are subtracted stands in groups of frequencies, which
no smooth process describes. Here each frequency is weighted by the power that the light curve has
near it (Jenkins 2002, ApJ 575, 493, whose wavelets do it by octaves).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d

from kepler_lens.search.matched import excess
from kepler_lens.search.observations import CADENCE_DAYS

Floats = NDArray[np.float64]

_CELLS = 15
"""Width over which the spectrum is smoothed, in units of what the time span resolves."""
_MARGIN_DAYS = 200
_LOWEST = 0.05
"""What is slower than this, 1/day, says nothing: the level of each quarter is its own."""
_LEAST_COVER = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Spectral:
    """A light curve over its noise.

    Attributes
    ----------
    flux : complex128[k]
        Transform of the light curve.
    weight : float64[k]
        One over the noise's power at each frequency, in units of a cadence's variance.
    white : float64[n]
        The whitened light curve, one a cadence.
    seen : float64[n]
        1 where there is a point, 0 elsewhere.
    size : int
        Of the transforms.
    """

    flux: NDArray[np.complex128]
    weight: Floats
    white: Floats
    seen: Floats
    size: int


def spectral(cadence: NDArray[np.int64], count: int, flux: Floats) -> Spectral:
    """Measure the spectrum of a light curve, and whiten it.

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
    frequency = fft.rfftfreq(size, CADENCE_DAYS)
    width = round(_CELLS * size / count)
    observed, seen = np.zeros(size), np.zeros(count)
    observed[cadence], seen[cadence] = flux, 1.0
    power = np.abs(fft.rfft(observed)) ** 2 / len(flux)
    power = uniform_filter1d(power, width, mode="nearest")
    weight = np.where(frequency < _LOWEST, 0.0, 1 / np.maximum(power, 1e-30))
    filled = np.interp(np.arange(size), np.r_[cadence, size], np.r_[flux, flux[0]])
    transform = fft.rfft(filled)
    white = fft.irfft(transform * np.sqrt(weight), size)[:count]
    return Spectral(transform, weight, white, seen, size)


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
    transit = np.zeros(points.size)
    transit[: half + 1], transit[-half:] = shape[half:], shape[:half]
    weighted = fft.rfft(transit)
    n = -fft.irfft(points.flux * weighted * points.weight, points.size)[:count]
    whole = 2 / points.size * float((np.abs(weighted) ** 2 * points.weight).sum())
    cover = np.convolve(points.seen, shape**2, "same") / (shape**2).sum()
    near = np.ones(4 * half + 1)
    number = np.convolve(points.seen, near, "same")
    square = np.convolve(points.white**2 * points.seen, near, "same")
    observed = cover > _LEAST_COVER
    d = np.where(observed, whole * cover, 0)
    n = np.where(observed, n, 0)
    power = np.divide(n**2, d, out=np.zeros_like(n), where=observed)
    return n[::step], d[::step], excess(square, number, power)[::step]
