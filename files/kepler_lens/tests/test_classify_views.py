"""Views of light curves whose transits are known, of the published records, and of odd input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kepler_lens.classify.views import LENGTHS, SCATTER, Flat, ViewError, views
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.transit_search.detection.ephemeris import Ephemeris

PERIOD, EPOCH, HOURS = 7.31, 132.4, 5.0
PLANET = Ephemeris(PERIOD, EPOCH, HOURS)
NOISE = 2e-4


def curve(depth=2e-3, odd=None, second=(0.0, 0.5), days=700, noise=NOISE, seed=0):
    """A flat star with box-shaped dips; the second one at a phase of the period."""
    rng = np.random.default_rng(seed)
    time = 131.5 + np.arange(0, days, LONG_CADENCE_DAYS)
    flux = 1 + noise * rng.normal(size=len(time))
    number = np.floor((time - EPOCH) / PERIOD + 0.5)
    late = time - EPOCH - number * PERIOD
    deep = np.where((number % 2 == 1), depth if odd is None else odd, depth)
    flux -= np.where(np.abs(late) < HOURS / 48, deep, 0)
    after = np.mod(time - EPOCH - second[1] * PERIOD + PERIOD / 2, PERIOD) - PERIOD / 2
    flux -= np.where(np.abs(after) < HOURS / 48, second[0], 0)
    return Flat(time, flux.astype(np.float32))


def middle(view):
    """Mean about the middle bin."""
    n = len(view) // 2
    return float(view[n - 5 : n + 6].mean())


def test_a_planet_dips_to_minus_one_in_the_middle_and_nowhere_else():
    made = views(curve(), PLANET)
    assert set(made) == set(LENGTHS) | {name + SCATTER for name in LENGTHS}
    for name, length in LENGTHS.items():
        assert made[name].shape == made[name + SCATTER].shape == (length,)
        assert made[name].dtype == np.float32
        assert np.median(made[name]) == pytest.approx(0, abs=0.02)
    for name in ("global_view", "local_view", "global_view_double_period"):
        assert made[name].min() == -1
        assert middle(made[name]) == pytest.approx(-1, abs=0.15)
    # A transit lasts an eighth of the local view.
    assert (made["local_view"] < -0.5).sum() == pytest.approx(201 / 8, abs=2)
    assert np.abs(made["local_view"][:80]).max() < 0.1
    for name in ("local_view_odd", "local_view_even"):
        assert middle(made[name]) == pytest.approx(-1, abs=0.05)
    assert np.abs(made["secondary_view"]).max() < 0.15


def test_an_eclipse_of_another_depth_shows_between_odd_and_even():
    made = views(curve(depth=2e-3, odd=1e-3), PLANET)
    # The median of both depths together lies anywhere between.
    depth = middle(made["local_view_even"])
    assert middle(made["local_view_odd"]) == pytest.approx(depth / 2, rel=0.05)
    double = made["global_view_double_period"]
    assert middle(double) == pytest.approx(-1, abs=0.15)
    assert np.r_[double[:5], double[-5:]].mean() == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize("phase", [0.21, 0.5, 0.83])
def test_a_second_eclipse_is_found_where_it_is(phase):
    made = views(curve(second=(6e-4, phase)), PLANET)
    assert middle(made["secondary_view"]) == pytest.approx(-0.3, abs=0.05)
    below = np.flatnonzero(made["secondary_view"] < -0.15)
    assert below.mean() == pytest.approx(100, abs=3)
    assert len(below) == pytest.approx(201 / 8, abs=3)


def test_where_nothing_stands_out_the_secondary_view_is_of_half_the_period():
    star = curve(second=(0.0, 0.5))
    flux = star.flux.copy()
    after = np.mod(star.time - EPOCH, PERIOD) / PERIOD
    mark = np.abs(after - 0.5) * PERIOD * 24 < 0.5
    # Brightenings are no dimmings: they only show which phase is in the middle.
    flux[mark] += 1e-3
    made = views(Flat(star.time, flux), PLANET)
    assert middle(made["secondary_view"]) > 0.15


def test_a_deep_transit_of_another_planet_is_no_second_eclipse():
    star = curve()
    other = np.abs(star.time - 400.0) < 0.15
    flux = star.flux.copy()
    flux[other] -= 2e-2
    made = views(Flat(star.time, flux), PLANET, other)
    alone = views(Flat(star.time[~other], flux[~other]), PLANET)
    np.testing.assert_array_equal(made["secondary_view"], alone["secondary_view"])
    assert np.abs(made["secondary_view"]).max() < 0.15


def test_half_and_double_the_period_tell_which_is_true():
    true = views(curve(), PLANET)["local_view_half_period"]
    twice = views(curve(), Ephemeris(2 * PERIOD, EPOCH, HOURS))
    assert middle(true) > -0.8
    assert middle(twice["local_view_half_period"]) == pytest.approx(-1, abs=0.05)
    # Then the odd transits are the light curve between.
    half = views(curve(), Ephemeris(PERIOD / 2, EPOCH, HOURS))
    assert middle(half["local_view_odd"]) == pytest.approx(0, abs=0.1)
    assert middle(half["local_view_even"]) < -1.2


def test_scatter_is_the_deviation_of_the_medians():
    tries = [views(curve(seed=k), PLANET) for k in range(12)]
    for name in ("local_view", "local_view_odd", "secondary_view"):
        quiet = slice(0, 60)
        # Each view has its own noise in its deepest bin, by which it was divided.
        deviation = np.std([v[name][quiet] / abs(middle(v["local_view"])) for v in tries], axis=0)
        told = np.median([v[name + SCATTER][quiet] for v in tries])
        assert np.median(deviation) == pytest.approx(told, rel=0.2)


def test_an_empty_bin_is_the_median_of_the_light_curve_and_as_uncertain_as_a_point():
    star = curve()
    phase = np.mod(star.time - EPOCH + PERIOD / 2, PERIOD) / PERIOD
    seen = (phase < 0.1) | (phase > 0.3)
    made = views(Flat(star.time[seen], star.flux[seen]), PLANET)
    gap = slice(250, 550)
    assert np.abs(made["global_view"][gap]).max() < 0.02
    depth = NOISE / 2e-3
    assert made["global_view" + SCATTER][gap] == pytest.approx(depth, rel=0.2)


def test_points_far_from_transits_may_be_missing_but_not_those_in_transit():
    star = curve()
    late = np.abs(np.mod(star.time - EPOCH + PERIOD / 2, PERIOD) - PERIOD / 2)
    out = late > HOURS / 24 * 5
    with pytest.raises(ViewError, match=r"local_view is the same throughout.*not observed"):
        views(Flat(star.time[out], star.flux[out]), PLANET)
    made = views(Flat(star.time[~out], star.flux[~out]), PLANET)
    assert made["local_view"].min() == -1


def test_a_period_longer_than_the_light_curve_shows_one_transit():
    made = views(curve(days=30), Ephemeris(400.0, EPOCH, HOURS))
    assert middle(made["local_view"]) == pytest.approx(-1, abs=0.4)
    assert not made["local_view_odd"].any()
    assert all(np.isfinite(view).all() for view in made.values())


@pytest.mark.parametrize(
    ("ephemeris", "words"),
    [
        (Ephemeris(0.0, 131.0, 3.0), "must be positive"),
        (Ephemeris(-2.0, 131.0, 3.0), "must be positive"),
        (Ephemeris(np.nan, 131.0, 3.0), "must be positive"),
        (Ephemeris(5.0, np.inf, 3.0), "must be positive"),
        (Ephemeris(5.0, 131.0, 0.0), "must be positive"),
        (Ephemeris(0.2, 131.0, 4.9), "does not fit into a period of 0.2 d"),
    ],
)
def test_what_is_no_ephemeris_is_refused(ephemeris, words):
    with pytest.raises(ViewError, match=words):
        views(curve(days=30), ephemeris)


def test_an_empty_and_a_constant_light_curve_are_refused():
    with pytest.raises(ViewError, match="Nothing is left"):
        views(Flat(np.empty(0), np.empty(0, np.float32)), PLANET)
    with pytest.raises(ViewError, match="same throughout"):
        views(Flat(np.arange(9.0), np.ones(9, np.float32)), PLANET)


@settings(max_examples=150, deadline=None)
@given(
    time=arrays.arrays(np.float64, st.integers(1, 80), elements=st.floats(100, 1700)),
    data=st.data(),
    period=st.floats(0.05, 3000),
    part=st.floats(1e-4, 0.9999),
    epoch=st.floats(-3000, 3000),
)
def test_whatever_is_seen_views_are_numbers_or_an_error(time, data, period, part, epoch):
    values = st.floats(0.0, 4.0, width=32)
    flux = data.draw(arrays.arrays(np.float32, len(time), elements=values))
    hidden = data.draw(arrays.arrays(bool, len(time)))
    star = Flat(np.sort(time), flux)
    try:
        made = views(star, Ephemeris(period, epoch, part * period * 24), hidden)
    except ViewError:
        return
    for name, length in LENGTHS.items():
        assert made[name].shape == made[name + SCATTER].shape == (length,)
    assert all(np.isfinite(view).all() for view in made.values())
    assert made["local_view"].min() == made["global_view"].min() == -1
    assert all((made[name + SCATTER] >= 0).all() for name in LENGTHS)
