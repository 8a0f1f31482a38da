"""Single-transit events: dimmings that belong to no candidate, and pairs that may be one planet's.

They are called lone events here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kepler_lens.transit_search.preparation.single_events import Events

_LEAST = 9.0
"""Single-event statistic of a lone event, at least (chosen): noise and jumps reach 8 in one star of
a hundred."""
_MOST = 10
"""Lone events of a star, the strongest (chosen): a star with more of them has dips all the time."""
_APART_DAYS = 1.5
"""Days within which an event is a part of a stronger one (chosen)."""
_SIDE_DURATIONS, _SIDE_PART = 5.0, 0.15
"""Within this many durations of a stronger event, an event below this part of its statistic is an
effect of the filter (both chosen)."""
_DEPTHS, _DURATIONS = 0.15, 1.6
"""Part by which the depths of two events of one planet may differ, and factor between their
durations (both chosen: quarters have different dilution, and few durations are tried)."""
_PAIRED = 20.0
"""Single-event statistic of each event of a pair, at least (chosen): weaker jumps of the detector
look alike (Kepler-7)."""
_SHORTEST_DAYS = 30.0
"""Shortest period of a pair, days (chosen): a planet with a shorter one would have shown more than
two transits."""
_MISSING = 0.4
"""Part of the depth below which an expected event is missing (chosen)."""


@dataclass(frozen=True, slots=True)
class LoneEvent:
    """One dimming that looks like a transit.

    Attributes
    ----------
    time_bkjd : float
        Middle, days.
    duration_hours : float
    depth_ppm : float
    statistic : float
        Single-event statistic.
    """

    time_bkjd: float
    duration_hours: float
    depth_ppm: float
    statistic: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lone events of one depth and duration, perhaps of a planet that transits seldom.

    Attributes
    ----------
    first_bkjd, second_bkjd : float
        Middles, days.
    depth_ppm : float
        Mean of the two.
    periods_days : tuple of float
        Possible periods, longest first: the time between the two events, and its whole parts, where
        all other transits would fall into gaps of the observations.
    """

    first_bkjd: float
    second_bkjd: float
    depth_ppm: float
    periods_days: tuple[float, ...]

    def __str__(self) -> str:
        """Return a sentence with the periods that the two events allow."""
        periods = ", ".join(f"{period:.2f}" for period in self.periods_days)
        return (
            f"The events at BKJD {self.first_bkjd:.2f} and {self.second_bkjd:.2f} are of one "
            f"depth, {self.depth_ppm:.0f} ppm, and one duration: they belong together if a planet "
            f"has a period of {periods} d."
        )


def lone_events(bank: Sequence[Events]) -> tuple[LoneEvent, ...]:
    """Find the single events that are well above the noise.

    Parameters
    ----------
    bank : sequence of Events
        Standardised, one for each duration.

    Returns
    -------
    tuple of LoneEvent
        The strongest of each neighbourhood, strongest first; ten at most.
    """
    found: list[LoneEvent] = []
    for events in bank:
        ses = events.ses
        for i in np.flatnonzero(ses > _LEAST):
            depth = 1e6 * events.n[i] / events.d[i]
            found.append(
                LoneEvent(float(events.time[i]), events.duration_hours, float(depth), float(ses[i]))
            )
    found.sort(key=lambda event: -event.statistic)
    apart: list[LoneEvent] = []
    for event in found:
        if not any(_beside(event, other) for other in apart):
            apart.append(event)
        if len(apart) == _MOST:
            break
    return tuple(apart)


def _beside(event: LoneEvent, stronger: LoneEvent) -> bool:
    """Return whether an event is a part of a stronger one, or an effect of the filter beside it."""
    away = abs(event.time_bkjd - stronger.time_bkjd)
    side = _SIDE_DURATIONS * stronger.duration_hours / 24
    weak = event.statistic < _SIDE_PART * stronger.statistic
    return away < _APART_DAYS or (weak and away < side)


def pairs(lone: Sequence[LoneEvent], bank: Sequence[Events]) -> tuple[Pair, ...]:
    """Find two lone events that may be transits of one planet.

    Parameters
    ----------
    lone : sequence of LoneEvent
    bank : sequence of Events
        Those in which the events were found.

    Returns
    -------
    tuple of Pair
        The strongest first; an event is in one pair at most.
    """
    found: list[Pair] = []
    left = sorted(lone, key=lambda event: -event.statistic)
    while left:
        one = left.pop(0)
        other = next((event for event in left if _alike(one, event)), None)
        if other is None:
            continue
        periods = _allowed(one, other, bank)
        if periods:
            left.remove(other)
            first, second = sorted((one.time_bkjd, other.time_bkjd))
            found.append(Pair(first, second, (one.depth_ppm + other.depth_ppm) / 2, periods))
    return tuple(found)


def _alike(one: LoneEvent, other: LoneEvent) -> bool:
    """Return whether two events are strong and far apart, with one depth and one duration.

    Depths may differ by two standard deviations (chosen).
    """
    depths = sorted((one.depth_ppm, other.depth_ppm))
    noise = depths[1] / min(one.statistic, other.statistic)
    longer = max(one.duration_hours, other.duration_hours)
    return (
        min(one.statistic, other.statistic) > _PAIRED
        and depths[1] - depths[0] < max(_DEPTHS * depths[1], 2 * noise)
        and longer < _DURATIONS * min(one.duration_hours, other.duration_hours)
        and abs(one.time_bkjd - other.time_bkjd) > _SHORTEST_DAYS
    )


def _allowed(one: LoneEvent, other: LoneEvent, bank: Sequence[Events]) -> tuple[float, ...]:
    """Return the periods, days, for which no transit is missing where the star was observed."""
    events = min(bank, key=lambda e: abs(e.duration_hours - one.duration_hours))
    apart = abs(one.time_bkjd - other.time_bkjd)
    depth = 0.5e-6 * (one.depth_ppm + other.depth_ppm)
    begin, end = float(events.time[0]), float(events.time[-1])
    periods = []
    for part in range(1, int(apart / _SHORTEST_DAYS) + 1):
        period = apart / part
        first = int(np.ceil((begin - one.time_bkjd) / period))
        last = int(np.floor((end - one.time_bkjd) / period))
        time = one.time_bkjd + np.arange(first, last + 1) * period
        # Chosen: a middle within one day of one of the two events is that event.
        known = np.minimum(abs(time - one.time_bkjd), abs(time - other.time_bkjd)) < 1.0
        d = np.interp(time[~known], events.time, events.d)
        n = np.interp(time[~known], events.time, events.n)
        missing = (d > events.least) & (n < _MISSING * depth * d)
        if not missing.any():
            periods.append(period)
    return tuple(periods)
