"""Fold a star's single events at all periods, each duration at the periods that allow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kepler_lens.transit_search.detection.folding import fold_all
from kepler_lens.transit_search.preparation.single_events import Events

Floats = NDArray[np.float64]
Spectrum = tuple[Floats, Floats]
"""Periods, days, and the multiple-event statistic of the folding; see `spectrum`."""

DURATIONS_HOURS = tuple(1.3 * 1.25**k for k in range(12))
"""Durations that are tried, 1.3 to 15 h (chosen): a box that is half a step off loses 5 % of the
statistic (the root of the ratio)."""
SHORTEST_PERIOD_DAYS = 0.17
"""Shortest period that is searched (chosen): 4.08 h, while KOI-1843.03 has 4.25 h (Ofir & Dreizler
2013, A&A 555, A58)."""
_SUN_HOURS = 13.0
"""Duration of a central transit of the Sun by a small planet with a period of a year, hours (Seager
and Mallén-Ornelas 2003, ApJ 585, 1038)."""
_SLACK = 1.12
"""Factor by which the durations that a period allows are widened (chosen: half a step of the
durations)."""
_STEPS_A_DURATION, _CUT = 4, 5.3
"""Steps of the trial epochs in a duration, and least multiple-event statistic of a fold that is
refined (both chosen: the latter is 1.5 below the lowest threshold)."""
_SHARP_STEPS, _SHARP_CUT = 6, 5.1
"""The same for events weighted by a measured spectrum (chosen): without low frequencies their peaks
are narrower."""
_SHORT_DAYS, _SHORT_CUT = 0.5, 7.0
"""Up to this period, days, a fold must exceed this multiple-event statistic to be refined (both
chosen: the latter is two below the threshold there)."""
_LEAST_EVENTS = 2.3
"""Least information of a phase, in units of a usual transit's (chosen): a phase with less counts as
if it had this much."""
_MOST_PEAKS_AN_OCTAVE = 25
"""Peaks that are refined in each octave of period (chosen: each costs time)."""


def duration_range(period: float, density: float | None) -> tuple[float, float]:
    """Return the shortest and longest duration that a transit may have, hours.

    A central transit on a circular orbit lasts 13 h (P / yr)^(1/3) (density over the Sun's)^(-1/3)
    (Seager and Mallén-Ornelas 2003, ApJ 585, 1038). The range allows for impact parameters up to
    0.9, eccentric orbits and errors of the catalogue; without a density, for all stars of the main
    sequence. The factors on the central duration are chosen.

    Parameters
    ----------
    period : float
        Days.
    density : float or None
        Mean density of the star over the Sun's.
    """
    central = central_duration(period, density)
    return (0.35 * central, 1.8 * central) if density is None else (0.4 * central, 1.5 * central)


def central_duration(period: float, density: float | None) -> float:
    """Return the duration of a central transit, hours.

    Parameters
    ----------
    period : float
        Days.
    density : float or None
        Mean density of the star over the Sun's, limited to 0.05 to 20 (chosen); None for the Sun's.
    """
    of_sun: float = _SUN_HOURS * (period / 365.25) ** (1 / 3)
    if density is None:
        return of_sun
    shorter: float = min(max(density, 0.05), 20.0) ** (1 / 3)
    return of_sun / shorter


@dataclass(frozen=True, slots=True)
class Peak:
    """A period at which the folding found a signal.

    Attributes
    ----------
    period_days : float
    statistic : float
        Multiple-event statistic of the folding.
    index : int
        Index of its duration in the bank.
    """

    period_days: float
    statistic: float
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """The statistics of all periods at which single events were folded.

    Attributes
    ----------
    period : float64[k]
        Days.
    statistic : float64[k]
        Multiple-event statistic of the folding, which is not refined.
    index : int64[k]
        Index of the duration in the bank.
    longest : float
        Longest period, days.
    sharp : bool
        See `fold`.
    """

    period: Floats
    statistic: Floats
    index: NDArray[np.int64]
    longest: float
    sharp: bool


def fold(
    bank: Sequence[Events], density: float | None, longest: float, *, sharp: bool = False
) -> Folded:
    """Fold every second duration at the periods that allow it.

    Parameters
    ----------
    bank : sequence of Events
        Standardised, one for each of `DURATIONS_HOURS`.
    density : float or None
        Mean density of the star over the Sun's.
    longest : float
        Longest period, days.
    sharp : bool, optional
        Whether the events are those of `spectral_noise`: they are folded in finer steps.

    Returns
    -------
    Folded
    """
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
        )
        periods.append(p * step)
        statistics.append(s)
        indices.append(np.full(len(p), index))
    return Folded(
        np.concatenate(periods), np.concatenate(statistics), np.concatenate(indices), longest, sharp
    )


def peaks_of(folded: Folded, bank: Sequence[Events]) -> list[Peak]:
    """Separate the peaks of folded events.

    Parameters
    ----------
    folded : Folded
    bank : sequence of Events
        The events that were folded.

    Returns
    -------
    list of Peak
        The strongest first, one for each signal.
    """
    period, statistic = folded.period, folded.statistic
    worth = statistic > (_SHARP_CUT if folded.sharp else _CUT)
    # A short period has thousands of transits, which take long to refine, and a high threshold.
    worth &= (period > _SHORT_DAYS) | (statistic > _SHORT_CUT)
    if not worth.any():
        return []
    return _separate(period[worth], statistic[worth], folded.index[worth], bank)


def spectrum(folded: Folded, bins: int = 3000) -> Spectrum:
    """Compute the strongest statistic in each of many bins of period, for a plot.

    Parameters
    ----------
    folded : Folded
    bins : int, optional
        Number of bins, even in the logarithm of the period (chosen: 3000).

    Returns
    -------
    period, statistic : float64[k]
        Days, ascending; multiple-event statistic of the folding.
    """
    longest = max(folded.longest, 2 * SHORTEST_PERIOD_DAYS)
    edges = np.geomspace(SHORTEST_PERIOD_DAYS, longest, bins + 1)
    index = np.clip(np.searchsorted(edges, folded.period) - 1, 0, bins - 1)
    best = np.zeros(bins)
    np.maximum.at(best, index, folded.statistic)
    seen = best > 0
    return np.sqrt(edges[:-1] * edges[1:])[seen], best[seen]


def period_range(hours: float, density: float | None, longest: float) -> tuple[float, float]:
    """Return the shortest and longest period, days, that allow a duration.

    Parameters
    ----------
    hours : float
        The duration, which is in `duration_range`, widened by `_SLACK`, for these periods.
    density : float or None
        Mean density of the star over the Sun's.
    longest : float
        Longest period, days.
    """
    one, other = duration_range(365.25, density)
    low = 365.25 * (hours / other / _SLACK) ** 3
    high = 365.25 * (hours * _SLACK / one) ** 3
    return max(SHORTEST_PERIOD_DAYS, low), min(longest, high)


def _separate(
    periods: Floats, statistics: Floats, indices: NDArray[np.int64], bank: Sequence[Events]
) -> list[Peak]:
    """Return the strongest of the peaks that are one signal: within three durations (chosen)."""
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
