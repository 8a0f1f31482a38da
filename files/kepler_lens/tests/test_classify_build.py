"""Data sets from real light curves: what a star gives, and the command that builds and checks."""

import numpy as np
import pytest
from commands import run

from kepler_lens.classify.build import StarSettings, records_of_star
from kepler_lens.classify.curves import from_folder
from kepler_lens.classify.dataset import load
from kepler_lens.classify.labels import CLASSES, LabelTable, read_tce_table
from kepler_lens.classify.manifest import read_manifest
from kepler_lens.classify.recipes import recipe
from kepler_lens.classify.records import VIEW_LENGTHS, VIEWS, write_contents
from kepler_lens.classify.scalars import SCALARS
from kepler_lens.classify.views import LENGTHS, SCATTER
from kepler_lens.errors import KeplerLensError
from kepler_lens.simulation.simulate import simulate


@pytest.fixture(scope="module")
def tce(data):
    return read_tce_table(data / "tables" / "q1_q17_dr24_tce.csv")


@pytest.fixture(scope="module")
def systems(data):
    return data / "systems"


def test_a_record_has_the_views_that_a_recipe_makes():
    assert VIEWS == LENGTHS
    assert set(VIEW_LENGTHS) == set(VIEWS) | {name + SCATTER for name in VIEWS}


def examples_of(tmp_path, result):
    path = tmp_path / "star"
    write_contents(path, result.contents)
    return load(path)


@pytest.mark.long
def test_the_records_of_kepler_11_are_the_published_ones(tmp_path, data, tce):
    _, curve_of = from_folder(data / "kepler" / "006541920")
    result = records_of_star(6541920, curve_of, StarSettings(tce), recipe("astronet-1"))
    assert result.left_out == {}
    made = examples_of(tmp_path, result)
    published = load(data / "astronet")
    published = published.select(published.star == 6541920)
    assert len(made) == 6
    assert set(made.views) == set(VIEW_LENGTHS)
    assert all(has.all() for has in made.has.values())
    for k, number in enumerate(published.number.tolist()):
        (i,) = np.flatnonzero(made.number == number)
        assert made.label[i] == published.label[k]
        for view, least in (("local_view", 0.9999), ("global_view", 0.998)):
            r = np.corrcoef(made.views[view][i], published.views[view][k])[0, 1]
            assert r >= least
        mine = dict(zip(SCALARS, made.scalars[i].tolist(), strict=True))
        theirs = dict(zip(SCALARS, published.scalars[k].tolist(), strict=True))
        for name, most in (("period", 1e-6), ("duration", 1e-4), ("depth", 0.25), ("snr", 0.35)):
            assert mine[name] == pytest.approx(theirs[name], rel=most)
        assert mine["multiplicity"] == 6
    assert not np.isnan(made.scalars).any()


@pytest.mark.long
def test_what_the_search_finds_gets_the_labels_of_the_table(tmp_path, data, tce):
    _, curve_of = from_folder(data / "kepler" / "006541920")
    settings = StarSettings(tce, "search")
    made = examples_of(tmp_path, records_of_star(6541920, curve_of, settings, recipe("search-1")))
    assert made.recipe == f"search-1 {recipe('search-1').digest}"
    assert not made.synthetic.any()
    known = [10.304, 13.0249, 22.6871, 31.9954, 46.6861, 118.379]
    np.testing.assert_allclose(np.sort(made.scalars[:, 0]), known, rtol=2e-4)
    assert (made.label == CLASSES.index("PC")).all()


@pytest.mark.long
def test_without_signals_there_is_only_what_was_made(tmp_path):
    simulate(tmp_path / "stars", stars=[900000002], quarters=range(1, 5), seed=3)
    made = ("--synthetic", "scrambled", "--synthetic", "planet", "--copies", 2)
    out = tmp_path / "set"
    result = run("dataset", out, "--files", tmp_path / "stars", "--signals", "none", *made)
    assert result.returncode == 0, result.stderr
    examples = load(out)
    assert examples.synthetic.all()
    counts = np.bincount(examples.label, minlength=3)
    assert counts[CLASSES.index("PC")] == 2
    assert counts[CLASSES.index("NTP")] >= 2
    manifest = read_manifest(out)
    assert (manifest.labels, sum(manifest.synthetic.values())) == ((), len(examples))
    other = run("dataset", out, "--files", tmp_path / "stars", "--signals", "none", *made[:-1], 3)
    assert "made in another way" in other.stderr


def test_a_star_without_light_curve_or_label_gives_its_reason(systems, tce):
    _, curve_of = from_folder(systems)
    result = records_of_star(6541920, curve_of, StarSettings(tce), recipe("search-1"))
    assert result.contents == []
    assert "has no light curve of star 6541920" in result.left_out["star 6541920"]
    none = LabelTable("none", "none.csv", "", "", {})
    result = records_of_star(3323887, curve_of, StarSettings(none), recipe("search-1"))
    assert (result.contents, result.left_out) == ([], {})


def test_files_whose_names_do_not_say_their_star_are_found(tmp_path, data):
    stars, _ = from_folder(data / "red_giants")
    assert 3744043 in stars
    assert len(stars) == 9
    with pytest.raises(KeplerLensError, match="no light curves of long cadence"):
        from_folder(tmp_path)


@pytest.mark.long
def test_the_command_builds_checks_and_does_nothing_twice(tmp_path, data, systems):
    out, labels = tmp_path / "set", data / "tables" / "q1_q17_dr24_tce.csv"
    first = run("dataset", out, "--files", systems, "--labels", labels, "--seed", 3)
    assert first.returncode == 0, first.stderr
    assert "set: 3 PC of 1 stars in 1 groups; recipe search-1" in first.stdout
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    again = run("dataset", out, "--files", systems, "--labels", labels, "--seed", 3)
    checked = run("dataset", "--check", out)
    assert again.stdout == first.stdout == checked.stdout
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before
    other = run("dataset", out, "--files", systems, "--labels", labels, "--seed", 4)
    assert "made in another way" in other.stderr
    assert set(load(out, views=VIEWS).views) == set(VIEWS)
    shard = next(out.glob("examples-*"))
    damaged = bytearray(shard.read_bytes())
    damaged[100] ^= 1
    shard.write_bytes(damaged)
    assert f"{shard}: the shard is damaged" in run("dataset", "--check", out).stderr


def test_the_command_checks_published_records(data):
    result = run("dataset", "--check", data / "astronet")
    assert "848 PC, 372 AFP, 590 NTP of 1717 stars in 1610 groups" in result.stdout
    cut = run("dataset", "--check", data / "astronet_more")
    assert "train-00004-of-00005: record 148 at byte 1422697 is cut" in cut.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--labels", "TABLE"], "name either --files or a"),
        (["--files", "FILES"], "name the table of labels"),
        (["--files", "FILES", "--signals", "none"], "name what is made of a light curve"),
        (["--files", "FILES", "--labels", "TABLE", "--signals", "mine"], "there are table, search"),
        (["--files", "FILES", "--labels", "TABLE", "--synthetic", "moon"], "there are planet, ecl"),
        (["--files", "FILES", "--labels", "TABLE", "--recipe", "soup"], "There is no recipe"),
        (["--files", "FILES", "--labels", "TABLE", "--release", "dr25"], "there is no KOI table"),
        (["--files", "FILES", "--labels", "KOI"], "no TCE q1_q17_dr24_tce table"),
        (["--files", "GIANTS", "--labels", "TABLE"], "the table knows none of the 9 stars"),
    ],
)
def test_what_the_command_refuses(tmp_path, data, systems, arguments, words):
    names = {
        "FILES": systems,
        "GIANTS": data / "red_giants",
        "TABLE": data / "tables" / "q1_q17_dr24_tce.csv",
        "KOI": data / "tables" / "kepler_objects_of_interest.csv",
    }
    result = run("dataset", tmp_path / "out", *(names.get(each, each) for each in arguments))
    assert result.returncode != 0
    assert words in " ".join(result.stderr.split())
