"""Labels from NASA's tables, scalars and what may not be one, signals that share an ephemeris."""

from collections import Counter

import numpy as np
import pytest

from kepler_lens.classify.ephemerides import groups, pairs
from kepler_lens.classify.labels import (
    CLASSES,
    LabelError,
    koi_label,
    read_koi_table,
    read_tce_table,
)
from kepler_lens.classify.records import VIEW_LENGTHS, Record, read_records
from kepler_lens.classify.scalars import (
    SCALARS,
    InputError,
    check_inputs,
    features,
    of_record,
    scalars,
    transformed,
)
from kepler_lens.errors import SourceError

TCE_HEAD = "# of the archive\n# Tue Jan 28 08:52:13 2020\n#\n"
TCE_COLUMNS = "kepid,tce_plnt_num,tce_period,tce_time0bk,tce_duration,av_training_set"
KOI_COLUMNS = (
    "kepid,kepoi_name,koi_disposition,koi_fpflag_nt,koi_fpflag_ss,koi_fpflag_co,koi_fpflag_ec,"
    "koi_period,koi_time0bk,koi_duration,koi_tce_delivname"
)


@pytest.fixture(scope="module")
def tce(data):
    return read_tce_table(data / "tables" / "q1_q17_dr24_tce.csv")


@pytest.fixture(scope="module")
def koi(data):
    return read_koi_table(data / "tables" / "kepler_objects_of_interest.csv")


@pytest.fixture
def tce_file(tmp_path):
    def write(*rows, columns=TCE_COLUMNS):
        path = tmp_path / "tce.csv"
        path.write_text(TCE_HEAD + "\n".join((columns, *rows)) + "\n")
        return path

    return write


@pytest.fixture
def koi_file(tmp_path):
    def write(*rows):
        path = tmp_path / "koi.csv"
        path.write_text("\n".join((KOI_COLUMNS, *rows)) + "\n")
        return path

    return write


@pytest.fixture(scope="module")
def signals(tce):
    known = [each for its in tce.of_star.values() for each in its]
    star = np.array([each.star for each in known])
    period = np.array([each.period_days for each in known])
    return star, period, np.array([each.epoch_bkjd for each in known])


def test_dr24_has_the_classes_that_were_published(tce):
    assert tce.counts() == {"PC": 3600, "AFP": 9596, "NTP": 2541, "UNK": 4630}
    assert tce.exported == "Tue Jan 28 08:52:13 2020"
    assert len(tce.of_star) == 12669
    assert tce.multiplicity()[6541920] == len(tce.of_star[6541920]) == 6


def test_a_tce_table_may_have_fewer_rows_but_no_other_labels(data, tmp_path, tce_file):
    whole = (data / "tables" / "q1_q17_dr24_tce.csv").read_text()
    lines = whole.splitlines(keepends=True)
    changed = tmp_path / "changed.csv"
    changed.write_text("".join(lines[:-1]))
    assert sum(read_tce_table(changed).counts().values()) == 20366
    pc = next(k for k, line in enumerate(lines) if line.endswith(",PC\n"))
    afp = next(k for k, line in enumerate(lines) if line.endswith(",AFP\n"))
    swapped = lines.copy()
    swapped[pc], swapped[afp] = (
        lines[pc].replace(",PC", ",AFP"),
        lines[afp].replace(",AFP", ",PC"),
    )
    changed.write_text("".join(swapped))
    with pytest.raises(LabelError, match="the labels are not those of q1_q17_dr24_tce"):
        read_tce_table(changed)
    changed.write_text(whole.replace(",NTP\n", ",PC\n"))
    with pytest.raises(LabelError, match="6141 rows are 'PC', q1_q17_dr24_tce has 3600"):
        read_tce_table(changed)
    with pytest.raises(LabelError, match="1 rows are 'FP', q1_q17_dr24_tce has 0"):
        read_tce_table(tce_file("1,1,2,3,4,FP"))


def test_a_table_of_another_release_is_refused(data, tce_file, koi_file):
    koi_path = data / "tables" / "kepler_objects_of_interest.csv"
    with pytest.raises(SourceError, match=r"no TCE q1_q17_dr24_tce table .* av_training_set"):
        read_tce_table(koi_path)
    with pytest.raises(LabelError, match="there are no labels in q1_q17_dr25_tce"):
        read_tce_table(koi_path, "q1_q17_dr25_tce")
    other = tce_file("1,1,2,3,4,PC,q1_q16_tce", columns=TCE_COLUMNS + ",tce_delivname")
    with pytest.raises(LabelError, match="it has rows of q1_q16_tce"):
        read_tce_table(other)
    with pytest.raises(LabelError, match="no table of q1_q17_dr25_koi: it has rows of no search"):
        read_koi_table(koi_path, "q1_q17_dr25_koi")
    with pytest.raises(LabelError, match="there is no KOI table 'dr25'"):
        read_koi_table(koi_path, "dr25")
    row = "1,K00001.01,CONFIRMED,0,0,0,0,2,3,4,q1_q12_tce"
    with pytest.raises(LabelError, match="no table of cumulative: it has rows of q1_q12_tce"):
        read_koi_table(koi_file(row))


def test_a_row_without_an_ephemeris_and_an_empty_table_are_refused(tce_file):
    with pytest.raises(LabelError, match="star 1 has '' as its tce_time0bk"):
        read_tce_table(tce_file("1,1,2,,4,PC"))
    with pytest.raises(LabelError, match="star 1 has '0' as its tce_period"):
        read_tce_table(tce_file("1,1,0,3,4,PC"))
    with pytest.raises(SourceError, match="has '-1' as its tce_duration"):
        read_tce_table(tce_file("1,1,2,3,-1,PC"))
    with pytest.raises(LabelError, match="has no rows"):
        read_tce_table(tce_file())


def test_kois_get_the_class_that_dr24_mostly_gives_them(tce, koi):
    assert koi.counts() == {"PC": 4704, "AFP": 3625, "NTP": 1119, "UNK": 116}
    both = Counter()
    for its in koi.of_star.values():
        for known in its:
            at = (known.period_days, known.epoch_bkjd, known.duration_hours)
            both[known.label, tce.match(known.star, *at).label] += 1
    assert [both["PC", label] for label in CLASSES] == [3455, 93, 32]
    assert [both["AFP", label] for label in CLASSES] == [106, 2456, 114]


def test_dr24_calls_what_is_flagged_for_noise_and_for_an_eclipse_an_eclipse(data, tce, koi):
    """The rule that `koi_label` makes of it."""
    from kepler_lens.stars.exoplanet_archive import table_rows, table_text

    path = data / "tables" / "kepler_objects_of_interest.csv"
    rows = table_rows(table_text(path, "KOI"), "KOI", str(path), ("kepid",), {})
    flagged = [r for r in rows if r["koi_fpflag_nt"] == "1" and koi_label(r) == "AFP"]
    known = {each.name: each for its in koi.of_star.values() for each in its}
    labels = Counter()
    for row in flagged:
        it = known[f"KOI {row['kepoi_name']}"]
        labels[tce.match(it.star, it.period_days, it.epoch_bkjd, it.duration_hours).label] += 1
    assert (labels["AFP"], labels["NTP"]) == (203, 57)


@pytest.mark.parametrize(
    ("disposition", "flags", "label"),
    [
        ("CONFIRMED", "0000", "PC"),
        ("CANDIDATE", "0000", "PC"),
        ("CONFIRMED", "0100", "UNK"),
        ("FALSE POSITIVE", "0000", "UNK"),
        ("FALSE POSITIVE", "1000", "NTP"),
        ("FALSE POSITIVE", "1010", "AFP"),
        ("FALSE POSITIVE", "0100", "AFP"),
        ("FALSE POSITIVE", "0010", "AFP"),
        ("FALSE POSITIVE", "0001", "AFP"),
        ("CONFIRMED", "5000", "UNK"),
        ("REFUTED", "0100", "UNK"),
    ],
)
def test_the_four_flags(disposition, flags, label):
    names = ("koi_fpflag_nt", "koi_fpflag_ss", "koi_fpflag_co", "koi_fpflag_ec")
    assert koi_label({"koi_disposition": disposition, **dict(zip(names, flags, strict=True))}) == (
        label
    )


def test_a_candidate_is_matched_by_star_period_and_epoch(tce_file):
    table = read_tce_table(tce_file("5,1,10,140,4,PC", "5,2,20,145,6,AFP", "7,1,10,140,4,NTP"))
    match = table.match(5, 10.0, 140.0 + 30 * 10.0, 3.0)
    assert match.label == "PC"
    assert [known.name for known in match.known] == ["TCE 5-01"]
    assert table.match(5, 10.0 * 1.0009, 140.0, 3.0).label == "PC"
    assert table.match(5, 10.0, 140.0 - 40.0 + 1.9 / 24, 3.0).label == "PC"
    assert table.match(5, 20.0, 145.0, 3.0).label == "AFP"
    assert table.match(5, 20.0, 145.0 + 3.9 / 24, 8.0).label == "AFP"
    for nothing in (
        (6, 10.0, 140.0, 3.0),
        (5, 10.0 * 1.0011, 140.0, 3.0),
        (5, 10.0, 140.0 + 2.1 / 24, 3.0),
        (5, 10.0, 145.0, 3.0),
        (5, 5.0, 140.0, 3.0),
        (5, 30.0, 140.0, 3.0),
        (5, 20.0, 140.0, 3.0),
    ):
        assert table.match(*nothing).label == "UNK"


def test_what_matches_two_labels_is_named(tce_file):
    rows = ("5,1,10,140,4,PC", "5,2,10.001,140.05,4,AFP", "5,3,10,139.95,4,AFP")
    match = read_tce_table(tce_file(*rows)).match(5, 10.0, 140.0, 4.0)
    assert match.label == "UNK"
    assert match.ambiguous == "TCE 5-01 (PC) and TCE 5-02 (AFP) and TCE 5-03 (AFP)"
    same = read_tce_table(tce_file(*rows[1:])).match(5, 10.0, 140.0, 4.0)
    assert (same.label, same.ambiguous, len(same.known)) == ("AFP", "", 2)


def test_the_nearest_star_of_many_matches_names_itself(tce):
    """Every TCE of DR24 matches itself, and those found twice have one label."""
    for its in tce.of_star.values():
        for known in its:
            match = tce.match(known.star, known.period_days, known.epoch_bkjd, known.duration_hours)
            assert known in match.known
            assert match.label == known.label


@pytest.mark.parametrize(
    "name",
    [
        *("av_training_set", "av_pred_class", "av_pp_pc", "tce_nkoi", "tce_plnt_num", "rowid"),
        *("kepid", "KEPLERID", "koi_score", "koi_fpflag_nt", "kepoi_name", "disposition"),
        *("tce_datalink_dvr", "synthetic", "group"),
    ],
)
def test_an_input_that_knows_the_answer_is_refused(name):
    with pytest.raises(InputError, match=rf"^{name} cannot be an input: it (comes|names)"):
        check_inputs(("period", name))


def test_an_input_that_no_search_measures_is_refused():
    with pytest.raises(InputError, match="tce_bin_oedp_stat cannot be an input: it is not what a"):
        check_inputs(["tce_bin_oedp_stat"])
    check_inputs((*SCALARS, *VIEW_LENGTHS))


def test_scalars_of_the_published_records(data):
    record = next(read_records(data / "astronet" / "train-00000-of-00008"))
    row = of_record(record, 3)
    expected = (0.557999, 2.0, 302.4, 19.3, 9.902, 1930, 3, 1.901, 7638)
    np.testing.assert_allclose(row, expected, rtol=1e-6)
    assert np.isnan(of_record(record)[SCALARS.index("multiplicity")])
    back = {k: np.atleast_1d(np.float32(v)) for k, v in features(row).items()}
    assert back["tce_duration"] == pytest.approx(2 / 24)
    np.testing.assert_allclose(of_record(Record("f", 0, 0, back)), row, rtol=1e-6)


def test_what_was_not_measured_is_missing():
    row = scalars({"period": 10.0, "snr": 0.0, "depth": -3.0, "mes": np.inf})
    assert np.isnan(row[1:]).all()
    assert row[0] == 10
    assert features(row) == {"tce_period": 10.0}
    logs = transformed(row)
    assert logs[0] == 1
    assert np.isnan(logs[1:]).all()
    with pytest.raises(InputError):
        scalars({"koi_score": 1.0})


def test_contaminated_stars_are_grouped_and_others_are_not(tce, signals):
    star, period, epoch = signals
    group = groups(star, period, epoch)
    _, first = np.unique(star, return_index=True)
    _, sizes = np.unique(group[first], return_counts=True)
    assert ((sizes > 1).sum(), sizes[sizes > 1].sum()) == (621, 2181)
    # The variable star RR Lyrae (0.5669 d) is seen in stars all over the field.
    assert (group == group[np.argmin(np.abs(period - 0.566786))]).sum() > 100
    assert (group[star == 6541920] == 6541920).all()
    assert len(np.unique(np.stack([star, group]), axis=1).T) == len(first)


@pytest.mark.parametrize(("deviations", "share"), [(3.0, 0.055), (5.0, 0.107)])
def test_how_many_pairs_are_chance(monkeypatch, signals, deviations, share):
    import kepler_lens.classify.ephemerides as module

    star, period, epoch = signals
    monkeypatch.setattr(module, "DEVIATIONS", deviations)
    found = len(pairs(star, period, epoch)[0])
    phase = np.random.default_rng(1).uniform(size=len(period))
    by_chance = len(pairs(star, period, epoch + phase * period)[0])
    assert by_chance / found == pytest.approx(share, abs=0.003)


def test_pairs_are_those_of_a_search_of_all_by_all():
    rng = np.random.default_rng(3)
    n = 400
    star = rng.integers(0, 150, n)
    period = rng.choice([0.6, 3.0, 50.0], n) * (1 + 1e-5 * rng.normal(size=n))
    epoch = 140 + rng.choice([0.0, 0.3], n) * period + 0.01 * rng.normal(size=n)
    found = {tuple(sorted(pair)) for pair in np.stack(pairs(star, period, epoch)).T.tolist()}
    slow = set()
    for i in range(n):
        for j in range(i + 1, n):
            p = min(period[i], period[j])
            away = (epoch[i] - epoch[j]) / p
            away = abs(away - round(away)) * p
            same_period = abs(period[i] - period[j]) <= 3 * 1.08228446e-5 * p**1.37838040
            if same_period and away <= 3 * 2**0.5 * 0.00969916 * p**0.36253537:
                slow.add((i, j))
    assert found == {(i, j) for i, j in slow if star[i] != star[j]}
    assert len(found) > 100


def test_a_signal_without_an_ephemeris_is_grouped_by_its_star():
    star = np.array([9, 4, 4, 7])
    period = np.array([np.nan, 3.0, np.nan, 3.0])
    epoch = np.array([140.0, 140.0, np.nan, 143.0])
    assert groups(star, period, epoch).tolist() == [9, 4, 4, 4]
