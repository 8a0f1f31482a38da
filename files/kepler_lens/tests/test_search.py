"""The search as a whole, on simulated stars and on real ones whose planets are known."""

import json
from dataclasses import replace

import numpy as np
import pytest
from commands import run
from made_stars import files_of, in_time, star, star_of

import kepler_lens
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.simulation.simulate import simulate
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.detection.ephemeris import Ephemeris
from kepler_lens.transit_search.detection.transit_fit import measured
from kepler_lens.transit_search.preparation.observations import (
    NotSearchableError,
    observations_of,
)
from kepler_lens.transit_search.preparation.prepare import prepare
from kepler_lens.transit_search.report.table import row
from kepler_lens.transit_search.search import search_and_vet
from kepler_lens.transit_search.store.read import ATTRIBUTE_OF_COLUMN
from kepler_lens.transit_search.store.write import attributes


def periods(result):
    return [vetted.candidate.ephemeris.period_days for vetted in result.candidates]


def found(result, truth):
    return [any(abs(p / t - 1) < 1e-3 for p in periods(result)) for t in truth]


def noise_star(seed, *planets, points=30_000):
    """A quiet star of 613 days with planets."""
    return star(*map(in_time, planets), points=points, seed=seed)


@pytest.mark.long
@pytest.mark.parametrize(("number", "seed", "count"), [(900000001, 0, 3), (900000004, 11, 2)])
def test_simulated_planets_are_found_and_nothing_else(tmp_path, number, seed, count):
    planets = simulate(tmp_path, stars=[number], quarters=range(1, 9), seed=seed)
    result = search_and_vet(star_of(tmp_path))
    truth = [planet.period_days for planet in planets]
    assert found(result, truth) == [True] * count
    assert len(result.candidates) == count
    for vetted in result.candidates:
        planet = min(
            planets, key=lambda p: abs(p.period_days - vetted.candidate.ephemeris.period_days)
        )
        assert vetted.vetting.depth_ppm == pytest.approx(planet.depth_ppm, rel=0.02)
        ephemeris = vetted.vetting.ephemeris
        assert ephemeris.duration_hours == pytest.approx(planet.duration_hours, rel=0.04)
        assert ephemeris.epoch_bkjd == pytest.approx(planet.epoch_bkjd, abs=2e-3)
        assert vetted.vetting.disposition == "CANDIDATE"


@pytest.fixture(scope="module")
def prepared_with_transits():
    """A star with a planet of 17.3 d whose transits last six hours, made ready for a search."""
    return prepare(noise_star(25, TransitModel(17.3, 135.0, 6.0, 0.03, 0.2)))


@pytest.mark.parametrize(("duration", "late"), [(5.0, 0.0), (3.6, 1.5), (1.5, -1.5)])
def test_a_transit_of_which_the_search_found_a_part_is_measured_whole(
    prepared_with_transits, duration, late
):
    prepared = prepared_with_transits
    found = Ephemeris(17.3, 135.0 + late / 24, duration)
    better = measured(prepared, found, np.zeros(len(prepared.time), bool))
    assert better.duration_hours == pytest.approx(6.0, rel=0.03)
    assert better.epoch_bkjd == pytest.approx(135.0, abs=2e-3)


def test_what_lasts_too_long_is_not_measured():
    planet = TransitModel(17.3, 135.0, 16.0, 0.03, 0.2)
    prepared = prepare(noise_star(25, planet))
    found = Ephemeris(17.3, 135.0, 8.0)
    assert measured(prepared, found, np.zeros(len(prepared.time), bool)) == found


def test_noise_alone_gives_nothing():
    assert periods(search_and_vet(noise_star(21))) == []


def a_year_away(time):
    return np.where((time > 300) & (time < 665), np.nan, 1)


@pytest.mark.long
def test_a_gap_of_a_year_hides_no_planet():
    planet = TransitModel(11.7, 135.0, 4.2, 0.02, 0.2)
    result = search_and_vet(star(in_time(planet), a_year_away, points=40_000, seed=22))
    assert found(result, [11.7]) == [True]


def test_what_the_server_keeps_of_a_candidate_is_what_the_catalogue_says():
    observed = noise_star(22, TransitModel(9.7, 135.0, 4.0, 0.03, 0.2), points=8_000)
    (vetted,) = search_and_vet(observed).candidates
    kept, known = attributes(observed, vetted), row(observed, vetted)
    numbers = [c for c in ATTRIBUTE_OF_COLUMN if isinstance(known[c], int | float)]
    assert "tce_duration" in numbers
    for column in numbers:
        assert float(kept[ATTRIBUTE_OF_COLUMN[column]]) == pytest.approx(known[column], abs=0.06)
    assert kept["disposition"] == known["disposition"]
    for test in vetted.vetting.tests:
        assert float(kept[f"{test.name}.figure"]) == pytest.approx(test.value, abs=6e-4)
        assert kept[f"{test.name}.verdict"] == test.verdict


@pytest.mark.long
def test_an_eclipsing_binary_is_told_from_a_planet():
    primary = TransitModel(9.2, 135.0, 4.2, 0.06, 0.2)
    secondary = TransitModel(9.2, 139.6, 4.2, 0.045, 0.2)
    result = search_and_vet(noise_star(23, primary, secondary))
    assert periods(result)
    for vetted in result.candidates:
        assert vetted.vetting.disposition == "FALSE POSITIVE"
        failed = {t.name for t in vetted.vetting.tests if not t.passed}
        assert failed & {"odd_even", "secondary"}


def test_a_single_transit_is_reported_apart():
    planet = TransitModel(5000.0, 300.0, 9.0, 0.03, 0.2)
    result = search_and_vet(noise_star(24, planet, points=12_000))
    assert periods(result) == []
    assert len(result.search.single_transits) == 1
    assert result.search.single_transits[0].time_bkjd == pytest.approx(300.0, abs=0.1)


def test_light_curves_of_files_are_searched_by_one_call(tmp_path):
    (planet,) = simulate(tmp_path, stars=[900000003], quarters=(1, 2), seed=11)
    curves = [kepler_lens.read_light_curve(path) for path in files_of(tmp_path)]
    result = kepler_lens.search(curves)
    assert periods(result) == pytest.approx([planet.period_days], rel=1e-3)
    assert result.search.observations.span_days > 100
    assert kepler_lens.search(curves[0]).search.observations.span_days < 40


@pytest.mark.long
def test_kepler_90_has_eight_planets(data):
    truth = [7.00815, 8.71938, 14.44912, 59.7367, 91.9391, 124.914, 210.607, 331.601]
    result = search_and_vet(star_of(data / "kepler/011442793"))
    assert found(result, truth) == [True] * 8
    assert len(result.candidates) == 8
    assert {vetted.vetting.disposition for vetted in result.candidates} == {"CANDIDATE"}


@pytest.mark.long
def test_a_variable_star_without_planets_has_none(data):
    result = search_and_vet(star_of(data / "kepler/011454304"))
    assert periods(result) == []
    assert result.search.prepared.sine_waves > 50


def k2_star(path, columns):
    return observations_of([read_light_curve(path, columns)])


@pytest.mark.parametrize("columns", [("PDCSAP_FLUX", "SAP_QUALITY"), ("PDCSAP_FLUX",)])
def test_k2_stars_give_no_flood_of_candidates(data, columns):
    files = sorted((data / "k2").glob("*c05_llc.fits"))
    assert len(files) == 4
    for path in files:
        assert periods(search_and_vet(k2_star(path, columns))) == [], path.name


def test_a_k2_star_lost_in_noise_is_said_to_be_unsuited(data):
    (path,) = (data / "k2").glob("*c01_llc.fits")
    with pytest.raises(NotSearchableError, match="lost in noise"):
        k2_star(path, ("PDCSAP_FLUX",))


@pytest.mark.parametrize("period", [2.3, 7.1, 17.3])
@pytest.mark.parametrize(("epic", "depth"), [(211696659, 3e-3), (211719918, 9e-3)])
def test_planets_of_k2_stars_are_found(data, epic, depth, period):
    (path,) = (data / "k2").glob(f"ktwo{epic}-*.fits")
    quiet = k2_star(path, ("PDCSAP_FLUX",))
    planet = TransitModel(period, quiet.time[0] + 1.7, 4.0, 0.02, 0.2)
    shape = planet.mean_dimming(quiet.time, LONG_CADENCE_DAYS) / (planet.depth_ppm * 1e-6)
    result = search_and_vet(replace(quiet, flux=(1 + quiet.flux) * (1 - depth * shape) - 1))
    assert found(result, [period]) == [True]


@pytest.mark.long
def test_command_writes_the_table_and_the_pages(tmp_path):
    simulate(tmp_path / "fits", stars=[900000003], quarters=(1, 2), seed=11)
    folder = tmp_path / "out"
    done = run("search", "900000003", tmp_path / "fits", "-o", folder, columns=80)
    assert done.returncode == 0, done.stderr
    assert "disposition" in done.stdout  # whole, also on a terminal of 80 columns
    assert "CANDIDATE" in done.stdout
    rows = (folder / "candidates.csv").read_text().splitlines()
    details = json.loads((folder / "search.json").read_text())
    pages = sorted(path.name for path in folder.glob("*.png"))
    assert len(rows) == 2
    assert rows[0].startswith("kepid,tce_plnt_num,tce_period,tce_time0bk,tce_duration,tce_depth")
    assert len(details["candidates"]) == 1
    assert pages == ["candidate-1.png"]
    assert (folder / "candidate-1.png").stat().st_size > 50_000


def test_command_says_what_is_missing(tmp_path):
    simulate(tmp_path, stars=[900000001], quarters=[1], seed=1)
    done = run("search", "5", tmp_path)
    assert "None of the 1 files is of star 5" in done.stderr
    done = run("search", "5")
    assert done.returncode == 2
    assert "name either files or a --server" in done.stderr
