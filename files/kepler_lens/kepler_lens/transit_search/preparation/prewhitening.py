"""Prewhitening: subtract the pulsations of a variable star, where it has any.

The light of a hot or rotating star may vary in tens of coherent sine waves. They are lines in the
spectrum of the whole light curve. The strongest lines are found, fitted and subtracted in rounds,
but only where much less scatter is left: in a quiet star the strongest lines could be the harmonics
of a planet's own transits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import median_filter, uniform_filter1d

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.scatter import scatter
from kepler_lens.transit_search.preparation.observations import GAP_DAYS

Floats = NDArray[np.float64]

_LOWEST, _HIGHEST = 0.12, 24.0
"""Lowest and highest frequency of a line, 1/day (chosen): slower waves are left to the noise, and
long cadence resolves 24.5 (Nyquist)."""
_LEAST_RATIO = 5.5
"""A line's amplitude over the median of its neighbourhood, at least (chosen)."""
_FIRST_RATIO = 25.0
"""The same for the first line (chosen): a star without such a clear line is not pulsating."""
_A_ROUND = 12
_ROUNDS = 40
"""Most lines in a round, and most rounds (both chosen)."""
_GAIN = 0.9
"""Part of the scatter (`_short_scatter`) that may be left when the lines are subtracted. Chosen: it
is 0.44 for 011454304, 0.8 for this star with its quarters in another order, and 0.98 or more for
stars that turn (Kepler-17, Kepler-30)."""
_OVERSAMPLED = 4
"""Steps of the spectrum in a frequency of 1 / time span (chosen): a line between two steps loses
3 % (sinc 1/8)."""
_NEIGHBOURHOOD = 1.4
"""Width of a line's neighbourhood, 1/day (chosen)."""
_POINTS_A_LINE = 100
"""Points of the light curve for each line (chosen): with more lines, the noise and the transits of
a short light curve would be subtracted too."""
_TREND = 245
"""Width of the running mean, cadences: five days (chosen: it leaves half of the slowest wave)."""
_BINS = 48
"""Bins of a fold (chosen)."""
_ONE_PERIOD = 0.9
"""Part of the variance explained by all lines that one period must explain (chosen)."""
_TWO_MINIMA = 0.9
"""Twice the period must leave less than this part of the variance that the period leaves
(chosen)."""
_LONGEST_WAVE_DAYS = 1.5
"""Longest period of a `Wave`, days (chosen): slower variations of one period are rotation, and stay
in the noise."""
_DIP = 0.4
"""Part of the period for which a dip is below its middle, at most (chosen); a sine wave is below it
for half of the period."""
_DIP_LOWEST, _DIP_CLEAR = 2.0, 12.0
"""Least frequency of a dip, 1/day: below it there are harmonics enough for a comb. Least height of
its fold, in standard deviations of a bin (both chosen)."""
_MIRRORED, _BASE_WIDTH, _DIP_HARMONICS = 20, 2.0, 4
"""Number of harmonics of a dip that are compared with lines. Distance from a harmonic, in units of
1 / time span, up to which a line is dropped, since it may be a side lobe. Number of harmonics that
must be lines; by chance none is a line. All three are chosen."""
_DAY = 49
"""Cadences in a day."""
_SPIKE, _DARK_SPIKES = 6.0, 0.7
"""Standard deviations of a point in a deep transit (chosen: a sine wave reaches 1.5), and part of
such points that are dark where there are transits (chosen)."""
_HARMONICS, _COMB = 15, 8
"""First harmonics of a frequency, and how many of them make a comb: a transit or an eclipse, not a
wave (both chosen)."""
_FIRST_SEEN = 6
"""Highest number of the first harmonic that is a line (chosen): below `_LOWEST` there are no lines,
so the comb of a period of 50 days begins at its sixth harmonic."""
_OVER_CHANCE = 3.0
"""Least ratio of the lines of a comb to those that chance would put there (chosen): pulsations
stand in dense groups. In a light curve of some weeks, such groups lie near each harmonic of any
period."""
_COMB_WIDTH = 0.35
"""Largest distance of a line from a harmonic of a comb, in units of 1 / time span (chosen)."""


@dataclass(frozen=True, slots=True)
class Wave:
    """A variation of one period that is nearly all of a star's variability.

    Attributes
    ----------
    period_days : float
    minimum_bkjd : float
        Middle of the first deepest minimum in the observations.
    amplitude : float
        From the deepest minimum to the highest maximum, relative flux.
    """

    period_days: float
    minimum_bkjd: float
    amplitude: float


def subtract_lines(time: Floats, flux: Floats) -> tuple[Floats, int, Wave | None]:
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
        Relative flux without the lines; unchanged where none are subtracted.
    lines : int
        Number of subtracted lines.
    wave : Wave or None
        The variation of one short period, where the lines are that.
    """
    smooth = _without_transits(flux)
    level = smooth - _trend(time, smooth)
    # Chosen: a point counts for six standard deviations at most.
    limit = 6 * _deviation(level)
    first = np.clip(level, -limit, limit)
    y = first
    index = np.round((time - time[0]) / LONG_CADENCE_DAYS).astype(np.int64)
    size = fft.next_fast_len(int(index[-1] + 1) * _OVERSAMPLED, real=True)
    frequency = fft.rfftfreq(size, LONG_CADENCE_DAYS)
    wanted = (frequency > _LOWEST) & (frequency < _HIGHEST)
    # Chosen: lines are 1.5 / time span apart, and a neighbourhood has 16 steps at least.
    apart = int(1.5 * _OVERSAMPLED)
    width = max(16, round(_NEIGHBOURHOOD / frequency[1]))
    most = len(time) // _POINTS_A_LINE
    found: list[Floats] = []
    sines, aside = np.zeros(len(time)), np.zeros(len(time))
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
        whole, part = _sines(time, y, lines)
        sines, aside = sines + whole, aside + part
        # Waves hide transits that are clear without them.
        y = _without_transits(y - part)
        found.append(lines)
    resolution = 1 / (time[-1] - time[0])
    kept = _without_dips(_without_combs(found, resolution), time, first, resolution)
    waves = [lines for lines in kept if len(lines)]
    if not waves:
        return flux, 0, None
    count = sum(map(len, waves))
    if count < sum(map(len, found)):
        # The dropped lines changed what the others were fitted to: fit these again.
        sines, aside = np.zeros(len(time)), np.zeros(len(time))
        for lines in waves:
            whole, part = _sines(time, _without_transits(first - aside), lines)
            sines, aside = sines + whole, aside + part
    if _short_scatter(smooth - sines) > _GAIN * _short_scatter(smooth):
        return flux, 0, None
    wave, dark = _one_period(
        time, first, waves[0][0], float(1 - np.var(first - aside) / np.var(first))
    )
    if wave and dark < _DIP:
        # The star is at full brightness most of the time: a close planet or an eclipse dims it.
        return flux, 0, None
    return flux - sines, count, wave


def _one_period(
    time: Floats, level: Floats, line: float, explained: float
) -> tuple[Wave | None, float]:
    """Find the one period, if there is one, that explains as much as all lines.

    Parameters
    ----------
    time, level : float64[n]
        BKJD, days; relative flux without its trend.
    line : float
        Frequency of the strongest line, 1/day.
    explained : float
        Part of the variance that all lines explain.

    Returns
    -------
    Wave or None, float
        The variation, and the part of its period for which it is below its middle (see `_dark`);
        None and 1 where there is none.
    """
    best, profile, share = line, np.zeros(_BINS), -1.0
    for part in (1.0, 0.5):
        # The spectrum gives a frequency to a tenth of 1 / time span.
        near = line * part + np.linspace(-0.2, 0.2, 21) / (time[-1] - time[0])
        for frequency in near:
            means, own = _folded(time, level, frequency)
            # Two minima per period must be clearly better than one.
            if 1 - own < (1 if part == 1.0 or best == frequency else _TWO_MINIMA) * (1 - share):
                best, profile, share = float(frequency), means, own
    if share < _ONE_PERIOD * explained or best < 1 / _LONGEST_WAVE_DAYS:
        return None, 1.0
    bottom, top = float(profile.min()), float(profile.max())
    phase = (int(np.argmin(profile)) + 0.5) / _BINS
    minimum = float(time[0] + ((phase - time[0] * best) % 1.0) / best)
    return Wave(1 / best, minimum, top - bottom), _dark(profile)


def _folded(time: Floats, level: Floats, frequency: float) -> tuple[Floats, float]:
    """Return the means of a fold (float64[_BINS]) and the part of the variance they explain."""
    index = np.minimum((time * frequency % 1.0 * _BINS).astype(np.int64), _BINS - 1)
    count = np.maximum(np.bincount(index, minlength=_BINS), 1)
    means = np.bincount(index, level, _BINS) / count
    return means, float(1 - np.var(level - means[index]) / np.var(level))


def _without_combs(rounds: list[Floats], resolution: float) -> list[Floats]:
    """Drop the lines (1/day) that are harmonics of one frequency, as those of a transit are.

    `resolution` is 1 / time span, 1/day.
    """
    if not rounds:
        return []
    lines = np.sort(np.concatenate(rounds))
    number = np.arange(1, _HARMONICS + 1)
    for base in np.concatenate([lines / k for k in range(1, _FIRST_SEEN + 1)]):
        expected = base * number
        at = np.clip(np.searchsorted(lines, expected), 1, len(lines) - 1)
        off = np.minimum(np.abs(lines[at] - expected), np.abs(lines[at - 1] - expected))
        # The error of the base frequency grows with the number of the harmonic.
        width = _COMB_WIDTH * resolution * np.sqrt(1 + (number / 4) ** 2)
        hits = float((off < width).sum())
        if hits >= max(_COMB, _OVER_CHANCE * _by_chance(lines, expected, width)):
            rounds = [x[np.abs(x / base - np.round(x / base)) * base > resolution] for x in rounds]
    return rounds


def _by_chance(lines: Floats, expected: Floats, width: Floats) -> float:
    """Return how many lines would be near the expected frequencies by chance.

    Parameters
    ----------
    lines : float64[k]
        Ascending, 1/day.
    expected, width : float64[h]
        Frequencies, and the distances that count as near, 1/day.
    """
    # Chosen: the density of lines within ten times the distance gives the number by chance.
    wide = 10 * width
    count = np.searchsorted(lines, expected + wide) - np.searchsorted(lines, expected - wide)
    return float(np.minimum(count / 10, 1.0).sum())


def _without_dips(
    rounds: list[Floats], time: Floats, level: Floats, resolution: float
) -> list[Floats]:
    """Drop the lines (1/day) of a dip with a period below half a day.

    Few harmonics of such a period are below the Nyquist frequency. The others appear mirrored at
    it.
    """
    every = np.concatenate(rounds) if rounds else np.empty(0)
    for base in every[every > _DIP_LOWEST]:
        means, _ = _folded(time, level, float(base))
        noise = np.std(level) / (len(level) / _BINS) ** 0.5
        if np.ptp(means) < _DIP_CLEAR * noise or _dark(means) > _DIP:
            continue
        if (_off(every, float(base), resolution) < _COMB_WIDTH).any(axis=0).sum() < _DIP_HARMONICS:
            continue
        rounds = [x[(_off(x, float(base), resolution) > _BASE_WIDTH).all(axis=1)] for x in rounds]
    return rounds


def _off(lines: Floats, base: float, resolution: float) -> Floats:
    """Compute how far lines are from each harmonic of a frequency, mirrored at the Nyquist's.

    Parameters
    ----------
    lines : float64[k]
        1/day.
    base, resolution : float
        The frequency, and 1 / time span, 1/day.

    Returns
    -------
    float64[k, _MIRRORED]
        In units of the resolution, which grows with the number of the harmonic as the error of the
        base frequency does.
    """
    number = np.arange(1, _MIRRORED + 1)
    rate = 1 / LONG_CADENCE_DAYS
    seen = np.abs((base * number + rate / 2) % rate - rate / 2)
    # Chosen: from the fourth harmonic on, the error of the base frequency dominates.
    width = resolution * np.sqrt(1 + (number / 4) ** 2)
    return np.asarray(np.abs(lines[:, None] - seen) / width)


def _dark(profile: Floats) -> float:
    """Return the part of a fold that is below the middle between its lowest and highest bin."""
    return float((profile < (profile.min() + profile.max()) / 2).mean())


def _without_transits(flux: Floats) -> Floats:
    """Replace the points of deep transits by the running median of a day.

    The harmonics of deep transits, and of spots that a planet crosses, would pass for waves. Where
    waves beat, the flux is far above the median as often as far below: then it stays as it is.
    """
    middle = median_filter(flux, _DAY, mode="nearest")
    aside = flux - middle
    far = np.abs(aside) > _SPIKE * _deviation(aside)
    if not far.any() or (aside[far] < 0).mean() < _DARK_SPIKES:
        return flux
    return np.where(far, middle, flux)


def _trend(time: Floats, flux: Floats) -> Floats:
    """Return the running mean over five days along the first axis, for each stretch by itself."""
    trend = np.empty_like(flux)
    for piece in np.split(np.arange(len(time)), np.flatnonzero(np.diff(time) > GAP_DAYS) + 1):
        trend[piece] = uniform_filter1d(flux[piece], _TREND, axis=0, mode="nearest")
    return trend


def _deviation(values: Floats) -> float:
    """Return the robust standard deviation, 1e-9 where it is 0 (chosen)."""
    return scatter(values) or 1e-9


def _short_scatter(flux: Floats) -> float:
    """Return the scatter at the time scale of transits: of steps from one 3 h mean to the next.

    Slower variations, as of spots on a star that turns, do not count: they hide no transits.
    """
    for _ in range(2):
        flux = flux - uniform_filter1d(flux, _DAY, mode="nearest")
    means = flux[: len(flux) // 6 * 6].reshape(-1, 6).mean(axis=1)
    return _deviation(np.diff(means))


def _background(amplitude: Floats, width: int) -> Floats:
    """Return the median amplitude near each frequency, interpolated between blocks of `width`."""
    blocks = len(amplitude) // width
    if blocks < 2:
        return np.full_like(amplitude, np.median(amplitude) or 1e-12)
    medians = np.median(amplitude[: blocks * width].reshape(blocks, width), axis=1)
    centres = (np.arange(blocks) + 0.5) * width
    return np.maximum(np.interp(np.arange(len(amplitude)), centres, medians), 1e-12)


def _peaks(amplitude: Floats, ratio: Floats, least: float, apart: int) -> list[int]:
    """Return the indices of the strongest maxima, at least `apart` steps from each other.

    None is below a quarter of the strongest (chosen): it could be a side lobe. The slope of a
    variation that is slower than all lines is no maximum.
    """
    inner = amplitude[1:-1]
    local = (inner >= amplitude[:-2]) & (inner > amplitude[2:])
    where = np.flatnonzero(local & (ratio[1:-1] > least)) + 1
    where = where[np.argsort(-amplitude[where])]
    taken: list[int] = []
    for k in where[amplitude[where] > 0.25 * amplitude[where[:1]]]:
        if all(abs(int(k) - other) > apart for other in taken):
            taken.append(int(k))
        if len(taken) == _A_ROUND:
            break
    return taken


def _vertex(amplitude: Floats, k: int) -> float:
    """Return the position of a maximum between samples, in steps, by a parabola."""
    before, here, after = amplitude[k - 1 : k + 2]
    bend = before - 2 * here + after
    return k + (0.5 * (before - after) / bend if bend else 0.0)


def _sines(time: Floats, y: Floats, lines: Floats) -> tuple[Floats, Floats]:
    """Fit sine waves of these frequencies (1/day) to a light curve without its trend.

    The trend has taken a part of each wave, up to half of the slowest. So sine waves without their
    own trends are fitted: the amplitudes of the waves themselves would be wrong by that part.

    Returns
    -------
    whole, aside : float64[n]
        The waves, and the waves without their trend, as they are in `y`.
    """
    phase = 2 * np.pi * (time - time[0])[:, None] * lines[None, :]
    basis = np.hstack([np.cos(phase), np.sin(phase)])
    aside = basis - _trend(time, basis)
    normal = aside.T @ aside + 1e-9 * len(y) * np.eye(basis.shape[1])
    weights = np.linalg.solve(normal, aside.T @ y)
    return np.asarray(basis @ weights), np.asarray(aside @ weights)
