"""What speaks for and against a candidate, after the pipeline's Data Validation.

Each test has a figure, whether it was passed, and a verdict in words (Twicken et al. 2018, PASP
130, 064502; Coughlin et al. 2016, ApJS 224, 12).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import chi2

from kepler_lens.search.doubts import rivals
from kepler_lens.search.ephemeris import Ephemeris, Transits, transits
from kepler_lens.search.matched import Events
from kepler_lens.search.observations import CADENCE_DAYS
from kepler_lens.search.periods import CLIP, central_duration
from kepler_lens.search.prepare import Prepared, detrended, event_bank
from kepler_lens.transit import Planet

Floats = NDArray[np.float64]

CANDIDATE = "CANDIDATE"
FALSE_POSITIVE = "FALSE POSITIVE"

_RADIUS_RATIO = 0.03
_IMPACTS = (0.0, 0.4, 0.6, 0.75, 0.85, 0.91, 0.95, 0.97)
"""From a central transit to one that grazes the star."""
_SPACING = 0.25
"""Of the durations that the search tries, and of its centres: so much is known before the fit."""
_TIMES = np.geomspace(0.4, 2.5, 11)
_DELAYS = np.linspace(-0.6, 0.6, 13)
_SIMPLEX = np.array([(0, 0), (0.1, 0), (0, 0.05)])
_BINS = 40
"""A duration."""
_PASSES = 3
_TOO_LONG = 2.0
"""For a circular orbit, in units of a central transit's duration."""


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a candidate.

    Attributes
    ----------
    name : str
        odd_even, secondary, dominance, shape, duration, quarters or uniqueness.
    figure : float
        What was measured; its unit is said in the verdict.
    passed : bool
    verdict : str
        A sentence.
    """

    name: str
    figure: float
    passed: bool
    verdict: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What a folded transit looks like.

    Attributes
    ----------
    depth : float
        At the middle, relative flux.
    duration_hours : float
        First to fourth contact.
    impact : float
        In radii of the star.
    late_hours : float
        Of its middle, after the ephemeris.
    """

    depth: float
    duration_hours: float
    impact: float
    late_hours: float

    def flux(self, hours: Floats) -> Floats:
        """Give each exposure's mean (float64[n], about 0), hours after the ephemeris.

        Of a small planet, with limb darkening; see `kepler_lens.transit`.
        """
        planet = Planet(0, "b", 1e6, 0.0, self.duration_hours, _RADIUS_RATIO, self.impact)
        dimming = planet.mean_dimming((hours - self.late_hours) / 24, CADENCE_DAYS)
        return np.asarray(-self.depth * dimming / planet.dimming(np.zeros(1)))


@dataclass(frozen=True, slots=True, eq=False)
class Vetting:
    """A candidate's measured properties and tests.

    Attributes
    ----------
    ephemeris : Ephemeris
    found : Transits
    depth_ppm, depth_error_ppm : float
        At the middle of the transit, fitted to the folded light curve.
    snr : float
        Depth over its error, by the matched filter.
    shape : Shape
    secondary_phase : float
        Where the strongest dimming out of transit is, in periods after the transit.
    tests : tuple of Test
    disposition : str
        CANDIDATE, or FALSE POSITIVE where a test speaks for an eclipsing binary or an artefact.
    """

    ephemeris: Ephemeris
    found: Transits
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
    """
    (events,) = event_bank(prepared, others, [ephemeris.duration_hours])
    found = transits(ephemeris, events)
    hours, flux, _, sigma = folded(prepared, ephemeris, others)
    shape = fit_transit(hours, flux, sigma, ephemeris.duration_hours)
    secondary, phase = _secondary(ephemeris, found, events)
    tests = (
        _odd_even(found),
        secondary,
        _dominance(found),
        _shape(shape),
        _duration(ephemeris, prepared.star.density),
        _quarters(prepared, found),
        _uniqueness(ephemeris, found, events),
    )
    failed = {test.name for test in tests if not test.passed}
    false = failed & {"odd_even", "secondary", "dominance", "uniqueness"}
    snr = float(found.n.sum() / np.sqrt(found.d.sum())) if found.d.sum() > 0 else 0.0
    return Vetting(
        ephemeris,
        found,
        1e6 * shape.depth,
        1e6 * shape.depth / snr if snr > 0 else np.inf,
        snr,
        shape,
        phase,
        tests,
        FALSE_POSITIVE if false else CANDIDATE,
    )


def _depth(found: Transits, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean depth of some transits and its deviation, relative flux."""
    total = found.d[chosen].sum()
    return (found.n[chosen].sum() / total, total**-0.5) if total > 0 else (0.0, np.inf)


def _odd_even(found: Transits) -> Test:
    odd = found.number % 2 == 1
    if odd.all() or not odd.any():
        return Test("odd_even", 0.0, True, "Only odd or only even transits were observed.")
    (a, error_a), (b, error_b) = _depth(found, odd), _depth(found, ~odd)
    # Quarters differ by some per cent in how much other light falls into the aperture.
    error = np.sqrt(error_a**2 + error_b**2 + (0.03 * found.depth) ** 2)
    figure = abs(a - b) / error
    part = abs(a - b) / max(a, b, 1e-12)
    if figure > 4 and part > 0.1:
        words = "may be an eclipsing binary with twice the period"
        return Test(
            "odd_even",
            float(figure),
            False,
            f"Odd transits are {a * 1e6:.0f} ppm deep, even ones {b * 1e6:.0f} ppm "
            f"({figure:.1f} deviations): {words}.",
        )
    return Test(
        "odd_even", float(figure), True, f"Odd and even depths agree ({figure:.1f} deviations)."
    )


def _secondary(ephemeris: Ephemeris, found: Transits, events: Events) -> tuple[Test, float]:
    duration = ephemeris.duration_hours / 24
    steps = max(4, int(ephemeris.period_days / duration * 2))
    phases = np.arange(1, steps) / steps
    phases = phases[np.minimum(phases, 1 - phases) * ephemeris.period_days > 1.75 * duration]
    best, where, depth = 0.0, 0.5, 0.0
    usual = np.median(events.d[events.d > 0])
    first = np.array(found.number)
    for phase in phases:
        time = ephemeris.epoch_bkjd + (first + phase) * ephemeris.period_days
        d = np.interp(time, events.time, events.d, left=0, right=0)
        seen = d > 0.35 * usual
        if seen.sum() < 2:
            continue
        n = np.clip(
            np.interp(time[seen], events.time, events.n),
            -CLIP * d[seen] ** 0.5,
            CLIP * d[seen] ** 0.5,
        )
        value = n.sum() / np.sqrt(d[seen].sum())
        if value > best:
            best, where, depth = float(value), float(phase), float(n.sum() / d[seen].sum())
    # A hot Jupiter's own light gives some tens of ppm; a star's much more.
    share = depth / found.depth if found.depth > 0 else 0.0
    if best > 8 and share > 0.1:
        verdict = (
            f"A second dimming of {depth * 1e6:.0f} ppm at phase {where:.2f} "
            f"({best:.1f} deviations): may be an eclipsing binary."
        )
        return Test("secondary", best, False, verdict), where
    verdict = f"No second dimming: the strongest, at phase {where:.2f}, has {best:.1f} deviations."
    return Test("secondary", best, True, verdict), where


def _dominance(found: Transits) -> Test:
    count = len(found.number)
    if count < 2:
        return Test("dominance", 1.0, False, "Only one transit was observed.")
    power = np.maximum(found.n, 0) ** 2 / found.d
    share = float(power.max() / power.sum()) if power.sum() > 0 else 1.0
    limit = max(3 / count, 0.25) if count > 3 else 0.75
    where = found.time[int(np.argmax(power))]
    if share > limit:
        verdict = f"The transit at BKJD {where:.2f} alone makes {share:.0%} of the signal."
        return Test("dominance", share, False, verdict)
    verdict = f"The strongest of {count} transits makes {share:.0%} of the signal."
    return Test("dominance", share, True, verdict)


def folded(
    prepared: Prepared, ephemeris: Ephemeris, others: NDArray[np.bool_]
) -> tuple[Floats, Floats, NDArray[np.int64], Floats]:
    """Fold the detrended light curve.

    Returns
    -------
    hours : float64[m]
        From the nearest middle.
    flux : float64[m]
        Relative, about 0, the other candidates' transits left out.
    number : int64[m]
        Of the nearest transit.
    sigma : float64[m]
        White noise.
    """
    hours = ephemeris.hours_from_middle(prepared.time)
    own = np.abs(hours) < 0.75 * ephemeris.duration_hours + 0.5
    flux = detrended(prepared, own | others)
    keep = ~others
    number = ephemeris.numbers(prepared.time)
    return hours[keep], flux[keep], number[keep], prepared.sigma[keep] * prepared.noise.white


def fit_transit(hours: Floats, flux: Floats, sigma: Floats, duration: float) -> Shape:
    """Fit a folded transit.

    The search knows duration and middle by the spacing of its own; where noise says no more, they
    stay.

    Parameters
    ----------
    hours, flux, sigma : float64[n]
        See `folded`.
    duration : float
        As the search has it, hours.
    """
    near = np.abs(hours) < 1.5 * duration
    number = np.floor(hours[near] / duration * _BINS).astype(np.int64) + 2 * _BINS
    each = sigma[near] ** -2.0
    total = np.bincount(number, each, 4 * _BINS).astype(np.float64)
    mean = np.bincount(number, each * flux[near], 4 * _BINS) / np.maximum(total, 1e-30)
    seen = np.flatnonzero(total)
    x, y, weight = (seen - 2 * _BINS + 0.5) / _BINS * duration, mean[seen], total[seen]

    def fitted(times: float, late: float, impact: float) -> tuple[float, Shape]:
        """χ² and what was known before; duration and delay in units of the search's duration."""
        unit = Shape(1.0, times * duration, impact, late * duration)
        dimming = -unit.flux(x)
        norm = float((weight * dimming**2).sum())
        depth = -float((weight * dimming * y).sum()) / norm if norm > 0 else 0.0
        known = float(np.log(times) ** 2 + late**2) / _SPACING**2
        square = float((weight * (y + depth * dimming) ** 2).sum())
        return square + known, replace(unit, depth=depth)

    grid = [(times, late) for times in _TIMES for late in _DELAYS]
    times, late = min(grid, key=lambda at: fitted(at[0], at[1], _IMPACTS[1])[0])
    start = np.array([np.log(times), late])
    every = []
    for impact in _IMPACTS:
        found = minimize(
            lambda at, impact=impact: fitted(float(np.exp(at[0])), float(at[1]), impact)[0],
            start,
            method="Nelder-Mead",
            options={"xatol": 0.002, "fatol": 0.01, "initial_simplex": start + _SIMPLEX},
        )
        every.append(fitted(float(np.exp(found.x[0])), float(found.x[1]), impact))
    return min(every, key=lambda one: one[0])[1]


def measured(prepared: Prepared, ephemeris: Ephemeris, others: NDArray[np.bool_]) -> Ephemeris:
    """Measure duration and epoch on the folded light curve.

    Parameters
    ----------
    prepared : Prepared
    ephemeris : Ephemeris
        As the search has it; it stays where the fit leads far away.
    others : bool[n]
        Points in transit of the star's other candidates.
    """
    better = ephemeris
    for _ in range(_PASSES):
        before = better.duration_hours
        hours, flux, _, sigma = folded(prepared, better, others)
        shape = fit_transit(hours, flux, sigma, before)
        better = replace(
            better,
            epoch_bkjd=better.epoch_bkjd + shape.late_hours / 24,
            duration_hours=shape.duration_hours,
        )
        if abs(shape.duration_hours / before - 1) + abs(shape.late_hours) / before < 0.1:
            break
    # The search's transit is a part of the whole one; what lasts too long is no transit.
    apart = 24 * abs(better.epoch_bkjd - ephemeris.epoch_bkjd)
    part = 2 * apart < better.duration_hours + ephemeris.duration_hours
    longest = _TOO_LONG * central_duration(ephemeris.period_days, prepared.star.density)
    return better if part and better.duration_hours < longest else ephemeris


def _shape(shape: Shape) -> Test:
    k = _RADIUS_RATIO
    # Between second and third contact the whole planet is on the disc; grazing, it never is.
    bottom = max((1 - k) ** 2 - shape.impact**2, 0) / ((1 + k) ** 2 - shape.impact**2)
    flank = (1 - bottom**0.5) / 2
    form = "V-shaped" if flank > 0.45 else "U-shaped"
    words = f"The transit is {form}: each flank takes {flank:.0%} of it."
    if flank > 0.45 and shape.depth > 0.01:
        return Test("shape", flank, False, words + " At this depth that suggests a grazing star.")
    return Test("shape", flank, True, words)


def _duration(ephemeris: Ephemeris, density: float | None) -> Test:
    central = central_duration(ephemeris.period_days, density)
    figure = ephemeris.duration_hours / central
    star = "this star" if density is not None else "a star like the Sun"
    words = f"It lasts {figure:.2f} times a central transit of {star} ({central:.1f} h)"
    if figure > _TOO_LONG:
        return Test("duration", figure, False, words + ": too long for a circular orbit.")
    if figure < 0.25:
        return Test("duration", figure, False, words + ": too short, but for a grazing planet.")
    return Test("duration", figure, True, words + ".")


def _quarters(prepared: Prepared, found: Transits) -> Test:
    quarter = np.interp(found.time, prepared.centres, prepared.centre_quarter).astype(np.int32)
    depths = [_depth(found, quarter == q) for q in np.unique(quarter)]
    if len(depths) < 2:
        return Test("quarters", 0.0, True, "All transits lie in one quarter.")
    value, error = np.array(depths).T
    error = np.hypot(error, 0.1 * found.depth)
    square = float((((value - found.depth) / error) ** 2).sum())
    freedom = len(depths) - 1
    chance = float(chi2.sf(square, freedom))
    words = f"Depths of {len(depths)} quarters scatter by χ² {square:.1f} for {freedom} degrees"
    if chance < 1e-4:
        return Test("quarters", square / freedom, False, words + ": more than noise explains.")
    return Test("quarters", square / freedom, True, words + " of freedom, as noise has it.")


def _uniqueness(ephemeris: Ephemeris, found: Transits, events: Events) -> Test:
    rival = max(*rivals(ephemeris, events), 1e-9)
    figure = found.mes / rival
    words = f"It is {figure:.1f} times as strong as the strongest signal at another phase."
    return Test("uniqueness", float(figure), bool(figure > 1.3), words)
