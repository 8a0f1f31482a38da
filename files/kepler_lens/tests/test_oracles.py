"""The noise beside celerite2 and the transit beside batman: other people's code, same physics."""

import itertools

import batman
import celerite2
import numpy as np
import pytest
from celerite2.terms import RealTerm, SHOTerm

from kepler_lens import transit_model as transit
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.preparation.noise import (
    Noise,
    factor,
    fit,
    misfit,
    smooth,
    terms,
    whiten,
)

EXACT = 1e-9
"""Relative: the recursions are the same but for the order of their sums."""
CARRIED_ON = 1e-6
"""Relative: `misfit` carries sines on from point to point, and takes cadences for even."""

PROCESSES = {
    "quiet": Noise(1.0, 3e-4, 1.2, 1e-4, 0.1, 1e-3),
    "spotted": Noise(1.3, 1e-2, 29.0, 1e-5, 0.03, 3e-2),
    "granulation": Noise(0.7, 2e-5, 0.2, 5e-4, 0.35, 1e-3),
    "white": Noise(1.0, 1e-6, 1.0, 1e-6, 0.1, 1e-5),
    "pulsating": Noise(2.0, 5e-3, 0.25, 3e-3, 0.05, 1e-2),
}
GAPS = {
    "none": [],
    "downlinks": [(300, 350), (700, 760)],
    "quarters": [(300, 350), (500, 1500)],
    "single points": [(n, n + 1) for n in range(7, 900, 13)],
}
"""First cadence of each gap, and the first after it; the long one parts two stretches."""


@pytest.fixture(params=GAPS)
def points(request):
    """Time (days), flux, deviation and beginnings of stretches."""
    keep = np.ones(2000, bool)
    for first, last in GAPS[request.param]:
        keep[first:last] = False
    cadence = np.flatnonzero(keep)
    # The time of the barycentre drifts against the cadences by some minutes a year.
    time = 131.5 + cadence * LONG_CADENCE_DAYS + 0.002 * np.sin(cadence * LONG_CADENCE_DAYS / 59)
    rng = np.random.default_rng(11)
    sigma = rng.uniform(0.8e-4, 1.5e-4, len(time))
    flux = rng.normal(0, sigma) + 1e-3 * np.sin(time / 2)
    start = np.r_[True, np.diff(cadence) > 200]
    return time, flux, sigma, start


def oracle(noise, time, sigma):
    """Give celerite2's process of one stretch."""
    kernel = (
        SHOTerm(sigma=noise.slow, w0=1 / noise.slow_days, Q=0.5**0.5)
        + SHOTerm(sigma=noise.fast, w0=1 / noise.fast_days, Q=0.5**0.5)
        + RealTerm(a=noise.level**2, c=0.0)
    )
    process = celerite2.GaussianProcess(kernel, mean=0.0)
    process.compute(time, diag=(sigma * noise.white) ** 2)
    return process


def stretches(start):
    return np.split(np.arange(len(start)), np.flatnonzero(start[1:]) + 1)


@pytest.mark.parametrize("name", PROCESSES)
def test_likelihood_and_trend_are_those_of_celerite2(points, name):
    time, flux, sigma, start = points
    noise = PROCESSES[name]
    likelihood, trend, inverse = 0.0, np.empty_like(flux), np.empty_like(flux)
    for piece in stretches(start):
        process = oracle(noise, time[piece], sigma[piece])
        likelihood += process.log_likelihood(flux[piece])
        trend[piece] = process.predict(flux[piece])
        inverse[piece] = process.apply_inverse(flux[piece])

    diagonal = (sigma * noise.white) ** 2
    u, w, phi, d = factor(time, diagonal, start, *terms(noise))
    z = whiten(flux, u, w, phi)
    own = smooth(z, u, w, phi, d)
    count = len(time)
    assert -0.5 * np.sum(z**2 / d + np.log(2 * np.pi * d)) == pytest.approx(likelihood, rel=EXACT)
    np.testing.assert_allclose(own, inverse, rtol=0, atol=1e-8 * np.abs(inverse).max())
    # In units of the flux: a millionth of a part per million.
    np.testing.assert_allclose(flux - diagonal * own, trend, rtol=0, atol=1e-12)
    quick = misfit(time, flux, diagonal, start, *terms(noise))
    wanted = -2 * likelihood / count - np.log(2 * np.pi)
    assert quick == pytest.approx(wanted, rel=CARRIED_ON)


# Not "pulsating": there the scatter from point to point is four times the white noise, which the
# bounds of the fit keep it from.
@pytest.mark.parametrize("name", ["quiet", "spotted", "granulation", "white"])
def test_the_fit_is_as_likely_as_what_celerite2_drew(name):
    """By the other's own measure: the best five parameters are some units likelier than the true.

    What the fit is allowed to be worse by is its own tolerance, 1e-5 a point and -2 log likelihood,
    and the bounds that keep a process away from nothing at all.
    """
    noise = PROCESSES[name]
    rng = np.random.default_rng(5)
    time = np.arange(2500) * LONG_CADENCE_DAYS
    start = np.r_[True, np.zeros(2499, bool)]
    process = oracle(noise, time, np.full(2500, 1e-4))
    flux = process.dot_tril(rng.normal(size=2500))
    flux -= flux.mean()
    # As the search has it: the scatter from point to point.
    sigma = np.full(2500, 1.4826 * np.median(np.abs(np.diff(flux))) / np.sqrt(2))
    found = fit(time, flux, sigma, start)
    fitted = oracle(found, time, sigma)
    assert fitted.log_likelihood(flux) > process.log_likelihood(flux) - 5


SUN = (0.40, 0.26)
LIMBS = (SUN, (0.0, 0.0), (0.65, 0.10), (0.25, 0.35))
EXPOSURES = {"at an instant": 0.0, "58.8 s": 58.8 / 86400, "29.4 min": 29.4 / 1440}


def dimming_of_batman(planet, axis, time, exposure):
    """Give the missing part of the light (float64[n]) of the same planet on a circular orbit.

    `axis` is the distance from the star's centre, in its radii.
    """
    known = batman.TransitParams()
    known.t0, known.per, known.rp = planet.epoch_bkjd, planet.period_days, planet.radius_ratio
    known.a, known.inc = axis, np.degrees(np.arccos(planet.impact / axis))
    known.ecc, known.w = 0.0, 90.0
    known.limb_dark, known.u = "quadratic", list(transit.LIMB_DARKENING)
    mean = {"supersample_factor": 31, "exp_time": exposure} if exposure else {}
    return 1 - batman.TransitModel(known, time, **mean).light_curve(known)


def both(period, ratio, impact, exposure):
    """Give the package's and batman's dimming through a transit of a star like the Sun."""
    axis = 4.2 * period ** (2 / 3)
    chord = np.sqrt((1 + ratio) ** 2 - impact**2)
    tilt = np.sqrt(1 - (impact / axis) ** 2)
    duration = period / np.pi * np.arcsin(chord / axis / tilt)
    planet = TransitModel(period, 140.0, 24 * duration, ratio, impact)
    time = 140 + duration * np.linspace(-0.8, 0.8, 401)
    own = planet.mean_dimming(time, exposure) if exposure else planet.dimming(time)
    return own, dimming_of_batman(planet, axis, time, exposure)


@pytest.mark.parametrize("exposure", EXPOSURES)
@pytest.mark.parametrize("limb", LIMBS, ids=str)
@pytest.mark.parametrize(
    ("ratio", "anywhere"), [(0.01, 0.065), (0.03, 0.075), (0.06, 0.10), (0.09, 0.12)]
)
def test_a_transit_is_that_of_batman(monkeypatch, ratio, anywhere, limb, exposure):
    """Of the depth: 0.4 % at the middle, 0.7 % of the whole light lost, more on the flanks."""
    monkeypatch.setattr(transit, "LIMB_DARKENING", limb)
    for period, impact in itertools.product((1.5, 10.0, 100.0, 1000.0), (0.0, 0.3, 0.6)):
        own, other = both(period, ratio, impact, EXPOSURES[exposure])
        depth = other.max()
        assert own.max() == pytest.approx(depth, rel=4e-3)
        assert own.sum() == pytest.approx(other.sum(), rel=7e-3)
        assert np.abs(own - other).max() < anywhere * depth


@pytest.mark.parametrize("limb", LIMBS, ids=str)
def test_a_grazing_transit_is_near_that_of_batman(monkeypatch, limb):
    monkeypatch.setattr(transit, "LIMB_DARKENING", limb)
    for period, impact, ratio in itertools.product((1.5, 100.0), (0.8, 0.9), (0.01, 0.03, 0.06)):
        own, other = both(period, ratio, impact, EXPOSURES["29.4 min"])
        assert own.max() == pytest.approx(other.max(), rel=0.02)
        assert own.sum() == pytest.approx(other.sum(), rel=0.03)
        assert np.abs(own - other).max() < 0.11 * other.max()


def test_the_star_is_like_the_sun():
    assert transit.LIMB_DARKENING == SUN
