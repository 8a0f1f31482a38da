"""What a star's light curve loses before it is searched, and what it keeps."""

from __future__ import annotations

import made_stars
import numpy as np
import pytest

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS, QUARTER_STARTS
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.preparation.observations import observe
from kepler_lens.transit_search.preparation.prepare import _starts, detrended, prepare
from kepler_lens.transit_search.preparation.prewhitening import subtract_lines

NOISE = 1e-4
FLARE, DARK, TRANSIT = 700, 1100, range(1500, 1508)
"""Cadences of a bright point, of a dark one that stands alone, and of a transit."""
DEPTH = 3e-3


@pytest.fixture(scope="module")
def star():
    """Forty days of a star that turns, with all of the above."""
    rng = np.random.default_rng(41)
    time = 170.0 + np.arange(2000) * LONG_CADENCE_DAYS
    flux = 1e5 * (1 + 2e-3 * np.sin(2 * np.pi * time / 17) + rng.normal(0, NOISE, len(time)))
    flux[FLARE] *= 1 + 20 * NOISE
    flux[DARK] *= 1 - 20 * NOISE
    flux[TRANSIT] *= 1 - DEPTH
    return observe(1, "KIC 1", "Kepler", time, flux)


@pytest.fixture(scope="module")
def prepared(star):
    return prepare(star)


def kept(prepared, cadence):
    return np.isin(170.0 + cadence * LONG_CADENCE_DAYS, prepared.time)


def test_a_bright_point_is_no_part_of_the_search(prepared):
    assert not kept(prepared, FLARE)


def test_a_dark_point_that_stands_alone_is_none_either(prepared):
    assert not kept(prepared, DARK)


def test_a_transit_is_kept_whole(prepared):
    assert kept(prepared, np.array(TRANSIT)).all()


def test_few_points_of_noise_are_lost(star, prepared):
    assert len(star.time) - len(prepared.time) < 12


def test_a_transit_is_measured_against_what_is_around_it(prepared):
    inside = np.isin(prepared.time, 170.0 + np.array(TRANSIT) * LONG_CADENCE_DAYS)
    flux = detrended(prepared, inside)
    assert np.mean(flux[inside]) == pytest.approx(-DEPTH, rel=0.05)
    assert np.std(flux[~inside]) < 1.2 * NOISE


def test_a_stretch_begins_with_a_quarter_and_after_a_gap():
    time = np.array([QUARTER_STARTS[2], *(QUARTER_STARTS[3] + np.array([-0.3, 0.0, 0.1, 2.1]))])
    quarter = np.array([0, 0, 1, 1, 1], np.int32)
    assert _starts(time, quarter).tolist() == [True, True, True, False, True]


def test_slow_waves_stay_where_a_transit_would_not_see_them():
    rng = np.random.default_rng(42)
    time = 131.5 + np.arange(20_000) * LONG_CADENCE_DAYS
    flux = rng.normal(0, NOISE, len(time)) + 0.8 * NOISE * np.sin(2 * np.pi * 0.4 * time)
    same, lines, _ = subtract_lines(time, flux)
    assert lines == 0
    assert same is flux


@pytest.mark.parametrize(
    ("ratio", "periods", "points"),
    [(0.04, (23.3,), 16_000), (0.02, (6.1, 8.7), 14_700), (0.02, (45.3,), 40_000)],
)
def test_planets_of_a_pulsating_star_are_no_pulsations(ratio, periods, points):
    """The waves hide clear transits at first; a comb may begin below the lowest line."""
    planets = [TransitModel(period, 133.0, 3.4, ratio, 0.2) for period in periods]
    lights = made_stars.pulsations, *map(made_stars.in_time, planets)
    one = made_stars.star(*lights, points=points)
    left, lines, _ = subtract_lines(one.time, one.flux)
    assert 3 <= lines <= 6
    for planet in planets:
        dimming = planet.mean_dimming(one.time, LONG_CADENCE_DAYS)
        inside = dimming > 0.9 * dimming.max()
        depth = np.median(left[dimming == 0]) - np.median(left[inside])
        assert depth == pytest.approx(float(np.median(dimming[inside])), rel=0.07)


def test_a_wave_is_subtracted_whole_beside_slow_variations():
    """Waves are sought in a light curve without its trend, which takes a part of each wave."""
    rng = np.random.default_rng(44)
    time = 131.5 + np.arange(40_000) * LONG_CADENCE_DAYS
    rotation = 4e-3 * np.sin(2 * np.pi * time / 9.3)
    waves = [(0.15, 2e-3), (0.26, 2e-3), (1.07, 2e-3), (3.21, 1e-3)]
    flux = rotation + rng.normal(0, NOISE, len(time))
    flux += sum(size * np.sin(2 * np.pi * per_day * time) for per_day, size in waves)
    left, lines, _ = subtract_lines(time, flux)
    assert lines >= len(waves)
    for per_day, size in waves:
        rest = 2 * abs(np.mean((left - rotation) * np.exp(2j * np.pi * per_day * time)))
        assert rest < 0.02 * size, per_day


@pytest.mark.parametrize("seed", range(1, 17))
def test_dense_pulsations_of_a_short_light_curve_are_no_comb(seed):
    """In 80 days, forty waves are near each harmonic of any long period."""
    rng = np.random.default_rng([seed, 80])
    waves = [
        (per_day, 10 ** rng.uniform(-4, -2.7), rng.uniform(0, 6))
        for per_day in rng.uniform(0.12, 2.0, 40)
    ]
    one = made_stars.star(
        lambda time: 1 + sum(a * np.sin(2 * np.pi * f * time + p) for f, a, p in waves),
        points=3_915,
    )
    left, lines, _ = subtract_lines(one.time, one.flux)
    assert lines >= 20
    assert np.std(left) < 0.3 * np.std(one.flux)


def test_a_star_that_turns_does_not_pulsate():
    """Waves of its spots are slow: without them, transits are seen no better."""
    rng = np.random.default_rng(45)
    time = 131.5 + np.arange(40_000) * LONG_CADENCE_DAYS
    spots = sum(2e-2 / k * np.sin(2 * np.pi * k * time / 12.2 + k) for k in (1, 2, 3))
    one = made_stars.star(lambda at: 1 + np.interp(at, time, spots), points=len(time))
    same, lines, _ = subtract_lines(one.time, one.flux)
    assert lines == 0
    assert same is one.flux
    # The same star, pulsating.
    fast = 1e-3 * np.sin(2 * np.pi * 1.3 * time) + rng.normal(0, NOISE, len(time))
    assert subtract_lines(time, spots + fast)[1] > 0
