"""Impostors and planets that nobody had to label: put into the light curves of real stars.

Each kind goes through the package's own search; what the search finds gets its label by how the
light curve was made. What the star itself shows is left out first, until the search finds nothing
there. Synthetic examples are marked, follow their star in every split, and are trained on only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.labels import PERIOD_TOLERANCE
from kepler_lens.search.catalogue import Vetted, search_and_vet
from kepler_lens.search.engine import Candidate, Search, noise_margins, threshold
from kepler_lens.search.ephemeris import Ephemeris, transits
from kepler_lens.search.observations import CADENCE_DAYS, NotSearchableError, Observations
from kepler_lens.search.periods import DURATIONS_HOURS, central_duration
from kepler_lens.search.prepare import event_bank
from kepler_lens.search.vet import Vetting, vet
from kepler_lens.transit import Planet

Floats = NDArray[np.float64]

KINDS = ("planet", "eclipse", "eclipse_half", "inverted", "scrambled")
"""A planet; an eclipsing binary with a shallower second eclipse; one whose two eclipses are so
alike that it is found at half its period; the star's light mirrored, so that its brightenings are
searched (all but the first time with its quarters in another order, or every copy were the same);
its quarters in another order, so that nothing periodic is left but chance."""

_NOISE = ("inverted", "scrambled")
_SHORTEST_DAYS = 0.7
"""Half of a binary's period must be above half a day, the shortest that the search looks for."""
_LONGEST = {"planet": (500.0, 3), "binary": (200.0, 4)}
"""Longest period of what is put in, days, and so many times it the light curve must last: chosen,
as the search finds what transits thrice, and few binaries are eclipsed so seldom."""
_SNR = (7.0, 150.0)
"""Of a planet, over the scatter of its points: chosen, from what the search just finds to what no
one would miss: the search's weakest planets must not be noise to a network."""
_TIMED = 0.3
"""Part of the planets whose transits come early and late (chosen): a tenth of Kepler's do so
significantly (Holczer et al. 2016, ApJS 225, 9), too few for a network to learn it from."""
_LATE = (0.1, 1.0)
"""By how many durations they do so at most (chosen: of Kepler-90 h it is about half of one; where
it is much more, the search finds no period)."""
_LATE_DAYS = (100.0, 1500.0)
"""In what time they are early and late once: the range of most of Holczer et al. (2016)."""
_ECLIPSE = (0.0005, 0.4)
"""Depth of a binary's first eclipse: from one whose light is lost in that of a brighter star, as
most impostors are, to one that is alone."""
_SECOND = {"eclipse": (0.03, 0.6), "eclipse_half": (0.85, 1.0)}
"""Depth of the second eclipse over that of the first."""
_CLEAR = 0.8
"""So many durations to each side of a transit are left out with a star's own candidates."""
_MARGIN_HOURS = 0.3
_QUIET_ROUNDS = 5
"""So often the search may find something more in a star (chosen): transits that come early or late
are found bit by bit, those of Kepler-9 in two rounds."""
_ONCE_DAYS = 1e5
"""Period of what is seen once: longer than any light curve."""
_CHANCE = 2
"""Of what is only noise so many signals are taken where none is above the search's threshold: the
search is too good to be wrong often, and a network should know what it was not sure of."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A light curve that was made.

    Attributes
    ----------
    observed : Observations
    kind : str
        One of `KINDS`.
    truth : tuple of Ephemeris
        What was put in: of a binary both its eclipses and the two together, at half the period.
        Empty where nothing was.
    """

    observed: Observations
    kind: str
    truth: tuple[Ephemeris, ...]

    def label(self, found: Ephemeris) -> str | None:
        """Give the class of a candidate; None where it is not what was put in."""
        if self.kind in _NOISE:
            return "NTP"
        if any(_same(found, truth) for truth in self.truth):
            return "PC" if self.kind == "planet" else "AFP"
        return None


def quieted(observed: Observations, known: Sequence[Ephemeris] = ()) -> Observations:
    """Leave out whatever the search finds in a star, until it finds nothing more.

    Parameters
    ----------
    observed : Observations
    known : sequence of Ephemeris
        What is left out without being searched for.

    Raises
    ------
    NotSearchableError
        Something is found again and again, or too little of the star is left.
    """
    left = without(observed, known)
    for _ in range(_QUIET_ROUNDS):
        found = search_and_vet(left)
        if not found.candidates:
            return left
        once = [
            Ephemeris(_ONCE_DAYS, event.time_bkjd, event.duration_hours)
            for event in found.search.lone
        ]
        left = without(left, [*(each.vetting.ephemeris for each in found.candidates), *once])
    raise NotSearchableError(
        f"Star {observed.star} is never quiet: after {_QUIET_ROUNDS} searches, each without what "
        "was found before, there is something still, so that nothing can be made of its light."
    )


def without(observed: Observations, candidates: Sequence[Ephemeris]) -> Observations:
    """Leave out the points in transit of a star's candidates."""
    keep = np.ones(len(observed.time), bool)
    for each in candidates:
        away = np.abs(each.hours_from_middle(observed.time))
        keep &= away > _CLEAR * each.duration_hours + _MARGIN_HOURS
    return replace(
        observed,
        time=observed.time[keep],
        flux=observed.flux[keep],
        quarter=observed.quarter[keep],
    )


def make(quiet: Observations, kind: str, seed: int, copy: int = 0) -> Made:
    """Make a light curve of a kind; the same star, kind, seed and copy give the same one.

    Parameters
    ----------
    quiet : Observations
        Without the star's own candidates.
    kind : str
        One of `KINDS`.
    seed : int
    copy : int
        Which one of several.
    """
    rng = np.random.default_rng([seed, quiet.star, KINDS.index(kind), copy])
    if kind == "inverted":
        other = _scrambled(quiet, rng) if copy else quiet
        return Made(replace(other, flux=-other.flux), kind, ())
    if kind == "scrambled":
        return Made(_scrambled(quiet, rng), kind, ())
    if kind == "planet":
        return _planet(quiet, rng)
    return _binary(quiet, kind, rng)


def candidates(made: Made) -> tuple[Search, list[tuple[Vetted, str | None]]]:
    """Search a light curve that was made.

    Returns
    -------
    search : Search
    found : list of (Vetted, str or None)
        Its candidates, each with its class; None for what was not put in.

    Raises
    ------
    NotSearchableError
        Too little of the star is left.
    """
    result = search_and_vet(made.observed)
    search, found = result.search, list(result.candidates)
    if made.kind in _NOISE and not found:
        search = _chance(search)
        found = [Vetted(each, _vetted(search, each)) for each in search.candidates]
    return search, [(each, made.label(each.vetting.ephemeris)) for each in found]


def _chance(search: Search) -> Search:
    """Take the strongest signals below the threshold for candidates."""
    prepared = search.prepared
    bank = event_bank(prepared, np.zeros(len(prepared.time), bool), DURATIONS_HOURS)
    found = []
    for number, (_, signal) in enumerate(noise_margins(prepared, bank)[:_CHANCE], start=1):
        at = signal.ephemeris
        least = threshold(at.period_days, pulsating=prepared.pulsating)
        events = transits(at, bank[signal.index])
        found.append(Candidate(number, at, signal.statistic, least, events))
    return replace(search, candidates=tuple(found))


def _vetted(search: Search, candidate: Candidate) -> Vetting:
    return vet(search.prepared, candidate.ephemeris, search.others(candidate.number))


def _planet(quiet: Observations, rng: np.random.Generator) -> Made:
    impact = float(rng.uniform(0, 0.8))
    shape, ephemeris = _transit(quiet, rng, 0.03, impact, _SHORTEST_DAYS, "planet")
    points = max(int((shape > 0.5).sum()), 1)
    snr = float(np.exp(rng.uniform(*np.log(_SNR))))
    # Of a transit deeper than the star's whole light nothing could be learnt.
    depth = min(snr * _scatter(quiet.flux) / points**0.5, 0.05)
    if rng.uniform() < _TIMED:
        punctual = replace(quiet, time=quiet.time - _late(quiet.time, ephemeris, rng))
        shape = _shape(punctual, ephemeris, 0.03, impact)
    return Made(_dimmed(quiet, depth * shape), "planet", (ephemeris,))


def _late(time: Floats, ephemeris: Ephemeris, rng: np.random.Generator) -> Floats:
    """Draw how late, in days, a transit would be at each time: a sine."""
    most = np.exp(rng.uniform(*np.log(_LATE))) * ephemeris.duration_hours / 24
    turns = time / np.exp(rng.uniform(*np.log(_LATE_DAYS))) + rng.uniform()
    return np.asarray(most * np.sin(2 * np.pi * turns))


def _binary(quiet: Observations, kind: str, rng: np.random.Generator) -> Made:
    ratio = float(rng.uniform(0.3, 0.9))
    impact = float(rng.uniform(0, 1 + 0.5 * ratio))
    shape, first = _transit(quiet, rng, ratio, impact, 2 * _SHORTEST_DAYS, "binary")
    second = replace(first, epoch_bkjd=first.epoch_bkjd + first.period_days / 2)
    depth = float(np.exp(rng.uniform(*np.log(_ECLIPSE))))
    other = depth * float(rng.uniform(*_SECOND[kind]))
    dimming = depth * shape + other * _shape(quiet, second, ratio, impact)
    both = replace(first, period_days=first.period_days / 2)
    return Made(_dimmed(quiet, dimming), kind, (first, second, both))


def _transit(
    quiet: Observations,
    rng: np.random.Generator,
    ratio: float,
    impact: float,
    shortest: float,
    what: str,
) -> tuple[Floats, Ephemeris]:
    """Draw when it transits; give the dimming, 1 at the middle, and the ephemeris."""
    most, times = _LONGEST[what]
    longest = max(min(most, quiet.span_days / times), shortest)
    period = float(np.exp(rng.uniform(np.log(shortest), np.log(longest))))
    chord = max((1 + ratio) ** 2 - impact**2, 0.05) ** 0.5
    hours = max(central_duration(period, quiet.density) * chord, 1.3)
    epoch = float(quiet.time[0] + rng.uniform(0, period))
    ephemeris = Ephemeris(period, epoch, min(hours, 24 * period / 4))
    return _shape(quiet, ephemeris, ratio, impact), ephemeris


def _shape(quiet: Observations, ephemeris: Ephemeris, ratio: float, impact: float) -> Floats:
    """Give the dimming at each point, 1 at the middle."""
    when = (ephemeris.period_days, ephemeris.epoch_bkjd, ephemeris.duration_hours)
    planet = Planet(quiet.star, "b", *when, ratio, impact)
    return planet.mean_dimming(quiet.time, CADENCE_DAYS) / (planet.depth_ppm * 1e-6)


def _dimmed(quiet: Observations, dimming: Floats) -> Observations:
    return replace(quiet, flux=(1 + quiet.flux) * (1 - dimming) - 1)


def _scrambled(quiet: Observations, rng: np.random.Generator) -> Observations:
    """Put the quarters into another order, each as it is, with the gaps where they were."""
    count = int(quiet.quarter[-1]) + 1
    begin = np.searchsorted(quiet.quarter, np.arange(count))
    end = np.r_[begin[1:], len(quiet.time)]
    gap = quiet.time[begin[1:]] - quiet.time[end[:-1] - 1]
    order = rng.permutation(count)
    at = float(quiet.time[0])
    times, fluxes = [], []
    for place, q in enumerate(order):
        time = quiet.time[begin[q] : end[q]]
        times.append(time - time[0] + at)
        fluxes.append(quiet.flux[begin[q] : end[q]])
        at = float(times[-1][-1]) + (float(gap[place]) if place < len(gap) else 0.0)
    quarter = np.repeat(np.arange(count, dtype=np.int32), [len(time) for time in times])
    return replace(
        quiet,
        time=np.concatenate(times),
        flux=np.concatenate(fluxes),
        quarter=quarter,
        level=quiet.level[order],
    )


def _scatter(flux: Floats) -> float:
    """Deviation of single points, from the steps between them."""
    return 1.4826 * float(np.median(np.abs(np.diff(flux)))) / 2**0.5


def _same(found: Ephemeris, truth: Ephemeris) -> bool:
    if abs(found.period_days / truth.period_days - 1) > PERIOD_TOLERANCE:
        return False
    away = np.abs(truth.hours_from_middle(np.array([found.epoch_bkjd])))[0]
    return bool(away <= max(found.duration_hours, truth.duration_hours) / 2)
