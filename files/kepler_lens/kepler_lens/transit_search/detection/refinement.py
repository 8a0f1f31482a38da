"""Refine a folded signal: its best period, epoch and duration, and its robust statistic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numba
import numpy as np
from numpy.typing import NDArray

from kepler_lens.median import median
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits, observed_transits
from kepler_lens.transit_search.preparation.single_events import Events

Floats = NDArray[np.float64]

_CAP = 3.0
"""Standard deviations that a single transit may always contribute (chosen)."""
_CAP_FACTOR, _CAP_MARGIN = 2.0, 2.0
"""A transit may contribute this many times what the median depth predicts, plus this many standard
deviations, where that is more than `_CAP` (both chosen)."""
_FEW = 30
"""Periods in the time span: with fewer, more durations are tried (chosen)."""
_OWN_SCATTER = 0.2
"""Part of the depth by which transits differ without noise (chosen; see `consistency`)."""
_MANY = 30
"""Observed transits: with more, the deviation of a single one is limited to `_FAR` (chosen)."""
_FAR = 64.0
"""Squared standard deviations that one of many transits may count (chosen: eight deviations)."""


@numba.njit(cache=True, fastmath=True)
def _statistic(
    period: float,
    epoch: float,
    begin: float,
    spacing: float,
    n: Floats,
    d: Floats,
    least: float,
    work: Floats,
) -> tuple[float, int]:
    """Return the capped multiple-event statistic of an ephemeris and the number of its transits.

    `begin`, `spacing` (days), `n` and `d` are those of the events; a transit counts where d is
    above `least`. `work` (float64[3, k]) has room for all transits.
    """
    end = begin + spacing * (len(n) - 1)
    t = epoch + np.ceil((begin - epoch) / period) * period
    count = 0
    seen = 0
    while t < end:
        x = (t - begin) / spacing
        i = int(x)
        if i >= len(n) - 1:
            break
        part = x - i
        dk = d[i] * (1 - part) + d[i + 1] * part
        if dk > least:
            nk = n[i] * (1 - part) + n[i + 1] * part
            work[0, count] = nk
            work[1, count] = dk
            work[2, count] = nk / dk
            count += 1
        t += period
    seen = count
    if count == 0:
        return 0.0, 0
    middle = median(work[2, :count])
    top = 0.0
    bottom = 0.0
    for k in range(count):
        root = np.sqrt(work[1, k])
        s = work[0, k] / root
        cap = max(_CAP, _CAP_FACTOR * middle * root + _CAP_MARGIN)
        s = min(max(s, -cap), cap)
        top += s * root
        bottom += work[1, k]
    return top / np.sqrt(bottom), seen


@numba.njit(cache=True, fastmath=True)
def _scan(
    period: float,
    period_step: float,
    periods: int,
    epoch: float,
    epoch_step: float,
    epochs: int,
    pivot: float,
    begin: float,
    spacing: float,
    n: Floats,
    d: Floats,
    least: float,
) -> tuple[float, float, float, int]:
    """Find the best ephemeris on a small grid of periods and epochs, all days.

    The epochs of the grid are moved near `pivot`, the middle of the data, so that a step of the
    period moves the transits at both ends alike.

    Returns
    -------
    statistic, period, epoch, transits : float, float, float, int
    """
    work = np.empty((3, int(spacing * len(n) / (period - periods * period_step)) + 3))
    best = -1.0
    best_period = period
    best_epoch = epoch
    best_seen = 0
    for a in range(-periods, periods + 1):
        p = period + a * period_step
        centre = epoch + np.round((pivot - epoch) / period) * period
        for b in range(-epochs, epochs + 1):
            e = centre + b * epoch_step
            value, seen = _statistic(p, e, begin, spacing, n, d, least, work)
            if value > best:
                best = value
                best_period = p
                best_epoch = e
                best_seen = seen
    return best, best_period, best_epoch, best_seen


@numba.njit(cache=True, fastmath=True)
def _phase(
    period: float, begin: float, spacing: float, n: Floats, d: Floats, bins: int, least: float
) -> float:
    """Return the epoch (BKJD, days) at which a plain fold at a period is strongest."""
    top = np.zeros(bins)
    bottom = np.zeros(bins)
    for i in range(len(n)):
        j = min(int((i * spacing / period) % 1.0 * bins), bins - 1)
        top[j] += n[i]
        bottom[j] += d[i]
    best = -1.0
    where = 0
    for j in range(bins):
        if top[j] > 0:
            value = top[j] * top[j] / max(bottom[j], least)
            if value > best:
                best = value
                where = j
    return begin + (where + 0.5) / bins * period


@dataclass(frozen=True, slots=True)
class Signal:
    """An ephemeris with its robust multiple-event statistic.

    Attributes
    ----------
    ephemeris : Ephemeris
    statistic : float
        Sum of the capped single events over the root of their information, divided by the root of
        the scatter that noise does not explain (`consistency`).
    observed : int
        Number of observed transits.
    index : int
        Index of its duration in the bank.
    """

    ephemeris: Ephemeris
    statistic: float
    observed: int
    index: int


def statistic(transits: Transits) -> float:
    """Return the robust multiple-event statistic of some transits, see `Signal.statistic`."""
    if len(transits.number) == 0:
        return 0.0
    root = np.sqrt(transits.d)
    cap = np.maximum(_CAP, _CAP_FACTOR * np.median(transits.n / transits.d) * root + _CAP_MARGIN)
    mes = (np.clip(transits.n / root, -cap, cap) * root).sum() / np.sqrt(transits.d.sum())
    return float(mes / max(1.0, consistency(transits)) ** 0.5)


def consistency(transits: Transits) -> float:
    """Return the squared scatter of transits about their mean depth, over what chance allows.

    The transits of a planet are equally deep, except for noise and a fifth of the depth (transits
    early or late, quarters of different dilution). Where the result exceeds 1, a signal's statistic
    is divided by its root, after the χ² discriminators of Seader et al. (2013, ApJS 206, 25).
    """
    count = len(transits.number)
    if count < 2 or transits.depth <= 0:
        return 1.0
    expected = transits.depth * np.sqrt(transits.d)
    excess = (transits.n / np.sqrt(transits.d) - expected) ** 2 / (
        1 + (_OWN_SCATTER * expected) ** 2
    )
    if count > _MANY:
        excess = np.minimum(excess, _FAR)
    freedom = count - 1
    return float(excess.sum() / (freedom + np.sqrt(2 * freedom)))


def refine(
    period: float, bank: Sequence[Events], indices: Sequence[int], epoch: float | None = None
) -> Signal:
    """Find the best period, epoch and duration near a period that the folding gave.

    Parameters
    ----------
    period : float
        Days.
    bank : sequence of Events
        Standardised, one for each duration, ascending.
    indices : sequence of int
        Durations to try first; their neighbours are tried afterwards.
    epoch : float, optional
        BKJD, days; by default found by folding.

    Returns
    -------
    Signal

    Raises
    ------
    ValueError
        None of the indices is one of the bank.
    """
    best: Signal | None = None
    tried = set()
    wanted = list(indices)
    if period * _FEW > bank[0].time[-1] - bank[0].time[0]:
        # A deep transit does not fit a template that is too short. Chosen: also try every second
        # duration, up to four steps away.
        wanted += range(indices[0] - 4, indices[0] + 5, 2)
    while wanted:
        index = wanted.pop(0)
        if index in tried or not 0 <= index < len(bank):
            continue
        tried.add(index)
        start = best.ephemeris if best and epoch is None else None
        signal = _refine_one(
            start.period_days if start else period,
            bank[index],
            index,
            start.epoch_bkjd if start else epoch,
            coarse=best is None,
        )
        if best is None or signal.statistic > best.statistic:
            best = signal
            wanted += [index - 1, index + 1]
    if best is None:
        raise ValueError("no duration to try")
    spread = consistency(observed_transits(best.ephemeris, bank[best.index]))
    return replace(best, statistic=best.statistic / max(1.0, spread) ** 0.5)


def _refine_one(
    period: float, events: Events, index: int, epoch: float | None, *, coarse: bool
) -> Signal:
    """Find the best period and epoch for one duration, on finer and finer grids."""
    begin = float(events.time[0])
    spacing = (float(events.time[-1]) - begin) / (len(events.time) - 1)
    span = float(events.time[-1]) - begin
    duration = events.duration_hours / 24
    if epoch is None:
        # Chosen: bins of a third of the duration, four at least. A bin with less information than
        # two usual transits counts as if it had that much.
        bins = max(4, int(period / (duration / 3)))
        # The events are capped, so that a single deep one does not decide the epoch.
        epoch = _phase(period, begin, spacing, events.capped, events.d, bins, 2 * events.usual)
    pivot = begin + span / 2
    # Chosen: steps of a fifth of the duration at the ends of the data, and parts of that; each
    # round has steps to each side in period and in epoch, and the part.
    step = duration / 5
    value, seen = 0.0, 0
    rounds = ((3, 3, 1.0), (2, 2, 0.5), (2, 2, 0.2)) if coarse else ((2, 2, 0.5), (2, 2, 0.2))
    for periods, epochs, part in rounds:
        value, period, epoch, seen = _scan(
            period,
            step * part * period / (span / 2),
            periods,
            epoch,
            step * part,
            epochs,
            pivot,
            begin,
            spacing,
            events.n,
            events.d,
            events.least,
        )
    first = epoch - np.floor((epoch - begin) / period) * period
    return Signal(Ephemeris(period, float(first), events.duration_hours), value, seen, index)
