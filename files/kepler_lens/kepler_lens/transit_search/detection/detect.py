"""Search one star: find candidates one after the other, until only noise is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kepler_lens.transit_search.detection.brightenings import above_noise
from kepler_lens.transit_search.detection.candidates import Candidate, Detections, added, masked
from kepler_lens.transit_search.detection.chains import chains, follow, timed
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits, observed_transits
from kepler_lens.transit_search.detection.harmonics import (
    CLEARLY_STRONGER,
    OUT_OF_TIME,
    in_time,
    true_period,
)
from kepler_lens.transit_search.detection.periods import (
    DURATIONS_HOURS,
    Peak,
    Spectrum,
    fold,
    peaks_of,
    spectrum,
)
from kepler_lens.transit_search.detection.refinement import Signal, refine
from kepler_lens.transit_search.detection.single_transits import lone_events, pairs
from kepler_lens.transit_search.detection.thresholds import (
    limit_ppm,
    margin,
    threshold,
    threshold_of,
)
from kepler_lens.transit_search.detection.transit_fit import measured
from kepler_lens.transit_search.detection.vetoes import LEAST_TRANSITS, doubtful, of_thrusters
from kepler_lens.transit_search.preparation.observations import LEAST_POINTS, Observations
from kepler_lens.transit_search.preparation.prepare import Prepared, event_bank, prepare, refit
from kepler_lens.transit_search.preparation.prewhitening import Wave
from kepler_lens.transit_search.preparation.single_events import Events

_MOST_CANDIDATES = 15
"""Candidates of a star (chosen): the Sun and Kepler-90 have eight planets, no star is known to have
more."""
_ROUNDS = 8
"""Rounds of a search (chosen): each finds all that stands out, and most stars end after the
second."""
_CHAINED = 12.0
"""Least excess (see `Chain`) of a chain that is followed (chosen: two above 10, the largest excess
seen for chains of inverted light curves)."""
_RATHER_CHAINED = 0.9
"""Least ratio (chosen) of a chain's excess to the strongest fold near its period, if the chain is
followed: planets in time reach 0.8 (Kepler-11), strong ones somewhat out of time 1.0."""
_NEAR_PERIOD = 0.015
"""Relative difference of the periods of a chain and a fold of the same signal (chosen: a range of
intervals is 0.8 % wide)."""
_MOST_CHAINS = 5
"""Chains that are followed in a round (chosen)."""
_DEEP = 100.0
"""Multiple-event statistic (chosen): the mask of a stronger signal needs the measured duration."""
_WAVE = 0.05
"""Amplitude, relative flux (chosen): contact binaries and pulsating stars vary by more; behind a
wave of 4 % planets of 1 % are found (EPIC 211719918)."""


def find_candidates(observations: Observations, rounds: int = _ROUNDS) -> Detections:
    """Find the transiting planets of a star.

    Parameters
    ----------
    observations : Observations
    rounds : int, optional
        Most rounds of the search. Each masks the transits of the candidates that it finds.

    Returns
    -------
    Detections
    """
    prepared = prepare(observations)
    if prepared.wave and varies_throughout(prepared):
        return Detections(observations, prepared, (_of_wave(prepared, prepared.wave),), (), np.inf)
    mask = np.zeros(len(prepared.time), bool)
    candidates: list[Candidate] = []
    longest = observations.span_days / 2
    bank: list[Events] = []
    spectra: list[Spectrum] = []
    late = True
    for _ in range(rounds):
        bank = event_bank(prepared, mask, DURATIONS_HOURS)
        folded = fold(bank, observations.density, longest, sharp=prepared.pulsating)
        spectra.append(spectrum(folded))
        peaks = peaks_of(folded, bank)
        signal, excess = _early_or_late(prepared, peaks, bank) if late else (None, 0.0)
        peaks = [peak for peak in peaks if peak.statistic > excess]
        new = _harvest(prepared, peaks, bank, mask, len(candidates))
        new = above_noise(prepared, new, mask)
        if signal and not new:
            candidate = _candidate(prepared, signal, bank, len(candidates) + 1)
            wide = measured(prepared, candidate.ephemeris, mask)
            new = [replace(candidate, ephemeris=wide)]
        # A strong signal hides planets out of time: the next round looks for them without it.
        late = signal is not None or any(c.statistic > _DEEP for c in new)
        for candidate in new:
            mask |= masked(prepared, candidate.ephemeris)
            candidates = added(candidate, candidates)
        if not new or len(candidates) >= _MOST_CANDIDATES or _used_up(mask):
            break
        refit(prepared, mask)
    lone = lone_events(bank)
    return Detections(
        observations,
        prepared,
        tuple(candidates),
        lone,
        limit_ppm(bank, prepared),
        pairs(lone, bank),
        (spectra[0], spectra[-1]),
    )


def varies_throughout(prepared: Prepared) -> bool:
    """Return whether one variation of a short period is too strong to search for transits."""
    return prepared.wave is not None and prepared.wave.amplitude > _WAVE


def _of_wave(prepared: Prepared, wave: Wave) -> Candidate:
    """Return the variation of `varies_throughout` as a candidate: each minimum is a transit."""
    ephemeris = Ephemeris(wave.period_days, wave.minimum_bkjd, 24 * wave.period_days / 2)
    number = np.unique(ephemeris.numbers(prepared.time))
    information = np.full(len(number), 1 / np.median(prepared.sigma) ** 2)
    transits = Transits(
        number, ephemeris.middles(number), wave.amplitude * information, information
    )
    least = threshold(wave.period_days, pulsating=prepared.pulsating)
    return Candidate(1, ephemeris, transits.mes, least, transits)


def _early_or_late(
    prepared: Prepared, peaks: Sequence[Peak], bank: Sequence[Events]
) -> tuple[Signal | None, float]:
    """Find the strongest planet whose transits are out of time.

    Returns
    -------
    Signal or None, float
        The signal and the excess of its chain; None and 0 where there is none.
    """
    observations = prepared.observations
    periods = np.array([peak.period_days for peak in peaks])
    strength = np.array([peak.statistic for peak in peaks])
    found = chains(bank, observations.density, observations.span_days / LEAST_TRANSITS)
    found.sort(key=lambda chain: -chain.excess)
    tried: list[float] = []
    for chain in found:
        if chain.excess < _CHAINED or len(tried) == _MOST_CHAINS:
            break
        near = np.flatnonzero(np.abs(periods / chain.period_days - 1) < _NEAR_PERIOD)
        if chain.excess < _RATHER_CHAINED * strength[near].max(initial=0.0):
            continue
        if any(abs(period / chain.period_days - 1) < _NEAR_PERIOD for period in tried):
            continue
        tried.append(chain.period_days)
        signal = follow(chain, bank)
        if signal is None:
            continue
        half = replace(signal.ephemeris, period_days=signal.ephemeris.period_days / 2, late_days=())
        part = timed(half, signal.index, bank)
        if part.statistic > CLEARLY_STRONGER * signal.statistic:
            signal = part
        if len(near):
            rival = peaks[near[np.argmax(strength[near])]]
            punctual = refine(rival.period_days, bank, [rival.index])
            if signal.statistic < OUT_OF_TIME * punctual.statistic:
                continue
        events = bank[signal.index]
        if margin(signal, prepared) > 0 and not doubtful(
            signal.ephemeris, observed_transits(signal.ephemeris, events), events
        ):
            return signal, chain.excess
    return None, 0.0


def _candidate(
    prepared: Prepared, signal: Signal, bank: Sequence[Events], number: int
) -> Candidate:
    transits = observed_transits(signal.ephemeris, bank[signal.index])
    least = threshold_of(signal, prepared)
    return Candidate(number, signal.ephemeris, signal.statistic, least, transits)


def _used_up(mask: NDArray[np.bool_]) -> bool:
    """Return whether the masks of the candidates leave too few points for a further search."""
    return len(mask) - int(mask.sum()) < LEAST_POINTS


def _harvest(
    prepared: Prepared,
    peaks: Sequence[Peak],
    bank: list[Events],
    mask: NDArray[np.bool_],
    known: int,
) -> list[Candidate]:
    """Turn peaks into candidates, the clearest first; mask the transits of each before the next.

    Returns
    -------
    list of Candidate
        Numbered on from the `known` number of candidates.
    """
    mask = mask.copy()
    taken: list[Candidate] = []
    signals = [refine(peak.period_days, bank, [peak.index]) for peak in peaks]
    while signals:
        signals = [s for s in signals if margin(s, prepared) > 0 and s.observed >= LEAST_TRANSITS]
        signals.sort(key=lambda s: -margin(s, prepared))
        if not signals:
            break
        signal = true_period(signals.pop(0), bank)
        transits = observed_transits(signal.ephemeris, bank[signal.index])
        if margin(signal, prepared) <= 0 or doubtful(
            signal.ephemeris, transits, bank[signal.index]
        ):
            continue
        period = signal.ephemeris.period_days
        if of_thrusters(prepared.observations.mission, period):
            continue
        if not signal.ephemeris.late_days:
            signal = in_time(signal, bank)
        candidate = _candidate(prepared, signal, bank, known + len(taken) + 1)
        if candidate.statistic > _DEEP:
            # A mask by the search's own duration would leave the flanks of a deep transit.
            wide = measured(prepared, candidate.ephemeris, mask)
            candidate = replace(candidate, ephemeris=wide)
        taken.append(candidate)
        if known + len(taken) >= _MOST_CANDIDATES:
            break
        mask |= masked(prepared, candidate.ephemeris)
        if _used_up(mask):
            break
        bank = event_bank(prepared, mask, DURATIONS_HOURS)
        # Chosen: 60 signals are refined again, since each costs time.
        signals = [
            refine(s.ephemeris.period_days, bank, [s.index], s.ephemeris.epoch_bkjd)
            for s in signals[:60]
        ]
    return taken
