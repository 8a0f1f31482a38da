"""Planets whose transits come early or late: chains of single events at nearly equal intervals.

Planets pull at each other, and a transit may come hours before or after its mean ephemeris. Folding
then adds up points out of transit. This module maximises the sum of single events over all chains
whose intervals stay within a narrow range, by dynamic programming (QATS of Carter and Agol 2013,
ApJ 765, 132). A chain selects the strongest events, so noise alone gives it a positive sum. What
counts is its excess over chains of nearby periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from scipy.ndimage import median_filter

from kepler_lens.transit_search.detection.ephemeris import Ephemeris, observed_transits
from kepler_lens.transit_search.detection.periods import period_range
from kepler_lens.transit_search.detection.refinement import Signal, statistic
from kepler_lens.transit_search.preparation.single_events import CLIP, Events

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHORTEST_TIMED_DAYS = 3.0
"""Shortest period, days, of a signal whose transits may each have a time of their own (chosen:
transits of planets with shorter periods are early or late by minutes only)."""
_WIDTH = 0.008
"""Width of a range of intervals as part of the period (chosen): neighbouring intervals differ by
0.5 % at most for the planets of Kepler-9 and Kepler-30, and for one of 10.95 d that is early or
late by half a day over 630 d."""
_STEPS_A_DURATION = 3
"""Steps of the grid of times in a duration (chosen: a transit is at most a sixth of the duration
away from a point of the grid)."""
_EVERY = 3
"""Chains are sought for one of this many durations (chosen: the duration is then wrong by a factor
of 1.4 at most, which costs a strong signal a tenth)."""
_NEIGHBOURS = 61
"""Width of a running median, in ranges of intervals (chosen): this median is the statistic that
noise alone gives a chain."""
_PASSES = 4
"""Passes in which the times are measured about the ephemeris, and it is fitted to them (chosen)."""
_SMOOTH_DAYS = 60.0
"""Time scale, days, of the curve through the times of weak transits (chosen: resonances are
slower). Of a sine wave with this period the curve keeps a seventeenth of the amplitude, of a wave
with twice this period a half."""
_CLEAR = 6.0
"""Standard deviations (chosen): a single transit above this has a time of its own."""
_REACH, _REACH_OF_PERIOD = 0.75, 0.006
"""Largest distance of a transit from its expected middle: this many durations, or this part of the
period if that is more (both chosen: one of Kepler-90 g comes a day late)."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A range of intervals in which single events line up.

    Attributes
    ----------
    period_days : float
        Middle of the range.
    excess : float
        Multiple-event statistic less that of chains of nearby periods.
    index : int
        Index of its duration in the bank.
    low, high : int
        Shortest and longest interval, in steps of a third of the duration.
    """

    period_days: float
    excess: float
    index: int
    low: int
    high: int


@numba.njit(cache=True, fastmath=True)
def _chain(value: Floats, low: int, high: int, total: Floats, before: Ints) -> int:
    """Maximise the sum of values over chains, and return the step where the best one ends.

    `total` gets the best sum of a chain that ends at each step, `before` the preceding step of that
    chain, or -1 at its beginning. A chain ends in the last `high` steps.
    """
    n = len(value)
    queue = np.empty(n, np.int64)
    head = 0
    tail = 0
    for t in range(n):
        j = t - low
        if j >= 0:
            while tail > head and total[queue[tail - 1]] <= total[j]:
                tail -= 1
            queue[tail] = j
            tail += 1
        while tail > head and queue[head] < t - high:
            head += 1
        if tail > head:
            before[t] = queue[head]
            total[t] = value[t] + total[queue[head]]
        else:
            before[t] = -1
            total[t] = value[t]
    best = max(0, n - high)
    for t in range(best, n):
        if total[t] > total[best]:
            best = t
    return best


@numba.njit(cache=True, fastmath=True)
def _all_chains(value: Floats, seen: NDArray[np.bool_], lows: Ints, highs: Ints) -> Floats:
    """Return the multiple-event statistic of the best chain in each range of intervals."""
    total = np.empty(len(value))
    before = np.empty(len(value), np.int64)
    found = np.empty(len(lows))
    for k in range(len(lows)):
        t = _chain(value, lows[k], highs[k], total, before)
        sum_ = total[t]
        count = 0
        while t >= 0:
            count += seen[t]
            t = before[t]
        found[k] = sum_ / np.sqrt(max(count, 1))
    return found


def _grid(events: Events) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Interpolate single events on an even grid: time, capped statistic, whether it is observed."""
    step = events.duration_hours / 24 / _STEPS_A_DURATION
    grid = np.arange(events.time[0], events.time[-1], step)
    seen = np.interp(grid, events.time, events.d) > events.least
    value = np.clip(np.interp(grid, events.time, events.ses), -CLIP, CLIP)
    return grid, np.where(seen, value, 0.0), seen


def chains(bank: Sequence[Events], density: float | None, longest: float) -> list[Chain]:
    """Find the best chain of each range of intervals, for every third duration.

    Parameters
    ----------
    bank : sequence of Events
        Standardised, one for each duration, ascending.
    density : float or None
        Mean density of the star over the Sun's.
    longest : float
        Longest period, days.

    Returns
    -------
    list of Chain
        One for each range of intervals, in no order.
    """
    found: list[Chain] = []
    for index in range(_EVERY - 1, len(bank), _EVERY):
        events = bank[index]
        step = events.duration_hours / 24 / _STEPS_A_DURATION
        shortest, last = period_range(events.duration_hours, density, longest)
        shortest = max(shortest, SHORTEST_TIMED_DAYS)
        if last <= shortest or not events.d.any():
            continue
        middle, lows, highs = shortest / step, [], []
        while middle * step < last:
            half = max(2, int(np.ceil(middle * _WIDTH / 2)))
            lows.append(int(middle) - half + 1)
            highs.append(int(middle) + half)
            middle = max(middle * (1 + _WIDTH / 2), middle + half / 2)
        _, value, seen = _grid(events)
        mes = _all_chains(value, seen, np.array(lows), np.array(highs))
        excess = mes - median_filter(mes, _NEIGHBOURS, mode="nearest")
        found += [
            Chain((low + high) / 2 * step, float(over), index, low, high)
            for low, high, over in zip(lows, highs, excess, strict=True)
        ]
    return found


def follow(chain: Chain, bank: Sequence[Events]) -> Signal | None:
    """Measure a chain as a signal, with each transit at its own time.

    Parameters
    ----------
    chain : Chain
    bank : sequence of Events
        The chain's own.

    Returns
    -------
    Signal or None
        None where fewer than three of its events are dimmings.
    """
    events = bank[chain.index]
    grid, value, seen = _grid(events)
    total, before = np.empty(len(grid)), np.empty(len(grid), np.int64)
    path = [_chain(value, chain.low, chain.high, total, before)]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    steps = np.array(path[::-1])
    good = seen[steps] & (value[steps] > 0)
    if good.sum() < 3:
        return None
    number = np.flatnonzero(good)
    period, epoch = _line(number, grid[steps[good]], value[steps[good]])
    late = np.zeros(len(steps))
    late[good] = grid[steps[good]] - epoch - number * period
    weight = np.zeros(len(steps))
    weight[good] = value[steps[good]] ** 2
    start = Ephemeris(period, epoch, events.duration_hours, tuple(_smooth(late, weight, period)))
    return timed(start, chain.index, bank)


def timed(ephemeris: Ephemeris, index: int, bank: Sequence[Events]) -> Signal:
    """Measure the time of each transit near an ephemeris, and find the best duration.

    Parameters
    ----------
    ephemeris : Ephemeris
        With or without known delays.
    index : int
        Index of its duration in the bank.
    bank : sequence of Events
        Standardised, one for each duration, ascending.

    Returns
    -------
    Signal
        Its ephemeris has a delay for each transit.
    """
    best = _timed(ephemeris, index, bank[index])
    for direction in (-1, 1):
        while 0 <= best.index + direction < len(bank):
            other = _timed(best.ephemeris, best.index + direction, bank[best.index + direction])
            if other.statistic <= best.statistic:
                break
            best = other
    return best


def _timed(ephemeris: Ephemeris, index: int, events: Events) -> Signal:
    """Measure the time of each transit with the single events of one duration."""
    duration = events.duration_hours / 24
    ephemeris = _from_first(replace(ephemeris, duration_hours=events.duration_hours), events)
    ses, seen = events.ses, events.d > events.least
    most = np.inf
    for _ in range(_PASSES):
        late = np.array(ephemeris.late_days)
        number = np.arange(len(late))
        middle = ephemeris.middles(number)
        own, weight, strong = late.copy(), np.zeros(len(late)), np.zeros(len(late), bool)
        reach = max(_REACH * duration, _REACH_OF_PERIOD * ephemeris.period_days)
        lows = np.searchsorted(events.time, middle - reach)
        highs = np.searchsorted(events.time, middle + reach)
        for k, (low, high) in enumerate(zip(lows, highs, strict=True)):
            if high - low < 3 or not seen[low:high].any():
                continue
            # Chosen: a penalty of 2 standard deviations at one duration, growing with the square of
            # the distance, keeps a weak transit near its expected middle.
            away = (events.time[low:high] - middle[k]) / duration
            score = np.minimum(ses[low:high], most) - 2 * away**2
            top = int(np.argmax(np.where(seen[low:high], score, -np.inf)))
            if ses[low + top] <= 0:
                continue
            own[k] = late[k] + _peak(events.time, ses, low + top) - middle[k]
            # Chosen: from 24 standard deviations on, the weight of a time grows no more.
            weight[k] = min(ses[low + top], 4 * _CLEAR) ** 2
            strong[k] = ses[low + top] > _CLEAR
        if not weight.any():
            break
        # An event that is far stronger than the others belongs to another planet: limit it.
        most = 2 * float(np.median(np.sqrt(weight[weight > 0])))
        smooth = _smooth(own, weight, ephemeris.period_days)
        late = np.where(strong, own, smooth)
        period, epoch = _line(
            number, ephemeris.epoch_bkjd + number * ephemeris.period_days + late, weight**0.5
        )
        late = late + (ephemeris.epoch_bkjd - epoch) + number * (ephemeris.period_days - period)
        ephemeris = replace(
            ephemeris, period_days=period, epoch_bkjd=epoch, late_days=tuple(late.tolist())
        )
    transits = observed_transits(ephemeris, events)
    return Signal(ephemeris, statistic(transits), len(transits.number), index)


def _from_first(ephemeris: Ephemeris, events: Events) -> Ephemeris:
    """Return the ephemeris numbered from the first observed transit, with a delay for each."""
    first = int(np.ceil((events.time[0] - ephemeris.epoch_bkjd) / ephemeris.period_days))
    last = int(np.floor((events.time[-1] - ephemeris.epoch_bkjd) / ephemeris.period_days))
    number = np.arange(first, last + 1)
    late = ephemeris.late(number)
    epoch = ephemeris.epoch_bkjd + first * ephemeris.period_days
    return replace(ephemeris, epoch_bkjd=epoch, late_days=tuple(late.tolist()))


def _peak(time: Floats, value: Floats, at: int) -> float:
    """Return the time of a maximum, by a parabola through it and its neighbours."""
    if not 0 < at < len(time) - 1:
        return float(time[at])
    left, middle, right = value[at - 1 : at + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(time[at] + np.clip(shift, -0.5, 0.5) * (time[at + 1] - time[at]))


def _line(number: Ints, time: Floats, weight: Floats) -> tuple[float, float]:
    """Fit mean period and epoch (days) to numbered times."""
    slope, start = np.polyfit(number, time, 1, w=weight)
    return float(slope), float(start)


def _smooth(late: Floats, weight: Floats, period: float) -> Floats:
    """Smooth delays and bridge gaps (Whittaker 1922, Proc. Edinburgh Math. Soc. 41, 63).

    Of a wave with twice the period `_SMOOTH_DAYS`, half of the amplitude is left.

    Parameters
    ----------
    late : float64[k]
        Delay of each transit, days.
    weight : float64[k]
        0 where a transit was not observed.
    period : float
        Days.
    """
    count = len(late)
    if count < 3:
        return late
    strength = np.median(weight[weight > 0]) if weight.any() else 1.0
    # Chosen: 0.5 at least, so that the curve is smooth for planets with periods above 38 d too.
    stiff = strength * max(_SMOOTH_DAYS / period / (2 * np.pi) * 2, 0.5) ** 4
    bands = np.zeros((3, count))
    bands[2] = weight + 1e-9 * strength
    for row in range(count - 2):
        bands[2, row : row + 3] += stiff * np.array([1.0, 4.0, 1.0])
        bands[1, row + 1 : row + 3] += stiff * np.array([-2.0, -2.0])
        bands[0, row + 2] += stiff
    return np.asarray(solveh_banded(bands, weight * late))
