"""A star's own brightenings, which are no planets: a weak candidate must stand out from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kepler_lens.transit_search.detection.candidates import Candidate, masked
from kepler_lens.transit_search.detection.ephemeris import observed_transits
from kepler_lens.transit_search.detection.periods import DURATIONS_HOURS, fold, peaks_of
from kepler_lens.transit_search.detection.refinement import Signal, refine
from kepler_lens.transit_search.detection.thresholds import margin
from kepler_lens.transit_search.detection.vetoes import doubtful
from kepler_lens.transit_search.preparation.prepare import Prepared, event_bank
from kepler_lens.transit_search.preparation.single_events import Events

_MARGINAL = 12.0
"""Multiple-event statistic below which a candidate is compared with the star's own brightenings
(chosen: far above what noise reaches)."""
_OCTAVES = 1.0
"""Octaves of period within which a brightening counts (chosen)."""
_CLEARANCE = 0.3
"""Difference of multiple-event statistics (chosen): a dimming must exceed its threshold by this
much more than such a brightening does."""


def above_noise(
    prepared: Prepared, candidates: list[Candidate], mask: NDArray[np.bool_]
) -> list[Candidate]:
    """Drop weak candidates that are no stronger than the star's own brightenings."""
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
    """Return the events of the inverted light curve, in which no signal is a planet."""
    return replace(events, n=-events.n)


def noise_margins(prepared: Prepared, bank: Sequence[Events]) -> list[tuple[float, Signal]]:
    """Search events that have no planets, and compare each signal with its threshold.

    Parameters
    ----------
    prepared : Prepared
    bank : sequence of Events
        Standardised, one for each duration, ascending.

    Returns
    -------
    list of (float, Signal)
        Statistic less threshold of each signal without a veto, highest first; may be empty.
    """
    observations, found = prepared.observations, []
    longest = observations.span_days / 2
    folded = fold(bank, observations.density, longest, sharp=prepared.pulsating)
    for peak in peaks_of(folded, bank):
        signal = refine(peak.period_days, bank, [peak.index])
        events = bank[signal.index]
        if not doubtful(signal.ephemeris, observed_transits(signal.ephemeris, events), events):
            found.append((margin(signal, prepared), signal))
    return sorted(found, key=lambda pair: -pair[0])
