"""Each doubt of the search and each test of the vetting: one that passes, one that fails."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from kepler_lens.transit_search.detection import brightenings
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits, observed_transits
from kepler_lens.transit_search.detection.refinement import Signal, refine, statistic
from kepler_lens.transit_search.detection.thresholds import threshold_of
from kepler_lens.transit_search.detection.transit_fit import Shape
from kepler_lens.transit_search.detection.vetoes import doubtful
from kepler_lens.transit_search.preparation.single_events import Events
from kepler_lens.transit_search.vetting import vet

PERIOD, EPOCH, HOURS = 10.0, 135.0, 5.0
AT = Ephemeris(PERIOD, EPOCH, HOURS)
D = 1e8
"""Information of a transit: a depth of 1e-4 is one deviation."""


def events(depths=(), *, noise=0.3, seed=1, elsewhere=()):
    """Single events of 290 days: transits of some depths every ten days, and others by time."""
    rng = np.random.default_rng(seed)
    time = np.arange(131.5, 421.5, HOURS / 24 / 8)
    n = rng.normal(0, noise, len(time)) * D**0.5
    dips = [(EPOCH + k * PERIOD, depth) for k, depth in enumerate(depths)]
    for middle, depth in [*dips, *elsewhere]:
        shape = np.maximum(1 - np.abs(time - middle) / (HOURS / 24), 0)
        n = n + depth * D * shape
    return Events(HOURS, time, n, np.full(len(time), D))


def found_of(depths):
    depths = np.asarray(depths)
    number = np.arange(len(depths))
    return Transits(number, AT.middles(number), depths * D, np.full(len(depths), D))


EQUAL = (1e-3,) * 29
WEAK = (3e-4,) * 29


@pytest.mark.parametrize(
    ("single", "reason"),
    [
        (events(EQUAL), ""),
        (events(WEAK), ""),
        (events([-1e-3] * 29), "no dimming"),
        (events([5e-3, *[1e-4] * 28]), "one transit dominates"),
        (events([1e-3, 1e-3, 0] * 9), "transits are missing"),
        (events([1e-3, 1e-3, 1e-3, 1e-3, 0] * 6), ""),
        (
            events(WEAK, elsewhere=[(EPOCH + 4 + k * PERIOD, -3e-4) for k in range(28)]),
            "other phases are as dark or bright",
        ),
    ],
)
def test_what_speaks_against_a_planet_before_it_is_believed(single, reason):
    assert doubtful(AT, observed_transits(AT, single), single) == reason


def test_two_transits_are_too_few():
    long = Ephemeris(140.0, EPOCH, HOURS)
    single = events((), noise=0.0, elsewhere=[(EPOCH, 1e-3), (EPOCH + 140, 1e-3)])
    found = observed_transits(long, single)
    two = Transits(found.number[:2], found.time[:2], found.n[:2], found.d[:2])
    assert doubtful(long, two, single) == "too few transits observed"


@pytest.mark.parametrize(
    ("depths", "passed"),
    [
        (EQUAL, True),
        ([1e-3, 1.5e-3] * 15, False),
        ([1e-3, 1.05e-3] * 15, True),
        ([1e-3, 2e-3] * 2, False),
        ([0.02, 0.018] * 30, False),
        ([0.02, 0.0199] * 30, True),
    ],
)
def test_odd_and_even_transits(depths, passed):
    assert vet._odd_even(found_of(depths)).passed is passed


@pytest.mark.parametrize(
    ("depths", "passed"),
    [(EQUAL, True), ([2e-2, *EQUAL], False), ((1e-3,) * 3, True), ([1], False)],
)
def test_one_transit_that_makes_the_signal(depths, passed):
    assert vet._dominance(found_of(depths)).passed is passed


@pytest.mark.parametrize(
    ("shape", "passed"),
    [
        (Shape(0.02, 5.0, 0.3, 0.0), True),
        (Shape(0.02, 5.0, 0.99, 0.0), False),
        (Shape(0.005, 5.0, 0.99, 0.0), True),
    ],
)
def test_a_deep_v_suggests_a_grazing_star(shape, passed):
    assert vet._shape(shape).passed is passed


@pytest.mark.parametrize(
    ("depth", "radius", "passed"),
    # 109 Earths are a radius of the Sun; the limit is 30.
    [
        (0.31, 1.0, False),
        (0.08, 1.0, False),
        (0.07, 1.0, True),
        (0.07, 1.2, False),
        (0.31, 0.4, True),
    ],
)
def test_size_fails_for_what_is_no_planet(depth, radius, passed):
    test = vet._size(Shape(depth, 4.0, 0.1, 0.0), radius)
    assert test.passed is passed
    assert test.value == pytest.approx(depth**0.5 * radius * 109.1, rel=1e-3)
    assert ("too large for a planet" in test.verdict) is not passed


@pytest.mark.parametrize(
    ("depth", "radius", "passed"),
    [
        (0.02, 1.0, True),
        (0.10, 1.0, False),
        (0.10, 0.3, True),
        (0.10, None, False),
        (0.0, 1.0, True),
    ],
)
def test_a_planet_has_a_largest_radius(depth, radius, passed):
    assert vet._size(Shape(depth, 5.0, 0.3, 0.0), radius).passed is passed


@pytest.mark.parametrize(
    ("hours", "passed"), [(4.0, True), (9.5, False), (12.0, False), (0.5, False)]
)
def test_a_transit_lasts_as_long_as_the_orbit_allows(hours, passed):
    assert vet._duration(replace(AT, duration_hours=hours), 1.0).passed is passed


@pytest.mark.parametrize(
    ("hours", "disposition"), [(4.0, "CANDIDATE"), (9.5, "CANDIDATE"), (13.0, "FALSE POSITIVE")]
)
def test_what_lasts_longer_than_any_orbit_allows_is_no_planet(hours, disposition):
    test = vet._duration(replace(AT, duration_hours=hours), 1.0)
    assert vet.disposition([test]) == disposition


@pytest.mark.parametrize(("later", "passed"), [(1e-3, True), (2e-3, False)])
def test_quarters_agree_on_the_depth(later, passed):
    found = found_of([1e-3 if AT.middles(k) < 259 else later for k in range(25)])
    prepared = SimpleNamespace(observations=SimpleNamespace(mission="Kepler"))
    test = vet._quarters(prepared, found)
    assert test.passed is passed
    assert "Depths of 4 quarters" in test.verdict


@pytest.mark.parametrize(("depth", "passed"), [(0.0, True), (9e-4, False)])
def test_a_signal_is_the_only_one_of_its_period(depth, passed):
    others = [(EPOCH + 4 + k * PERIOD, depth) for k in range(28)]
    single = events(EQUAL, elsewhere=others)
    assert vet._uniqueness(AT, observed_transits(AT, single), single).passed is passed


def with_flares(time, height):
    """Return a prepared star that was observed for 29 periods and has left-out bright points."""
    observed = SimpleNamespace(time=np.arange(EPOCH - 3, EPOCH + 29 * PERIOD, 0.0204))
    time = np.asarray(time, float)
    return SimpleNamespace(observations=observed, flare_bkjd=time, flare=np.full(len(time), height))


def brightening(monkeypatch, single, beside, flares=(), height=1e-3):
    """Test single events for brightenings, with this height and deviations beside the dimming."""
    monkeypatch.setattr(vet, "light_beside", lambda *_: beside)
    nothing = np.zeros(len(single.time), bool)
    transits = observed_transits(AT, single)
    return vet._brightening(with_flares(flares, height), AT, transits, single, nothing)


@pytest.mark.parametrize(
    ("height", "depth", "passed"),
    [(8e-4, 1e-3, False), (2e-4, 1e-3, True), (8e-4, 4e-3, True), (0.0, 1e-3, True)],
)
def test_a_brightening_of_three_tenths_of_the_depth_is_no_planets(
    monkeypatch, height, depth, passed
):
    bright = [(EPOCH + 4 + k * PERIOD, -height) for k in range(28)]
    test = brightening(monkeypatch, events((depth,) * 29, elsewhere=bright), beside=(0.0, 0.0))
    assert test.passed is passed
    assert ("brightens by" in test.verdict) is not passed


@pytest.mark.parametrize(
    ("height", "depth", "passed"), [(2e-4, 1e-3, False), (1e-4, 1e-3, True), (0.0, 1e-3, True)]
)
def test_light_beside_the_dimming_is_of_a_heartbeat_star(monkeypatch, height, depth, passed):
    test = brightening(monkeypatch, events((depth,) * 29), beside=(height, 20.0))
    assert test.passed is passed
    assert ("heartbeat" in test.verdict) is not passed


HALVES = EPOCH + PERIOD * (np.arange(28) + 0.5)


@pytest.mark.parametrize(
    ("flares", "height", "passed"),
    [
        (HALVES[:16], 1e-3, False),
        # In fewer than half of the periods.
        (HALVES[:13], 1e-3, True),
        # Less than three tenths of the depth.
        (HALVES, 2e-4, True),
        # Beside the dimming.
        (HALVES - PERIOD / 2 + 2 * HOURS / 24, 1e-3, True),
        # In all periods, at all phases.
        (np.arange(EPOCH, EPOCH + 280, 0.05), 1e-3, True),
        ((), 1e-3, True),
    ],
)
def test_bright_points_that_recur_at_one_phase_are_pulses(monkeypatch, flares, height, passed):
    test = brightening(monkeypatch, events(EQUAL), (0.0, 0.0), flares, height)
    assert test.passed is passed
    said = "by 1000 ppm at phase 0.51 in 16 of 29 periods"
    assert (said in test.verdict) is not passed


@pytest.mark.parametrize(
    ("statistic", "bright", "days", "stays"),
    [
        # Its threshold is 7: this one is above it by 1.
        (8.0, 0.8, 10.0, False),
        (8.0, 0.6, 10.0, True),
        # A brightening of a period farther off than an octave says nothing.
        (8.0, 0.8, 21.0, True),
        # No brightening is compared with a clear candidate.
        (12.5, 9.0, 10.0, True),
    ],
)
def test_a_weak_candidate_stands_out_from_brightenings(monkeypatch, statistic, bright, days, stays):
    signal = SimpleNamespace(ephemeris=Ephemeris(days, EPOCH, HOURS))
    monkeypatch.setattr(brightenings, "event_bank", lambda *_: [])
    monkeypatch.setattr(brightenings, "noise_margins", lambda *_: [(bright, signal)])
    candidate = SimpleNamespace(statistic=statistic, threshold=7.0, ephemeris=AT)
    kept = brightenings.above_noise(None, [candidate], np.zeros(3, bool))
    assert kept == ([candidate] if stays else [])


@pytest.mark.parametrize(
    ("period", "observed", "least"),
    [(238.0, 3, 8.6), (238.0, 5, 7.5), (331.0, 3, 8.6), (40.0, 30, 6.8), (0.3, 4000, 9.0)],
)
def test_few_transits_need_as_much_as_long_periods(period, observed, least):
    prepared = SimpleNamespace(observations=SimpleNamespace(span_days=1460.0), pulsating=False)
    signal = Signal(Ephemeris(period, EPOCH, HOURS), 8.0, observed, 3)
    assert threshold_of(signal, prepared) == least


def test_refining_finds_the_period_and_leaves_noise_weak():
    single = events(EQUAL)
    signal = refine(10.01, [single], [0])
    assert signal.ephemeris.period_days == pytest.approx(PERIOD, rel=2e-4)
    assert signal.ephemeris.hours_from_middle(np.array([EPOCH]))[0] == pytest.approx(0, abs=0.5)
    assert signal.statistic == pytest.approx(10 * 29**0.5, rel=0.05)
    assert refine(10.01, [events()], [0]).statistic < 5


def test_a_deep_event_of_another_kind_does_not_choose_the_epoch():
    single = events(EQUAL, elsewhere=[(300.2, 0.05)])
    signal = refine(10.0, [single], [0])
    assert np.abs(signal.ephemeris.hours_from_middle(np.array([EPOCH]))[0]) < 0.5


def test_one_transit_counts_for_twice_the_median_at_most():
    assert statistic(found_of(EQUAL)) == pytest.approx(10 * 29**0.5)
    one = found_of([5e-3, *[1e-3] * 99])
    assert statistic(one) < 1.02 * statistic(found_of([1e-3] * 100))


@pytest.mark.parametrize("late", [(), (0.0, 0.5, -0.4, 0.1)])
def test_each_instant_belongs_to_its_nearest_transit(late):
    ephemeris = Ephemeris(10.0, 135.0, 5.0, late)
    time = np.linspace(131.5, 168.0, 500)
    middles = ephemeris.middles(np.arange(-1, 5))
    away = time - middles[np.argmin(np.abs(time[:, None] - middles), axis=1)]
    np.testing.assert_allclose(ephemeris.hours_from_middle(time), 24 * away, atol=1e-9)
