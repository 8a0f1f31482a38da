"""Search one star: candidates one after the other, until nothing stands out of the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kepler_lens.search.doubts import LEAST_TRANSITS, doubtful, near, of_thrusters
from kepler_lens.search.ephemeris import Ephemeris, Signal, Transits, refine, transits
from kepler_lens.search.matched import Events
from kepler_lens.search.observations import LEAST_POINTS, Observations
from kepler_lens.search.periods import DURATIONS_HOURS, SHORTEST_PERIOD_DAYS, Peak, fold_bank
from kepler_lens.search.prepare import Prepared, event_bank, prepare, refit

_MASK_DURATIONS = 0.8
_SAME_PERIOD = 3e-4
_HARMONICS = (2, 3)
_CLEARLY_STRONGER = 1.1
"""Of twice as many transits the statistic is larger by a factor of 1.4, but for noise."""
_MOST_CANDIDATES = 15
_ROUNDS = 8
_MARGINAL = 12.0
_OCTAVES = 1.0
_CLEARANCE = 0.3
_CLEAR = 6.0
_LONE = 9.0
_MOST_LONE = 10


_THRESHOLDS = ((50.0, 6.8), (150.0, 7.0), (300.0, 7.5), (np.inf, 8.3))
"""Up to this period, days, this statistic. From null curves: `benchmarks/search.py`."""
_PULSATING = ((4.0, 6.4), (50.0, 6.65), (200.0, 6.8), (300.0, 7.4), (np.inf, 7.7))
"""The same for the statistic of `stationary`, whose noise has shorter tails."""


def threshold(period: float, *, pulsating: bool = False) -> float:
    """Give the statistic that noise alone exceeds in one star of a hundred, over all periods."""
    steps = _PULSATING if pulsating else _THRESHOLDS
    return next(value for longest, value in steps if period <= longest)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A periodic dimming that noise does not explain.

    Attributes
    ----------
    number : int
        From 1, strongest first.
    ephemeris : Ephemeris
    statistic, threshold : float
        Multiple-event statistic, and what noise reaches in one star of a hundred.
    found : Transits
        The observed transits, looked up when it was found.
    """

    number: int
    ephemeris: Ephemeris
    statistic: float
    threshold: float
    found: Transits


def masked(prepared: Prepared, ephemeris: Ephemeris) -> NDArray[np.bool_]:
    """Points in transit (bool[n])."""
    hours = ephemeris.hours_from_middle(prepared.time)
    return np.abs(hours) < _MASK_DURATIONS * ephemeris.duration_hours + 0.3


def same_period(one: Ephemeris, other: Ephemeris) -> bool:
    """Whether two signals repeat together: one planet, or the two eclipses of a binary."""
    return abs(one.period_days / other.period_days - 1) < _SAME_PERIOD


def remnant(one: Ephemeris, other: Ephemeris) -> bool:
    """Whether a signal is what another's mask left of it: a transit may come early or late."""
    if not same_period(one, other):
        return False
    away = np.abs(other.hours_from_middle(np.array([one.epoch_bkjd])))[0]
    return bool(away < 1.5 * (one.duration_hours + other.duration_hours))


def true_period(signal: Signal, bank: Sequence[Events]) -> Signal:
    """Resolve harmonics: the folding may find every k-th transit only, or others where none is.

    A k-th part of the period is taken where the transits between are there as well, a multiple
    where only every k-th transit dims the star.
    """
    best, whole = signal, signal.ephemeris
    for k in _HARMONICS:
        if whole.period_days < k * SHORTEST_PERIOD_DAYS:
            break
        part = refine(whole.period_days / k, bank, [signal.index], whole.epoch_bkjd)
        if part.statistic > _CLEARLY_STRONGER * best.statistic:
            best = part
    for k in _HARMONICS:
        found = transits(best.ephemeris, bank[best.index])
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
            continue
        expected = depth[main] * np.sqrt(found.d)
        other = group != main
        # Where one transit alone is clear, it may also come early or late.
        late = [
            near(bank[best.index], t) > 0.5 * e > _CLEAR / 2
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
        if quiet:
            old = best.ephemeris
            start = old.epoch_bkjd + main * old.period_days
            best = refine(old.period_days * k, bank, [best.index], start)
    return best


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What the search of a star gave.

    Attributes
    ----------
    star : Observations
    prepared : Prepared
    candidates : tuple of Candidate
        In the order in which they were found: strongest first.
    lone : tuple of LoneEvent
        Dimmings that look like a transit and belong to no candidate: fewer than three.
    limit_ppm : float
        Depth of a 6 h transit that would have been found with a period of 10 days.
    """

    star: Observations
    prepared: Prepared
    candidates: tuple[Candidate, ...]
    lone: tuple[LoneEvent, ...]
    limit_ppm: float

    def others(self, number: int) -> NDArray[np.bool_]:
        """Points in transit of all candidates but one (bool[n]).

        That one keeps what it shares with others only if it would lose most of its own.
        """
        mask, own = np.zeros((2, len(self.prepared.time)), bool)
        for candidate in self.candidates:
            inside = masked(self.prepared, candidate.ephemeris)
            if candidate.number == number:
                own = inside
            else:
                mask |= inside
        return mask & ~own if 2 * (mask & own).sum() > own.sum() else mask


@dataclass(frozen=True, slots=True)
class LoneEvent:
    """One dimming that looks like a transit.

    Attributes
    ----------
    time_bkjd : float
    duration_hours, depth_ppm, statistic : float
    """

    time_bkjd: float
    duration_hours: float
    depth_ppm: float
    statistic: float


def search(star: Observations, rounds: int = _ROUNDS) -> Search:
    """Find the transiting planets of a star.

    Parameters
    ----------
    star : Observations
    rounds : int
        How often at most what was found is masked and the rest searched again.

    Returns
    -------
    Search

    Raises
    ------
    NotSearchableError
        Its noise cannot be told from too few points.
    """
    prepared = prepare(star)
    mask = np.zeros(len(prepared.time), bool)
    candidates: list[Candidate] = []
    longest = star.span_days / 2
    bank: list[Events] = []
    for _ in range(rounds):
        bank = event_bank(prepared, mask, DURATIONS_HOURS)
        peaks = fold_bank(bank, star.density, longest, sharp=prepared.pulsating)
        new = _harvest(prepared, peaks, bank, mask, len(candidates))
        new = _above_noise(prepared, new, mask)
        for candidate in new:
            mask |= masked(prepared, candidate.ephemeris)
            if not any(remnant(candidate.ephemeris, c.ephemeris) for c in candidates):
                candidates.append(replace(candidate, number=len(candidates) + 1))
        left = len(mask) - int(mask.sum())
        if not new or len(candidates) >= _MOST_CANDIDATES or left < LEAST_POINTS:
            break
        refit(prepared, mask)
    return Search(star, prepared, tuple(candidates), _lone_events(bank), _limit(bank, prepared))


def _lone_events(bank: Sequence[Events]) -> tuple[LoneEvent, ...]:
    """Single events well above noise, the strongest of each neighbourhood and at most ten."""
    found: list[LoneEvent] = []
    for events in bank:
        ses = events.ses
        for i in np.flatnonzero(ses > _LONE):
            depth = 1e6 * events.n[i] / events.d[i]
            found.append(
                LoneEvent(float(events.time[i]), events.duration_hours, float(depth), float(ses[i]))
            )
    found.sort(key=lambda event: -event.statistic)
    apart: list[LoneEvent] = []
    for event in found:
        if all(abs(event.time_bkjd - other.time_bkjd) > 1.5 for other in apart):
            apart.append(event)
        if len(apart) == _MOST_LONE:
            break
    return tuple(apart)


def _limit(bank: Sequence[Events], prepared: Prepared) -> float:
    events = min(bank, key=lambda e: abs(e.duration_hours - 6))
    seen = events.d > 0
    if not seen.any():
        return float("inf")
    observed = max(1.0, prepared.star.span_days / 10 * float(seen.mean()))
    least = threshold(10, pulsating=prepared.pulsating)
    return float(1e6 * least / np.sqrt(np.median(events.d[seen]) * observed))


def _above_noise(
    prepared: Prepared, candidates: list[Candidate], mask: NDArray[np.bool_]
) -> list[Candidate]:
    """Drop weak candidates that do not stand out of what the star's own brightenings reach."""
    if all(c.statistic > _MARGINAL for c in candidates):
        return candidates
    mask = mask.copy()
    for candidate in candidates:
        if candidate.statistic > _MARGINAL:
            mask |= masked(prepared, candidate.ephemeris)
    bank = [inverted(events) for events in event_bank(prepared, mask, DURATIONS_HOURS)]
    margins = noise_margins(prepared, bank)

    def reached(period: float) -> float:
        near = (m for m, s in margins if abs(np.log2(s.ephemeris.period_days / period)) < _OCTAVES)
        return max(near, default=-np.inf)

    return [
        c
        for c in candidates
        if c.statistic > _MARGINAL
        or c.statistic - c.threshold > reached(c.ephemeris.period_days) + _CLEARANCE
    ]


def inverted(events: Events) -> Events:
    """Turn dips into bumps: what is found then is no planet."""
    return replace(events, n=-events.n)


def noise_margins(prepared: Prepared, bank: Sequence[Events]) -> list[tuple[float, Signal]]:
    """Search events without planets; give each undoubted signal and how far it is above threshold.

    The list is sorted, highest first, and may be empty.
    """
    star, found = prepared.star, []
    for peak in fold_bank(bank, star.density, star.span_days / 2, sharp=prepared.pulsating):
        signal = refine(peak.period_days, bank, [peak.index])
        events = bank[signal.index]
        if not doubtful(signal.ephemeris, transits(signal.ephemeris, events), events):
            found.append((_margin(signal, prepared), signal))
    return sorted(found, key=lambda pair: -pair[0])


def _harvest(
    prepared: Prepared,
    peaks: Sequence[Peak],
    bank: list[Events],
    mask: NDArray[np.bool_],
    known: int,
) -> list[Candidate]:
    """Take the peaks that stand, the clearest first; each hides its transits from the next."""
    mask = mask.copy()
    taken: list[Candidate] = []
    signals = [refine(peak.period_days, bank, [peak.index]) for peak in peaks]
    while signals:
        signals = [s for s in signals if _margin(s, prepared) > 0 and s.observed >= LEAST_TRANSITS]
        signals.sort(key=lambda s: -_margin(s, prepared))
        if not signals:
            break
        signal = true_period(signals.pop(0), bank)
        found = transits(signal.ephemeris, bank[signal.index])
        if _margin(signal, prepared) <= 0 or doubtful(signal.ephemeris, found, bank[signal.index]):
            continue
        period = signal.ephemeris.period_days
        if of_thrusters(prepared.star.mission, period):
            continue
        candidate = Candidate(
            known + len(taken) + 1,
            signal.ephemeris,
            signal.statistic,
            threshold(period, pulsating=prepared.pulsating),
            found,
        )
        taken.append(candidate)
        if known + len(taken) >= _MOST_CANDIDATES:
            break
        mask |= masked(prepared, candidate.ephemeris)
        bank = event_bank(prepared, mask, DURATIONS_HOURS)
        signals = [
            refine(s.ephemeris.period_days, bank, [s.index], s.ephemeris.epoch_bkjd)
            for s in signals[:60]
        ]
    return taken


def _margin(signal: Signal, prepared: Prepared) -> float:
    period = signal.ephemeris.period_days
    return signal.statistic - threshold(period, pulsating=prepared.pulsating)
