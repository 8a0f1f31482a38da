"""Search a star and vet what was found: the entry to the search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kepler_lens.lightcurve import LightCurve
from kepler_lens.transit_search.detection.candidates import Candidate, Detections, same_period
from kepler_lens.transit_search.detection.detect import find_candidates, varies_throughout
from kepler_lens.transit_search.detection.ephemeris import Ephemeris
from kepler_lens.transit_search.detection.transit_fit import Shape, measured
from kepler_lens.transit_search.preparation.observations import Observations, observations_of
from kepler_lens.transit_search.score import Explained
from kepler_lens.transit_search.vetting.eclipse import Dimming
from kepler_lens.transit_search.vetting.vet import (
    FALSE_POSITIVE,
    Test,
    Vetting,
    disposition,
    second_eclipse,
    vet,
)

_LEAST_LEFT = 0.5
"""Part of its threshold that a candidate's SNR must exceed without the transits of the others
(chosen)."""


@dataclass(frozen=True, slots=True, eq=False)
class Vetted:
    """A candidate with its vetting.

    Attributes
    ----------
    candidate : Candidate
    vetting : Vetting
    score : Explained or None
        None where no model has scored the candidate.
    """

    candidate: Candidate
    vetting: Vetting
    score: Explained | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A star that was searched, with its vetted candidates.

    Attributes
    ----------
    search : Detections
    candidates : tuple of Vetted
        By the number of the candidate.
    """

    search: Detections
    candidates: tuple[Vetted, ...]


def search(curves: LightCurve | Iterable[LightCurve], column: str = "PDCSAP_FLUX") -> Result:
    """Search the light curves of a star, as they were read from its files.

    Parameters
    ----------
    curves : LightCurve or iterable of LightCurve
        Of one star; those of short cadence are left out.
    column : str, optional
        FITS name of the flux.

    Returns
    -------
    Result
        See `search_and_vet`.

    Raises
    ------
    NotSearchableError
        The light curves are of several stars, have no values, or are too noisy.
    """
    every = [curves] if isinstance(curves, LightCurve) else list(curves)
    return search_and_vet(observations_of(every, column))


def search_and_vet(observations: Observations) -> Result:
    """Search a star and vet what was found.

    Parameters
    ----------
    observations : Observations

    Returns
    -------
    Result
        One candidate for each period; the ephemerides have measured durations.
    """
    found = find_candidates(observations)
    if varies_throughout(found.prepared):
        return Result(found, tuple(Vetted(c, throughout(c)) for c in found.candidates))
    found = with_measured_durations(found)
    vetted: list[Vetted] = []
    for candidate in found.candidates:
        vetting = vet(found.prepared, candidate.ephemeris, found.others(candidate.number))
        # The flank of a deeper dimming can look like a dimming: without the deeper one it is gone.
        if vetting.depth_ppm > 0 and vetting.snr > _LEAST_LEFT * candidate.threshold:
            vetted.append(Vetted(candidate, vetting))
    rows = _one_row_a_period(vetted)
    known = tuple(row.candidate for row in rows)
    return Result(replace(found, candidates=known), tuple(rows))


def throughout(candidate: Candidate) -> Vetting:
    """Return the vetting of a variation that fills its period (`detect.varies_throughout`).

    It is a false positive by its shape, the only test.
    """
    found, ephemeris = candidate.transits, candidate.ephemeris
    shape = Shape(found.depth, ephemeris.duration_hours, 0.0, 0.0)
    test = Test(
        "shape",
        1.0,
        False,
        f"The star varies by {found.depth:.1%} all through a period of {ephemeris.period_days:.4f} "
        "d: looks like a contact binary, or a star that pulsates.",
    )
    depth = 1e6 * found.depth
    return Vetting(
        *(ephemeris, found, depth, depth / found.mes, found.mes, shape, 0.5),
        (test,),
        FALSE_POSITIVE,
    )


def _one_row_a_period(vetted: Sequence[Vetted]) -> list[Vetted]:
    """Join candidates of one period in one row.

    The deepest dimming is the candidate and the next its second dimming; any further is dropped.
    The rows get new numbers, from 1.
    """
    rows: list[Vetted] = []
    with_twin: set[int] = set()
    for one in sorted(vetted, key=lambda v: -v.vetting.depth_ppm):
        period = one.candidate.ephemeris
        twin = next(
            (k for k, r in enumerate(rows) if _together(period, r.candidate.ephemeris)), None
        )
        if twin is None:
            rows.append(one)
        elif twin not in with_twin:
            rows[twin] = _joined(rows[twin], one)
            with_twin.add(twin)
    rows.sort(key=lambda v: v.candidate.number)
    return [
        replace(v, candidate=replace(v.candidate, number=number))
        for number, v in enumerate(rows, start=1)
    ]


def _together(one: Ephemeris, deeper: Ephemeris) -> bool:
    """Return whether a dimming has the period of a deeper one, or half of it and is in step."""
    if same_period(one, deeper):
        return True
    half = replace(deeper, period_days=deeper.period_days / 2, late_days=())
    away = np.abs(half.hours_from_middle(np.array([one.epoch_bkjd])))[0]
    return same_period(one, half) and bool(away < one.duration_hours + deeper.duration_hours)


def _joined(main: Vetted, twin: Vetted) -> Vetted:
    """Judge a candidate anew by the dimming that the search found at another phase."""
    vetting, second = main.vetting, twin.vetting
    ephemeris = vetting.ephemeris
    hours = ephemeris.hours_from_middle(second.ephemeris.middles(second.transits.number))
    phase = float(np.median(hours / 24 / ephemeris.period_days % 1.0))
    dimming = Dimming(phase, second.depth_ppm * 1e-6, twin.candidate.statistic)
    test = second_eclipse(dimming, vetting.shape, ephemeris.period_days, found=True)
    tests = tuple(test if old.name == "secondary" else old for old in vetting.tests)
    judged = replace(vetting, tests=tests, secondary_phase=phase, disposition=disposition(tests))
    return replace(main, vetting=judged)


def with_measured_durations(found: Detections) -> Detections:
    """Measure the durations of transits, which the search knows only by the steps of its durations.

    All are measured twice: where a duration is too short, the mask of the candidate leaves the
    edges of its transits in the light curve on which the others are measured.

    Parameters
    ----------
    found : Detections

    Returns
    -------
    Detections
        The same candidates with measured durations and epochs.
    """
    for _ in range(2):
        for k, candidate in enumerate(found.candidates):
            others = found.others(candidate.number)
            ephemeris = measured(found.prepared, candidate.ephemeris, others)
            known = (*found.candidates[:k], replace(candidate, ephemeris=ephemeris))
            found = replace(found, candidates=(*known, *found.candidates[k + 1 :]))
    return found
