"""What becomes of a file, given what the ledger says."""

from dataclasses import replace

import numpy as np
import pytest

from kepler_lens.archive import Item
from kepler_lens.jobs.importer.decide import (
    ImportOptions,
    SourceFile,
    already_in,
    decide,
)
from kepler_lens.ledger import DONE, PENDING, Entry
from kepler_lens.lightcurve import LightCurve, version

OPTIONS = ImportOptions(("SAP_FLUX", "PDCSAP_FLUX"), force=False, run="r2", attempt="a2")
SPAN = (1_000, 3_000, 3)


def curve(filever="6.1", date="2015-09-23", first_cadence=1105):
    flux = np.array([1.5, np.nan, 2.5], dtype=np.float32)
    return LightCurve(
        star=6541920,
        mission="Kepler",
        segment=1,
        cadence="long",
        labels={
            "KEPLERID": "6541920",
            "OBJECT": "KIC 6541920",
            "MISSION": "Kepler",
            "OBSMODE": "long cadence",
            "INSTRUME": "Kepler Photometer",
        },
        filever=filever,
        date=date,
        first_cadence=first_cadence,
        time_us=np.array([1_000, 2_000, 3_000]),
        columns={
            "SAP_FLUX": np.array([1.0, 2.0, 3.0], dtype=np.float32),
            "PDCSAP_FLUX": flux,
            "SAP_FLUX_ERR": flux,
        },
    )


def source_file(name="a.fits", sha="new", fingerprint="f2", **header):
    return SourceFile(Item(name, f"file:///x/{name}", 6541920), curve(**header), sha, fingerprint)


def entry(**changes):
    base = Entry(
        star=6541920,
        mission="Kepler",
        obsmode="long cadence",
        first_cadence=1105,
        state=DONE,
        segment=1,
        name="a.fits",
        filever="6.1",
        date="2015-09-23",
        sha256="old",
        fingerprint="f1",
        columns={"SAP_FLUX": SPAN, "PDCSAP_FLUX": (1_000, 3_000, 2)},
        run="r1",
        attempt="a1",
    )
    return replace(base, **changes)


def one(file, *entries, options=OPTIONS):
    (decision,) = decide([file], entries, options)
    return decision


def test_a_new_file_is_pushed_with_an_intent():
    decision = one(source_file())
    assert (decision.outcome, decision.push, decision.points) == ("pushed", OPTIONS.columns, 5)
    assert decision.entry.state == PENDING
    assert decision.entry.columns == {"SAP_FLUX": SPAN, "PDCSAP_FLUX": (1_000, 3_000, 2)}
    assert decision.entry.stale == {}
    assert decision.entry.attempt == "a2"


def test_the_same_content_is_left_alone():
    decision = one(source_file(sha="old", fingerprint="f1"), entry())
    assert (decision.outcome, decision.push, decision.entry, decision.points) == (
        "unchanged", (), None, 0,
    )  # fmt: skip


def test_the_same_content_with_a_new_fingerprint_is_noted_without_a_push():
    decision = one(source_file(sha="old"), entry())
    assert (decision.outcome, decision.push) == ("unchanged", ())
    assert (decision.entry.state, decision.entry.fingerprint) == (DONE, "f2")


def test_a_copy_under_another_name_does_not_take_the_entry_over():
    decision = one(source_file(name="copy.fits", sha="old"), entry())
    assert (decision.outcome, decision.entry) == ("unchanged", None)


def test_an_older_file_of_the_same_name_replaces_only_by_force():
    """The archive gives a reprocessed file its old name."""
    older = source_file(filever="5.0")
    assert one(older, entry()).outcome == "superseded"
    assert one(older, entry(), options=replace(OPTIONS, force=True)).outcome == "replaced"


def test_changed_content_of_the_same_name_and_version_replaces():
    decision = one(source_file(), entry())
    assert decision.outcome == "replaced"
    assert decision.entry.stale == {"SAP_FLUX": [(1_000, 3_000)], "PDCSAP_FLUX": [(1_000, 3_000)]}


@pytest.mark.parametrize(
    ("filever", "date", "outcome"),
    [
        ("10.0", "2015-09-23", "replaced"),
        ("6.1", "2016-01-01", "replaced"),
        ("6.1", "2015-09-23", "superseded"),
        ("5.0", "2017-01-01", "superseded"),
    ],
)
def test_another_name_replaces_only_if_newer(filever, date, outcome):
    decision = one(source_file(name="b.fits", filever=filever, date=date), entry())
    assert decision.outcome == outcome
    assert bool(decision.push) == (outcome == "replaced")


def test_of_two_versions_in_one_source_the_newer_wins_whatever_the_order():
    older, newer = source_file(sha="x", filever="9.9"), source_file(sha="y", filever="10.0")
    for files in ([older, newer], [newer, older]):
        outcomes = {d.file.sha256: d.outcome for d in decide(files, [], OPTIONS)}
        assert outcomes == {"y": "pushed", "x": "superseded"}


def test_the_loser_does_not_replace_the_winner_next_time():
    older, newer = source_file(sha="x", filever="5.0"), source_file(sha="y", filever="6.1")
    outcomes = {
        d.file.sha256: d.outcome for d in decide([older, newer], [entry(sha256="y")], OPTIONS)
    }
    assert outcomes == {"y": "unchanged", "x": "superseded"}


def test_an_interrupted_push_is_done_again_without_deleting():
    decision = one(source_file(sha="old"), entry(state=PENDING))
    assert (decision.outcome, decision.entry.stale) == ("pushed", {})


def test_an_interrupted_replacement_still_knows_what_to_delete():
    interrupted = entry(state=PENDING, stale={"SAP_FLUX": [(500, 900)]})
    assert one(source_file(sha="old"), interrupted).entry.stale == {"SAP_FLUX": [(500, 900)]}
    # The file changed once more meanwhile: what may have been pushed of it must go as well.
    assert one(source_file(sha="new"), interrupted).entry.stale == {
        "SAP_FLUX": [(500, 900), (1_000, 3_000)],
        "PDCSAP_FLUX": [(1_000, 3_000)],
    }


@pytest.mark.parametrize("name", ["a.fits", "b.fits"])
def test_an_older_file_does_not_take_the_place_of_an_interrupted_newer_one(name):
    interrupted = entry(state=PENDING, name="a.fits")
    older = source_file(name=name, filever="5.0")
    decision = one(older, interrupted)
    assert (decision.outcome, decision.push, decision.entry) == ("superseded", (), None)
    assert decision.reason.startswith("a.fits of version 6.1")
    assert "was interrupted: import that file again" in decision.reason
    forced = one(older, interrupted, options=replace(OPTIONS, force=True))
    assert (forced.outcome, forced.push) == ("replaced", OPTIONS.columns)


def test_a_newer_file_takes_the_place_of_an_interrupted_older_one():
    decision = one(source_file(name="b.fits", filever="7.0"), entry(state=PENDING))
    assert (decision.outcome, decision.push) == ("replaced", OPTIONS.columns)


def test_a_column_wanted_later_is_pushed_alone_and_the_others_stay_known():
    options = replace(OPTIONS, columns=("SAP_FLUX", "SAP_FLUX_ERR"))
    decision = one(source_file(sha="old", fingerprint="f1"), entry(), options=options)
    assert decision.push == ("SAP_FLUX_ERR",)
    assert set(decision.entry.columns) == {"SAP_FLUX", "PDCSAP_FLUX", "SAP_FLUX_ERR"}


def test_a_replacement_brings_all_columns_that_were_there():
    options = replace(OPTIONS, columns=("SAP_FLUX",))
    decision = one(source_file(), entry(), options=options)
    assert set(decision.push) == {"SAP_FLUX", "PDCSAP_FLUX"}


def test_force_pushes_again_but_not_twice_in_one_import():
    options = replace(OPTIONS, force=True)
    assert one(source_file(sha="old"), entry(), options=options).push == OPTIONS.columns
    again = one(source_file(sha="old"), entry(run="r2"), options=options)
    assert (again.push, again.outcome, again.points) == ((), "pushed", 5)


def test_a_column_without_points_is_known_and_never_deleted():
    empty = source_file()
    empty.curve.columns["PDCSAP_FLUX"][:] = np.nan
    first = one(empty)
    assert first.entry.columns["PDCSAP_FLUX"] == (0, 0, 0)
    done = replace(first.entry, state=DONE, run="r1")
    assert set(one(source_file(sha="other"), done).entry.stale) == {"SAP_FLUX"}


@pytest.mark.parametrize(
    ("changes", "options", "known"),
    [
        ({}, OPTIONS, True),
        ({"fingerprint": "other"}, OPTIONS, False),
        ({"name": "b.fits"}, OPTIONS, False),
        ({"state": PENDING}, OPTIONS, False),
        ({"columns": {"SAP_FLUX": SPAN}}, OPTIONS, False),
        ({}, replace(OPTIONS, force=True), False),
        ({"run": "r2"}, replace(OPTIONS, force=True), True),
    ],
)
def test_what_need_not_be_read(changes, options, known):
    assert (already_in([entry(**changes)], "a.fits", "f1", options) is not None) is known


def test_no_fingerprint_is_never_equal():
    assert already_in([entry(fingerprint=None)], "a.fits", None, OPTIONS) is None


def test_versions_are_numbers():
    assert version("10.0", "") > version("6.1", "") > version("", "")
