"""Make labelled candidates by putting planets and impostors into the light curves of real stars.

First the star's own signals are left out, until the search finds none. Then a signal is put in and
the package's own search runs. What the search finds gets its label from the way the light curve was
made. Synthetic examples are marked, are in the same part of every split as their star, and are used
for training only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.labels import PERIOD_TOLERANCE
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.scatter import scatter_of_steps
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.detection.brightenings import noise_margins
from kepler_lens.transit_search.detection.candidates import Candidate, Detections
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, observed_transits
from kepler_lens.transit_search.detection.periods import DURATIONS_HOURS, central_duration
from kepler_lens.transit_search.detection.thresholds import threshold
from kepler_lens.transit_search.preparation.observations import NotSearchableError, Observations
from kepler_lens.transit_search.preparation.prepare import event_bank
from kepler_lens.transit_search.search import Vetted, search_and_vet
from kepler_lens.transit_search.vetting.vet import Vetting, vet

Floats = NDArray[np.float64]

KINDS = ("planet", "eclipse", "eclipse_half", "inverted", "scrambled")
"""Kinds of light curves:

- planet: a planet;
- eclipse: an eclipsing binary with a shallower second eclipse;
- eclipse_half: a binary whose two eclipses are so similar that it is found at half its period;
- inverted: the star's light with its sign changed, so that its brightenings are searched. All
  copies but the first also have their quarters in another order, since all copies would be equal
  otherwise;
- scrambled: the star's quarters in another order, so that nothing is periodic but by chance."""

_NOISE = ("inverted", "scrambled")
"""Kinds in which every candidate is noise."""
_SHORTEST_DAYS = 0.7
"""Shortest period of a planet, and of half a binary's period, days (chosen: half a binary's period
must stay above half a day)."""
_LONGEST = {"planet": (500.0, 3), "binary": (200.0, 4)}
"""For each kind the longest period, days, and how many times this period the light curve must last.
Chosen: the search finds what transits three times, and few binaries have longer periods."""
_SNR = (7.0, 150.0)
"""Least and greatest signal to noise of a planet, over the scatter of its points, no unit. Chosen:
from what the search just finds to what is obvious, since a network must not take the search's
weakest planets for noise."""
_TIMED = 0.3
"""Share of the planets whose transits come early and late. Chosen: a tenth of Kepler's planets have
significant timing variations (Holczer et al. 2016, ApJS 225, 9), too few for a network to learn
them."""
_LATE = (0.1, 1.0)
"""Least and greatest amplitude of the timing variation, in durations. Chosen: Kepler-90 h has about
half a duration, and where it is much more the search finds no period."""
_LATE_DAYS = (100.0, 1500.0)
"""Shortest and longest period of the timing variation, days: the range of most of Holczer et al.
(2016)."""
_ECLIPSE = (0.0005, 0.4)
"""Least and greatest depth of a binary's first eclipse, relative flux. Chosen: from a binary whose
light is lost in that of a brighter star, as in most impostors, to a binary that is alone."""
_SECOND = {"eclipse": (0.03, 0.6), "eclipse_half": (0.85, 1.0)}
"""Depth of the second eclipse over that of the first, least and greatest, by kind (chosen)."""
_CLEAR = 0.8
"""Points within this many durations of a middle of a transit are left out with the star's own
candidates (chosen)."""
_MARGIN_HOURS = 0.3
"""Hours added to `_CLEAR` durations (chosen)."""
_QUIET_ROUNDS = 5
"""Number of searches that may find something more in a star (chosen: transits that come early or
late are found in parts, those of Kepler-9 in two searches)."""
_ONCE_DAYS = 1e5
"""Period that a single-transit event gets, days: longer than any light curve."""
_CHANCE = 2
"""Number of signals that become candidates in a light curve of noise where none reaches the
search's threshold. Chosen: the search is seldom wrong, and a network should also see signals that
the search rejected."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A light curve that was made.

    Attributes
    ----------
    observed : Observations
    kind : str
        One of `KINDS`.
    truth : tuple of Ephemeris
        What was put in. For a binary these are its two eclipses, and both together at half the
        period. Empty where nothing was put in.
    """

    observed: Observations
    kind: str
    truth: tuple[Ephemeris, ...]

    def label(self, found: Ephemeris) -> str | None:
        """Return the class of a candidate; None where the candidate is not what was put in."""
        if self.kind in _NOISE:
            return "NTP"
        if any(_same(found, truth) for truth in self.truth):
            return "PC" if self.kind == "planet" else "AFP"
        return None


def quieted(observations: Observations, known: Sequence[Ephemeris] = ()) -> Observations:
    """Leave out everything that the search finds in a star, until it finds nothing more.

    Parameters
    ----------
    observations : Observations
    known : sequence of Ephemeris
        Signals that are left out without a search.

    Returns
    -------
    Observations
        With fewer points.

    Raises
    ------
    NotSearchableError
        Each of `_QUIET_ROUNDS` searches finds something, or too few points are left.
    """
    left = without(observations, known)
    for _ in range(_QUIET_ROUNDS):
        found = search_and_vet(left)
        if not found.candidates:
            return left
        once = [
            Ephemeris(_ONCE_DAYS, event.time_bkjd, event.duration_hours)
            for event in found.search.single_transits
        ]
        left = without(left, [*(each.vetting.ephemeris for each in found.candidates), *once])
    raise NotSearchableError(
        f"Star {observations.star} is never quiet: after {_QUIET_ROUNDS} searches, each without "
        "what was found before, there is something still, so that nothing can be made of its light."
    )


def without(observations: Observations, candidates: Sequence[Ephemeris]) -> Observations:
    """Leave out the points in transit of some ephemerides, with a margin on each side.

    Parameters
    ----------
    observations : Observations
    candidates : sequence of Ephemeris

    Returns
    -------
    Observations
        With fewer points.
    """
    keep = np.ones(len(observations.time), bool)
    for each in candidates:
        keep &= ~each.near_transit(observations.time, _CLEAR, _MARGIN_HOURS)
    return replace(
        observations,
        time=observations.time[keep],
        flux=observations.flux[keep],
        quarter=observations.quarter[keep],
    )


def make(quiet: Observations, kind: str, seed: int, copy: int = 0) -> Made:
    """Make a light curve of a kind; equal star, kind, seed and copy give equal light curves.

    Parameters
    ----------
    quiet : Observations
        The star without its own candidates (`quieted`).
    kind : str
        One of `KINDS`.
    seed : int
    copy : int
        Zero-based number of the light curve among several of its kind.

    Returns
    -------
    Made
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


def candidates(made: Made) -> tuple[Detections, list[tuple[Vetted, str | None]]]:
    """Search a light curve that was made.

    Returns
    -------
    search : Detections
    found : list of (Vetted, str or None)
        Candidates of the search, each with its class; None for a candidate that was not put in.

    Raises
    ------
    NotSearchableError
        Too few points are left.
    """
    result = search_and_vet(made.observed)
    search, found = result.search, list(result.candidates)
    if made.kind in _NOISE and not found:
        search = _chance(search)
        found = [Vetted(each, _vetted(search, each)) for each in search.candidates]
    return search, [(each, made.label(each.vetting.ephemeris)) for each in found]


def _chance(search: Detections) -> Detections:
    """Make candidates of the strongest signals below the threshold."""
    prepared = search.prepared
    bank = event_bank(prepared, np.zeros(len(prepared.time), bool), DURATIONS_HOURS)
    found = []
    for number, (_, signal) in enumerate(noise_margins(prepared, bank)[:_CHANCE], start=1):
        at = signal.ephemeris
        least = threshold(at.period_days, pulsating=prepared.pulsating)
        events = observed_transits(at, bank[signal.index])
        found.append(Candidate(number, at, signal.statistic, least, events))
    return replace(search, candidates=tuple(found))


def _vetted(search: Detections, candidate: Candidate) -> Vetting:
    return vet(search.prepared, candidate.ephemeris, search.others(candidate.number))


def _planet(quiet: Observations, rng: np.random.Generator) -> Made:
    """Put in a planet of 0.03 stellar radii, impact 0 to 0.8, depth up to 0.05 (all chosen)."""
    impact = float(rng.uniform(0, 0.8))
    shape, ephemeris = _transit(quiet, rng, 0.03, impact, _SHORTEST_DAYS, "planet")
    points = max(int((shape > 0.5).sum()), 1)
    snr = float(np.exp(rng.uniform(*np.log(_SNR))))
    # A view of a transit deeper than this teaches a network nothing (chosen: 5 %).
    depth = min(snr * scatter_of_steps(quiet.flux) / points**0.5, 0.05)
    if rng.uniform() < _TIMED:
        punctual = replace(quiet, time=quiet.time - _late(quiet.time, ephemeris, rng))
        shape = _shape(punctual, ephemeris, 0.03, impact)
    return Made(_dimmed(quiet, depth * shape), "planet", (ephemeris,))


def _late(time: Floats, ephemeris: Ephemeris, rng: np.random.Generator) -> Floats:
    """Draw a sine, and return how late a transit would be at each time, days (float64[n])."""
    most = np.exp(rng.uniform(*np.log(_LATE))) * ephemeris.duration_hours / 24
    cycles = time / np.exp(rng.uniform(*np.log(_LATE_DAYS))) + rng.uniform()
    return np.asarray(most * np.sin(2 * np.pi * cycles))


def _binary(quiet: Observations, kind: str, rng: np.random.Generator) -> Made:
    """Put in a binary: radius ratio 0.3 to 0.9, impact up to a grazing eclipse (all chosen)."""
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
    """Draw an ephemeris; return the dimming (float64[n], 1 at the middle) and the ephemeris.

    The duration is at least 1.3 h, the shortest that the search looks for, and at most a quarter of
    the period.
    """
    most, times = _LONGEST[what]
    longest = max(min(most, quiet.span_days / times), shortest)
    period = float(np.exp(rng.uniform(np.log(shortest), np.log(longest))))
    chord = max((1 + ratio) ** 2 - impact**2, 0.05) ** 0.5
    hours = max(central_duration(period, quiet.density) * chord, 1.3)
    epoch = float(quiet.time[0] + rng.uniform(0, period))
    ephemeris = Ephemeris(period, epoch, min(hours, 24 * period / 4))
    return _shape(quiet, ephemeris, ratio, impact), ephemeris


def _shape(quiet: Observations, ephemeris: Ephemeris, ratio: float, impact: float) -> Floats:
    """Compute the dimming at each point (float64[n], 1 at the middle of a transit)."""
    when = (ephemeris.period_days, ephemeris.epoch_bkjd, ephemeris.duration_hours)
    planet = TransitModel(*when, ratio, impact)
    return planet.mean_dimming(quiet.time, LONG_CADENCE_DAYS) / (planet.depth_ppm * 1e-6)


def _dimmed(quiet: Observations, dimming: Floats) -> Observations:
    return replace(quiet, flux=(1 + quiet.flux) * (1 - dimming) - 1)


def _scrambled(quiet: Observations, rng: np.random.Generator) -> Observations:
    """Put the quarters into another order; quarters and gaps keep their lengths."""
    count = int(quiet.quarter[-1]) + 1
    begin = np.searchsorted(quiet.quarter, np.arange(count))
    end = np.r_[begin[1:], len(quiet.time)]
    gap = quiet.time[begin[1:]] - quiet.time[end[:-1] - 1]
    order = rng.permutation(count)
    at = float(quiet.time[0])
    times, fluxes = [], []
    for index, q in enumerate(order):
        time = quiet.time[begin[q] : end[q]]
        times.append(time - time[0] + at)
        fluxes.append(quiet.flux[begin[q] : end[q]])
        at = float(times[-1][-1]) + (float(gap[index]) if index < len(gap) else 0.0)
    quarter = np.repeat(np.arange(count, dtype=np.int32), [len(time) for time in times])
    return replace(
        quiet,
        time=np.concatenate(times),
        flux=np.concatenate(fluxes),
        quarter=quarter,
        level=quiet.level[order],
    )


def _same(found: Ephemeris, truth: Ephemeris) -> bool:
    """Return whether two ephemerides agree in period, and in epoch to half a duration."""
    if abs(found.period_days / truth.period_days - 1) > PERIOD_TOLERANCE:
        return False
    away = np.abs(truth.hours_from_middle(np.array([found.epoch_bkjd])))[0]
    return bool(away <= max(found.duration_hours, truth.duration_hours) / 2)
