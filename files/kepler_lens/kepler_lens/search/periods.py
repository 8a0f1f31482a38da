"""Fold a star's single events over all periods, each duration over those that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kepler_lens.search.fold import fold_all
from kepler_lens.search.matched import Events

Floats = NDArray[np.float64]

DURATIONS_HOURS = tuple(1.3 * 1.25**k for k in range(12))
"""1.3 to 15 h (chosen): half a step off, a box loses 5 % of the statistic (the root of the
ratio)."""
SHORTEST_PERIOD_DAYS = 0.17
"""Chosen: 4.08 h, KOI-1843.03 has 4.25 h (Ofir & Dreizler 2013, A&A 555, A58)."""
_SUN_HOURS = 13.0
"""A central transit of the Sun by a small planet with a period of a year."""
_SLACK = 1.12
"""Times the duration of a central transit on a circular orbit that is tried (chosen)."""
_STEPS_A_DURATION, _CUT = 4, 5.3
"""Steps of the trial epochs, and the statistic from which on a fold is refined (chosen: 1.5 below
the lowest threshold)."""
_SHARP_STEPS, _SHARP_CUT = 6, 5.1
"""Of events weighed by a measured spectrum: without low frequencies, peaks are narrower."""
_SHORT_DAYS, _SHORT_CUT = 0.5, 7.0
"""Days up to which, and statistic from which on, a fold is refined (chosen: two deviations below
the threshold there)."""
_LEAST_EVENTS = 2.3
"""A phase with less information than so many usual transits is taken for that much."""
_MOST_PEAKS_AN_OCTAVE = 25
"""So many are refined, of periods from one to twice as much (chosen: each costs time)."""


def duration_range(period: float, density: float | None) -> tuple[float, float]:
    """Durations that a planet may have, hours, from the density of its star.

    13 h (P / yr)^(1/3) (density over the Sun's)^(-1/3) is that of a central transit on a circular
    orbit (Seager and Mallén-Ornelas 2003, ApJ 585, 1038). Impact parameters up to 0.9, eccentric
    orbits and catalogues' errors widen it; without a density all main sequence stars are allowed.
    """
    central = central_duration(period, density)
    return (0.35 * central, 1.8 * central) if density is None else (0.4 * central, 1.5 * central)


def central_duration(period: float, density: float | None) -> float:
    """Give the duration of a central transit, hours; that of the Sun without a density."""
    of_sun: float = _SUN_HOURS * (period / 365.25) ** (1 / 3)
    if density is None:
        return of_sun
    shorter: float = min(max(density, 0.05), 20.0) ** (1 / 3)
    return of_sun / shorter


@dataclass(frozen=True, slots=True)
class Peak:
    """A period at which the folding found something."""

    period_days: float
    statistic: float
    index: int


def fold_bank(
    bank: Sequence[Events], density: float | None, longest: float, *, sharp: bool = False
) -> list[Peak]:
    """Fold every second duration over the periods it belongs to; give separate peaks.

    Peaks of `sharp` events, those of `stationary`, are looked for in finer steps.
    """
    cut = _SHARP_CUT if sharp else _CUT
    periods, statistics, indices = _fold(bank, density, longest, cut, sharp=sharp)
    # The thousands of transits of a short period take long to refine, and its threshold is high.
    worth = (periods > _SHORT_DAYS) | (statistics > _SHORT_CUT)
    periods, statistics, indices = periods[worth], statistics[worth], indices[worth]
    return _separate(periods, statistics, indices, bank) if len(periods) else []


def spectrum(
    bank: Sequence[Events],
    density: float | None,
    longest: float,
    bins: int = 3000,
    *,
    sharp: bool = False,
) -> tuple[Floats, Floats]:
    """Give the strongest statistic in each of many bins of period, for a plot.

    In the steps of `fold_bank`.

    Returns
    -------
    period, statistic : float64[k]
        Days, ascending; the statistic of the folding, before anything is refined.
    """
    periods, statistics, _ = _fold(bank, density, longest, 0.0, sharp=sharp)
    edges = np.geomspace(SHORTEST_PERIOD_DAYS, max(longest, 2 * SHORTEST_PERIOD_DAYS), bins + 1)
    index = np.clip(np.searchsorted(edges, periods) - 1, 0, bins - 1)
    best = np.zeros(bins)
    np.maximum.at(best, index, statistics)
    seen = best > 0
    return np.sqrt(edges[:-1] * edges[1:])[seen], best[seen]


def _fold(
    bank: Sequence[Events], density: float | None, longest: float, cut: float, *, sharp: bool
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Give all periods (days) whose statistic is above `cut`, and the index of their duration."""
    steps = _SHARP_STEPS if sharp else _STEPS_A_DURATION
    periods, statistics, indices = [np.empty(0)], [np.empty(0)], [np.empty(0, np.int64)]
    for index in range(1, len(bank), 2):
        events = bank[index]
        step = events.duration_hours / 24 / steps
        low, high = period_range(events.duration_hours, density, longest)
        if high <= low or not events.d.any():
            continue
        grid = np.arange(events.time[0], events.time[-1], step)
        p, s = fold_all(
            np.interp(grid, events.time, events.capped).astype(np.float32),
            np.interp(grid, events.time, events.d).astype(np.float32),
            int(low / step),
            int(high / step),
            _LEAST_EVENTS * events.usual,
            cut,
        )
        periods.append(p * step)
        statistics.append(s)
        indices.append(np.full(len(p), index))
    return np.concatenate(periods), np.concatenate(statistics), np.concatenate(indices)


def period_range(hours: float, density: float | None, longest: float) -> tuple[float, float]:
    """Periods whose durations, by `duration_range`, are about this one (within a quarter step)."""
    one, other = duration_range(365.25, density)
    low = 365.25 * (hours / other / _SLACK) ** 3
    high = 365.25 * (hours * _SLACK / one) ** 3
    return max(SHORTEST_PERIOD_DAYS, low), min(longest, high)


def _separate(
    periods: Floats, statistics: Floats, indices: NDArray[np.int64], bank: Sequence[Events]
) -> list[Peak]:
    """Keep the strongest of the peaks that are the same signal."""
    span = bank[0].time[-1] - bank[0].time[0]
    order = np.argsort(periods)
    periods, statistics, indices = periods[order], statistics[order], indices[order]
    room = np.full(64, _MOST_PEAKS_AN_OCTAVE)
    octave = np.log2(periods / SHORTEST_PERIOD_DAYS).astype(np.int64)
    taken: list[Peak] = []
    used = np.zeros(len(periods), bool)
    for i in np.argsort(-statistics):
        if used[i] or room[octave[i]] == 0:
            continue
        room[octave[i]] -= 1
        taken.append(Peak(float(periods[i]), float(statistics[i]), int(indices[i])))
        width = 3 * bank[indices[i]].duration_hours / 24 * periods[i] / span
        low, high = np.searchsorted(periods, [periods[i] - width, periods[i] + width])
        used[low:high] = True
    return taken
