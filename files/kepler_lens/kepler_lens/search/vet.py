"""What speaks for and against a candidate, after the pipeline's Data Validation.

Each test has a figure, whether it was passed, and a verdict in words (Twicken et al. 2018, PASP
130, 064502; Coughlin et al. 2016, ApJS 224, 12).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

from kepler_lens.search.doubts import rivals
from kepler_lens.search.ephemeris import Ephemeris, Transits, transits
from kepler_lens.search.matched import Events
from kepler_lens.search.periods import CLIP, central_duration
from kepler_lens.search.prepare import Prepared, detrended, event_bank

Floats = NDArray[np.float64]

CANDIDATE = "CANDIDATE"
FALSE_POSITIVE = "FALSE POSITIVE"


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


@dataclass(frozen=True, slots=True, eq=False)
class Vetting:
    """A candidate's measured properties and tests.

    Attributes
    ----------
    ephemeris : Ephemeris
    found : Transits
    depth_ppm, depth_error_ppm : float
    snr : float
        Depth over its error.
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
    secondary, phase = _secondary(ephemeris, found, events)
    tests = (
        _odd_even(found),
        secondary,
        _dominance(found),
        _shape(prepared, ephemeris, others),
        _duration(ephemeris, prepared.star.density),
        _quarters(prepared, found),
        _uniqueness(ephemeris, found, events),
    )
    failed = {test.name for test in tests if not test.passed}
    false = failed & {"odd_even", "secondary", "dominance", "uniqueness"}
    error = 1e6 / np.sqrt(found.d.sum()) if found.d.sum() > 0 else np.inf
    depth = 1e6 * found.depth
    return Vetting(
        ephemeris,
        found,
        depth,
        float(error),
        float(depth / error),
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


def trapezoid(hours: Floats, depth: float, duration: float, ingress: float) -> Floats:
    """Give the flux of a transit with straight flanks.

    Parameters
    ----------
    hours : float64[n]
        From the middle.
    depth : float
        Relative flux.
    duration : float
        First to fourth contact, hours.
    ingress : float
        Part of the duration that each flank takes, to 0.5 (V-shaped).
    """
    half = duration / 2
    flank = max(ingress * duration, 1e-9)
    return -depth * np.clip((half - np.abs(hours)) / flank, 0, 1)


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


def fit_trapezoid(
    hours: Floats, flux: Floats, sigma: Floats, duration: float
) -> tuple[float, float, float]:
    """Fit depth (relative flux), duration (hours) and ingress (part) of a folded transit."""
    near = np.abs(hours) < 1.5 * duration
    x, y, weight = hours[near], flux[near], sigma[near] ** -2.0
    best = (np.inf, 0.0, duration, 0.1)
    for ingress in (0.05, 0.12, 0.2, 0.3, 0.4, 0.5):

        def misfit(length: float, ingress: float = ingress) -> float:
            return _misfit(x, y, weight, length, ingress)[0]

        found = minimize_scalar(
            misfit,
            bounds=(0.5 * duration, 1.6 * duration),
            method="bounded",
            options={"xatol": 0.05},
        )
        value, depth = _misfit(x, y, weight, float(found.x), ingress)
        if value < best[0]:
            best = (value, depth, float(found.x), ingress)
    return best[1], best[2], best[3]


def _misfit(
    x: Floats, y: Floats, weight: Floats, duration: float, ingress: float
) -> tuple[float, float]:
    """χ² of the best depth for this shape, and that depth."""
    shape = -trapezoid(x, 1.0, duration, ingress)
    norm = float((weight * shape**2).sum())
    depth = -float((weight * shape * y).sum()) / norm if norm > 0 else 0.0
    return float((weight * (y + depth * shape) ** 2).sum()), depth


def _shape(prepared: Prepared, ephemeris: Ephemeris, others: NDArray[np.bool_]) -> Test:
    hours, flux, _, sigma = folded(prepared, ephemeris, others)
    depth, _, ingress = fit_trapezoid(hours, flux, sigma, ephemeris.duration_hours)
    form = "V-shaped" if ingress > 0.45 else "U-shaped"
    words = f"The transit is {form}: each flank takes {ingress:.0%} of it."
    if ingress > 0.45 and depth > 0.01:
        return Test("shape", ingress, False, words + " At this depth that suggests a grazing star.")
    return Test("shape", ingress, True, words)


def _duration(ephemeris: Ephemeris, density: float | None) -> Test:
    central = central_duration(ephemeris.period_days, density)
    figure = ephemeris.duration_hours / central
    star = "this star" if density is not None else "a star like the Sun"
    words = f"It lasts {figure:.2f} times a central transit of {star} ({central:.1f} h)"
    if figure > 2:
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
