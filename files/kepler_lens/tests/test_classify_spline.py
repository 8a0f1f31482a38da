"""The compiled spline against AstroNet's algorithm written out with SciPy, and its odd ends."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.interpolate import make_lsq_spline

from kepler_lens.classify.spline import SPACINGS_DAYS, flatten, spline, stretches
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS

CUT = 3.0


def inliers(residual):
    """IDL's `resistant_mean`, as AstroNet's `robust_mean` has it."""
    off = np.abs(residual - np.median(residual))
    sigma = 1.4826 * np.median(off)
    if sigma < 1e-24:
        sigma = 1.253 * np.mean(off)
    sigma = np.std(residual[off <= CUT * sigma])
    sigma /= -0.15405 + 0.90723 * CUT - 0.23584 * CUT**2 + 0.020142 * CUT**3
    return off <= CUT * sigma


def fitted(time, flux, spacing):
    """Up to five fits; the mask is that of the points in the last one."""
    mask, model = np.ones(len(time), bool), flux
    for k in range(5):
        if k:
            new = inliers(flux - model)
            if (new == mask).all():
                break
            mask = new
        t = time[mask]
        pieces = max(int((t[-1] - t[0]) / spacing), 1)
        inner = np.linspace(t[0], t[-1], pieces + 1)
        knots = np.r_[[t[0]] * 3, inner, [t[-1]] * 3]
        model = make_lsq_spline(t, flux[mask], knots)(time)
    return model, mask


def published(time, flux):
    """`choose_kepler_spline`, for stretches that all have points enough."""
    starts = stretches(time)
    parts = [slice(a, b) for a, b in pairwise(starts)]
    steps = np.concatenate([np.diff(flux[p]) for p in parts]) / np.sqrt(2)
    sigma = 1.48 * np.median(np.abs(steps))
    tried = []
    for spacing in np.logspace(np.log10(0.5), np.log10(20), 20):
        model, squares, points, parameters = [], 0.0, 0, 0
        for p in parts:
            m, mask = fitted(time[p], flux[p], spacing)
            model.append(m)
            squares += ((flux[p] - m)[mask] ** 2).sum()
            points += mask.sum()
            parameters += int((time[p][-1] - time[p][0]) / spacing) + 3
        bic = points * np.log(2 * np.pi * sigma**2) + squares / sigma**2
        tried.append((bic + parameters * np.log(points), spacing, np.concatenate(model)))
    return min(tried, key=lambda one: one[0])[1:]


def star(seed, points=2_000, rate=0.7, freedom=99):
    """A wavy star with noise, outliers, deep transits and a gap a month; Student's noise."""
    rng = np.random.default_rng(seed)
    time = 300.0 + np.arange(points) * LONG_CADENCE_DAYS + 3e-5 * rng.normal(size=points)
    flux = 1 + 2e-3 * np.sin(rate * time) + 3e-4 * rng.standard_t(freedom, size=points)
    flux[np.mod(time, 7.3) < 0.2] -= 4e-3
    flux[rng.integers(0, points, 30)] += 1e-2
    seen = np.mod(time, 27.0) > 1.5
    return time[seen], 2e4 * flux[seen]


@pytest.mark.parametrize(
    ("seed", "rate", "freedom"), [(1, 0.3, 99), (2, 0.9, 2), (3, 6.0, 3), (4, 3.0, 1.2)]
)
def test_it_is_astronets_spline(seed, rate, freedom):
    time, flux = star(seed, rate=rate, freedom=freedom)
    spacing, model = published(time, flux)
    own, chosen = spline(time, flux)
    assert chosen == pytest.approx(spacing, rel=1e-12)
    np.testing.assert_allclose(own, model, rtol=1e-9)


def test_restless_stars_get_narrow_knots_and_quiet_ones_wide_knots():
    chosen = [spline(*star(5, rate=rate))[1] for rate in (6.0, 0.9, 0.0)]
    assert chosen == sorted(chosen)
    assert chosen[0] < 1 < 10 < chosen[-1]


def test_a_quarter_is_a_stretch_of_its_own_however_short_the_gap_before_it():
    time = np.r_[440.0:442.6:LONG_CADENCE_DAYS, 443.32:446:LONG_CADENCE_DAYS]
    assert np.diff(time).max() < 0.75
    assert len(stretches(time)) == 3
    assert len(stretches(time + 30)) == 2


def test_a_stretch_of_three_points_is_left_out():
    time, flux = star(6)
    time, flux = np.r_[time, time[-1] + 5 + np.arange(3) / 48], np.r_[flux, flux[:3]]
    shown, flat, _ = flatten(time, flux)
    assert len(shown) == len(time) - 3
    assert flat.dtype == np.float32
    assert np.median(flat) == pytest.approx(1, abs=1e-4)


def test_two_stretches_of_different_level_both_come_out_at_one():
    time, flux = star(7)
    flux[time > 325] *= 3
    _, flat, _ = flatten(time, flux)
    shown = np.searchsorted(time, 325)
    assert np.median(flat[:shown]) == pytest.approx(1, abs=1e-4)
    assert np.median(flat[shown:]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("time", "flux"),
    [
        ([], []),
        ([1.0], [5.0]),
        ([1.0, 1.1, 1.2], [5.0, 5.0, 5.0]),
        ([2.0] * 9, [5.0] * 9),
        ([1.0, 1.1, 1.2, 1.3, 1.4], [-1.0] * 5),
        (np.arange(9) * 5.0, np.ones(9)),
    ],
    ids=["none", "one", "three", "one instant", "negative", "all alone"],
)
def test_of_too_little_nothing_is_left(time, flux):
    shown, flat, _ = flatten(np.array(time, float), np.array(flux, float))
    assert len(shown) == len(flat) == 0


def test_a_constant_star_is_one():
    time = 300 + np.arange(500) * LONG_CADENCE_DAYS
    shown, flat, spacing = flatten(time, np.full(500, 7.0))
    assert len(shown) == 500
    assert (flat == 1).all()
    assert spacing == SPACINGS_DAYS[0]
