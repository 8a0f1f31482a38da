"""Planets and impostors that are put into real and simulated light curves, and found again."""

import numpy as np
import pytest

from kepler_lens.classify.bundle import Bundle
from kepler_lens.classify.recipes import recipe
from kepler_lens.classify.scalars import of_candidate
from kepler_lens.classify.synthetic import KINDS, candidates, make, quieted, without
from kepler_lens.classify.views import ViewError
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.transit_search.detection.ephemeris import Ephemeris
from kepler_lens.transit_search.preparation.observations import (
    NotSearchableError,
    observations_of,
    observe,
)


@pytest.fixture(scope="module")
def quiet():
    rng = np.random.default_rng(11)
    time = 131.5 + np.arange(16_000) * LONG_CADENCE_DAYS
    time = time[(time % 93) > 1.5]
    flux = 1e5 * (1 + 1e-4 * rng.normal(size=len(time)) + 3e-4 * np.sin(time / 4))
    return observe(900000042, "SIM 900000042", "Simulation", time, flux)


def labelled(made):
    search, found = candidates(made)
    assert len(found) == len(search.candidates)
    return [(vetted, label) for vetted, label in found if label]


@pytest.mark.parametrize(
    ("kind", "label"), [("planet", "PC"), pytest.param("eclipse", "AFP", marks=pytest.mark.long)]
)
def test_what_is_put_in_is_found_and_labelled(quiet, kind, label):
    made = make(quiet, kind, seed=2)
    found = labelled(made)
    assert {each for _, each in found} == {label}
    period = made.truth[0].period_days
    assert any(
        vetted.vetting.ephemeris.period_days == pytest.approx(period, rel=1e-3)
        for vetted, _ in found
    )


@pytest.mark.long
def test_a_binary_of_two_like_eclipses_is_found_at_its_period_or_half_of_it(quiet):
    made = make(quiet, "eclipse_half", seed=1)
    whole = made.truth[0].period_days
    found = labelled(made)
    assert {label for _, label in found} == {"AFP"}
    assert any(
        vetted.vetting.ephemeris.period_days == pytest.approx(period, rel=1e-3)
        for vetted, _ in found
        for period in (whole / 2, whole)
    )


@pytest.mark.parametrize("kind", ["inverted", "scrambled"])
def test_of_noise_the_strongest_signals_are_taken(quiet, kind):
    found = labelled(make(quiet, kind, seed=0))
    assert {label for _, label in found} == {"NTP"}
    assert all(vetted.candidate.statistic < 12 for vetted, _ in found)


def test_a_star_kind_and_seed_give_the_same_light_curve(quiet):
    for kind in KINDS:
        one, again = (make(quiet, kind, seed=5).observed for _ in range(2))
        np.testing.assert_array_equal(one.flux, again.flux)
        assert (np.diff(one.time) > 0).all()
        assert (np.diff(one.quarter) >= 0).all()
        assert len(one.time) == len(one.flux) == len(one.quarter) == len(quiet.time)
        if kind != "inverted":
            other = make(quiet, kind, seed=6).observed
            assert not np.array_equal(one.flux, other.flux)
        copied = make(quiet, kind, seed=5, copy=1).observed
        assert not np.array_equal(one.flux, copied.flux)


def test_some_planets_transit_early_and_late(quiet):
    """How many deviations of a transit's duration the transits of planets lie off their period."""
    spread = []
    for copy in range(20):
        made = make(quiet, "planet", 3, copy)
        (truth,) = made.truth
        dimming = 1 - (1 + made.observed.flux) / (1 + quiet.flux)
        hours = truth.hours_from_middle(quiet.time)
        number = np.round((quiet.time - truth.epoch_bkjd) / truth.period_days).astype(int)
        number -= number.min()
        weight = np.bincount(number, dimming)
        seen = weight > 0.5 * weight.max()
        middle = np.bincount(number, dimming * hours)[seen] / weight[seen]
        spread.append(float(middle.std()) / truth.duration_hours)
    late = sorted(spread)
    assert 2 <= sum(each > 0.1 for each in late) <= 12
    assert late[7] < 0.05


def test_scrambling_keeps_every_quarter_as_it_is(quiet):
    made = make(quiet, "scrambled", seed=1).observed
    assert sorted(made.flux.tolist()) == sorted(quiet.flux.tolist())
    assert not np.array_equal(made.flux, quiet.flux)
    assert made.time[0] == quiet.time[0]
    assert made.time[-1] == pytest.approx(quiet.time[-1])
    inside = np.diff(made.quarter) == 0
    assert np.diff(made.time)[inside].max() == pytest.approx(
        np.diff(quiet.time)[np.diff(quiet.quarter) == 0].max()
    )


def test_what_is_found_beside_it_has_no_label(quiet):
    made = make(quiet, "planet", seed=2)
    truth = made.truth[0]
    day, hours = truth.period_days, truth.duration_hours
    assert made.label(truth) == "PC"
    for other in (
        Ephemeris(day * 1.002, truth.epoch_bkjd, hours),
        Ephemeris(day, truth.epoch_bkjd + hours / 24, hours),
        Ephemeris(2 * day, truth.epoch_bkjd, hours),
    ):
        assert made.label(other) is None


def test_a_stars_own_planets_are_left_out(kepler_11):
    star = observations_of([read_light_curve(f, ("PDCSAP_FLUX",)) for f in kepler_11[:4]])
    planet = Ephemeris(10.3039, 137.0 + 10.3039 * 0.2, 4.0)
    left = without(star, [planet])
    assert 0 < len(star.time) - len(left.time) < 0.06 * len(star.time)
    assert np.abs(planet.hours_from_middle(left.time)).min() > 3


@pytest.mark.long
def test_transits_that_come_early_or_late_are_left_out_too(quiet):
    day, hours = 9.2, 5.0
    number = np.round((quiet.time - 135) / day)
    late = 8 * np.sin(2 * np.pi * number / 11)
    away = 24 * (quiet.time - 135 - number * day) - late
    in_transit = np.abs(away) < hours / 2
    flux = 1e5 * (1 + quiet.flux - 0.003 * in_transit)
    star = observe(900000042, "SIM 900000042", "Simulation", quiet.time, flux)
    left = quieted(star)
    kept = np.isin(star.time, left.time)
    # Nothing is found in what is left; most of each transit is gone, and little beside them.
    assert (kept & in_transit).sum() < 0.15 * in_transit.sum()
    assert kept.sum() > 0.75 * len(kept)
    straight = without(star, [Ephemeris(day, 135.0, hours)])
    assert np.isin(star.time[in_transit], straight.time).sum() > 0.2 * in_transit.sum()


@pytest.mark.parametrize("rounds", [0, pytest.param(1, marks=pytest.mark.long)])
def test_a_star_that_is_never_quiet_is_named(quiet, monkeypatch, rounds):
    monkeypatch.setattr("kepler_lens.classify.synthetic._QUIET_ROUNDS", rounds)
    made = make(quiet, "eclipse", seed=2).observed
    with pytest.raises(NotSearchableError, match="Star 900000042 is never quiet"):
        quieted(made)


@pytest.mark.long
def test_the_packages_model_knows_what_was_made_from_planets(quiet):
    """A star that it has not seen; docs/training.md has the shares of many light curves."""
    bundle, makes = Bundle.load(), recipe("search-1")

    def above(kind, copies):
        said = []
        for copy in range(copies):
            search, found = candidates(make(quiet, kind, 77, copy))
            views = makes.from_search(search)
            for (vetted, label), mine in zip(found, views, strict=True):
                if label and not isinstance(mine, ViewError):
                    scalars = of_candidate(search.observations, vetted, len(found))
                    said += bundle.score([mine], scalars[None]).p_planet.tolist()
        return [p >= bundle.threshold() for p in said]

    noise = above("inverted", 3) + above("scrambled", 3)
    assert len(noise) >= 4
    assert sum(noise) <= 1
    binaries = above("eclipse_half", 3)
    assert binaries
    assert sum(binaries) <= 1
    planets = above("planet", 4)
    assert sum(planets) >= 0.7 * len(planets) >= 2
