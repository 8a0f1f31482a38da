"""From a period that the folding gave to the true one, and to transits that are not in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kepler_lens.search.doubts import LEAST_TRANSITS, alternating, alternation, near
from kepler_lens.search.ephemeris import Signal, refine, statistic, transits
from kepler_lens.search.intervals import SHORTEST_TIMED_DAYS, timed
from kepler_lens.search.matched import Events
from kepler_lens.search.periods import SHORTEST_PERIOD_DAYS

_HARMONICS = (2, 3)
"""Chosen: of four times the period only a quarter of the transits is folded, half of the
statistic."""
CLEARLY_STRONGER = 1.1
"""Of twice as many transits the statistic is larger by a factor of 1.4, but for noise."""
_CLEAR = 6.0
"""Deviations from which on a transit, or a sum of them, is there without doubt (chosen)."""
OUT_OF_TIME = 1.25
"""A signal is that much stronger with each transit at its own time, or it counts as in time."""
_AS_STRONG = 0.97
"""A line through the transits' times is believed down to this part of the statistic (chosen): that
depends on how cadences fall into deep transits, and the line does not."""
_MOST_BETWEEN, _AS_DEEP = 13, 0.25
"""Parts of a period that are tried, and the depth of those between (chosen): the statistic alone
may prefer every 13th transit, where exposures always begin alike (Kepler-13); of an eclipse that
is less deep, `alternating` judges."""
_FEW_TRANSITS = 12
"""Of more, a fold at a part of the period shows those between even out of time (chosen)."""
CERTAIN = 20.0
"""Statistic from which on single transits say when they come (chosen)."""


def true_period(signal: Signal, bank: Sequence[Events]) -> Signal:
    """Resolve harmonics: the folding may find every k-th transit only, or others where none is.

    A k-th part of the period is taken where the transits between are there as well, a multiple
    where only every k-th transit dims the star, or where every other transit is deeper.
    """
    best = _divided(signal, bank)
    if best.ephemeris.late_days:
        return best
    for k in _HARMONICS:
        best = _multiplied(best, k, bank)
    found = transits(best.ephemeris, bank[best.index])
    if best.statistic > CERTAIN and alternating(found):
        deeper = 0 if alternation(found)[0] > 0 else 1
        best = _every(best, 2, deeper, bank)
    return best


def _divided(signal: Signal, bank: Sequence[Events]) -> Signal:
    best, whole = signal, signal.ephemeris
    for k in _HARMONICS:
        if whole.period_days < k * SHORTEST_PERIOD_DAYS:
            break
        part = refine(whole.period_days / k, bank, [signal.index], whole.epoch_bkjd)
        if signal.statistic > CERTAIN and signal.observed <= _FEW_TRANSITS:
            # The transits between may be there, but out of time.
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
    """Whether k - 1 transits between each two of a signal's are there, and about as deep."""
    ephemeris = signal.ephemeris
    found = transits(replace(ephemeris, period_days=ephemeris.period_days / k), events)
    groups = [found.number % k == group for group in range(k)]
    if not all(group.any() for group in groups):
        return False
    n = np.array([found.n[group].sum() for group in groups])
    d = np.array([found.d[group].sum() for group in groups])
    depth, clear = n / d, n / np.sqrt(d)
    return bool((depth > _AS_DEEP * depth[0]).all() and (clear > _CLEAR).all())


def _multiplied(signal: Signal, k: int, bank: Sequence[Events]) -> Signal:
    found = transits(signal.ephemeris, bank[signal.index])
    group = found.number % k
    depth, error = np.zeros(k), np.full(k, np.inf)
    count = np.zeros(k, int)
    for g in range(k):
        mine = group == g
        count[g] = mine.sum()
        if count[g]:
            depth[g] = found.n[mine].sum() / found.d[mine].sum()
            error[g] = 1 / np.sqrt(found.d[mine].sum())
    main = int(np.argmax(depth / error))
    if count[main] < LEAST_TRANSITS:
        return signal
    expected = depth[main] * np.sqrt(found.d)
    other = group != main
    # Where one transit alone is clear, it may also come early or late.
    late = [
        near(bank[signal.index], t) > 0.5 * e > _CLEAR / 2
        for t, e in zip(found.time[other], expected[other], strict=True)
    ]
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
    """Give the signal of every k-th transit from a numbered one on."""
    old = signal.ephemeris
    start = old.epoch_bkjd + first * old.period_days
    return refine(old.period_days * k, bank, [signal.index], start)


def in_time(signal: Signal, bank: Sequence[Events]) -> Signal:
    """Measure each transit of a clear signal: all at one period, or each at its own time.

    They keep times of their own where that makes the signal much stronger; else the line through
    them is the better ephemeris.
    """
    if signal.statistic < CERTAIN or signal.ephemeris.period_days < SHORTEST_TIMED_DAYS:
        return signal
    own = timed(signal.ephemeris, signal.index, bank)
    if own.statistic > OUT_OF_TIME * signal.statistic:
        return own
    line = replace(own.ephemeris, late_days=())
    found = transits(line, bank[own.index])
    value = statistic(found)
    if value < _AS_STRONG * signal.statistic:
        return signal
    return Signal(line, value, len(found.number), own.index)
