"""Signs against a planet at a candidate's period: other dimmings, and light that it cannot add."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from kepler_lens.scatter import MAD_TO_SIGMA
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits
from kepler_lens.transit_search.detection.transit_fit import Shape
from kepler_lens.transit_search.detection.vetoes import LEAST_TRANSITS
from kepler_lens.transit_search.preparation.prepare import Prepared
from kepler_lens.transit_search.preparation.single_events import Events

Floats = NDArray[np.float64]

_NEXT, _FARTHER = (0.75, 2.0), (2.5, 4.0)
"""Distances from the middle of the transit, in durations (chosen): beside the transit, and where
the star's own light is measured."""
_BY_CHANCE = 1e-4
"""Chance that flares at random times gather at one phase, at most (chosen)."""


@dataclass(frozen=True, slots=True)
class Dimming:
    """A dimming at another phase of a candidate's period.

    Attributes
    ----------
    phase : float
        Periods after the transit.
    depth : float
        Relative flux.
    deviations : float
        Depth over its standard deviation.
    """

    phase: float
    depth: float
    deviations: float


@dataclass(frozen=True, slots=True)
class Pulses:
    """Brief brightenings at one phase of a candidate's period.

    Attributes
    ----------
    phase : float
        Periods after the transit.
    height : float
        Relative flux, the median of the bright points.
    seen, observed : int
        Periods in which the star brightens at this phase, and in which this phase was observed.
    """

    phase: float
    height: float
    seen: int
    observed: int


def reflected(transit: Shape, period: float) -> float:
    """Return the part of the star's light that a planet can reflect at most.

    That is (k / a)², where k is the radius of the planet and a its distance, both in radii of the
    star. The transit gives them for a circular orbit: k² is its depth, and
    a = P / (π T) √((1 + k)² - b²) with period P, duration T and impact parameter b.

    Parameters
    ----------
    transit : Shape
    period : float
        Days.

    Returns
    -------
    float
        0 where the planet would be inside the star.
    """
    ratio = max(transit.depth, 0.0) ** 0.5
    chord = max((1 + ratio) ** 2 - transit.impact**2, 0.0) ** 0.5
    distance = 24 * period / np.pi / transit.duration_hours * chord
    return float((ratio / distance) ** 2) if distance > 1 else 0.0


def strongest_dimming(
    ephemeris: Ephemeris, transits: Transits, events: Events, away: float
) -> Dimming:
    """Find the strongest dimming at another phase of a candidate's period.

    Parameters
    ----------
    ephemeris : Ephemeris
    transits : Transits
        The observed transits.
    events : Events
        Single events of its duration.
    away : float
        Least distance from the transit, durations.

    Returns
    -------
    Dimming
        Of depth 0 at phase 0.5 where there is none.
    """
    duration = ephemeris.duration_hours / 24
    # Chosen: phases half a duration apart, each observed twice at least, with 0.35 of the usual
    # information.
    steps = max(4, int(ephemeris.period_days / duration * 2))
    phases = np.arange(1, steps) / steps
    phases = phases[np.minimum(phases, 1 - phases) * ephemeris.period_days > away * duration]
    best, where, depth = 0.0, 0.5, 0.0
    usual = np.median(events.d[events.d > 0])
    first = np.array(transits.number)
    for phase in phases:
        time = ephemeris.middles(first) + phase * ephemeris.period_days
        d = np.interp(time, events.time, events.d, left=0, right=0)
        seen = d > 0.35 * usual
        if seen.sum() < 2:
            continue
        n = np.interp(time[seen], events.time, events.capped)
        value = n.sum() / np.sqrt(d[seen].sum())
        if value > best:
            best, where, depth = float(value), float(phase), float(n.sum() / d[seen].sum())
    return Dimming(where, depth, best)


def recurring_pulses(prepared: Prepared, ephemeris: Ephemeris, away: float) -> Pulses | None:
    """Find the phase at which the star brightens in most periods, among the left-out bright points.

    Flares come at any phase. The search leaves them out, and with them strong pulses that recur.

    Parameters
    ----------
    prepared : Prepared
    ephemeris : Ephemeris
    away : float
        Least distance from the transit, durations.

    Returns
    -------
    Pulses or None
        None where no phase has them in half of the periods or more, or where they may be flares
        that gather there by chance.
    """
    width = ephemeris.duration_hours / 24 / ephemeris.period_days
    phase = (prepared.flare_bkjd - ephemeris.epoch_bkjd) / ephemeris.period_days
    flare = np.minimum(phase % 1.0, 1 - phase % 1.0) > away * width
    phase, height = phase[flare], prepared.flare[flare]
    if len(phase) < LEAST_TRANSITS:
        return None
    # The stretch of one duration with the most bright points; it begins at one of them.
    begins = np.sort(phase % 1.0)
    around = np.r_[begins, begins + 1]
    crowd = np.searchsorted(around, begins + width, "right") - np.arange(len(begins))
    begin = float(begins[np.argmax(crowd)])
    # Each period has `cells` stretches of one duration, counted from that one.
    cells = max(1, int(1 / width))
    every = (prepared.observations.time - ephemeris.epoch_bkjd) / ephemeris.period_days - begin
    observed = np.unique(np.floor(every * cells).astype(np.int64))
    with_flare = np.unique(np.floor((phase - begin) * cells + 1e-9).astype(np.int64))
    there = with_flare % cells == 0
    seen, total = int(there.sum()), int((observed % cells == 0).sum())
    rate = (len(with_flare) - seen) / max(len(observed) - total, 1)
    chance = cells * float(binom.sf(seen - 1, total, min(rate + 1 / len(observed), 1.0)))
    if seen < LEAST_TRANSITS or 2 * seen < total or chance > _BY_CHANCE:
        return None
    inside = (phase - begin) % 1.0 * cells + 1e-9 < 1
    return Pulses((begin + width / 2) % 1.0, float(np.median(height[inside])), seen, total)


def light_beside(
    prepared: Prepared, ephemeris: Ephemeris, others: NDArray[np.bool_]
) -> tuple[float, float]:
    """Measure how much brighter the star is beside the dimming than somewhat farther away.

    Parameters
    ----------
    prepared : Prepared
    ephemeris : Ephemeris
    others : bool[n]
        Points in transit of the star's other candidates.

    Returns
    -------
    height : float
        Relative flux, of the brighter side: the median over the transits.
    deviations : float
        The height in standard deviations. Both are 0 where the period is too short or fewer than
        `LEAST_TRANSITS` transits are observed on both sides.
    """
    period = 24 * ephemeris.period_days
    duration = ephemeris.duration_hours
    if period < 2 * _FARTHER[1] * duration:
        return 0.0, 0.0
    hours = ephemeris.hours_from_middle(prepared.time)
    number = ephemeris.numbers(prepared.time)
    x = hours / duration
    near = ~others & (np.abs(x) < _FARTHER[1]) & (np.abs(x) > _NEXT[0])
    heights: list[list[float]] = []
    order = np.flatnonzero(near)
    bounds = np.r_[0, np.flatnonzero(np.diff(number[order])) + 1, len(order)]
    for first, last in pairwise(bounds):
        mine = order[first:last]
        at, flux = x[mine], prepared.flux[mine]
        far = np.abs(at) > _FARTHER[0]
        left, right = far & (at < 0), far & (at > 0)
        sides = [(at < 0) & (at > -_NEXT[1]), (at > 0) & (at < _NEXT[1])]
        # Chosen: three points in each of the four parts.
        if min(left.sum(), right.sum(), sides[0].sum(), sides[1].sum()) < 3:
            continue
        slope = (flux[right].mean() - flux[left].mean()) / (at[right].mean() - at[left].mean())
        line = flux[left].mean() + slope * (at - at[left].mean())
        heights.append([float((flux - line)[side].mean()) for side in sides])
    if len(heights) < LEAST_TRANSITS:
        return 0.0, 0.0
    values = np.array(heights)
    mean = np.median(values, axis=0)
    # The error of a median is 1.25 times that of a mean.
    spread = MAD_TO_SIGMA * np.median(np.abs(values - mean), axis=0) * 1.25 / len(values) ** 0.5
    side = int(np.argmax(mean))
    return float(mean[side]), float(mean[side] / max(spread[side], 1e-12))
