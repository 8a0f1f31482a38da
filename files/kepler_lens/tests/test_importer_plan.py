"""From a stream of files to batches, and the account of what became of them."""

import json
from concurrent.futures import CancelledError
from dataclasses import replace

import pytest
from msgspec import structs

from kepler_lens.archive import Item, Selection, Settings
from kepler_lens.jobs.fleet import Fleet, _Flight
from kepler_lens.jobs.importer import estimate
from kepler_lens.jobs.importer.config import Job, Tokens
from kepler_lens.jobs.importer.decide import ImportOptions
from kepler_lens.jobs.importer.driver import _Driver, work_of
from kepler_lens.jobs.importer.plan import batches_of, plan
from kepler_lens.jobs.importer.report import Progress
from kepler_lens.jobs.importer.table import render_summary
from kepler_lens.jobs.importer.task import BatchResult, BatchSettings, FileResult
from kepler_lens.ledger import DONE, Entry
from kepler_lens.lightcurve import read_light_curve

OPTIONS = ImportOptions(("SAP_FLUX",), force=False, run="r2", attempt="a")


def item(star, number, **facts):
    name = f"kplr{star:09d}-{number:013d}_llc.fits"
    return Item(name, f"http://x/{name}", star, "Kepler", number, "long", 400_000, **facts)


class Shelf:
    """Entries in memory, and how often they were asked for."""

    def __init__(self, *entries):
        self.all = entries
        self.asked = 0

    def entries(self, stars):
        self.asked += 1
        return {star: [e for e in self.all if e.star == star] for star in stars}


def done(of, **changes):
    entry = Entry(
        of.star, "Kepler", "long cadence", of.segment, DONE, of.segment, of.name, "6.1",
        "2015-09-23", "sha", of.fingerprint, {"SAP_FLUX": (1, 2, 2)},
    )  # fmt: skip
    return replace(entry, **changes)


def planned(items, *entries):
    shelf = Shelf(*entries)
    return list(plan(items, shelf, Selection(), OPTIONS, Settings())), shelf


@pytest.mark.parametrize(("stars", "files"), [(40, 14), (100, 42), (1000, 77)])
def test_stars_stay_whole_in_batches_of_a_sensible_size(stars, files):
    items = [item(star, number) for star in range(stars) for number in range(7)]
    batches = batches_of(items)
    assert [i for batch in batches for i in batch] == items
    assert {len(batch) for batch in batches[:-1]} == {files}
    owners = [star for batch in batches for star in {i.star for i in batch}]
    assert len(owners) == len(set(owners))


def test_one_look_into_the_ledger_for_many_stars():
    pieces, shelf = planned([item(star, 1, fingerprint="f") for star in range(1, 1001)])
    assert shelf.asked == len(pieces) == 5
    assert sum(piece.items for piece in pieces) == 1000


def test_what_is_done_makes_no_task():
    items = [item(7, number, fingerprint="f") for number in range(3)]
    (piece,), _ = planned(items, *(done(i) for i in items))
    assert (piece.known, piece.batches) == (items, [])


def test_what_changed_or_lacks_a_column_makes_one():
    items = [item(7, number, fingerprint="f") for number in range(3)]
    (piece,), _ = planned(
        items,
        done(items[0]),
        done(items[1], fingerprint="g"),
        done(items[2], columns={"PDCSAP_FLUX": (1, 2, 2)}),
    )
    assert (piece.known, piece.batches) == ([items[0]], [(items[1], items[2])])


def test_of_two_files_with_one_name_both_are_looked_at():
    winner = item(7, 1, fingerprint="f")
    loser = replace(winner, url="http://x/older/", fingerprint="g")
    (piece,), _ = planned([winner, loser], done(winner))
    assert piece.batches == [(winner, loser)]


def test_content_that_comes_along_is_bounded():
    items = (item(star, 1).with_data(b"x" * 8_000_000) for star in range(1, 20))
    pieces = plan(items, Shelf(), Selection(), OPTIONS, Settings())
    assert next(pieces).data_bytes == 16_000_000
    assert next(items).star == 4  # one was read to see that it is another star, the rest was not


def test_a_broken_file_without_a_star_in_its_name_goes_to_a_worker(tmp_path):
    file = tmp_path / "lc.fits"
    file.write_bytes(b"<html>")
    (piece,), _ = planned([Item("lc.fits", file.as_uri())])
    assert [[i.star for i in batch] for batch in piece.batches] == [[None]]


def test_a_star_is_found_in_the_header_where_the_name_tells_none(tmp_path, intact):
    file = tmp_path / "lc.fits"
    file.write_bytes(intact)
    nameless = Item("lc.fits", file.as_uri())
    (piece,), _ = planned([nameless])
    assert [i.star for i in piece.batches[0]] == [read_light_curve(intact).star]
    others = Selection(stars=(1,))
    assert list(plan([nameless], Shelf(), others, OPTIONS, Settings())) == []


JOB = Job("x", "http://w:8080", Tokens("r", "w", "lr", "lw"))
WORK = work_of(BatchSettings("r", JOB.server, JOB.tokens, (), False, Selection(), Settings(), "j"))


def test_an_image_counts_nothing_in_the_estimate():
    one = estimate.volume([item(1, 1)], JOB, listing_done=True)
    image = replace(item(1, 1), name="image.fits", size=400_000_000)
    assert estimate.volume([item(1, 1), image], JOB, listing_done=True) == one


def test_the_estimate_is_right_within_a_tenth(kepler_11):
    items = [Item.from_name(f.name, f.as_uri(), f.stat().st_size) for f in kepler_11]
    guess = estimate.volume(items, JOB, listing_done=True)
    assert guess.points == pytest.approx(129_000, rel=0.1)


def test_a_list_of_stars_is_extrapolated():
    job = structs.replace(JOB, selection=Selection(stars=tuple(range(100))))
    guess = estimate.volume([item(1, 1), item(2, 1)], job, listing_done=False)
    assert (guess.files, guess.whole) == (100, True)


def test_what_does_not_fit_is_refused_in_one_sentence():
    guess = estimate.Volume(files=10, points=1_000_000_000, whole=True)
    full = structs.replace(JOB, server_free_bytes=10**10, server_total_bytes=10**11)
    with pytest.raises(estimate.NoRoomError, match="make room or choose fewer stars") as caught:
        estimate.check(full, guess)
    assert "\n" not in str(caught.value)
    estimate.check(structs.replace(JOB, server_free_bytes=10**11, server_total_bytes=10**11), guess)


def test_a_heap_that_does_not_hold_the_names_of_all_series_is_refused():
    guess = estimate.Volume(files=10, points=1_000, whole=True, series=20_000)
    needed = estimate.heap_bytes(20_000 + 2 * 500_000)
    with pytest.raises(estimate.NoRoomError, match="warp10_heap_percent") as caught:
        estimate.check(structs.replace(JOB, server_heap_bytes=needed - 1), guess, 500_000)
    assert "\n" not in str(caught.value)
    estimate.check(structs.replace(JOB, server_heap_bytes=needed), guess, 500_000)
    estimate.check(structs.replace(JOB, server_heap_bytes=needed - 1), guess, 499_000)


def test_stars_of_which_nothing_is_in_are_counted():
    (piece,) = planned([item(1, 1), item(1, 2), item(2, 1)])[0][:1]
    assert piece.new_stars == 2
    guess = estimate.volume([item(1, 1)], JOB, listing_done=True, new_stars=2)
    assert guess.series == 2 * len(JOB.columns)


def test_a_worker_with_too_little_memory_is_refused():
    with pytest.raises(estimate.NoRoomError, match="Worker w1"):
        estimate.check_workers({"w1": (200_000_000, 1)})
    estimate.check_workers({"w1": (500_000_000, 1), "w2": (0, 8)})


@pytest.fixture
def progress(tmp_path):
    progress = Progress(run="r", source="/data", server="http://w:8080", folder=tmp_path)
    progress.files_listed = 5
    progress.listing_done = True
    progress.add_known(1, {1})
    progress.add(
        BatchResult(
            "worker1",
            [
                FileResult("a.fits", 6541920, "pushed", 300),
                FileResult("b.fits", 6541920, "replaced", 100),
                FileResult("c.fits", None, "quarantined", 0, "is empty"),
            ],
        )
    )
    progress.add(BatchResult("worker2", [FileResult("d.fits", 8, "pushed", 100)]))
    return progress


def test_each_file_is_counted_once(progress, tmp_path):
    report = progress.end("done", "", 3)
    assert json.loads((tmp_path / "report.json").read_text()) == report
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "done"
    assert (report["files_done"], report["stars"], report["points"]) == (5, 3, 500)
    assert {n: w["share"] for n, w in report["workers"].items()} == {"worker1": 0.8, "worker2": 0.2}
    assert report["rejected"] == [{"name": "c.fits", "star": None, "reason": "is empty"}]
    assert report["example_star"] == 6541920


def test_the_rate_of_an_import_that_has_ended_is_that_of_its_report(progress, tmp_path):
    progress.first_points = progress.last_points - 10
    # While totals are counted nothing is added.
    progress.sample()
    progress.sample()
    assert progress.status()["points_per_s"] == 0
    assert progress.end("done", "", 0)["points_per_s"] == 50
    assert json.loads((tmp_path / "status.json").read_text())["points_per_s"] == 50


def test_the_table_has_what_people_ask_for(progress):
    text = render_summary(progress.end("done", "", 3), width=80)
    for part in ("stars", "worker1", "80%", "c.fits", "is empty", "http://w:8080", "'6541920'"):
        assert part in text
    table = text.split("Ask for")[0]
    assert max(len(line) for line in table.splitlines()) <= 80


def test_a_star_that_kills_its_workers_is_given_up_and_the_others_go_on(tmp_path):
    driver = _Driver(structs.replace(JOB, state=tmp_path), lambda _: None)
    first, second = (item(7, 1), item(7, 2)), (item(8, 1),)
    driver._again((*first, *second))
    assert list(driver.waiting) == [first, second]
    driver.waiting.clear()
    driver._again(first)
    assert list(driver.waiting) == [first]
    driver.waiting.clear()
    driver._again(first)
    assert not driver.waiting
    assert [f["name"] for f in driver.progress.rejected] == [i.name for i in first]
    assert "died again and again" in driver.progress.rejected[0]["reason"]


def test_two_batches_with_a_star_in_common_are_never_under_way_together():
    fleet = Fleet(None, None, WORK, lambda _: None)
    fleet._threads = 2
    assert fleet.takes((item(1, 1),))
    fleet._flights = {0: _Flight((item(1, 1), item(2, 1)), None)}
    assert not fleet.takes((item(2, 2), item(3, 1)))
    assert fleet.takes((item(3, 1),))
    fleet._flights = {n: _Flight((item(n, 1),), None) for n in range(6)}
    assert not fleet.takes((item(9, 1),))  # three a thread are enough


@pytest.mark.parametrize("error", [OSError("connection reset"), CancelledError()])
def test_a_result_that_is_lost_with_its_scheduler_is_worked_out_again(error, monkeypatch):
    class Lost:
        status = "finished"

        def result(self):
            raise error

    batch = (item(1, 1),)
    again = []
    fleet = Fleet(None, None, WORK, lambda _: None)
    monkeypatch.setattr(fleet, "_watch", lambda: None)
    monkeypatch.setattr(fleet, "_recover", lambda: again.extend(fleet._flights.values()))
    fleet._flights = {0: _Flight(batch, Lost())}
    fleet._finished.put(0)
    assert fleet.collect(timeout=1) == []
    assert [flight.batch for flight in again] == [batch]


def test_content_under_way_is_bounded():
    fleet = Fleet(None, None, WORK, lambda _: None)
    fleet._threads = 1000
    heavy = item(1, 1).with_data(b"x" * 9_000_000)
    fleet._flights = {n: _Flight((replace(heavy, star=n),), None) for n in range(28)}
    assert not fleet.takes((replace(heavy, star=99),))
