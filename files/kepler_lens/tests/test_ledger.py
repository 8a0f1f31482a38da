"""The ledger's places and its sums: whoever dies when, what `status` says is what is there."""

import json
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from memory_server import Near

from kepler_lens.ledger import DONE, PENDING, Entry, Ledger, Off, Writer
from kepler_lens.ledger import sums as of_sums
from kepler_lens.ledger.earlier import convert
from kepler_lens.run_name import began_of, new_run
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.ticks import (
    BUCKET_STARS,
    CADENCES,
    STARS,
    NoTickError,
    bucket_of,
    runs_of,
    star_of,
    tick_of,
    ticks_of_star,
)

READ, WRITE = Token("read"), Token("write")
SHORT = "short cadence"


class Killed(BaseException):
    """No error that anybody catches."""


class Mortal(Warp10):
    """A connection of a process that is killed before it has sent a request, or another does."""

    def __init__(self, server, left=10**9, before=None):
        super().__init__(server.url, patience=1)
        self._session.mount("http://", Near(server))
        self.left, self.before, self.asked = left, before or {}, 0

    def _ask(self, *request):
        if self.asked >= self.left:
            raise Killed
        number, self.asked = self.asked, self.asked + 1
        self.before.get(number, lambda: None)()
        return super()._ask(*request)


@pytest.fixture
def server(bare_memory):
    return bare_memory


def ledger(server, run="r1", job="host:job", **mortality):
    return Ledger(Mortal(server, **mortality), READ, WRITE, Writer(run, job))


def entry(star, cadence=100, points=10, **changes):
    one = Entry(
        star, "Kepler", "long cadence", cadence, DONE, 1, "a.fits", "6.1", "2015-09-23",
        "sha", "f1", {"SAP_FLUX": (1, 2, points)},
    )  # fmt: skip
    return replace(one, **changes)


def there(server):
    """What is in completely, counted in what the server keeps."""
    points = {
        (name, tick): int(value)
        for name, kept in server.series.items()
        if kept.classname == "import.points"
        for tick, value in kept.points.items()
    }
    stars = {star_of(tick) for _, tick in points}
    return len(stars), len(points), sum(points.values())


def said(server):
    summary = ledger(server).summary()
    assert summary.whole
    return summary.counts


def kept(server):
    (series,) = (k for k in server.series.values() if k.classname == "import.sum")
    values = (json.loads(unquote(v[1:-1])) for v in series.points.values())
    return tuple(map(sum, zip(*(v.values() for v in values), strict=True)))


def marks(server):
    return {
        (kept.labels["RUN"], tick)
        for kept in server.series.values()
        if kept.classname == "import.open"
        for tick in kept.points
    }


FAR = [7, 6_541_920, 201_367_065, 987_654_301]
BATCH = [entry(star, cadence) for star in FAR for cadence in (0, CADENCES - 1)]


@pytest.mark.parametrize(
    ("star", "cadence"), [(-1, 0), (STARS, 0), (7, -1), (7, CADENCES), (10**30, 1)]
)
def test_what_has_no_place_is_refused_in_one_sentence(server, star, cadence):
    with pytest.raises(NoTickError, match=f"Star {star} .*cannot be kept") as caught:
        ledger(server).write([entry(star, cadence)])
    assert "\n" not in str(caught.value)
    assert not server.series
    # Nobody asks in vain for a star that cannot be there.
    assert ledger(server).entries([star] if cadence == 0 else []) in ({star: []}, {})


def test_places_of_stars_do_not_meet():
    for star in (0, 7, STARS - 2):
        assert ticks_of_star(star)[1] + 1 == ticks_of_star(star + 1)[0] == tick_of(star + 1, 0)
        assert star_of(ticks_of_star(star)[0]) == star_of(ticks_of_star(star)[1]) == star
    assert tick_of(STARS - 1, CADENCES - 1) < 2**61
    assert bucket_of(BUCKET_STARS - 1) == 0 != bucket_of(BUCKET_STARS)
    assert list(runs_of([5, 1, 2, 3, 9, 4], 3)) == [(1, 3), (4, 5), (9, 9)]


def test_entries_are_those_of_the_stars_in_one_request(server):
    neighbours = [entry(6), entry(7), entry(7, 5, obsmode=SHORT), entry(8, mission="K2")]
    ledger(server).write(neighbours)
    assert len([k for k in server.series.values() if k.classname == "import.file"]) == 3
    server.asked.clear()
    found = ledger(server).entries([7, 8, 9])
    assert {star: sorted(e.key for e in known) for star, known in found.items()} == {
        7: [neighbours[1].key, neighbours[2].key],
        8: [neighbours[3].key],
        9: [],
    }
    assert all(one in neighbours for one in found[7])
    assert [what for what, _ in server.asked] == ["exec"]


def test_single_entries_and_stars_go_and_their_neighbours_stay(server):
    book = ledger(server)
    book.write([entry(6), entry(7), entry(7, 5), entry(7, 5, obsmode=SHORT), entry(8)])
    book.remove([entry(7, 5)])
    assert [e.key[2:] for e in book.entries([7])[7]] == [("long cadence", 100), (SHORT, 5)]
    book.forget([7])
    assert {star: len(known) for star, known in book.entries([6, 7, 8]).items()} == {
        6: 1,
        7: 0,
        8: 1,
    }
    assert said(server) == there(server) == (2, 2, 20)


def test_a_request_that_is_cut_between_lines_leaves_no_wrong_sum(server):
    """The server stores lines in their order, and may die after any."""
    book = ledger(server)
    book.write(BATCH)
    book.settle()
    bodies = []
    again = ledger(server)
    again._warp10.update = lambda body, _: bodies.append(body.decode().splitlines(keepends=True))
    again.write([entry(star, 1, 1000) for star in FAR])
    (lines,) = bodies
    for number in range(len(lines) + 1):
        server.update("".join(lines[:number]).encode())
        assert said(server) == there(server)
    assert said(server)[2] > 4000


WORK = {
    "write": lambda book: (book.write(BATCH[:5]), book.write(BATCH[3:]), book.settle()),
    "forget": lambda book: (book.forget(FAR[:2]), book.settle_own()),
    "remove": lambda book: (book.remove(BATCH[1:4]), book.settle()),
    "recount": lambda book: book.sums.recount(),
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("before", ["nothing", "entries", "entries and marks"])
def test_killed_before_any_request_the_sums_are_right_and_again_after_the_next_job(
    server, work, before, monkeypatch
):
    # Less to look through.
    monkeypatch.setattr(of_sums, "STARS", 2**30)
    number = 0
    while True:
        server.series.clear()
        if before != "nothing":
            first = ledger(server, "r0")
            first.write([entry(star, 9, 3) for star in FAR])
            if before == "entries":
                first.settle()
        book = ledger(server, "r1", left=number)
        try:
            WORK[work](book)
            ended = True
        except Killed:
            ended = False
        assert said(server) == there(server)
        # The job's next run has nothing else to do.
        ledger(server, "r2").settle()
        assert said(server) == there(server)
        assert ledger(server).sums.recount() == Off(0, 0, 0)
        assert marks(server) == set()
        if there(server)[1]:
            assert kept(server) == there(server)
        if ended:
            break
        number += 1
    assert number >= 3


def test_two_who_count_one_bucket_while_both_write_into_it(server):
    """Whatever one does before any request of the other, the sums are right in the end."""
    number = 0
    while True:
        server.series.clear()
        other = ledger(server, "r2", "another host:job")

        def step(at=number, other=other):
            other.write([entry(7, 200 + at, 5), entry(6_541_920, 1, 5)])
            other.settle()

        book = ledger(server, before={number: step})
        book.write(BATCH)
        book.write([entry(7, 300, 1)])
        book.settle()
        assert marks(server) == set()
        assert said(server) == there(server)
        if not number:
            assert there(server)[1] == len(BATCH) + 3
        assert kept(server) == there(server), number
        if number > book._warp10.asked:
            break
        number += 1


def test_a_job_that_is_alive_elsewhere_keeps_its_marks(server):
    alive = ledger(server, "r2", "another host:job")
    alive.write([entry(7)])
    book = ledger(server)
    book.write([entry(8)])
    book.settle()
    assert marks(server) == {("r2", 0)}
    alive.write([entry(9)])
    assert said(server) == there(server) == (3, 3, 30)
    alive.settle()
    assert (marks(server), kept(server)) == (set(), (3, 3, 30))


def test_a_recount_while_a_job_writes_does_not_spoil_its_marks(server):
    """The recount comes between the first line of a request and its last."""
    for cut in range(5):
        server.series.clear()
        book = ledger(server)
        book.write([entry(7)])
        lines = []
        book._warp10.update = lambda body, _, lines=lines: lines.extend(body.splitlines(True))
        book.write([entry(8)])
        server.update(b"".join(lines[:cut]))
        assert ledger(server).sums.recount() == Off(0, 0, 0)
        server.update(b"".join(lines[cut:]))
        assert said(server) == there(server) == (2, 2, 20)
        ledger(server, "r2").settle()
        assert kept(server) == (2, 2, 20)


def test_a_recount_beside_a_job_finds_nothing_wrong(server, monkeypatch):
    monkeypatch.setattr(of_sums, "STARS", 2**30)
    number = 0
    while True:
        server.series.clear()
        book = ledger(server)
        book.write(BATCH)
        book.settle()

        def step(at=number):
            other = ledger(server, "r2", "another host:job")
            other.write([entry(7, 200 + at, 5), entry(6_541_920, 1, 5)])
            other.settle()

        counting = ledger(server, before={number: step})
        assert counting.sums.recount() == Off(0, 0, 0), number
        assert said(server) == kept(server) == there(server)
        assert marks(server) == set()
        if number > counting._warp10.asked:
            break
        number += 1


def test_a_command_leaves_no_series_of_marks(server):
    book = ledger(server)
    book.write(BATCH)
    book.forget(FAR[:1])
    book.settle_own()
    assert not [kept for kept in server.series.values() if kept.classname == "import.open"]
    assert kept(server) == there(server)


@pytest.mark.parametrize("by", ["import", "command"])
@pytest.mark.parametrize(
    ("age", "job", "stays"),
    [
        (timedelta(days=2), "elsewhere:command", False),
        (timedelta(hours=1), "elsewhere:command", True),
        # A job is not given up, however its folder is called: its lock tells.
        (timedelta(days=2), "elsewhere:/a:command", True),
    ],
)
def test_the_marks_of_a_command_that_was_killed_go(server, by, age, job, stays):
    book = ledger(server)
    book.write(BATCH)
    book.settle()
    killed = f"{datetime.now(UTC) - age:%Y%m%dT%H%M%SZ}-abcdef"
    with pytest.raises(Killed):
        ledger(server, killed, job, left=3).forget(FAR[:1])
    assert marks(server) == {(killed, bucket_of(FAR[0]))}
    assert said(server) == there(server)
    other = ledger(server, "r2", "host:job" if by == "import" else "host:command")
    other.write([entry(FAR[1], 300)])
    other.settle() if by == "import" else other.settle_own()
    assert bool(marks(server)) == stays
    assert said(server) == there(server)
    assert stays or kept(server) == there(server)


def test_a_run_tells_when_it_began():
    assert abs(datetime.now(UTC) - began_of(new_run())) < timedelta(minutes=1)
    assert began_of("r1") is None


def test_a_late_worker_of_a_job_that_has_ended_is_counted(server):
    book = ledger(server)
    book.write([entry(7)])
    book.settle()
    book.write([entry(8)])
    assert said(server) == there(server) == (2, 2, 20)
    ledger(server, "r2").settle()
    assert (kept(server), marks(server)) == ((2, 2, 20), set())


def test_the_marks_series_of_dead_runs_go_with_the_job_after_the_next(server):
    for number in range(5):
        book = ledger(server, f"r{number}")
        book.write([entry(number)])
        book.settle()
    names = [
        kept.labels["RUN"] for kept in server.series.values() if kept.classname == "import.open"
    ]
    assert names == ["r4"]


def test_a_recount_says_by_how_much_the_sums_were_off(server):
    book = ledger(server)
    book.write(BATCH)
    book.settle()
    (points,) = (k for k in server.series.values() if k.classname == "import.points")
    del points.points[BATCH[0].tick], points.points[BATCH[1].tick]
    points.points[BATCH[2].tick] = "17"
    # A bucket more, of which nobody knows.
    points.points[entry(STARS - 1).tick] = "100"
    assert said(server) != there(server)
    assert book.sums.recount() == Off(stars=2, files=3, points=20 + 7 + 100)
    assert said(server) == kept(server) == there(server)
    assert book.sums.recount() == Off(0, 0, 0)


def test_sums_that_were_never_kept_are_counted_anew(server):
    book = ledger(server)
    book.write(BATCH)
    for name, one in list(server.series.items()):
        if one.classname == "import.open":
            del server.series[name]
    assert said(server) == (0, 0, 0)
    assert book.sums.recount() == Off(len(FAR), len(BATCH), 10 * len(BATCH))
    assert said(server) == there(server)


def test_an_older_state_of_the_database_is_right_as_it_is(server):
    book = ledger(server)
    book.write(BATCH[:3])
    older = {name: replace(kept, points=dict(kept.points)) for name, kept in server.series.items()}
    book.write(BATCH[3:])
    book.settle()
    server.series = older
    assert said(server) == there(server)
    # The job knows nothing of that: it goes on writing, or another run of it begins.
    book.write(BATCH[-1:])
    assert said(server) == there(server)
    ledger(server, "r2").settle()
    assert (kept(server), marks(server)) == (there(server), set())


def test_more_marks_than_are_counted_for_an_answer(server, monkeypatch):
    monkeypatch.setattr(of_sums, "LIVE_MOST", len(FAR) - 1)
    book = ledger(server)
    book.write(BATCH[:2])
    book.settle()
    book.write(BATCH)
    summary = ledger(server).summary()
    assert (summary.whole, summary.counts) == (False, (1, 2, 20))
    book.settle()
    assert ledger(server).summary().counts == there(server)


def test_what_is_pending_is_not_counted(server):
    ledger(server).write([entry(7, state=PENDING), entry(8)])
    assert said(server) == (1, 1, 10)


def test_status_and_the_end_of_a_job_cost_what_was_touched(server):
    book = ledger(server)
    book.write([entry(1_000_000 + number) for number in range(2000)])
    book.settle()
    asked = {}
    for more in (1, 200_000):
        many = ledger(server, f"filling {more}")
        many.write([entry(30_000_000 + 100 * number) for number in range(0, more, 100)])
        many.settle()
        server.asked.clear()
        one = ledger(server, f"r{more}")
        one.write([entry(7)])
        one.settle()
        one.summary()
        asked[more] = Counter(what for what, _ in server.asked)
    assert asked[1].total() == asked[200_000].total() <= 15


def test_a_token_of_the_wrong_kind_is_found_before_anything_else(server):
    book = Ledger(Warp10(server.url), READ)
    assert book.summary().counts == (0, 0, 0)
    with pytest.raises(Exception, match="name its write token"):
        book.write([entry(7)])


@pytest.mark.parametrize("number", range(12))
def test_a_ledger_of_an_earlier_version_is_converted_wherever_it_was_killed(
    server, number, monkeypatch
):
    monkeypatch.setattr("kepler_lens.ledger.earlier.PIECES", 3)
    stars = [1, 2, 6_541_901, 6_541_902]
    known = [entry(star, cadence) for star in stars for cadence in (5, 6)]
    ledger(server, "elsewhere").write([*known, entry(2, 7, state=PENDING)])
    later = {name: kept for name, kept in server.series.items() if kept.classname != "import.open"}
    server.series.clear()
    for kept_ in later.values():
        for tick, value in kept_.points.items():
            star, cadence = divmod(tick, CADENCES)
            labels = f"{{KEPLERID={star},MISSION=Kepler,OBSMODE=long%20cadence}}"
            server.of(kept_.classname + labels).points[cadence] = value
    lines = []
    book = ledger(server, left=number)
    try:
        convert(book._warp10, book, READ, WRITE, lines.append)
    except Killed:
        book = ledger(server, "r2")
        convert(book._warp10, book, READ, WRITE, lines.append)
    assert 1 <= len(lines) <= 2
    assert not any("KEPLERID" in kept.labels for kept in server.series.values())
    found = book.entries(stars)
    assert sorted(e.key for e in found[2]) == [(2, "Kepler", "long cadence", c) for c in (5, 6, 7)]
    assert [e for star in stars for e in found[star] if e.state == DONE] == known
    assert said(server) == there(server) == (4, 8, 80)
    server.asked.clear()
    convert(book._warp10, book, READ, WRITE, pytest.fail)
    assert [what for what, _ in server.asked] == ["find"]
    book.settle()
    assert ledger(server).sums.recount() == Off(0, 0, 0)


def test_many_threads_share_a_connection(server):
    book = ledger(server)
    book.write([entry(star) for star in range(300)])
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(book.entries(range(300)))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(known) == 1 for found in results for known in found.values())
    assert len(results) == 3
