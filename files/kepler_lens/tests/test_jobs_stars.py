"""A job that takes star after star: how it ends, and what it says of each kind of star."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass

import pytest
from distributed.scheduler import KilledWorker

from kepler_lens.errors import KeplerLensError
from kepler_lens.jobs.fleet import Fleet, FleetError, Killed, Work
from kepler_lens.jobs.searcher.report import Progress
from kepler_lens.jobs.searcher.task import SEARCHED, SearchResult
from kepler_lens.jobs.star_results import QUARANTINED, StarResult
from kepler_lens.jobs.stars import StarDriver


@dataclass(frozen=True)
class Star:
    number: int


class OneByOne:
    """A fleet that has the result of each star ready."""

    message = ""

    def __init__(self, results: dict[int, StarResult | None]) -> None:
        self.results = results
        self.under_way: list[Star] = []

    @property
    def in_flight(self) -> int:
        return len(self.under_way)

    def takes(self, batch: Star) -> bool:
        return not self.under_way

    def submit(self, batch: Star) -> None:
        self.under_way.append(batch)

    def collect(self, timeout: float) -> list[StarResult | Killed[Star]]:
        batch = self.under_way.pop()
        return [self.results[batch.number] or Killed(batch)]


class Job(StarDriver[Progress]):
    """Searches stars whose results are known; None for one that kills its workers."""

    complete = "Every star is searched."

    def __init__(self, folder, results):
        super().__init__(Progress(run="r", server="http://w:8080", folder=folder), lambda _: None)
        self.results = results

    def batch(self, star):
        return Star(star)

    def work(self):
        self.wait_for(list(self.results))
        self.take_stars(OneByOne(self.results))

    def rejected(self):
        count = self.progress.outcomes[QUARANTINED]
        return f"{count} stars cannot be searched." if count else ""

    def summary(self, report):
        return report["outcome"]


def searched(star, **others):
    return SearchResult("w", star, SEARCHED, **others)


def quarantined(star, **others):
    return SearchResult("w", star, QUARANTINED, "too few points", **others)


def test_a_job_all_of_whose_stars_are_done_ends_with_0(tmp_path):
    report = Job(tmp_path, {1: searched(1), 2: searched(2)}).run()
    assert (report["state"], report["exit_status"]) == ("done", 0)
    assert report["outcome"] == (tmp_path / "report.txt").read_text() == "Every star is searched."


def test_a_star_that_cannot_be_searched_is_told_and_the_rest_done(tmp_path):
    parts = ["Star 1: quarter 2 is left out"]
    report = Job(tmp_path, {1: searched(1, left_out=parts), 2: quarantined(2)}).run()
    assert (report["state"], report["exit_status"]) == ("done", 3)
    assert report["left_out"] == parts
    assert report["quarantined_stars"] == [{"star": 2, "reason": "too few points"}]


def test_a_star_that_kills_its_workers_is_quarantined(tmp_path):
    report = Job(tmp_path, {1: searched(1), 2: None}).run()
    assert (report["exit_status"], report["stars_done"]) == (3, 2)
    (star,) = report["quarantined_stars"]
    assert star["star"] == 2
    assert "died again and again" in star["reason"]


def test_a_job_none_of_whose_stars_could_be_used_fails(tmp_path):
    report = Job(tmp_path, {1: quarantined(1), 2: quarantined(2)}).run()
    assert (report["state"], report["exit_status"]) == ("failed", 1)
    assert report["message"] == (
        "Not one of 2 stars could be searched; the first, 1: too few points"
    )


def test_a_job_without_stars_does_not_fail(tmp_path):
    assert Job(tmp_path, {}).run()["exit_status"] == 0


def test_an_error_of_the_program_fails_the_job_at_its_end(tmp_path):
    defect = "IndexError in vet.py, line 8"
    report = Job(tmp_path, {1: quarantined(1, defect=defect), 2: searched(2)}).run()
    assert (report["state"], report["exit_status"]) == ("failed", 1)
    assert report["searched"] == 1
    assert f"{defect} at star 1" in report["message"]


def test_a_fourth_error_of_one_kind_ends_the_job_at_once(tmp_path):
    defect = "IndexError in vet.py, line 8"
    stars = {star: quarantined(star, defect=defect) for star in range(1, 8)}
    with pytest.raises(KeplerLensError, match="star 4"):
        Job(tmp_path, stars).run()
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["state"], report["exit_status"], report["stars_done"]) == ("failed", 1, 4)


def test_what_no_star_would_escape_ends_the_job_at_once(tmp_path):
    stars = {1: SearchResult("w", 1, fatal="the token is wrong"), 2: searched(2)}
    with pytest.raises(KeplerLensError, match="the token is wrong"):
        Job(tmp_path, stars).run()
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["state"], report["exit_status"], report["stars_done"]) == ("failed", 1, 0)


def test_a_signal_stops_it_and_says_that_it_goes_on(tmp_path):
    job = Job(tmp_path, {star: searched(star) for star in range(1, 6)})
    known = job.account

    def then_stop(result):
        known(result)
        os.kill(os.getpid(), signal.SIGTERM)

    job.account = then_stop
    report = job.run()
    assert (report["state"], report["exit_status"]) == ("stopped", 4)
    assert report["stars_done"] < 5
    assert "goes on from here" in report["message"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@dataclass
class Failed:
    """What Dask gives for a batch that failed."""

    error: BaseException
    status: str = "error"

    def exception(self):
        return self.error


WORK = Work("search", "r", lambda star: star, 2, lambda *_: True, lambda star: f"star {star}")


def test_a_batch_whose_workers_died_is_told_from_a_worker_that_failed():
    fleet = Fleet(None, None, WORK, lambda _: None)
    killed = KilledWorker("search-r-1", None, 3)
    assert fleet._outcome(5, Failed(killed)) == Killed(5)
    with pytest.raises(FleetError, match=r"failed on star 5 .*MemoryError: no room"):
        fleet._outcome(5, Failed(MemoryError("no room")))
