"""Reasons for which a periodic dimming can be no planet's, checked before it is believed at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kepler_lens.search.ephemeris import Ephemeris, Transits
from kepler_lens.search.matched import Events
from kepler_lens.search.observations import CADENCE_DAYS

Floats = NDArray[np.float64]

LEAST_TRANSITS = 3
"""Two events may be any two; the third comes at a time that the two have said."""
_LARGEST_SHARE = 0.35
"""Part of a signal that its strongest transit may be (chosen): of three like ones each is a
third."""
_MISSING_SHARE = 0.3
"""Part of the clear transits from which on too many are missing (chosen)."""
_UNIQUE = 1.5
"""Times the strongest dimming at another phase (chosen), for signals that are not certain."""
_CERTAIN = 20.0
"""Statistic from which on other phases are not asked (chosen): a binary's second eclipse is at
one."""
_PAIRS = 6
"""Of neighbouring transits, from which on their differences have a scatter (chosen)."""
_ALTERNATES, _ALTERNATING_PART = 6.0, 0.02
"""Deviations, and part of the depth (chosen): two in a hundred is less than what spots that a
planet crosses change (Kepler-17)."""
_FIRING_DAYS = 12 * CADENCE_DAYS
_MOST_FIRINGS = 8
_IN_STEP = 1.5e-3
"""Of `of_thrusters`: days from one firing to the next; how many of them a period may be, and how
near in relative period it is then (the last two chosen)."""


def doubtful(ephemeris: Ephemeris, found: Transits, events: Events) -> str:
    """Say why a signal can be no planet's; an empty string where nothing speaks against it."""
    count = len(found.number)
    if count < LEAST_TRANSITS:
        return "too few transits observed"
    if found.depth <= 0:
        return "no dimming"
    ses = found.n / np.sqrt(found.d)
    rest = np.delete(np.arange(count), np.argmax(ses))
    without = found.n[rest].sum() / np.sqrt(found.d[rest].sum())
    if without < (1 - _LARGEST_SHARE) * found.mes * np.sqrt((count - 1) / count):
        return "one transit dominates"
    expected = np.median(found.n / found.d) * np.sqrt(found.d)
    clear = expected > 4
    if clear.any():
        # Planets pull at each other: a transit may come hours early or late.
        strongest = np.array([near(events, t) for t in found.time[clear]])
        if (strongest < 0.4 * expected[clear]).mean() >= _MISSING_SHARE:
            return "transits are missing"
    if found.mes < _CERTAIN and found.mes < _UNIQUE * max(rivals(ephemeris, events)):
        return "other phases are as dark or bright"
    return ""


def alternation(found: Transits) -> tuple[float, float]:
    """Compare every other transit with those between.

    Neighbours are compared, since both have the quarter's share of other stars' light, and what
    the differences themselves scatter by is their error: no deep eclipse is as regular as its
    photons allow.

    Returns
    -------
    figure : float
        Mean difference of a transit of even number from its neighbour, in deviations; positive
        where even ones are deeper.
    part : float
        The difference, of the deeper ones' depth.
    """
    first = np.flatnonzero(np.diff(found.number) == 1)
    if len(first) < _PAIRS:
        return 0.0, 0.0
    depth = found.n / found.d
    sign = np.where(found.number[first] % 2 == 0, 1.0, -1.0)
    difference = sign * (depth[first] - depth[first + 1])
    weight = 1 / (1 / found.d[first] + 1 / found.d[first + 1])
    mean = float(np.average(difference, weights=weight))
    # Each transit but the ends stands in two pairs, so half of them are independent.
    noise = float(weight.sum() / 2) ** -0.5
    spread = 1.4826 * float(np.median(np.abs(difference - np.median(difference))))
    error = max(noise, spread / (len(first) / 2) ** 0.5)
    deeper = found.depth + abs(mean) / 2
    return mean / error, abs(mean) / deeper if deeper > 0 else 0.0


def alternating(found: Transits) -> bool:
    """Whether every other transit is clearly deeper: the two eclipses of a binary."""
    figure, part = alternation(found)
    return abs(figure) > _ALTERNATES and part > _ALTERNATING_PART


def of_thrusters(mission: str, period: float) -> bool:
    """Whether a period, days, is a small multiple of that of K2's thrusters.

    Two wheels could not hold the telescope: it was set straight at every 12th cadence where it had
    to, and in between the stars drift over the pixels (Van Cleve et al. 2016, PASP 128, 075002).
    """
    firings = round(period / _FIRING_DAYS)
    if mission != "K2" or not 1 <= firings <= _MOST_FIRINGS:
        return False
    return abs(period / (firings * _FIRING_DAYS) - 1) < _IN_STEP


def rivals(ephemeris: Ephemeris, events: Events) -> tuple[float, float]:
    """Strongest dimming and brightening at other phases of the same period.

    Noise, and a star's own waves, leave several of about the same strength (the uniqueness test of
    Coughlin et al. 2016, ApJS 224, 12, section A.3).
    """
    duration = ephemeris.duration_hours / 24
    bins = max(8, int(ephemeris.period_days / duration * 4))
    phase = (ephemeris.hours_from_middle(events.time) / 24 / ephemeris.period_days) % 1.0
    index = np.minimum((phase * bins).astype(np.int64), bins - 1)
    n = np.bincount(index, events.capped, bins)
    d = np.bincount(index, events.d, bins)
    seen = d > 0.3 * np.median(d)
    mes = np.divide(n, np.sqrt(d), out=np.zeros(bins), where=seen)
    # Several centres of one event fall into a bin; they count as one.
    mes /= np.sqrt(_centres_a_bin(ephemeris, events, bins))
    away = (
        np.abs((np.arange(bins) + 0.5) / bins - 0.5) < 0.5 - 1.75 * duration / ephemeris.period_days
    )
    if not away.any():
        return 0.0, 0.0
    return float(mes[away].max()), float(-mes[away].min())


def _centres_a_bin(ephemeris: Ephemeris, events: Events, bins: int) -> float:
    """How many trial centres of one event share a phase bin."""
    spacing = float(np.median(np.diff(events.time)))
    return max(1.0, ephemeris.period_days / bins / spacing)


def near(events: Events, time: float) -> float:
    """Give the strongest single-event statistic within a duration of an instant."""
    low, high = np.searchsorted(
        events.time, [time - events.duration_hours / 24, time + events.duration_hours / 24]
    )
    window = slice(max(0, low), max(high, low + 1))
    return float(events.ses[window].max()) if len(events.time[window]) else 0.0
