"""The candidates of a star: which of them are one signal, and what a search returns of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits
from kepler_lens.transit_search.detection.harmonics import CERTAIN
from kepler_lens.transit_search.detection.periods import SHORTEST_PERIOD_DAYS, Spectrum
from kepler_lens.transit_search.detection.single_transits import LoneEvent, Pair
from kepler_lens.transit_search.preparation.observations import Observations
from kepler_lens.transit_search.preparation.prepare import Prepared

_MASK_DURATIONS, _MASK_HOURS = 0.8, 0.3
"""Durations and hours, added up, that a mask hides on each side of the middle (both chosen):
somewhat more than the transit."""
_SAME_PERIOD = 3e-4
"""Relative difference of periods (chosen): over four years it adds up to half a day."""
_BY_CHANCE, _BESIDE = 0.4, 0.9
"""Two parts (both chosen). If more than the first part of all time is near transits of another
signal, a remnant of that signal cannot be recognised. Otherwise at least the second part of the
transits of a remnant must be near them."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A periodic dimming that noise does not explain.

    Attributes
    ----------
    number : int
        From 1, in the order in which candidates are found.
    ephemeris : Ephemeris
    statistic, threshold : float
        Multiple-event statistic, and what noise reaches in one star of a hundred.
    transits : Transits
        The transits that were observed, by the search's own duration.
    """

    number: int
    ephemeris: Ephemeris
    statistic: float
    threshold: float
    transits: Transits


def masked(prepared: Prepared, ephemeris: Ephemeris) -> NDArray[np.bool_]:
    """Return which points are in transit (bool[n])."""
    return ephemeris.near_transit(prepared.time, _MASK_DURATIONS, _MASK_HOURS)


def same_period(one: Ephemeris, other: Ephemeris) -> bool:
    """Return whether two signals have one period: a planet's, or of a binary's two eclipses."""
    return abs(one.period_days / other.period_days - 1) < _SAME_PERIOD


def remnant(one: Candidate, other: Candidate) -> bool:
    """Return whether a signal is a remnant that the mask of another one left beside its transits.

    A transit may come early or late. If the other signal has a short period, transits of any signal
    lie near its transits by chance.
    """
    durations = one.ephemeris.duration_hours + other.ephemeris.duration_hours
    away = np.abs(other.ephemeris.hours_from_middle(one.transits.time))
    if same_period(one.ephemeris, other.ephemeris):
        # Chosen: 1.5 times the sum of both durations; another eclipse is farther away.
        return bool(np.median(away) < 1.5 * durations)
    # Chosen: 0.75 times the sum of both durations, and one hour. A mask is somewhat wider than the
    # transit, and a remnant lies at the edge of the mask.
    reach = 0.75 * durations + 1.0
    by_chance = 2 * reach / 24 / other.ephemeris.period_days
    if other.statistic < CERTAIN or by_chance > _BY_CHANCE:
        return False
    return bool((away < reach).mean() >= _BESIDE)


def every_kth(one: Ephemeris, other: Ephemeris) -> bool:
    """Return whether a period is a whole multiple of another."""
    times = round(one.period_days / other.period_days)
    return times > 1 and abs(one.period_days / other.period_days / times - 1) < _SAME_PERIOD


def added(new: Candidate, known: Sequence[Candidate]) -> list[Candidate]:
    """Add a candidate to those that were found before it, and number them anew.

    The search may find the flank of a very deep eclipse before the eclipse itself, or every k-th
    eclipse before all. Then the stronger one, or the one with the shorter period, replaces the
    other.

    Parameters
    ----------
    new : Candidate
    known : sequence of Candidate

    Returns
    -------
    list of Candidate
        Numbered from 1, in the order in which they were found.
    """
    whole = next((c for c in known if remnant(new, c)), None)
    if whole is None:
        parts = [c for c in known if every_kth(c.ephemeris, new.ephemeris) and remnant(c, new)]
        every = [*(c for c in known if c not in parts), new]
    else:
        stronger = new if new.statistic > whole.statistic else whole
        every = [stronger if c is whole else c for c in known]
    return [replace(c, number=number) for number, c in enumerate(every, start=1)]


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The result of a star's search.

    Attributes
    ----------
    observations : Observations
    prepared : Prepared
    candidates : tuple of Candidate
        In the order in which they were found.
    single_transits : tuple of LoneEvent
        Single-transit events: dimmings that look like a transit and belong to no candidate.
    limit_ppm : float
        Depth of a 6 h transit that would have been found with a period of 10 days; infinite where
        nothing could be found.
    pairs : tuple of Pair
        Pairs of the lone events that may be of one planet.
    spectra : two of (float64[k], float64[k]), or none
        Period, days, and multiple-event statistic: of the first round of the search, and of its
        last, without the transits of the candidates that were found before it.
    """

    observations: Observations
    prepared: Prepared
    candidates: tuple[Candidate, ...]
    single_transits: tuple[LoneEvent, ...]
    limit_ppm: float
    pairs: tuple[Pair, ...] = ()
    spectra: tuple[Spectrum, Spectrum] | tuple[()] = ()

    @property
    def periods_days(self) -> tuple[float, float]:
        """Shortest and longest period that was searched, days."""
        return SHORTEST_PERIOD_DAYS, self.observations.span_days / 2

    def others(self, number: int) -> NDArray[np.bool_]:
        """Return which points are in transit of any candidate but one (bool[n]).

        Points that this candidate shares with others are among them, unless it would lose more than
        half of its own. The transits of a candidate with its period are not among them: they may be
        the other eclipse.

        Parameters
        ----------
        number : int
            Number of the candidate that is left out.
        """
        mask, own = np.zeros((2, len(self.prepared.time)), bool)
        this = next(c.ephemeris for c in self.candidates if c.number == number)
        for candidate in self.candidates:
            inside = masked(self.prepared, candidate.ephemeris)
            if candidate.number == number:
                own = inside
            elif not same_period(candidate.ephemeris, this):
                mask |= inside
        return mask & ~own if 2 * (mask & own).sum() > own.sum() else mask
