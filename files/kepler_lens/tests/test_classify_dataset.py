"""Data sets: the published records as arrays, manifests, and splits that share nothing."""

import numpy as np
import pytest

from kepler_lens.classify.dataset import check_trainable, load, relabelled
from kepler_lens.classify.labels import CLASSES, read_tce_table
from kepler_lens.classify.manifest import DataSetError
from kepler_lens.classify.records import RecordError, write_records
from kepler_lens.classify.scalars import SCALARS
from kepler_lens.classify.splits import (
    NO_PART,
    PARTS,
    SplitError,
    check_split,
    fold_masks,
    folds,
    parts,
)


def record(star, number=1, label="PC", **more):
    values = {
        "kepid": star,
        "tce_plnt_num": number,
        "av_training_set": label,
        "tce_period": 3.0 + star / 1000 + number / 10,
        "tce_time0bk": 140.0,
        "tce_duration": 0.2,
        "local_view": np.full(201, star, np.float32),
    }
    return values | more


def shard(folder, *records, name="train-00000-of-00001"):
    write_records(folder / name, records)
    return folder


@pytest.fixture(scope="module")
def tce(data):
    return read_tce_table(data / "tables" / "q1_q17_dr24_tce.csv")


@pytest.fixture(scope="module")
def astronet(data, tce):
    return load(data / "astronet", table=tce)


def test_the_published_records_as_arrays(astronet):
    assert len(astronet) == 1810
    assert astronet.counts() == {"PC": 848, "AFP": 372, "NTP": 590, "UNK": 0}
    assert {k: v.shape for k, v in astronet.views.items()} == {
        "global_view": (1810, 2001),
        "local_view": (1810, 201),
    }
    assert all(has.all() for has in astronet.has.values())
    assert len(set(astronet.star.tolist())) == 1717
    assert len(set(astronet.group.tolist())) == 1610
    assert not astronet.synthetic.any()
    assert astronet.recipe == "astronet-1"
    lacking = dict(zip(SCALARS, np.isnan(astronet.scalars).sum(axis=0).tolist(), strict=True))
    assert {name: n for name, n in lacking.items() if n} == {"snr": 60, "transits": 18}
    kepler_11 = astronet.select(astronet.star == 6541920)
    assert len(kepler_11) > 1
    assert set(kepler_11.scalars[:, SCALARS.index("multiplicity")].tolist()) == {6.0}
    assert kepler_11.files[kepler_11.file[0]] in kepler_11.where(0)
    assert kepler_11.views["local_view"].shape == (len(kepler_11), 201)


def test_the_further_records_are_of_other_candidates(data, astronet):
    cuts = []
    both = load([data / "astronet", data / "astronet_more"], on_cut=cuts.append)
    assert len(both) == 1810 + 752
    assert both.counts() == {"PC": 988, "AFP": 876, "NTP": 698, "UNK": 0}
    assert len(cuts) == 1
    more = both.select(np.arange(1810, 2562))
    assert np.isnan(more.scalars[:, SCALARS.index("mes")]).all()
    with pytest.raises(RecordError, match=r"train-00004-of-00005: record 148 .* is cut"):
        load(data / "astronet_more")


def test_the_published_labels_are_those_of_the_table(astronet, tce):
    again, ambiguous = relabelled(astronet, tce)
    assert ambiguous == []
    assert (again.label == astronet.label).all()


def test_another_table_takes_the_labels_place(tmp_path):
    table = tmp_path / "tce.csv"
    table.write_text(
        "kepid,tce_plnt_num,tce_period,tce_time0bk,tce_duration,av_training_set\n"
        "1,1,3.101,140,4.8,NTP\n2,1,3.102,140,4.8,PC\n2,2,3.102,140.01,4.8,AFP\n"
    )
    made = [record(1), record(2), record(3), record(4, synthetic=1)]
    examples, ambiguous = relabelled(load(shard(tmp_path, *made)), read_tce_table(table))
    assert examples.label.tolist() == [CLASSES.index("NTP"), -1, -1, CLASSES.index("PC")]
    (words,) = ambiguous
    assert "star 2, candidate 1" in words
    assert "TCE 2-01 (PC) and TCE 2-02 (AFP)" in words


def test_views_that_some_records_lack(tmp_path):
    made = [record(1), record(2, secondary_view=np.ones(201)), record(3, label="UNK")]
    examples = load(shard(tmp_path, *made))
    assert set(examples.views) == {"local_view", "secondary_view"}
    assert examples.has["secondary_view"].tolist() == [False, True, False]
    assert examples.views["local_view"][:, 7].tolist() == [1, 2, 3]
    assert examples.label.tolist() == [0, 0, -1]
    assert set(load(tmp_path, views=["secondary_view"]).views) == {"secondary_view"}
    with pytest.raises(DataSetError, match="There is no view 'unfolded'"):
        load(tmp_path, views=["unfolded"])


def test_where_records_are_looked_for(tmp_path, monkeypatch):
    shard(tmp_path, record(1), name="train-00000-of-00002")
    with pytest.raises(DataSetError, match="train-00001-of-00002: the shard is missing"):
        load(tmp_path)
    shard(tmp_path, record(2), name="train-00001-of-00002")
    (tmp_path / "notes.txt").write_text("no records")
    assert len(load(tmp_path)) == 2
    assert len(load(str(tmp_path / "train-*"))) == 2
    monkeypatch.chdir(tmp_path)
    assert len(load("train-00001*")) == 1
    assert len(load(tmp_path / "train-00000-of-00002")) == 1
    for nothing, words in (("other-*", "no such file"), (tmp_path / "none", "no such file")):
        with pytest.raises(DataSetError, match=words):
            load(nothing)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataSetError, match="no file is named like train-00000-of-00008"):
        load(tmp_path / "empty")


def test_a_candidate_that_is_there_twice_is_named_with_both_files(tmp_path):
    made = shard(tmp_path, record(1), record(2), record(1, number=2))
    shard(tmp_path / "..", record(1), name=f"{tmp_path.name}-again")
    again = tmp_path / ".." / f"{tmp_path.name}-again"
    with pytest.raises(
        DataSetError, match=r"star 1, candidate 1 \(.*00001, byte 0\) is there twice"
    ):
        load([made, again])
    shard(tmp_path, *(record(1, synthetic=1) for _ in range(3)), record(1))
    assert load(tmp_path).synthetic.tolist() == [True, True, True, False]


def test_recipes_are_not_mixed(tmp_path):
    shard(tmp_path, record(1, recipe="search-1 abc"), record(2, recipe="search-1 abc"))
    for asked in (None, "search-1", "search-1 abc"):
        assert load(tmp_path, recipe=asked).recipe == "search-1 abc"
    for asked in ("astronet-1", "search-1 def"):
        with pytest.raises(DataSetError, match=f"recipe search-1 abc, {asked} is asked for"):
            load(tmp_path, recipe=asked)
    shard(tmp_path, record(1, recipe="search-1 abc"), record(2))
    with pytest.raises(DataSetError, match="recipe astronet-1, those before are of search-1 abc"):
        load(tmp_path)


def test_published_records_go_with_views_of_the_recipe_that_they_were_made_by(tmp_path):
    mine = "astronet-1 abc"
    for made in ((record(1), record(2, recipe=mine)), (record(1, recipe=mine), record(2))):
        assert load(shard(tmp_path, *made)).recipe == mine
    for other in ("astronet-1 def", "search-1 abc"):
        shard(tmp_path, record(1), record(2, recipe=mine), record(3, recipe=other))
        with pytest.raises(DataSetError, match=f"recipe {other}, those before are of {mine}"):
            load(tmp_path)


def test_a_label_that_is_none_is_refused(tmp_path):
    with pytest.raises(RecordError, match=r"record 1 at byte .* has the label 'FP': there are PC"):
        load(shard(tmp_path, record(1), record(2, label="FP")))


@pytest.mark.parametrize("labels", [("PC", "PC"), ("AFP", "NTP"), ("PC", "UNK")])
def test_one_class_only_cannot_be_trained_on(tmp_path, labels):
    examples = load(shard(tmp_path, *(record(k, label=c) for k, c in enumerate(labels, 1))))
    with pytest.raises(DataSetError, match=r"there are .* a network learns to tell PC from"):
        check_trainable(examples)
    check_trainable(load(shard(tmp_path, record(1), record(2, label="NTP"))))


def spread(of, label, count):
    return np.array([np.bincount(label[of == k], minlength=3) for k in range(count)])


def test_folds_share_no_star_and_no_ephemeris_and_have_the_same_mix(astronet):
    e = astronet
    fold = folds(e.group, e.label, e.synthetic, 5, seed=0)
    counts = spread(fold, e.label, 5)
    assert (np.ptp(counts, axis=0) <= 1).all()
    for k in range(5):
        train, test = fold_masks(fold, e.synthetic, k)
        assert not set(e.star[train]) & set(e.star[test])
        assert not set(e.group[train]) & set(e.group[test])
        assert (train ^ test).all()
    other = folds(e.group, e.label, e.synthetic, 5, seed=1)
    assert (other != fold).mean() > 0.5
    order = np.random.default_rng(0).permutation(len(e))
    shuffled = folds(e.group[order], e.label[order], e.synthetic[order], 5, seed=0)
    assert (shuffled == fold[order]).all()


def test_parts_have_their_shares(astronet):
    e = astronet
    part = parts(e.group, e.label, e.synthetic, seed=3)
    counts = spread(part, e.label, 3)
    np.testing.assert_allclose(
        counts / counts.sum(axis=0), [[0.8] * 3, [0.1] * 3, [0.1] * 3], atol=0.004
    )
    check_split(part, e.star, e.group, e.synthetic)
    two = parts(e.group, e.label, e.synthetic, 3, {"train": 0.75, "test": 0.25})
    assert set(two.tolist()) == {0, 2}
    for shares in ({"train": 0.5}, {"train": 0.5, "dev": 0.5}, {"train": 1.5, "test": -0.5}):
        with pytest.raises(SplitError, match="The shares"):
            parts(e.group, e.label, e.synthetic, 3, shares)


def test_a_split_by_candidate_is_refused(astronet):
    e = astronet
    by_candidate = np.random.default_rng(0).integers(0, 3, len(e))
    with pytest.raises(SplitError, match=r"split by candidate is refused: the star .* stands in"):
        check_split(by_candidate, e.star, e.group, e.synthetic)
    by_star = np.searchsorted(np.unique(e.star), e.star) % 2
    with pytest.raises(SplitError, match="the group of stars that share an ephemeris"):
        check_split(by_star, e.star, e.group, e.synthetic)
    check_split(np.full(len(e), NO_PART), e.star, e.group, e.synthetic)


def test_what_is_synthetic_is_trained_on_only():
    star = np.arange(40) // 2
    label = star % 3
    synthetic = np.arange(40) % 2 == 1
    part = parts(star, label, synthetic, 1, {"train": 0.5, "test": 0.5})
    test = PARTS.index("test")
    assert (part[~synthetic] == test).any()
    assert (part[synthetic] == 0).any()
    assert not (part[synthetic] == test).any()
    assert (part[synthetic & (np.repeat(part[::2], 2) == test)] == NO_PART).all()
    check_split(part, star, star, synthetic)
    train, held = fold_masks(folds(star, label, synthetic, 4, 1), synthetic, 2)
    assert not (held & synthetic).any()
    assert (train & synthetic).any()
    assert (~train & ~held).sum() == held.sum()
    part[synthetic] = test
    part[~synthetic] = test
    with pytest.raises(SplitError, match="A synthetic example of star 0 stands in test"):
        check_split(part, star, star, synthetic)


def test_stars_that_share_an_ephemeris_are_one_group_unless_it_is_synthetic(tmp_path):
    same = {"tce_period": 3.0, "tce_time0bk": 140.0}
    made = [record(1, **same), record(2, **same), record(3, synthetic=1, **same)]
    assert load(shard(tmp_path, *made)).group.tolist() == [1, 1, 3]


def test_too_few_stars_cannot_be_split():
    one = np.ones(5, np.int64)
    with pytest.raises(SplitError, match="1 groups of stars cannot be divided into 5"):
        folds(one, one, one > 1, 5, 0)
    with pytest.raises(SplitError, match="1 folds leave nothing"):
        folds(one, one, one > 1, 1, 0)
