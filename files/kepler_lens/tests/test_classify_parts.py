"""Data sets while they are built and afterwards: stopped, gone on with, damaged, checked."""

import json
from dataclasses import replace

import numpy as np
import pytest

from kepler_lens.classify import parts as module
from kepler_lens.classify.build import StarRecords
from kepler_lens.classify.dataset import load
from kepler_lens.classify.example import encode
from kepler_lens.classify.manifest import DataSetError, Source, read_manifest, verify
from kepler_lens.classify.parts import Parts, Plan
from kepler_lens.classify.records import RecordError
from kepler_lens.classify.splits import PARTS, SplitError, check_split, held, stored

STARS = tuple(range(1, 41))
PLAN = Plan(
    recipe="search-1",
    digest="abc",
    light_curves="a folder",
    labels=(Source("q1_q17_dr24_tce", "tce.csv", "00", "Tue Jan 28 08:52:13 2020"),),
    signals="table",
    synthetic=("inverted",),
    copies=1,
    seed=7,
    stars=STARS,
)


def given(star):
    """Two records of a star, one of them synthetic; of every tenth star none."""
    if star % 10 == 0:
        return StarRecords(star, [], {f"star {star}": "There is no light curve."})
    real = {
        "kepid": star,
        "tce_plnt_num": 1,
        "av_training_set": ("PC", "AFP", "NTP")[star % 3],
        "tce_period": 3.0 + star / 10,
        "tce_time0bk": 140.0,
        "local_view": np.full(201, star, np.float32),
        "recipe": "search-1 abc",
    }
    mirrored = real | {"synthetic": 1, "av_training_set": "NTP"}
    return StarRecords(star, [encode(real), encode(mirrored)])


def built(folder, plan=PLAN):
    parts = Parts(folder, plan)
    for star in parts.missing():
        parts.put(given(star))
    return parts.assemble()


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(module, "RECORDS_A_SHARD", 30)


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_data_set_is_read_back_with_its_splits(tmp_path, small_shards):
    manifest = built(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "examples-00000-of-00003",
        "examples-00001-of-00003",
        "examples-00002-of-00003",
        "manifest.json",
    ]
    assert read_manifest(tmp_path) == manifest
    assert [shard.records for shard in manifest.shards] == [30, 30, 12]
    assert manifest.counts == {"PC": 12, "AFP": 12, "NTP": 12, "UNK": 0}
    assert manifest.synthetic == {"PC": 0, "AFP": 0, "NTP": 36}
    assert (manifest.stars, manifest.groups, manifest.seed) == (36, 36, 7)
    assert set(manifest.left_out) == {"star 10", "star 20", "star 30", "star 40"}
    examples = load(tmp_path, recipe="search-1")
    assert len(examples) == 72
    lists = [manifest.parts[name] for name in PARTS]
    part = held(stored(examples.group, lists), examples.synthetic)
    check_split(part, examples.star, examples.group, examples.synthetic)
    assert {p: int((part == p).sum()) for p in (0, 1, 2)} == {0: 56, 1: 4, 2: 4}
    fold = stored(examples.group, manifest.folds)
    assert np.ptp(np.bincount(fold[~examples.synthetic])) <= 3
    with pytest.raises(SplitError, match="group of star 1 is in no part of the manifest"):
        stored(examples.group, [[2, 3]])


def test_a_build_that_was_stopped_goes_on_and_ends_the_same(tmp_path, small_shards):
    built(tmp_path / "whole")
    for star in (1, 2, 3):
        Parts(tmp_path / "stopped", PLAN).put(given(star))
    parts = Parts(tmp_path / "stopped", PLAN)
    (parts.parts / "000000004.records").write_bytes(b"the star was being written")
    (parts.parts / "000000005.json.part").write_text("{")
    assert parts.missing() == list(STARS[3:])
    with pytest.raises(DataSetError, match="37 stars are to be made still, such as 4"):
        parts.assemble()
    (tmp_path / "stopped" / "examples-00000-of-00009").write_bytes(b"of an assembling that died")
    built(tmp_path / "stopped")
    assert content(tmp_path / "stopped") == content(tmp_path / "whole")


def test_a_second_build_makes_nothing(tmp_path):
    built(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    parts = Parts(tmp_path, PLAN)
    assert parts.missing() == []
    parts.assemble()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "other",
    [
        {"digest": "abd"},
        {"seed": 8},
        {"stars": STARS[1:]},
        {"synthetic": ()},
        {"signals": "search"},
    ],
)
def test_what_was_begun_in_another_way_is_not_mixed(tmp_path, other):
    Parts(tmp_path, PLAN).put(given(1))
    with pytest.raises(DataSetError, match="begun in another way"):
        Parts(tmp_path, replace(PLAN, **other))
    built(tmp_path)
    with pytest.raises(DataSetError, match="made in another way"):
        Parts(tmp_path, replace(PLAN, **other))


def test_no_record_and_too_few_stars(tmp_path):
    none = replace(PLAN, stars=(10,))
    with pytest.raises(DataSetError, match=r"no star gave a record\. There is no light curve\."):
        built(tmp_path / "none", none)
    manifest = built(tmp_path / "few", replace(PLAN, stars=(1, 2)))
    assert (manifest.parts, manifest.folds) == ({}, ())
    assert len(load(tmp_path / "few")) == 4


def test_what_was_kept_of_a_star_and_is_damaged_is_named(tmp_path):
    parts = Parts(tmp_path, replace(PLAN, stars=(1, 2)))
    for star in (1, 2):
        parts.put(given(star))
    path = parts.parts / "000000002.records"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(RecordError, match=r"000000002.records: record 1 .* is damaged"):
        parts.assemble()


def test_a_shard_that_is_missing_cut_or_changed_is_named(tmp_path, small_shards):
    built(tmp_path)
    path = tmp_path / "examples-00001-of-00003"
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[5000] ^= 1
    for damage, words in (
        (whole[:-1], "has 30024 bytes"),
        (bytes(changed), "its SHA-256 is not that"),
    ):
        path.write_bytes(damage)
        with pytest.raises(DataSetError, match=f"00001-of-00003: the shard .*{words}"):
            load(tmp_path)
    path.unlink()
    with pytest.raises(DataSetError, match=r"00001-of-00003: the shard is missing: copy"):
        load(tmp_path)


def test_a_manifest_that_is_none_is_refused(tmp_path):
    with pytest.raises(DataSetError, match=r"manifest\.json: there is no manifest"):
        read_manifest(tmp_path)
    manifest = built(tmp_path)
    path = tmp_path / "manifest.json"
    good = json.loads(path.read_text())
    for bad, words in (
        ("{", "this is no manifest"),
        ("[]", "this is no manifest"),
        (json.dumps(good | {"format": 99}), "its format is 99, this is of 1"),
        (json.dumps({k: v for k, v in good.items() if k != "shards"}), "this is no manifest"),
        (json.dumps(good | {"further": 1}), "this is no manifest"),
    ):
        path.write_text(bad)
        with pytest.raises(DataSetError, match=words):
            load(tmp_path)
    path.write_text(json.dumps(good))
    assert verify(tmp_path, manifest) == [tmp_path / shard.name for shard in manifest.shards]


def test_what_other_code_made_does_not_mix(tmp_path, monkeypatch):
    parts = Parts(tmp_path, PLAN)
    parts.put(given(1))
    monkeypatch.setattr(module, "digest", lambda _: "of other code")
    with pytest.raises(DataSetError, match="in another way"):
        Parts(tmp_path, PLAN)
    # Without anything synthetic that code has no say.
    plain = replace(PLAN, synthetic=())
    assert "other code" not in plain.text()
