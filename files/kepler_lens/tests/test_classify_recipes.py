"""Recipes on real and simulated stars, their parity with the published records, their hashes."""

from dataclasses import replace

import numpy as np
import pytest

from kepler_lens import code_digest
from kepler_lens.classify.recipes import NAMES, RecipeError, _digest, recipe
from kepler_lens.classify.views import LENGTHS, ViewError
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.simulation.simulate import simulate
from kepler_lens.transit_search.detection.detect import find_candidates
from kepler_lens.transit_search.detection.ephemeris import Ephemeris
from kepler_lens.transit_search.preparation.observations import observations_of
from kepler_lens.transit_search.store.light_curve import ServerCurve


def curves(folder):
    return [read_light_curve(path, ("PDCSAP_FLUX",)) for path in sorted(folder.rglob("*.fits"))]


def r(one, other):
    return np.corrcoef(one, other)[0, 1]


@pytest.fixture(scope="module")
def published(data):
    """AstroNet's records of the stars whose files are at hand: star to records."""
    records = pytest.importorskip("kepler_lens.classify.records")
    found = {}
    for path in sorted((data / "astronet").glob("train-*")):
        for record in records.read_records(path):
            if record.integer("kepid") in (6541920, 3239945):
                found.setdefault(record.integer("kepid"), []).append(record)
    assert {star: len(all_) for star, all_ in found.items()} == {6541920: 3, 3239945: 2}
    return found


def ephemeris_of(record):
    """The ephemeris as NASA's table has it, of which the record keeps 32 bits."""
    period, epoch, days = (
        float(str(np.float32(record.number_of(name))))
        for name in ("tce_period", "tce_time0bk", "tce_duration")
    )
    return Ephemeris(period, epoch, 24 * days)


@pytest.mark.parametrize("star", [6541920, 3239945])
def test_astronet_1_is_the_published_records_to_the_last_bit(data, published, star):
    folder = data / ("kepler" if star == 6541920 else "systems") / f"{star:09d}"
    records = published[star]
    made = recipe("astronet-1").from_files(curves(folder), list(map(ephemeris_of, records)))
    for record, views in zip(records, made, strict=True):
        for name in ("global_view", "local_view"):
            np.testing.assert_allclose(views[name], record.view(name), atol=1e-6)


@pytest.mark.parametrize("star", [6541920, 3239945])
def test_search_1_is_near_the_published_records(data, published, star):
    folder = data / ("kepler" if star == 6541920 else "systems") / f"{star:09d}"
    records = published[star]
    made = recipe("search-1").from_files(curves(folder), list(map(ephemeris_of, records)))
    for record, views in zip(records, made, strict=True):
        assert r(views["global_view"], record.view("global_view")) > 0.998
        assert r(views["local_view"], record.view("local_view")) > 0.9998


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    simulate(folder, stars=[900000001], quarters=(1, 2, 3), seed=0)
    files = curves(folder)
    return files, find_candidates(observations_of(files))


@pytest.mark.parametrize("name", ["search-1", pytest.param("astronet-1", marks=pytest.mark.long)])
def test_files_server_and_search_give_the_same_views(simulated, name):
    files, found = simulated
    ephemerides = [candidate.ephemeris for candidate in found.candidates]
    assert len(ephemerides) > 1
    finite = [curve.series("PDCSAP_FLUX") for curve in files]
    served = ServerCurve(
        files[0].star,
        "PDCSAP_FLUX",
        files[0].labels["OBJECT"],
        files[0].mission,
        np.concatenate([time for time, _ in finite]),
        np.concatenate([value for _, value in finite]).astype(np.float64),
        files[0].stellar,
    )
    one = recipe(name).from_files(reversed(files), ephemerides)
    for other in (recipe(name).from_server(served, ephemerides), recipe(name).from_search(found)):
        for a, b in zip(one, other, strict=True):
            for view in a:
                np.testing.assert_allclose(a[view], b[view], atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_candidate_without_views_leaves_those_of_the_others(simulated, name):
    files, found = simulated
    first = found.candidates[0].ephemeris
    bad = [replace(first, period_days=0.0), replace(first, period_days=np.nan)]
    unseen = Ephemeris(5000.0, 3000.0, 5.0)
    made = recipe(name).from_files(files, [*bad, first, unseen])
    assert [isinstance(views, ViewError) for views in made] == [True, True, False, True]
    assert all(np.isfinite(made[2][view]).all() for view in LENGTHS)


def test_the_second_eclipse_of_a_binary_is_not_left_out_of_its_view(simulated):
    """Where it is a candidate of its own: it has the same period."""
    files, _ = simulated
    for curve in files:
        days = curve.time_us / 86_400e6
        flux = curve.columns["PDCSAP_FLUX"]
        for depth, phase in ((0.02, 0.0), (0.008, 2.2)):
            late = np.mod(days - phase, 5.2)
            flux *= 1 - depth * ((late < 0.1) | (late > 5.1))
    epoch = 5.2 * 2800 - 14245.5
    primary, secondary = Ephemeris(5.2, epoch, 4.8), Ephemeris(5.2, epoch + 2.2, 4.8)
    alone = recipe("astronet-1").from_files(files, [primary])[0]
    both = recipe("astronet-1").from_files(files, [primary, secondary])[0]
    assert alone["secondary_view"].min() == pytest.approx(-0.4, abs=0.03)
    np.testing.assert_array_equal(both["secondary_view"], alone["secondary_view"])
    other = replace(secondary, period_days=5.25)
    masked = recipe("astronet-1").from_files(files, [primary, other])[0]
    assert not np.array_equal(masked["secondary_view"], alone["secondary_view"])


def test_files_of_two_stars_and_of_short_cadence_are_refused(simulated):
    files, _ = simulated
    with pytest.raises(ViewError, match="several stars"):
        recipe("astronet-1").from_files([files[0], replace(files[1], star=7)], [])
    with pytest.raises(ViewError, match="long cadence"):
        recipe("astronet-1").from_files([replace(files[0], cadence="short")], [])


def test_an_unknown_recipe_is_refused_with_those_that_there_are():
    with pytest.raises(RecipeError, match=r"no recipe 'astronet-2'.*astronet-1, search-1"):
        recipe("astronet-2")


@pytest.fixture(scope="module")
def before():
    """The digests of both recipes as they are."""
    return [recipe(name).digest for name in NAMES]


@pytest.fixture
def digest_with(monkeypatch):
    """Digests of both recipes, where a module's source reads otherwise."""
    source = code_digest._source

    def clear():
        code_digest._names.cache_clear()
        code_digest._symbol.cache_clear()
        _digest.cache_clear()

    def digests(module, old, new):
        def edited(name):
            text = source(name)
            if name == f"kepler_lens.{module}":
                assert old in text
                return text.replace(old, new)
            return text

        clear()
        with monkeypatch.context() as patch:
            patch.setattr(code_digest, "_source", edited)
            made = [recipe(name).digest for name in NAMES]
        clear()
        return made

    return digests


@pytest.mark.parametrize(
    ("module", "old", "new", "changed"),
    [
        ("classify.views", "_LOCAL_WIDTH = 0.16", "_LOCAL_WIDTH = 0.17", [True, True]),
        ("classify.views", "duration * _LOCAL_DURATIONS", "duration * 3", [True, True]),
        ("classify.robust", "_CUT = 3.0", "_CUT = 3.1", [True, True]),
        ("classify.spline", "np.geomspace(0.5", "np.geomspace(0.6", [True, True]),
        ("scatter", "MAD_TO_SIGMA = 1.4826", "MAD_TO_SIGMA = 1.48", [True, True]),
        (
            "missions.kepler",
            "_DAYS_1970_TO_REFERENCE = 14245.5",
            "_DAYS_1970_TO_REFERENCE = 0",
            [True] * 2,
        ),
        (
            "transit_search.preparation.prepare",
            "bright = relative > 4",
            "bright = relative > 5",
            [False, True],
        ),
        ("transit_search.preparation.prewhitening", "_GAIN = 0.9", "_GAIN = 0.6", [False, True]),
        (
            "transit_search.preparation.noise",
            "angle = rates[k]",
            "angle = 2 * rates[k]",
            [False, True],
        ),
        (
            "transit_search.preparation.prepare",
            "LONG_ENOUGH_DAYS = 300.0",
            "LONG_ENOUGH_DAYS = 301.0",
            [False, True],
        ),
        (
            "transit_search.preparation.prepare",
            "int(hours / 24 / 8",
            "int(hours / 24 / 4",
            [False, False],
        ),
        ("lightcurve", "_BJD_REFERENCE = 2454833", "_BJD_REFERENCE = 2454834", [False, False]),
        ("classify.views", "Find the strongest dimming", "Look for a dimming", [False, False]),
        (
            "classify.views",
            "# The limit keeps one point",
            "# The limit keeps a point",
            [False, False],
        ),
        ("classify.views", "Nothing is left of", "Empty is", [False, False]),
        (
            "classify.views",
            "period: float, duration: float",
            "period: int, duration: float",
            [False] * 2,
        ),
    ],
)
def test_the_digest_changes_with_what_decides_the_views(
    before, digest_with, module, old, new, changed
):
    assert len(set(before)) == 2
    after = digest_with(module, old, new)
    assert [a != b for a, b in zip(after, before, strict=True)] == changed
