"""Take the pulsations of a variable star away, where it has any.

A hot or rotating star may shine in tens of coherent sine waves. They are found one after the other
in the spectrum of the whole light curve and subtracted together ("prewhitening"), but only where
that leaves much less to explain: in a quiet star the strongest lines could be the harmonics of a
planet's own transits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d

from kepler_lens.search.observations import CADENCE_DAYS, GAP_DAYS

Floats = NDArray[np.float64]

_LOWEST, _HIGHEST = 0.12, 24.0
_LEAST_RATIO = 5.5
"""A line's amplitude over the typical one of its neighbourhood."""
_FIRST_RATIO = 25.0
_A_ROUND = 12
_ROUNDS = 40
_GAIN = 0.7
"""The scatter left must be less than this part of what it was."""
_OVERSAMPLED = 4
_NEIGHBOURHOOD = 1.4
"""Width of a line's neighbourhood, 1/day."""
_POINTS_A_LINE = 100
"""So many points must speak for a line: else a short light curve's noise and transits go too."""
_TREND = 245
_HARMONICS, _COMB = 15, 8
"""So many of a frequency's first harmonics are a comb: a transit or an eclipse, not a wave."""
_COMB_WIDTH = 0.35
"""How well a line keeps to a comb, in units of what the time span resolves."""


def subtract_lines(time: Floats, flux: Floats) -> tuple[Floats, int]:
    """Subtract coherent sine waves, if the star has them.

    Parameters
    ----------
    time : float64[n]
        BKJD, days.
    flux : float64[n]
        Relative flux about 0.

    Returns
    -------
    flux : float64[n]
        Without the lines; as it was where they do not matter.
    lines : int
        How many were subtracted.
    """
    level = flux - _trend(time, flux)
    limit = 6 * _deviation(level)
    first = np.clip(level, -limit, limit)
    y = first
    index = np.round((time - time[0]) / CADENCE_DAYS).astype(np.int64)
    size = fft.next_fast_len(int(index[-1] + 1) * _OVERSAMPLED, real=True)
    frequency = fft.rfftfreq(size, CADENCE_DAYS)
    wanted = (frequency > _LOWEST) & (frequency < _HIGHEST)
    apart = int(1.5 * _OVERSAMPLED)
    width = max(16, round(_NEIGHBOURHOOD / frequency[1]))
    most = len(time) // _POINTS_A_LINE
    found: list[Floats] = []
    for number in range(_ROUNDS):
        grid = np.zeros(size)
        grid[index] = y
        amplitude = np.abs(fft.rfft(grid)) * (2 / len(y))
        ratio = np.where(wanted, amplitude / _background(amplitude, width), 0)
        least = _FIRST_RATIO if number == 0 else _LEAST_RATIO
        peaks = _peaks(amplitude, ratio, least, apart)[: most - sum(map(len, found))]
        if not peaks:
            break
        lines = np.array([_vertex(amplitude, k) for k in peaks]) * (frequency[1] - frequency[0])
        y = y - _sines(time, y, lines)
        found.append(lines)
    waves = [lines for lines in _without_combs(found, 1 / (time[-1] - time[0])) if len(lines)]
    if not waves:
        return flux, 0
    count = sum(map(len, waves))
    if count < sum(map(len, found)):
        # What was dropped has taken a part of what the others are fitted to.
        y = first
        for lines in waves:
            y = y - _sines(time, y, lines)
    left = flux - (first - y)
    if _short_scatter(left) > _GAIN * _short_scatter(flux):
        return flux, 0
    return left, count


def _without_combs(rounds: list[Floats], resolution: float) -> list[Floats]:
    """Drop the lines (1/day) that are harmonics of one frequency, which a transit's are."""
    if not rounds:
        return []
    lines = np.sort(np.concatenate(rounds))
    number = np.arange(1, _HARMONICS + 1)
    for base in np.concatenate([lines / k for k in (1, 2, 3, 4)]):
        if base < _LOWEST:
            continue
        expected = base * number
        at = np.clip(np.searchsorted(lines, expected), 1, len(lines) - 1)
        off = np.minimum(np.abs(lines[at] - expected), np.abs(lines[at - 1] - expected))
        # The error of the base grows with the number of the harmonic.
        hits = off < _COMB_WIDTH * resolution * np.sqrt(1 + (number / 4) ** 2)
        if hits.sum() >= _COMB:
            rounds = [x[np.abs(x / base - np.round(x / base)) * base > resolution] for x in rounds]
    return rounds


def _trend(time: Floats, flux: Floats) -> Floats:
    """Give the running mean over some days, each stretch without a long gap by itself."""
    trend = np.empty_like(flux)
    for piece in np.split(np.arange(len(time)), np.flatnonzero(np.diff(time) > GAP_DAYS) + 1):
        trend[piece] = uniform_filter1d(flux[piece], _TREND, mode="nearest")
    return trend


def _deviation(values: Floats) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) or 1e-9


def _short_scatter(flux: Floats) -> float:
    """Scatter on the time scales of transits: of the change from one 3 h mean to the next."""
    means = flux[: len(flux) // 6 * 6].reshape(-1, 6).mean(axis=1)
    return _deviation(np.diff(means))


def _background(amplitude: Floats, width: int) -> Floats:
    """Median amplitude of the neighbourhood, by blocks."""
    blocks = len(amplitude) // width
    if blocks < 2:
        return np.full_like(amplitude, np.median(amplitude) or 1e-12)
    medians = np.median(amplitude[: blocks * width].reshape(blocks, width), axis=1)
    centres = (np.arange(blocks) + 0.5) * width
    return np.maximum(np.interp(np.arange(len(amplitude)), centres, medians), 1e-12)


def _peaks(amplitude: Floats, ratio: Floats, least: float, apart: int) -> list[int]:
    """Strongest local maxima, none far below the strongest: their side lobes come first."""
    strongest = float(amplitude[ratio > 0].max()) if (ratio > 0).any() else 0.0
    inner = amplitude[1:-1]
    local = (inner >= amplitude[:-2]) & (inner > amplitude[2:])
    where = np.flatnonzero(local & (ratio[1:-1] > least) & (inner > 0.25 * strongest)) + 1
    taken: list[int] = []
    for k in where[np.argsort(-amplitude[where])]:
        if all(abs(int(k) - other) > apart for other in taken):
            taken.append(int(k))
        if len(taken) == _A_ROUND:
            break
    return taken


def _vertex(amplitude: Floats, k: int) -> float:
    """Place of a maximum between samples, by a parabola."""
    before, here, after = amplitude[k - 1 : k + 2]
    bend = before - 2 * here + after
    return k + (0.5 * (before - after) / bend if bend else 0.0)


def _sines(time: Floats, y: Floats, lines: Floats) -> Floats:
    """Least squares fit of sine waves of these frequencies (1/day)."""
    phase = 2 * np.pi * (time - time[0])[:, None] * lines[None, :]
    basis = np.hstack([np.cos(phase), np.sin(phase)])
    weights = np.linalg.solve(basis.T @ basis + 1e-9 * len(y) * np.eye(basis.shape[1]), basis.T @ y)
    return np.asarray(basis @ weights)
