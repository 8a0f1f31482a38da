"""The thresholds of the search: what noise alone reaches in one star of a hundred."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kepler_lens.transit_search.detection.refinement import Signal
from kepler_lens.transit_search.preparation.prepare import Prepared
from kepler_lens.transit_search.preparation.single_events import Events

_THRESHOLDS = ((0.5, 9.0), (50.0, 6.8), (150.0, 7.0), (300.0, 7.5), (np.inf, 8.6))
"""Longest period, days, and the threshold up to it, a multiple-event statistic. Measured on null
curves (`benchmarks/search.py`). The null curves give 8.3 above 300 d; 8.6 is chosen, since three
transits in the SAP flux of Kepler-90 reached 8.5."""
_PULSATING = ((0.5, 9.0), (50.0, 6.65), (200.0, 6.8), (300.0, 7.6), (np.inf, 7.8))
"""The same for the statistic of `spectral_noise`, whose noise has shorter tails. Chosen: just above
the strongest of 54 null curves of 011454304: 6.64 at 3.4 d, 7.57 at 290 d and 7.79 at 427 d
(`python benchmarks/calibrate.py table --engine 279662e7d21d`)."""
_FEW_OBSERVED = 4
"""Observed transits up to which noise is as strong as at the longest periods (chosen: a signal of
three transits of Kepler-90, with the other transits in gaps, reached 7.8 at 238 d)."""


def threshold(period: float, *, pulsating: bool = False) -> float:
    """Return the least multiple-event statistic of a signal.

    Over all periods, noise alone exceeds this threshold in one star of a hundred.

    Parameters
    ----------
    period : float
        Days.
    pulsating : bool, optional
        Whether the statistic is that of `spectral_noise`.
    """
    steps = _PULSATING if pulsating else _THRESHOLDS
    return next(value for longest, value in steps if period <= longest)


def threshold_of(signal: Signal, prepared: Prepared) -> float:
    """Return the threshold of a signal.

    A signal of which most transits fall into gaps gets the threshold of a longer period: the one at
    which equally few transits would be observed without gaps.
    """
    period = signal.ephemeris.period_days
    if signal.observed <= _FEW_OBSERVED:
        period = max(period, prepared.observations.span_days / (signal.observed + 1))
    return threshold(period, pulsating=prepared.pulsating)


def margin(signal: Signal, prepared: Prepared) -> float:
    """Return by how much the statistic of a signal is above its threshold."""
    return signal.statistic - threshold_of(signal, prepared)


def limit_ppm(bank: Sequence[Events], prepared: Prepared) -> float:
    """Return the depth, ppm, of a 6 h transit that would be found with a period of 10 days."""
    # Chosen: 6 h and 10 days, a usual transit.
    events = min(bank, key=lambda e: abs(e.duration_hours - 6))
    seen = events.d > 0
    if not seen.any():
        return float("inf")
    observed = max(1.0, prepared.observations.span_days / 10 * float(seen.mean()))
    least = threshold(10, pulsating=prepared.pulsating)
    return float(1e6 * least / np.sqrt(np.median(events.d[seen]) * observed))
