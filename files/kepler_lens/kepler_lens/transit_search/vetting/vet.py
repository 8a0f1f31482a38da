"""Vetting: tests of a candidate, after the Data Validation of Kepler's pipeline.

Each test has a value, a pass or a failure, and a verdict in words (Twicken et al. 2018, PASP 130,
064502; Coughlin et al. 2016, ApJS 224, 12). The limits in the tests are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from kepler_lens.missions import observing
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits, observed_transits
from kepler_lens.transit_search.detection.periods import central_duration
from kepler_lens.transit_search.detection.transit_fit import (
    RADIUS_RATIO,
    TOO_LONG,
    Shape,
    fit_transit,
    folded,
)
from kepler_lens.transit_search.detection.vetoes import alternating, alternation, rivals
from kepler_lens.transit_search.preparation.prepare import Prepared, event_bank
from kepler_lens.transit_search.preparation.single_events import Events
from kepler_lens.transit_search.vetting.eclipse import (
    Dimming,
    light_beside,
    recurring_pulses,
    reflected,
    strongest_dimming,
)

Floats = NDArray[np.float64]

CANDIDATE = "CANDIDATE"
FALSE_POSITIVE = "FALSE POSITIVE"
"""The two dispositions."""

_DECISIVE = {"odd_even", "secondary", "dominance", "uniqueness", "size", "brightening"}
"""Tests whose failure alone makes a false positive."""
_NO_ORBIT = 3.0
"""Longest duration of a planet's transit, in units of a central transit on a circular orbit: that
of an orbit of eccentricity 0.8, with the planet at its farthest (Winn 2010, arXiv:1001.2010,
equation 16)."""
_AWAY, _FAR_AWAY = 1.75, 3.0
"""Least distance from the transit of another dimming, and of a brightening, in durations (chosen:
beside a deep transit the filter leaves bright shoulders)."""
_BRIGHT, _BRIGHT_PART, _BESIDE_PART = 10.0, 0.3, 0.15
"""The test fails for a brightening of more than the first number of standard deviations, if it is
also more than a part of the depth: the second number at another phase, the third beside the transit
(all chosen)."""
_HALF = 0.1
"""Periods between a planet's own second dimming and the middle between transits, at most (chosen):
the orbits of planets that are so close to their star are circular."""
SUN_IN_EARTH_RADII = 109.1
"""Radius of the Sun in Earth radii: 695,700 km over 6,378.1 km (IAU 2015 resolution B3)."""
_LARGEST_EARTHS = 30.0
"""Largest radius of a planet, Earth radii (chosen): the largest planets have 2.1 Jupiter radii, or
24 of the Earth's, and catalogues' radii of stars are off by a quarter."""


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a candidate.

    Attributes
    ----------
    name : str
        odd_even, secondary, dominance, shape, size, brightening, duration, quarters or uniqueness.
    value : float
        The measured value; the verdict names the quantity and its unit.
    passed : bool
    verdict : str
        A sentence.
    """

    name: str
    value: float
    passed: bool
    verdict: str


@dataclass(frozen=True, slots=True, eq=False)
class Vetting:
    """A candidate's measured properties and tests.

    Attributes
    ----------
    ephemeris : Ephemeris
    transits : Transits
        The observed transits.
    depth_ppm, depth_error_ppm : float
        Depth at the middle of the transit, fitted to the folded light curve, and its error.
    snr : float
        Depth over its error, by the matched filter.
    shape : Shape
        The fitted transit.
    secondary_phase : float
        Phase of the strongest dimming out of transit, in periods after the transit.
    tests : tuple of Test
    disposition : str
        CANDIDATE, or FALSE POSITIVE where a test speaks for an eclipsing binary or an artefact.
    """

    ephemeris: Ephemeris
    transits: Transits
    depth_ppm: float
    depth_error_ppm: float
    snr: float
    shape: Shape
    secondary_phase: float
    tests: tuple[Test, ...]
    disposition: str


def vet(prepared: Prepared, ephemeris: Ephemeris, others: NDArray[np.bool_]) -> Vetting:
    """Test a candidate.

    Parameters
    ----------
    prepared : Prepared
    ephemeris : Ephemeris
    others : bool[n]
        Points in transit of the star's other candidates, but not of this one.

    Returns
    -------
    Vetting
    """
    (events,) = event_bank(prepared, others, [ephemeris.duration_hours])
    transits = observed_transits(ephemeris, events)
    hours, flux, _, sigma = folded(prepared, ephemeris, others)
    shape = fit_transit(hours, flux, sigma, ephemeris.duration_hours)
    second = strongest_dimming(ephemeris, transits, events, _AWAY)
    tests = (
        _odd_even(transits),
        second_eclipse(second, shape, ephemeris.period_days, found=False),
        _dominance(transits),
        _shape(shape),
        _size(shape, prepared.observations.stellar.get("RADIUS")),
        _brightening(prepared, ephemeris, transits, events, others),
        _duration(ephemeris, prepared.observations.density),
        _quarters(prepared, transits),
        _uniqueness(ephemeris, transits, events),
    )
    snr = float(transits.n.sum() / np.sqrt(transits.d.sum())) if transits.d.sum() > 0 else 0.0
    return Vetting(
        ephemeris,
        transits,
        1e6 * shape.depth,
        1e6 * shape.depth / snr if snr > 0 else np.inf,
        snr,
        shape,
        second.phase,
        tests,
        disposition(tests),
    )


def disposition(tests: Sequence[Test]) -> str:
    """Return FALSE POSITIVE where a test speaks for a binary or an artefact, else CANDIDATE."""
    failed = {test.name for test in tests if not test.passed}
    long = any(test.name == "duration" and test.value > _NO_ORBIT for test in tests)
    return FALSE_POSITIVE if failed & _DECISIVE or long else CANDIDATE


def _depth(transits: Transits, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the mean depth of chosen transits (bool[k]) and its error, both relative flux."""
    total = transits.d[chosen].sum()
    return (transits.n[chosen].sum() / total, total**-0.5) if total > 0 else (0.0, np.inf)


def _odd_even(transits: Transits) -> Test:
    """Compare the depths of odd and even transits: two eclipses of a binary differ."""
    odd = transits.number % 2 == 1
    if odd.all() or not odd.any():
        return Test("odd_even", 0.0, True, "Only odd or only even transits were observed.")
    (a, error_a), (b, error_b) = _depth(transits, odd), _depth(transits, ~odd)
    # The part of other stars' light in the aperture differs between quarters by some per cent
    # (chosen: 3 % of the depth).
    error = np.sqrt(error_a**2 + error_b**2 + (0.03 * transits.depth) ** 2 + _spread(transits) ** 2)
    deviations = float(abs(a - b) / error)
    part = abs(a - b) / max(a, b, 1e-12)
    pairs = alternation(transits)[0] if alternating(transits) else 0.0
    # Chosen: 4 standard deviations, and a tenth of the larger depth.
    if abs(pairs) > deviations or (deviations > 4 and part > 0.1):
        deviations = max(deviations, abs(pairs))
        return Test(
            "odd_even",
            deviations,
            False,
            f"Odd transits are {a * 1e6:.0f} ppm deep, even ones {b * 1e6:.0f} ppm "
            f"({deviations:.1f} deviations): may be an eclipsing binary with twice the period.",
        )
    return Test(
        "odd_even", deviations, True, f"Odd and even depths agree ({deviations:.1f} deviations)."
    )


def _spread(transits: Transits) -> float:
    """Return the error of the difference of odd and even depths, from the scatter of each."""
    depth = transits.n / transits.d
    every = [depth[transits.number % 2 == parity] for parity in (0, 1)]
    return float(np.hypot(*(np.std(d) / max(len(d) - 1, 1) ** 0.5 for d in every)))


def second_eclipse(second: Dimming, transit: Shape, period: float, *, found: bool) -> Test:
    """Test whether a dimming at another phase is the second eclipse of a binary.

    A planet that passes behind its star hides the light that it reflects. If it reflects all light
    (albedo 1), this is (k / a)² of the star's, with its radius k and its distance a in radii of the
    star. Reflected light and the planet's own light in Kepler's band together stay below that for
    all fourteen planets of Esteves et al. (2015, ApJ 804, 150).

    Parameters
    ----------
    second : Dimming
    transit : Shape
        Transit of the candidate, which gives k and a.
    period : float
        Days.
    found : bool
        Whether the search found the dimming as a separate signal.
    """
    words = (
        f"of {second.depth * 1e6:.0f} ppm at phase {second.phase:.2f} "
        f"({second.deviations:.1f} deviations)"
    )
    share = second.depth / transit.depth if transit.depth > 0 else 0.0
    most = reflected(transit, period)
    half = abs(second.phase - 0.5) < _HALF
    # Chosen: 8 standard deviations, and a tenth of the transit's depth unless the search found it.
    if half and second.deviations > 8 and second.depth < most:
        return Test(
            "secondary",
            second.deviations,
            True,
            f"A second dimming {words} is no more than the light of a planet that goes behind its "
            f"star ({most * 1e6:.0f} ppm if it reflects all of it).",
        )
    if second.deviations > 8 and (share > 0.1 or found):
        return Test(
            "secondary",
            second.deviations,
            False,
            f"A second dimming {words}: may be an eclipsing binary.",
        )
    return Test(
        "secondary",
        second.deviations,
        True,
        f"No second dimming: the strongest, at phase {second.phase:.2f}, has "
        f"{second.deviations:.1f} deviations.",
    )


def _dominance(transits: Transits) -> Test:
    """Test whether one transit makes most of the signal."""
    count = len(transits.number)
    if count < 2:
        return Test("dominance", 1.0, False, "Only one transit was observed.")
    power = np.maximum(transits.n, 0) ** 2 / transits.d
    share = float(power.max() / power.sum()) if power.sum() > 0 else 1.0
    # Chosen, part of the signal: 3 / count, but 1/4 at least; 3/4 of two or three transits.
    limit = max(3 / count, 0.25) if count > 3 else 0.75
    where = transits.time[int(np.argmax(power))]
    if share > limit:
        verdict = f"The transit at BKJD {where:.2f} alone makes {share:.0%} of the signal."
        return Test("dominance", share, False, verdict)
    verdict = f"The strongest of {count} transits makes {share:.0%} of the signal."
    return Test("dominance", share, True, verdict)


def _shape(shape: Shape) -> Test:
    """Test whether a deep transit is V-shaped, as eclipses of grazing stars are."""
    k = RADIUS_RATIO
    # From second to third contact the whole planet is on the disc; a grazing one never is.
    bottom = max((1 - k) ** 2 - shape.impact**2, 0) / ((1 + k) ** 2 - shape.impact**2)
    flank = (1 - bottom**0.5) / 2
    # Chosen: each flank takes 45 % of the transit; the test fails above a depth of 1 %.
    form = "V-shaped" if flank > 0.45 else "U-shaped"
    words = f"The transit is {form}: each flank takes {flank:.0%} of it."
    if flank > 0.45 and shape.depth > 0.01:
        return Test("shape", flank, False, words + " At this depth that suggests a grazing star.")
    return Test("shape", flank, True, words)


def _size(shape: Shape, radius: float | None) -> Test:
    """Test whether the radius is that of a planet, by the star's radius (solar radii)."""
    ratio = max(shape.depth, 0.0) ** 0.5
    earths = ratio * (radius or 1.0) * SUN_IN_EARTH_RADII
    star = "this star" if radius else "a star of the Sun's radius"
    words = f"In front of {star} it has {earths:.1f} times the Earth's radius"
    if earths > _LARGEST_EARTHS:
        return Test("size", earths, False, words + ": too large for a planet.")
    return Test("size", earths, True, words + ".")


def _brightening(
    prepared: Prepared,
    ephemeris: Ephemeris,
    transits: Transits,
    events: Events,
    others: NDArray[np.bool_],
) -> Test:
    """Test whether the star brightens beside the dimming or at another phase, as no planet does."""
    height, deviations = light_beside(prepared, ephemeris, others)
    if deviations > _BRIGHT and height > _BESIDE_PART * transits.depth:
        return Test(
            "brightening",
            deviations,
            False,
            f"The star is brighter by {1e6 * height:.0f} ppm just beside the dimming "
            f"({deviations:.1f} deviations): looks like a heartbeat star, two stars that distort "
            "each other where they are nearest.",
        )
    pulses = recurring_pulses(prepared, ephemeris, _FAR_AWAY)
    if pulses and pulses.height > _BRIGHT_PART * transits.depth:
        return Test(
            "brightening",
            float(pulses.seen),
            False,
            f"The star brightens by {1e6 * pulses.height:.0f} ppm at phase {pulses.phase:.2f} in "
            f"{pulses.seen} of {pulses.observed} periods: looks like a compact star that focuses "
            "the light of the one behind it.",
        )
    bright = strongest_dimming(ephemeris, transits, replace(events, n=-events.n), _FAR_AWAY)
    words = f"{1e6 * bright.depth:.0f} ppm at phase {bright.phase:.2f}"
    if bright.deviations > _BRIGHT and bright.depth > _BRIGHT_PART * transits.depth:
        return Test(
            "brightening",
            bright.deviations,
            False,
            f"The star brightens by {words} ({bright.deviations:.1f} deviations): looks like a "
            "compact star that focuses the light of the one behind it.",
        )
    return Test(
        "brightening",
        bright.deviations,
        True,
        f"No brightening: the strongest, {words}, has {bright.deviations:.1f} deviations.",
    )


def _duration(ephemeris: Ephemeris, density: float | None) -> Test:
    """Test whether the duration is one of a planet's orbit, by the star's density."""
    central = central_duration(ephemeris.period_days, density)
    ratio = ephemeris.duration_hours / central
    star = "this star" if density is not None else "a star like the Sun"
    words = f"It lasts {ratio:.2f} times a central transit of {star} ({central:.1f} h)"
    if ratio > _NO_ORBIT:
        return Test("duration", ratio, False, words + ": too long for any planet's orbit.")
    if ratio > TOO_LONG:
        return Test("duration", ratio, False, words + ": too long for a circular orbit.")
    # Chosen: a quarter of a central transit.
    if ratio < 0.25:
        return Test("duration", ratio, False, words + ": too short, but for a grazing planet.")
    return Test("duration", ratio, True, words + ".")


def _quarters(prepared: Prepared, transits: Transits) -> Test:
    """Test whether depths agree between quarters, or between stretches of K2.

    They may differ by a tenth, since the part of other stars' light does.
    """
    stretch = observing(prepared.observations.mission).segments(transits.time)
    name = "quarter"
    if stretch is None:
        quarter = np.interp(transits.time, prepared.centres, prepared.centre_quarter)
        stretch, name = quarter.astype(np.int32), "stretch"
    depths = [_depth(transits, stretch == s) for s in np.unique(stretch)]
    if len(depths) < 2:
        return Test("quarters", 0.0, True, f"All transits lie in one {name}.")
    value, error = np.array(depths).T
    error = np.hypot(error, 0.1 * transits.depth)
    square = float((((value - transits.depth) / error) ** 2).sum())
    freedom = len(depths) - 1
    chance = float(chi2.sf(square, freedom))
    plural = {"stretch": "stretches", "quarter": "quarters"}[name]
    words = f"Depths of {len(depths)} {plural} scatter by χ² {square:.1f} for {freedom} degrees"
    # Chosen: noise alone exceeds this in one of 10,000 candidates.
    if chance < 1e-4:
        return Test("quarters", square / freedom, False, words + ": more than noise explains.")
    return Test("quarters", square / freedom, True, words + " of freedom, as noise has it.")


def _uniqueness(ephemeris: Ephemeris, transits: Transits, events: Events) -> Test:
    """Test whether the signal is clearly stronger than those at other phases."""
    rival = max(*rivals(ephemeris, events), 1e-9)
    ratio = transits.mes / rival
    words = f"It is {ratio:.1f} times as strong as the strongest signal at another phase."
    # Chosen: 1.3, a ratio of multiple-event statistics.
    return Test("uniqueness", float(ratio), bool(ratio > 1.3), words)
