"""Harmonics: from the period that the folding gave to the true one, with transits out of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kepler_lens.transit_search.detection.chains import SHORTEST_TIMED_DAYS, timed
from kepler_lens.transit_search.detection.ephemeris import observed_transits
from kepler_lens.transit_search.detection.periods import SHORTEST_PERIOD_DAYS
from kepler_lens.transit_search.detection.refinement import Signal, refine, statistic
from kepler_lens.transit_search.detection.vetoes import (
    LEAST_TRANSITS,
    alternating,
    alternation,
    near,
)
from kepler_lens.transit_search.preparation.single_events import Events

_HARMONICS = (2, 3)
"""Factors and divisors of a period that are tried (chosen): a fold at four times the period has
only a quarter of the transits and half of the statistic."""
CLEARLY_STRONGER = 1.1
"""Ratio of statistics (chosen): a period is preferred if it exceeds this. With twice as many
transits the statistic is larger by a factor of 1.4, except for noise."""
_CLEAR = 6.0
"""Standard deviations (chosen): a transit, or a sum of transits, above this is there without
doubt."""
OUT_OF_TIME = 1.25
"""Ratio of the statistics with and without a time for each transit (chosen): a signal above this is
out of time."""
_AS_STRONG = 0.97
"""Part of the statistic that a line through the transits' times must keep (chosen): the statistic
depends on where cadences fall in deep transits, and the line does not."""
_MOST_BETWEEN, _AS_DEEP = 13, 0.25
"""Largest divisor of a period, and least depth of the transits between, as part of the signal's
(both chosen). The statistic alone may prefer every 13th transit, where exposures always begin alike
(Kepler-13). Where the transits between are less deep, `alternating` decides."""
_FEW_TRANSITS = 12
"""Observed transits (chosen): with more, a fold at a part of the period shows the transits between,
even out of time."""
CERTAIN = 20.0
"""Multiple-event statistic (chosen): above this the times of single transits can be measured."""


def true_period(signal: Signal, bank: Sequence[Events]) -> Signal:
    """Resolve harmonics: find the true period of a signal.

    The folding may find every k-th transit only, or expect transits where there are none. The
    period is divided by k where the transits between are there as well. It is multiplied by k where
    only every k-th transit dims the star, and by two where every other transit is deeper.

    Parameters
    ----------
    signal : Signal
    bank : sequence of Events
        Standardised, one for each duration, ascending.

    Returns
    -------
    Signal
    """
    best = _divided(signal, bank)
    if best.ephemeris.late_days:
        return best
    for k in _HARMONICS:
        best = _multiplied(best, k, bank)
    transits = observed_transits(best.ephemeris, bank[best.index])
    if best.statistic > CERTAIN and alternating(transits):
        deeper = 0 if alternation(transits)[0] > 0 else 1
        best = _every(best, 2, deeper, bank)
    return best


def _divided(signal: Signal, bank: Sequence[Events]) -> Signal:
    """Return the signal at a part of its period, where the transits between are there as well."""
    best, whole = signal, signal.ephemeris
    for k in _HARMONICS:
        if whole.period_days < k * SHORTEST_PERIOD_DAYS:
            break
        part = refine(whole.period_days / k, bank, [signal.index], whole.epoch_bkjd)
        if signal.statistic > CERTAIN and signal.observed <= _FEW_TRANSITS:
            # The transits between may be out of time.
            own = timed(part.ephemeris, part.index, bank)
            part = own if own.statistic > OUT_OF_TIME * part.statistic else part
        if part.statistic > CLEARLY_STRONGER * best.statistic:
            best = part
    if best.ephemeris.late_days or best.statistic < CERTAIN:
        return best
    for k in range(_MOST_BETWEEN, 1, -1):
        period = best.ephemeris.period_days / k
        if period >= SHORTEST_PERIOD_DAYS and _as_deep_between(best, k, bank[best.index]):
            return refine(period, bank, [best.index], best.ephemeris.epoch_bkjd)
    return best


def _as_deep_between(signal: Signal, k: int, events: Events) -> bool:
    """Return whether the k - 1 transits between two of a signal are clear and about as deep."""
    ephemeris = signal.ephemeris
    transits = observed_transits(replace(ephemeris, period_days=ephemeris.period_days / k), events)
    groups = [transits.number % k == group for group in range(k)]
    if not all(group.any() for group in groups):
        return False
    n = np.array([transits.n[group].sum() for group in groups])
    d = np.array([transits.d[group].sum() for group in groups])
    depth, clear = n / d, n / np.sqrt(d)
    return bool((depth > _AS_DEEP * depth[0]).all() and (clear > _CLEAR).all())


def _multiplied(signal: Signal, k: int, bank: Sequence[Events]) -> Signal:
    """Return the signal at k times its period where only every k-th transit dims the star."""
    transits = observed_transits(signal.ephemeris, bank[signal.index])
    group = transits.number % k
    depth, error = np.zeros(k), np.full(k, np.inf)
    count = np.zeros(k, int)
    for g in range(k):
        mine = group == g
        count[g] = mine.sum()
        if count[g]:
            depth[g] = transits.n[mine].sum() / transits.d[mine].sum()
            error[g] = 1 / np.sqrt(transits.d[mine].sum())
    main = int(np.argmax(depth / error))
    if count[main] < LEAST_TRANSITS:
        return signal
    expected = depth[main] * np.sqrt(transits.d)
    other = group != main
    # A clear transit may come early or late: an event nearby of half its strength counts (chosen).
    late = [
        near(bank[signal.index], t) > 0.5 * e > _CLEAR / 2
        for t, e in zip(transits.time[other], expected[other], strict=True)
    ]
    # Other transits are absent below 0.4 of the depth, by 4 standard deviations at least (chosen).
    quiet = not any(late) and all(
        count[g] == 0
        or (
            depth[g] < 0.4 * depth[main]
            and depth[main] - depth[g] > 4 * np.hypot(error[g], error[main])
        )
        for g in range(k)
        if g != main
    )
    return _every(signal, k, main, bank) if quiet else signal


def _every(signal: Signal, k: int, first: int, bank: Sequence[Events]) -> Signal:
    """Return the signal of every k-th transit, from the transit of number `first` on."""
    old = signal.ephemeris
    start = old.epoch_bkjd + first * old.period_days
    return refine(old.period_days * k, bank, [signal.index], start)


def in_time(signal: Signal, bank: Sequence[Events]) -> Signal:
    """Measure the time of each transit of a clear signal of a long enough period.

    Transits keep times of their own where that makes the signal much stronger. Otherwise a line
    through these times gives a better period and epoch.

    Parameters
    ----------
    signal : Signal
        In time.
    bank : sequence of Events
        Standardised, one for each duration, ascending.

    Returns
    -------
    Signal
        Unchanged where it is weak or has a short period.
    """
    if signal.statistic < CERTAIN or signal.ephemeris.period_days < SHORTEST_TIMED_DAYS:
        return signal
    own = timed(signal.ephemeris, signal.index, bank)
    if own.statistic > OUT_OF_TIME * signal.statistic:
        return own
    line = replace(own.ephemeris, late_days=())
    transits = observed_transits(line, bank[own.index])
    value = statistic(transits)
    if value < _AS_STRONG * signal.statistic:
        return signal
    return Signal(line, value, len(transits.number), own.index)
