"""The search's parts against plain, slow computations of the same things."""

from dataclasses import replace

import numpy as np
import pytest
from made_stars import in_time, pulsations, star

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.detection import brightenings, detect
from kepler_lens.transit_search.detection.candidates import Candidate, added, remnant
from kepler_lens.transit_search.detection.detect import find_candidates
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits
from kepler_lens.transit_search.detection.folding import fold_all
from kepler_lens.transit_search.detection.harmonics import true_period
from kepler_lens.transit_search.detection.periods import duration_range, fold, peaks_of, spectrum
from kepler_lens.transit_search.detection.refinement import consistency, refine
from kepler_lens.transit_search.detection.vetoes import of_thrusters
from kepler_lens.transit_search.preparation import spectral_noise as stationary
from kepler_lens.transit_search.preparation.noise import (
    Noise,
    factor,
    fit,
    misfit,
    smooth,
    terms,
    whiten,
)
from kepler_lens.transit_search.preparation.observations import NotSearchableError, observe
from kepler_lens.transit_search.preparation.prepare import event_bank
from kepler_lens.transit_search.preparation.prewhitening import subtract_lines
from kepler_lens.transit_search.preparation.single_events import (
    Events,
    correlate,
    template,
    whitened,
)
from kepler_lens.transit_search.search import search_and_vet

NOISE = Noise(white=1.0, slow=3e-4, slow_days=1.2, fast=1e-4, fast_days=0.1, level=1e-3)


def covariance(time, sigma, start, noise=NOISE):
    """The whole matrix, from the kernel of two critically damped oscillators and a level."""
    lag = np.abs(time[:, None] - time[None, :])
    matrix = np.full_like(lag, noise.level**2)
    for deviation, days in ((noise.slow, noise.slow_days), (noise.fast, noise.fast_days)):
        x = lag / days / np.sqrt(2)
        matrix += deviation**2 * np.exp(-x) * (np.cos(x) + np.sin(x))
    stretch = np.cumsum(start)
    matrix[stretch[:, None] != stretch[None, :]] = 0
    return matrix + np.diag(sigma**2)


@pytest.fixture
def points():
    """Some hundred points with gaps, in two stretches."""
    rng = np.random.default_rng(3)
    cadence = np.flatnonzero(rng.random(260) > 0.15)
    cadence = cadence[(cadence < 90) | (cadence > 130)]
    time = 131.5 + cadence * LONG_CADENCE_DAYS
    start = np.r_[True, np.diff(cadence) > 30]
    sigma = rng.uniform(0.8e-4, 1.5e-4, len(time))
    return cadence - cadence[0], time, sigma, start


def test_factor_gives_the_covariance(points):
    _, time, sigma, start = points
    rng = np.random.default_rng(4)
    y = rng.normal(0, 3e-4, len(time))
    u, w, phi, d = factor(time, sigma**2, start, *terms(NOISE))
    matrix = covariance(time, sigma, start)
    z = whiten(y, u, w, phi)
    assert np.sum(z**2 / d) == pytest.approx(y @ np.linalg.solve(matrix, y), rel=1e-9)
    assert np.log(d).sum() == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-9)
    likelihood = np.mean(z**2 / d + np.log(d))
    assert misfit(time, y, sigma**2, start, *terms(NOISE)) == pytest.approx(likelihood, rel=1e-7)
    np.testing.assert_allclose(smooth(z, u, w, phi, d), np.linalg.solve(matrix, y), rtol=1e-7)


def test_correlate_is_the_matched_filter_of_the_whole_covariance(points):
    cadence, time, sigma, start = points
    rng = np.random.default_rng(5)
    y = rng.normal(0, 3e-4, len(time))
    points = whitened(cadence, start, y, factor(time, sigma**2, start, *terms(NOISE)))
    shape = template(4.0)
    n, information, _ = correlate(points, shape, 1, int(cadence[-1]) + 1)
    inverse = np.linalg.inv(covariance(time, sigma, start))
    half = len(shape) // 2
    for centre in (3, 40, 80, 95, 120, 200):
        offset = cadence - centre + half
        inside = (offset >= 0) & (offset < len(shape))
        s = np.where(inside, shape[np.clip(offset, 0, len(shape) - 1)], 0.0)
        assert n[centre] == pytest.approx(-s @ inverse @ y, rel=1e-8, abs=1e-9)
        assert information[centre] == pytest.approx(s @ inverse @ s, rel=1e-8, abs=1e-9)


def test_fit_finds_the_noise_it_was_given():
    rng = np.random.default_rng(6)
    time = np.arange(3000) * LONG_CADENCE_DAYS
    start = np.r_[True, np.zeros(2999, bool)]
    sigma = np.full(3000, 1e-4)
    truth = Noise(1.0, 5e-4, 1.0, 1e-9, 0.1, 1e-9)
    y = np.linalg.cholesky(covariance(time, sigma, start, truth)) @ rng.normal(size=3000)
    found = fit(time, y, sigma, start)
    assert found.white == pytest.approx(1.0, abs=0.05)
    u, w, phi, d = factor(time, (sigma * found.white) ** 2, start, *terms(found))
    assert np.mean(whiten(y, u, w, phi) ** 2 / d) == pytest.approx(1.0, abs=0.06)


def test_fit_of_a_restless_star_is_as_likely_as_the_truth():
    rng = np.random.default_rng(16)
    time = np.arange(3000) * LONG_CADENCE_DAYS
    start = np.r_[True, np.zeros(2999, bool)]
    sigma = np.full(3000, 1.1e-4)
    truth = Noise(1.0, 6e-4, 0.47, 1.3e-4, 0.036, 1e-9)
    y = np.linalg.cholesky(covariance(time, sigma, start, truth)) @ rng.normal(size=3000)

    def total(noise):
        u, w, phi, d = factor(time, (sigma * noise.white) ** 2, start, *terms(noise))
        return np.sum(whiten(y, u, w, phi) ** 2 / d + np.log(d))

    assert total(fit(time, y, sigma, start)) < total(truth) + 20


@pytest.mark.parametrize(("size", "first", "last"), [(500, 20, 40), (501, 160, 190), (97, 7, 48)])
def test_folding_at_whole_periods_is_a_plain_sum(size, first, last):
    rng = np.random.default_rng(size)
    n = rng.normal(size=size).astype(np.float32)
    d = rng.uniform(0.5, 1, size).astype(np.float32)
    period, statistic = fold_all(n, d, first, last, 0.0)
    assert period.min() == first
    assert period.max() == pytest.approx(last**2 / (last - 1))
    for p in range(first, last + 1):
        top, bottom = np.zeros(p), np.zeros(p)
        np.add.at(top, np.arange(size) % p, n)
        np.add.at(bottom, np.arange(size) % p, d)
        exact = np.sqrt(np.max(np.maximum(top, 0) ** 2 / bottom))
        got = statistic[np.abs(period - p) < 1e-9].max()
        assert got >= exact * 0.9999
        alone = statistic[np.flatnonzero(np.abs(period - p) < 1e-9)[-1]]
        assert alone == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("truth", [29.93, 61.95, 137.43, 2044.8])
def test_folding_finds_a_period_between_whole_ones(truth):
    size = 86_000
    n = np.zeros(size, np.float32)
    n[np.round(np.arange(5, size, truth)).astype(int)] = 1
    first = int(truth) - 1
    period, statistic = fold_all(n, np.ones(size, np.float32), first, first + 3, 1.0)
    # Near enough for `refine`: over the whole span a part of a transit, which has four steps.
    drift = (period[np.argmax(statistic)] / truth - 1) * size
    assert abs(drift) < 2


def test_lines_of_a_pulsating_star_go_and_a_quiet_star_stays():
    rng = np.random.default_rng(7)
    time = 131.5 + np.arange(20_000) * LONG_CADENCE_DAYS
    quiet = rng.normal(0, 1e-4, len(time))
    same, lines, _ = subtract_lines(time, quiet)
    assert lines == 0
    assert same is quiet
    waves = sum(
        a * np.sin(2 * np.pi * f * time + p)
        for a, f, p in ((2e-3, 0.623, 1), (1e-3, 0.911, 2), (5e-4, 0.801, 3))
    )
    left, lines, _ = subtract_lines(time, quiet + waves)
    assert lines >= 3
    assert np.std(left) < 1.4e-4 < np.std(waves) / 10


def test_lines_leave_the_transits_of_a_short_period():
    rng = np.random.default_rng(8)
    time = 131.5 + np.arange(20_000) * LONG_CADENCE_DAYS
    flux = rng.normal(0, 1e-4, len(time))
    flux[(time % 1.3) < 0.1] -= 2e-3
    left, lines, _ = subtract_lines(time, flux)
    assert lines == 0
    assert left is flux


def test_lines_leave_a_short_and_restless_star():
    rng = np.random.default_rng(9)
    time = 2300 + np.arange(3500) * LONG_CADENCE_DAYS
    walk = np.convolve(rng.normal(0, 1e-3, 3600), np.hanning(60) / 5, "valid")[: len(time)]
    flux = walk + rng.normal(0, 1e-4, len(time)) + 5e-3 * np.sin(2 * np.pi * 1.7 * time)
    _, lines, _ = subtract_lines(time, flux)
    assert lines <= len(time) // 100


def test_lines_of_a_pulsating_star_go_but_not_the_deep_transits_beside_them():
    rng = np.random.default_rng(10)
    time = 131.5 + np.arange(20_000) * LONG_CADENCE_DAYS
    waves = sum(3e-3 * np.sin(2 * np.pi * f * time) for f in (0.623, 0.911, 1.47))
    inside = (time % 2.3) < 0.15
    flux = rng.normal(0, 1e-4, len(time)) + waves - 5e-3 * inside
    left, lines, _ = subtract_lines(time, flux)
    assert lines >= 3
    assert np.median(left[~inside]) - np.median(left[inside]) > 0.85 * 5e-3


@pytest.mark.parametrize(
    ("mission", "period", "is_theirs"),
    [
        ("K2", 0.2452, True),
        ("K2", 0.4905, True),
        ("K2", 1.9616, True),
        ("K2", 0.52, False),
        ("K2", 12.26, False),
        ("Kepler", 0.4904, False),
    ],
)
def test_periods_of_thrusters_are_those_of_k2(mission, period, is_theirs):
    assert of_thrusters(mission, period) == is_theirs


def test_consistency_tells_equal_transits_from_one_that_dominates():
    d = np.full(4, 1e8)
    equal = Transits(np.arange(4), np.arange(4.0), 5 * d**0.5 + np.zeros(4), d)
    one = Transits(np.arange(4), np.arange(4.0), np.array([14.0, 1, 1, 4]) * d**0.5, d)
    assert consistency(equal) == 0
    assert consistency(one) > 2


def test_durations_follow_from_the_density():
    low, high = duration_range(365.25, 1.0)
    assert low < 13 < high
    dense_low, dense_high = duration_range(365.25, 8.0)
    assert dense_high == pytest.approx(high / 2)
    assert dense_low == pytest.approx(low / 2)


def test_ephemeris_numbers_its_transits():
    ephemeris = Ephemeris(10.0, 135.0, 5.0)
    np.testing.assert_array_equal(ephemeris.numbers(np.array([134.0, 145.1, 165.0])), [0, 1, 3])
    assert ephemeris.hours_from_middle(np.array([145.1]))[0] == pytest.approx(2.4)


@pytest.mark.parametrize(
    ("flux", "sentence"),
    [
        (np.array([1.0, 1.1, 0.9]), "3 usable points"),
        (np.full(5000, np.nan), "0 usable points"),
        (np.full(5000, 7.0), "one flux throughout"),
        (np.random.default_rng(1).normal(1, 0.4, 5000), "lost in noise"),
        (np.random.default_rng(1).normal(0, 1, 5000) - 10, "not positive"),
    ],
)
def test_stars_that_cannot_be_searched_say_why(flux, sentence):
    time = 131.5 + np.arange(len(flux)) * LONG_CADENCE_DAYS
    with pytest.raises(NotSearchableError, match=sentence):
        observe(1, "KIC 1", "Kepler", time, flux)


def candidate(period, epoch, hours, statistic=30.0):
    ephemeris = Ephemeris(period, epoch, hours)
    number = np.arange(int((1590 - epoch) / period) + 1)
    one = np.ones(len(number))
    return Candidate(
        1, ephemeris, statistic, 7.0, Transits(number, ephemeris.middles(number), one, one)
    )


def test_what_a_mask_left_is_no_candidate_but_another_eclipse_is():
    planet = candidate(331.597, 140.5, 13.0)
    assert remnant(candidate(331.605, 141.2, 8.0), planet)
    assert not remnant(candidate(331.605, 140.5 + 331.6 / 2, 8.0), planet)
    assert not remnant(candidate(210.6, 140.5, 8.0), planet)
    # Every fourth transit of a stronger one, or every second.
    eclipses = candidate(3.2145, 133.87, 4.0, 4000.0)
    assert remnant(candidate(12.858, 133.75, 3.5, 100.0), eclipses)
    assert not remnant(candidate(13.0249, 138.18, 4.6, 40.0), eclipses)
    # Beside the transits of a very short period is everywhere.
    assert not remnant(candidate(7.3, 133.87, 3.0), candidate(0.6, 133.87, 2.0, 400.0))


def test_every_15th_eclipse_found_first_gives_way_to_all_of_them():
    planet = candidate(46.7, 150.2, 6.0, 60.0)
    part = candidate(37.06653, 153.866, 5.6, 3220.0)
    every = candidate(2.471106, 131.6483, 4.0, 1790.0)
    known = added(every, added(part, added(planet, [])))
    assert [c.ephemeris.period_days for c in known] == [46.7, 2.471106]
    assert [c.number for c in known] == [1, 2]
    # What is found beside a stronger one is a part of it, also if it is not one of each k.
    assert [c.statistic for c in added(candidate(37.3, 153.866, 5.6, 3220.0), [every])] == [
        1790.0,
        3220.0,
    ]
    # The whole found after a flank of it stands for both.
    assert [c.statistic for c in added(candidate(2.471106, 131.66, 4.2, 5000.0), [every])] == [5000]


@pytest.mark.parametrize("factor", [1 / 3, 1 / 2, 1, 2, 3])
def test_harmonics_are_resolved_to_the_period(factor):
    truth, hours = 17.078, 6.2
    rng = np.random.default_rng(1)
    bank = []
    for duration in (5.0, hours, 7.75):
        time = np.arange(131.5, 1591, duration / 8 / 24)
        away = np.abs(Ephemeris(truth, 140.0, hours).hours_from_middle(time))
        events = np.maximum(1 - away / duration, 0) + rng.normal(0, 0.1, len(time))
        bank.append(Events(duration, time, events, np.ones(len(time))))
    signal = true_period(refine(truth * factor, bank, [1], 140.0), bank)
    assert signal.ephemeris.period_days == pytest.approx(truth, rel=1e-4)


def test_narrow_events_are_folded_in_finer_steps():
    truth, hours = 17.078, 6.2
    time = np.arange(131.5, 1591, hours / 24 / 12)
    away = np.abs(Ephemeris(truth, 140.0, hours).hours_from_middle(time))
    events = Events(hours, time, np.maximum(1 - 2 * away / hours, 0), np.ones(len(time)))
    exact = np.sqrt(1459 / truth)

    def part(*, sharp):
        peaks = peaks_of(fold([events, events], 1.0, 30.0, sharp=sharp), [events, events])
        near = [p.statistic for p in peaks if abs(p.period_days / truth - 1) < 2e-3]
        return max(near, default=0) / exact

    def part_drawn(*, sharp):
        period, statistic = spectrum(fold([events, events], 1.0, 30.0, sharp=sharp))
        return statistic[np.abs(period / truth - 1) < 2e-3].max() / exact

    assert part(sharp=True) > 0.84 > part(sharp=False)
    assert part_drawn(sharp=True) == part(sharp=True)
    assert part_drawn(sharp=False) < 0.84


def train(days, duration_hours, period, deviation=1e-4, seed=5):
    """Noise, the transits of a planet of a SNR of 10 in it, and the middles of the transits."""
    cadence = np.arange(round(days / LONG_CADENCE_DAYS))
    shape = template(duration_hours)
    middles = np.arange(60, len(cadence) - 60, round(period / LONG_CADENCE_DAYS))
    depth = 10 * deviation / np.sqrt(len(middles) * (shape**2).sum())
    noise = deviation * np.random.default_rng(seed).standard_normal(len(cadence))
    dips = np.zeros(len(cadence))
    for middle in middles:
        dips[middle - len(shape) // 2 :][: len(shape)] -= depth * shape
    return cadence, noise, dips, middles


def significance(points, duration_hours, middles):
    n, d, _ = stationary.correlate(points, template(duration_hours), 1)
    return n[middles].sum() / np.sqrt(d[middles].sum())


@pytest.mark.parametrize(("duration_hours", "period"), [(2.0, 1.0), (6.0, 25.0), (12.0, 150.0)])
def test_a_planet_does_not_weigh_itself_down_in_the_spectrum(duration_hours, period):
    cadence, noise, dips, middles = train(1400, duration_hours, period)
    points = stationary.spectral(cadence, len(cadence), noise + dips)
    of_noise = stationary.spectral(cadence, len(cadence), noise)
    found = significance(points, duration_hours, middles)
    ideal = significance(replace(points, power=of_noise.power), duration_hours, middles)
    assert ideal == pytest.approx(10, abs=3)
    assert found > 0.85 * ideal


def test_jumps_between_stretches_do_not_pass_for_noise():
    cadence, noise, dips, middles = train(1400, 12.0, 150.0)
    stretch = cadence // 1470
    start = np.r_[True, np.diff(stretch) > 0]
    rng = np.random.default_rng(8)
    level, slope = 2e-3 * rng.standard_normal((2, stretch[-1] + 1))
    jumps = level[stretch] + slope[stretch] * (cadence % 1470 / 1470 - 0.5)

    def found(flux):
        flux = stationary.levelled(cadence * LONG_CADENCE_DAYS, flux, start)
        return significance(stationary.spectral(cadence, len(cadence), flux), 12.0, middles)

    assert found(noise + dips + jumps) == pytest.approx(found(noise + dips), rel=1e-6)


def test_a_binary_whose_eclipses_hide_the_whole_light_curve_ends_the_search():
    rng = np.random.default_rng(3)
    time = 131.5 + np.arange(4000) * LONG_CADENCE_DAYS
    phase = (time - 131.6) / 0.9 % 1
    flux = 1 + 1e-4 * rng.normal(size=len(time))
    for middle, depth in ((0.0, 0.01), (0.5, 0.003)):
        flux -= depth * (0.9 * np.abs((phase - middle + 0.5) % 1 - 0.5) < 0.15)
    found = find_candidates(observe(1, "SIM 1", "Simulation", time, 1e5 * flux))
    assert found.candidates[0].ephemeris.period_days == pytest.approx(0.9, rel=1e-3)


def test_masks_may_hide_the_whole_light_curve_of_a_pulsating_star(monkeypatch):
    """Nothing is seen then: the round ends, and what was found before stays."""
    planets = [in_time(TransitModel(p, 133.0, 3.4, 0.04, 0.2)) for p in (6.1, 8.7)]
    for home in (detect, brightenings):
        monkeypatch.setattr(home, "masked", lambda prepared, _: np.ones(len(prepared.time), bool))
    found = search_and_vet(star(pulsations, *planets, points=14_700))
    prepared = found.search.prepared
    assert prepared.pulsating
    periods = [one.candidate.ephemeris.period_days for one in found.candidates]
    assert periods == [pytest.approx(6.1, rel=1e-3)]
    (events,) = event_bank(prepared, np.ones(len(prepared.time), bool), [4.0])
    assert not events.d.any()
