"""Planets out of time, and what looks like a planet: each with a case on both sides."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from made_stars import in_time, star

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.simulation.light import Binary, Contact, Delayed, Heartbeat, Spots
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits
from kepler_lens.transit_search.detection.refinement import consistency
from kepler_lens.transit_search.detection.single_transits import LoneEvent, pairs
from kepler_lens.transit_search.detection.transit_fit import Shape
from kepler_lens.transit_search.detection.vetoes import alternating
from kepler_lens.transit_search.preparation.prewhitening import subtract_lines
from kepler_lens.transit_search.preparation.single_events import Events
from kepler_lens.transit_search.report.files import write_result
from kepler_lens.transit_search.report.page import candidate_page
from kepler_lens.transit_search.search import search_and_vet
from kepler_lens.transit_search.vetting.eclipse import Dimming
from kepler_lens.transit_search.vetting.vet import CANDIDATE, FALSE_POSITIVE, second_eclipse

pytestmark = pytest.mark.long

EPOCH = 135.0
PERIODS = 27
"""Periods of 9.1 d in the light curve of a made star."""


def planet(period, hours, ratio, impact=0.2):
    return TransitModel(period, EPOCH, hours, ratio, impact)


def rows(result):
    return [(v.vetting.ephemeris.period_days, v.vetting.disposition) for v in result.candidates]


def said(result, number=0):
    return " ".join(test.verdict for test in result.candidates[number].vetting.tests)


@pytest.fixture(scope="module")
def delayed():
    """A planet of 7.3 d whose transits come up to nine hours early or late, searched."""
    light = Delayed(planet(7.3, 3.5, 0.04), 0.38, 170.0)
    return search_and_vet(star(light.light))


def test_a_planet_out_of_time_is_found_alone_with_its_times(delayed):
    ((period, disposition),) = rows(delayed)
    assert period == pytest.approx(7.3, rel=2e-3)
    assert disposition == CANDIDATE
    found = delayed.candidates[0].vetting.transits
    due = EPOCH + np.round((found.time - EPOCH) / 7.3) * 7.3
    late = 0.38 * np.sin(2 * np.pi * due / 170.0)
    assert len(found.time) >= 30
    assert np.abs(found.time - due - late).max() < 0.6 / 24


def test_a_planet_in_time_has_no_delays():
    result = search_and_vet(star(in_time(planet(7.3, 3.5, 0.04))))
    ((period, _),) = rows(result)
    assert period == pytest.approx(7.3, rel=1e-4)
    assert result.candidates[0].vetting.ephemeris.late_days == ()


def test_the_table_of_transits_says_how_late_each_is(delayed, tmp_path):
    write_result(tmp_path, delayed, plots=True)
    with (tmp_path / "transits.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    ephemeris = delayed.candidates[0].vetting.ephemeris
    assert len(table) == len(delayed.candidates[0].vetting.transits.time)
    for line in table:
        computed = ephemeris.epoch_bkjd + int(line["transit"]) * ephemeris.period_days
        assert float(line["computed_bkjd"]) == pytest.approx(computed, abs=1e-4)
        late = float(line["time_bkjd"]) - float(line["computed_bkjd"])
        assert 24 * late == pytest.approx(float(line["late_hours"]), abs=5e-3)
    assert (tmp_path / "candidate-1.png").stat().st_size > 10_000


def test_the_page_shows_how_late_transits_are_if_some_are(delayed):
    (late,) = delayed.candidates
    on_time = replace(late.vetting.ephemeris, late_days=())
    spectrum = (np.array([1.0, 9.0]), np.array([1.0, 2.0]))
    nothing = np.zeros(len(delayed.search.prepared.time), bool)
    for vetted, shown in (
        (late, True),
        (replace(late, vetting=replace(late.vetting, ephemeris=on_time)), False),
    ):
        page = candidate_page(delayed.search.prepared, vetted, nothing, (spectrum, spectrum))
        (panel,) = [
            axes
            for axes in page.axes
            if axes.get_title(loc="left") == "Transits, observed minus computed"
        ] or [None]
        assert (panel is not None) is shown
        if panel is not None:
            hours = panel.lines[0].get_ydata()
            found = late.vetting.transits
            wanted = 24 * late.vetting.ephemeris.late(found.number)
            np.testing.assert_allclose(hours, wanted)
            assert np.ptp(hours) > 10


@pytest.mark.parametrize(
    "depths",
    [
        (0.10, 0.08),
        (0.40, 0.37),
        (0.020, 0.018),
    ],
)
def test_two_eclipses_are_one_row_at_the_binarys_period(depths):
    result = search_and_vet(star(Binary(5.71, EPOCH, depths, 5.0).light))
    ((period, disposition),) = rows(result)
    assert period == pytest.approx(5.71, rel=1e-3)
    assert disposition == FALSE_POSITIVE
    assert "second dimming" in said(result)


def test_a_compact_star_brightens_the_star_behind_it():
    """As in KOI-3278: a brightening half a period from the eclipse."""
    light = Binary(9.1, EPOCH, (3e-4, -3e-4), 5.0).light
    result = search_and_vet(star(light))
    ((period, disposition),) = rows(result)
    assert period == pytest.approx(9.1, rel=1e-3)
    assert disposition == FALSE_POSITIVE
    assert "brightens by" in said(result)


@pytest.mark.parametrize("ppm", [500, 1000, 3000])
def test_strong_pulses_are_told_from_flares(ppm):
    """The search leaves out bright points: those that come at one phase are none of a flare."""
    light = Binary(9.1, EPOCH, (1e-3, -1e-6 * ppm), 5.0).light
    result = search_and_vet(star(light))
    assert rows(result) == [(pytest.approx(9.1, rel=1e-3), FALSE_POSITIVE)]
    assert f" of {PERIODS} periods" in said(result)


def test_flares_are_not_held_against_a_planet():
    rng = np.random.default_rng(46)
    time = star().time
    height = np.zeros(len(time))
    for begin in rng.integers(0, len(time) - 6, 250):
        height[begin : begin + 6] += 2e-3 * np.exp(-np.arange(6) / 2)
    flares = star(in_time(planet(9.1, 5.0, 0.03)), lambda at: 1 + np.interp(at, time, height))
    result = search_and_vet(flares)
    assert len(result.search.prepared.flare) > 300
    assert rows(result) == [(pytest.approx(9.1, rel=1e-3), CANDIDATE)]


def test_a_planets_own_light_is_not_held_against_it():
    hot = planet(4.8855, 5.2, 0.08)
    behind = Binary(4.8855, EPOCH, (0.0, 1e-4), 5.2)
    result = search_and_vet(star(in_time(hot), behind.light, points=30_000, noise=2e-4))
    assert rows(result) == [(pytest.approx(4.8855, rel=1e-4), CANDIDATE)]
    assert "goes behind its star" in said(result)


@pytest.mark.parametrize(
    ("phase", "ppm", "deviations", "found", "passed"),
    [
        (0.50, 100, 20.0, True, True),
        (0.50, 400, 20.0, True, False),
        (0.30, 100, 20.0, True, False),
        (0.50, 400, 20.0, False, True),
        (0.50, 900, 20.0, False, False),
        (0.50, 900, 7.0, False, True),
    ],
)
def test_a_second_dimming_is_judged_by_what_a_planet_reflects(
    phase, ppm, deviations, found, passed
):
    transit = Shape(0.007, 5.24, 0.2, 0.0)
    second = Dimming(phase, ppm * 1e-6, deviations)
    assert second_eclipse(second, transit, 4.8855, found=found).passed is passed


def transits_of(depths, error=1e-5):
    d = np.full(len(depths), error**-2.0)
    return Transits(np.arange(len(depths)), np.arange(len(depths)) * 2.0, np.array(depths) * d, d)


def test_eclipses_that_alternate_are_told_from_transits_that_scatter():
    rng = np.random.default_rng(5)
    slow = 1 + 0.1 * np.sin(np.arange(60) / 8)  # from quarter to quarter, other light goes along
    alternate = np.where(np.arange(60) % 2, 0.0190, 0.0200)
    assert alternating(transits_of(alternate * slow))
    assert not alternating(transits_of(0.02 * slow))
    assert not alternating(transits_of(0.02 * (1 + 0.05 * rng.normal(size=60))))
    assert not alternating(transits_of(np.where(np.arange(60) % 2, 0.01985, 0.02)))


def test_one_event_far_off_decides_nothing_among_many_transits_but_much_among_few():
    many = np.full(100, 4e-4)
    many[17] = -3e-3
    assert consistency(transits_of(many, 1e-4)) < 1.2
    assert consistency(transits_of(many[10:20], 1e-4)) > 20


def test_an_eclipse_too_large_for_a_planet_leaves_nothing_else():
    result = search_and_vet(star(Binary(3.2145, EPOCH, (0.31, 0.0), 4.0).light))
    ((period, disposition),) = rows(result)
    assert period == pytest.approx(3.2145, rel=1e-3)
    assert disposition == FALSE_POSITIVE
    assert "too large for a planet" in said(result)


def test_a_contact_binary_is_one_row_that_says_what_it_looks_like():
    result = search_and_vet(star(Contact(0.30, EPOCH, 0.25, 0.04).light))
    assert rows(result) == [(pytest.approx(0.30, rel=1e-3), FALSE_POSITIVE)]
    assert "contact binary" in said(result)


def test_a_heartbeat_star_is_a_false_positive_that_says_what_it_looks_like():
    result = search_and_vet(star(Heartbeat(20.3, EPOCH, 1.2e-3).light))
    ((period, disposition),) = rows(result)
    assert period == pytest.approx(20.3, rel=2e-3)
    assert disposition == FALSE_POSITIVE
    assert "heartbeat" in said(result)


@pytest.mark.parametrize(
    ("period", "hours", "ratio"),
    [(0.18, 1.0, 0.0345), pytest.param(0.355007, 1.3, 0.025, marks=pytest.mark.long)],
)
def test_a_planet_of_some_hours_is_found_at_its_period(period, hours, ratio):
    result = search_and_vet(star(in_time(planet(period, hours, ratio))))
    assert rows(result) == [(pytest.approx(period, rel=1e-4), CANDIDATE)]


def test_dips_of_a_short_period_stay_where_waves_go():
    time = 131.5 + np.arange(20_000) * LONG_CADENCE_DAYS
    short = in_time(planet(0.18, 1.0, 0.0345))(time)
    waves = sum(8e-4 * np.sin(2 * np.pi * f * time) for f in (0.623, 0.911, 1.47))
    flux = short - 1 + waves + np.random.default_rng(6).normal(0, 1e-4, len(time))
    left, lines, _ = subtract_lines(time, flux)
    assert lines >= 3
    deep = short < short.min() + 2e-4
    assert np.median(left[short > 0.9999]) - np.median(left[deep]) > 0.85 * (1 - short.min())


def test_spots_and_the_planet_that_crosses_them_give_the_planet_alone():
    spots = Spots(12.0, 0.02, seed=4)
    result = search_and_vet(star(spots.light, in_time(planet(1.48571, 2.3, 0.13)), noise=3e-4))
    assert rows(result) == [(pytest.approx(1.48571, rel=1e-4), CANDIDATE)]
    time = result.search.observations.time
    dark = np.where(np.abs(Ephemeris(1.48571, EPOCH, 2.3).hours_from_middle(time)) < 1.1, 0.98, 1)
    assert subtract_lines(time, spots.light(time) * dark - 1)[1] == 0


def events(*dips, hours=10.0, deviation=1e-4):
    """Single events of one duration: no noise, dips of 1 % at some instants."""
    time = np.arange(131.5, 1591.0, hours / 24 / 8)
    d = np.full(len(time), deviation**-2.0)
    depth = np.zeros(len(time))
    for dip in dips:
        depth = np.maximum(depth, 0.01 * np.maximum(1 - np.abs(time - dip) / (hours / 24), 0))
    return Events(hours, time, depth * d, d)


def lone(time, depth=0.01, hours=10.0):
    return LoneEvent(time, hours, 1e6 * depth, depth / 1e-4)


def test_two_events_of_one_depth_belong_together_with_the_periods_that_gaps_allow():
    bank = [events(420.3, 1491.53)]
    (pair,) = pairs([lone(420.3), lone(1491.53)], bank)
    assert pair.periods_days == (pytest.approx(1071.23),)
    gap = np.abs(bank[0].time - (420.3 + 1071.23 / 2)) < 3
    bank[0].d[gap] = bank[0].n[gap] = 0.0
    (pair,) = pairs([lone(420.3), lone(1491.53)], bank)
    assert pair.periods_days == (pytest.approx(1071.23), pytest.approx(1071.23 / 2))
    assert "1071.23, 535.62 d" in str(pair)


@pytest.mark.parametrize(
    "other", [lone(1491.53, 0.013), lone(1491.53, hours=20.0), lone(425.0), lone(1491.53, 1e-3)]
)
def test_events_that_differ_do_not_belong_together(other):
    assert pairs([lone(420.3), other], [events(420.3, other.time_bkjd)]) == ()
