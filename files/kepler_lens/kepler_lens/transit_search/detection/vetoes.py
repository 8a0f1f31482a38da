"""Vetoes: why a periodic dimming cannot be a planet's, checked before it becomes a candidate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kepler_lens.missions import observing
from kepler_lens.scatter import scatter
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits
from kepler_lens.transit_search.preparation.single_events import Events

Floats = NDArray[np.float64]

LEAST_TRANSITS = 3
"""Transits that a signal needs: any two single events have some period, and the third must come at
the time that this period predicts."""
_LARGEST_SHARE = 0.35
"""Part of the multiple-event statistic (chosen). Without its strongest transit a signal may lose
this part of what equally strong transits would keep."""
_MISSING_SHARE = 0.3
"""Part of the clear transits (chosen): a signal is doubtful if this part or more is missing."""
_UNIQUE = 1.5
"""Least ratio (chosen) of the multiple-event statistic of a signal below `_CERTAIN` to that of the
strongest dimming or brightening at another phase of the period."""
_CERTAIN = 20.0
"""Multiple-event statistic (chosen): a signal of this strength is not compared with other phases,
where a binary has its second eclipse."""
_PAIRS = 6
"""Least number of pairs of neighbouring transits (chosen): fewer show no scatter."""
_ALTERNATES, _ALTERNATING_PART = 6.0, 0.02
"""Every other transit is deeper if the difference exceeds this many standard deviations and this
part of the depth (both chosen): where a planet crosses spots, depths change by more than 2 %
(Kepler-17)."""
_MOST_FIRINGS = 8
_IN_STEP = 1.5e-3
"""Most firing intervals in a suspect period, and its largest relative difference from a multiple of
the interval (both chosen)."""


def doubtful(ephemeris: Ephemeris, transits: Transits, events: Events) -> str:
    """Return why a signal cannot be a planet's.

    Parameters
    ----------
    ephemeris : Ephemeris
    transits : Transits
        The observed transits.
    events : Events
        Single events of the ephemeris' duration.

    Returns
    -------
    str
        A reason, or an empty string where there is none.
    """
    count = len(transits.number)
    if count < LEAST_TRANSITS:
        return "too few transits observed"
    if transits.depth <= 0:
        return "no dimming"
    ses = transits.n / np.sqrt(transits.d)
    rest = np.delete(np.arange(count), np.argmax(ses))
    without = transits.n[rest].sum() / np.sqrt(transits.d[rest].sum())
    if without < (1 - _LARGEST_SHARE) * transits.mes * np.sqrt((count - 1) / count):
        return "one transit dominates"
    # A transit with an expected statistic of 4 is clear, and missing below 0.4 of that (chosen).
    expected = np.median(transits.n / transits.d) * np.sqrt(transits.d)
    clear = expected > 4
    if clear.any():
        # Planets pull at each other, and a transit may come hours early or late.
        strongest = np.array([near(events, t) for t in transits.time[clear]])
        if (strongest < 0.4 * expected[clear]).mean() >= _MISSING_SHARE:
            return "transits are missing"
    if transits.mes < _CERTAIN and transits.mes < _UNIQUE * max(rivals(ephemeris, events)):
        return "other phases are as dark or bright"
    return ""


def alternation(transits: Transits) -> tuple[float, float]:
    """Compare the depths of transits of even and of odd number.

    Each transit is compared with its neighbour: both lie in one quarter, with the same part of
    light from other stars. The scatter of the differences is their error where it exceeds the
    photon noise, as it does for deep eclipses.

    Parameters
    ----------
    transits : Transits

    Returns
    -------
    deviations : float
        Mean difference of neighbours in standard deviations; positive where even ones are deeper.
    part : float
        The difference over the depth of the deeper ones. Both are 0 where there are few pairs.
    """
    first = np.flatnonzero(np.diff(transits.number) == 1)
    if len(first) < _PAIRS:
        return 0.0, 0.0
    depth = transits.n / transits.d
    sign = np.where(transits.number[first] % 2 == 0, 1.0, -1.0)
    difference = sign * (depth[first] - depth[first + 1])
    weight = 1 / (1 / transits.d[first] + 1 / transits.d[first + 1])
    mean = float(np.average(difference, weights=weight))
    # Each transit but the first and the last is in two pairs, so half of them are independent.
    noise = float(weight.sum() / 2) ** -0.5
    spread = scatter(difference)
    error = max(noise, spread / (len(first) / 2) ** 0.5)
    deeper = transits.depth + abs(mean) / 2
    return mean / error, abs(mean) / deeper if deeper > 0 else 0.0


def alternating(transits: Transits) -> bool:
    """Return whether every other transit is clearly deeper, as eclipses of a binary are."""
    deviations, part = alternation(transits)
    return abs(deviations) > _ALTERNATES and part > _ALTERNATING_PART


def of_thrusters(mission: str, period: float) -> bool:
    """Return whether a period is a small multiple of the interval of thruster firings.

    Parameters
    ----------
    mission : str
        Label MISSION; the pointing jumps at firings of K2 alone.
    period : float
        Days.
    """
    interval = observing(mission).firing_days
    if interval is None:
        return False
    firings = round(period / interval)
    if not 1 <= firings <= _MOST_FIRINGS:
        return False
    return abs(period / (firings * interval) - 1) < _IN_STEP


def rivals(ephemeris: Ephemeris, events: Events) -> tuple[float, float]:
    """Return the strongest dimming and brightening at other phases of the same period.

    Noise, and a star's own waves, leave several of about the same strength (the uniqueness test of
    Coughlin et al. 2016, ApJS 224, 12, section A.3).

    Parameters
    ----------
    ephemeris : Ephemeris
    events : Events
        Single events of its duration.

    Returns
    -------
    float, float
        Multiple-event statistics, positive where there is such a signal; 0 without another phase.
    """
    duration = ephemeris.duration_hours / 24
    # Chosen: four bins in a duration, 0.3 of the usual information, 1.75 durations from transit.
    bins = max(8, int(ephemeris.period_days / duration * 4))
    phase = (ephemeris.hours_from_middle(events.time) / 24 / ephemeris.period_days) % 1.0
    index = np.minimum((phase * bins).astype(np.int64), bins - 1)
    n = np.bincount(index, events.capped, bins)
    d = np.bincount(index, events.d, bins)
    seen = d > 0.3 * np.median(d)
    mes = np.divide(n, np.sqrt(d), out=np.zeros(bins), where=seen)
    # Several trial centres of one event fall into a bin and count as one.
    mes /= np.sqrt(_centres_a_bin(ephemeris, events, bins))
    away = (
        np.abs((np.arange(bins) + 0.5) / bins - 0.5) < 0.5 - 1.75 * duration / ephemeris.period_days
    )
    if not away.any():
        return 0.0, 0.0
    return float(mes[away].max()), float(-mes[away].min())


def _centres_a_bin(ephemeris: Ephemeris, events: Events, bins: int) -> float:
    """Return how many trial centres of one event share a phase bin, 1 at least."""
    spacing = float(np.median(np.diff(events.time)))
    return max(1.0, ephemeris.period_days / bins / spacing)


def near(events: Events, time: float) -> float:
    """Return the strongest single-event statistic within a duration of an instant (BKJD, days)."""
    low, high = np.searchsorted(
        events.time, [time - events.duration_hours / 24, time + events.duration_hours / 24]
    )
    window = slice(max(0, low), max(high, low + 1))
    return float(events.ses[window].max()) if len(events.time[window]) else 0.0
