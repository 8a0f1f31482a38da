"""TFRecord files: AstroNet's own as they are, round trips, and every way a file can be damaged."""

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kepler_lens.classify.example import encode
from kepler_lens.classify.records import (
    VIEW_LENGTHS,
    Record,
    RecordError,
    count_records,
    frame,
    read_records,
    write_records,
)


@pytest.fixture(scope="session")
def astronet(data):
    return sorted((data / "astronet").iterdir())


@pytest.fixture(scope="session")
def shard(astronet):
    return astronet[0].read_bytes()


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "shard"
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(RecordError) as caught:
        list(read_records(path))
    return str(caught.value)


def test_the_published_records_are_read_as_they_are(astronet):
    records = [record for path in astronet for record in read_records(path)]
    assert len(records) == 1810
    labels = [record.text("av_training_set") for record in records]
    assert [labels.count(c) for c in ("PC", "AFP", "NTP")] == [848, 372, 590]
    first = records[0]
    assert (first.integer("kepid"), first.integer("tce_plnt_num")) == (11619868, 2)
    assert first.number_of("tce_duration") == pytest.approx(2 / 24)
    assert np.isnan(first.number_of("tce_ptemp"))
    assert np.isnan(first.number_of("no_such_name"))
    for record in records:
        assert record.view("global_view").shape == (2001,)
        assert record.view("local_view").min() == -1
        assert record.view("secondary_view") is None
    assert len(first.values) == 157
    assert [count_records(path) for path in astronet] == [226, 226, 226, 227, 226, 226, 226, 227]


def test_only_what_is_asked_for_is_read(astronet):
    record = next(read_records(astronet[0], ("kepid", "secondary_view")))
    assert set(record.values) == {"kepid"}


def test_a_cut_shard_is_refused_or_read_up_to_the_cut(data):
    path = data / "astronet_more" / "train-00004-of-00005"
    words = refusal(path)
    assert words.startswith(f"{path}: record 148 at byte 1422697 is cut")
    assert "get the file again" in words
    cuts = []
    assert len(list(read_records(path, on_cut=cuts.append))) == 148
    assert [str(cut) for cut in cuts] == [words]
    assert count_records(path) == 149


@pytest.mark.parametrize("length", [0, 5, 12, 300, 13_149 + 11])
def test_a_file_cut_anywhere_is_refused(tmp_path, shard, length):
    assert "is cut" in refusal(written(tmp_path, shard[:length]))


@pytest.mark.parametrize("byte", [0, 3, 8, 12, 5000, 13_000])
def test_a_flipped_byte_is_named_with_its_record_even_if_cuts_are_allowed(tmp_path, shard, byte):
    length = 16 + struct.unpack_from("<Q", shard)[0]
    damaged = bytearray(shard)
    damaged[length + byte] ^= 4
    path = written(tmp_path, bytes(damaged))
    with pytest.raises(RecordError, match=f"{path}: record 1 at byte {length} is damaged"):
        list(read_records(path, on_cut=lambda _: None))


def test_what_is_no_record_file_is_refused(tmp_path):
    assert "no TFRecord file" in refusal(written(tmp_path, b"kepid,tce_plnt_num\n1,2\n"))
    assert "is no tf.train.Example" in refusal(written(tmp_path, frame(b"\xff\xff")))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"local_view": np.zeros(200)}, "has 200 bins in local_view where 201 belong"),
        ({"local_view": np.zeros(201, int)}, "has no floats as local_view, but int64_list"),
        ({"local_view": "text"}, "has no floats as local_view, but bytes_list"),
        ({"local_view": np.r_[np.zeros(200), np.nan]}, "has no number in bin 200 of local_view"),
        ({"local_view_scatter": np.r_[np.inf, np.zeros(200)]}, "bin 0 of local_view_scatter"),
    ],
)
def test_a_view_that_is_none_is_refused(tmp_path, values, words):
    path = tmp_path / "shard"
    write_records(path, [{"kepid": 1}, values])
    assert words in refusal(path)
    assert refusal(path).startswith(f"{path}: record 1 at byte ")


def test_floats_that_are_not_packed_are_not_taken_for_none(tmp_path):
    unpacked = b"\x0d" + struct.pack("<f", 1.5)  # field 1, wire type of single floats
    feature = b"\x12" + bytes([len(unpacked)]) + unpacked
    entry = b"\x0a\x01x\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    example = b"\x0a" + bytes([len(features)]) + features
    assert "has floats as x that are not packed" in refusal(written(tmp_path, frame(example)))


def test_values_of_another_kind_are_refused():
    record = Record(
        "f", 7, 3, {"a": (b"\xff",), "b": np.zeros(2, np.float32), "c": np.array([1.0], np.float32)}
    )
    for get, name in (
        *((record.integer, name) for name in "abcd"),
        *((record.number_of, name) for name in "ab"),
        *((record.text, name) for name in "abc"),
    ):
        with pytest.raises(RecordError, match=f"f: record 3 at byte 7 has no .* {name}"):
            get(name)
    error = pickle.loads(pickle.dumps(record.error("is bad")))
    assert str(error) == "f: record 3 at byte 7 is bad"


def test_what_cannot_be_finished_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "shard"
    write_records(path, [{"kepid": 1}])
    before = path.read_bytes()

    def broken():
        yield {"kepid": 2}
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_records(path, broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


names = st.text(min_size=1, max_size=12).filter(lambda name: name not in VIEW_LENGTHS)
floats = arrays(np.float32, st.integers(0, 20), elements=st.floats(width=32))
integers = arrays(np.int64, st.integers(0, 20))
views = arrays(np.float32, 201, elements=st.floats(-10, 10, width=32))
records_of_any_kind = st.dictionaries(names, st.one_of(floats, integers, st.binary(max_size=20)))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(records_of_any_kind, views), min_size=1, max_size=4))
def test_what_is_written_is_read_back(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("round") / "shard"
    records = [values | {"local_view": view} for values, view in content]
    assert write_records(path, records) == len(records)
    back = list(read_records(path))
    for values, record in zip(records, back, strict=True):
        assert set(values) == set(record.values)
        for name, value in values.items():
            got = record.values[name]
            if isinstance(value, bytes):
                assert got == (value,)
            else:
                np.testing.assert_array_equal(got, value)
    shuffled = [dict(sorted(values.items(), reverse=True)) for values in records]
    assert [encode(a) for a in records] == [encode(b) for b in shuffled]
