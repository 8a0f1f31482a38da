"""What tasks know of each other, in a real Dask cluster."""

import time
from itertools import pairwise

import pytest
from distributed import Client, LocalCluster

from kepler_lens.errors import KeplerLensError
from kepler_lens.jobs.defects import DefectError, Defects
from kepler_lens.jobs.star_results import QUARANTINED, StarResult, attempt
from kepler_lens.jobs.worker import Luggage, fleet_lock, luggage, worker_name
from kepler_lens.missions.kepler import us_to_bkjd
from kepler_lens.transit_search.preparation.observations import NotSearchableError


def stay(name, seconds):
    """When a task got the lock and left it, and the worker that did it."""
    with fleet_lock(name):
        came = time.monotonic()
        time.sleep(seconds)
        return came, time.monotonic(), worker_name()


@pytest.mark.long
def test_one_at_a_time_over_all_workers():
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        spans = client.gather([client.submit(stay, "push", 0.1, key=str(k)) for k in range(8)])
        others = client.gather([client.submit(stay, str(k), 0.5, key=f"o{k}") for k in range(4)])
    spans.sort()
    assert len({worker for _, _, worker in spans}) == 2
    assert all(left <= came for (_, left, _), (came, _, _) in pairwise(spans))
    # Locks of other names have nothing to do with each other.
    assert max(came for came, _, _ in others) < min(left for _, left, _ in others)


def test_without_a_fleet_there_is_nobody_to_wait_for():
    with fleet_lock("push"), fleet_lock("push"):
        pass


@pytest.mark.long
def test_luggage_reaches_workers_that_come_later():
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(Luggage("model-a", b"weights"))
        cluster.scale(2)
        client.wait_for_workers(2)
        assert set(client.run(luggage, "model-a").values()) == {b"weights"}
        with pytest.raises(KeplerLensError, match="did not get model-b"):
            client.submit(luggage, "model-b").result()


@pytest.mark.parametrize(
    ("error", "outcome", "reason", "fatal"),
    [
        (NotSearchableError("too few points"), QUARANTINED, "too few points", ""),
        (KeplerLensError("no such token"), "", "", "no such token"),
    ],
)
def test_a_failed_star_is_quarantined_or_ends_the_job(error, outcome, reason, fatal):
    result = StarResult("w", 11)
    with attempt(result):
        raise error
    assert (result.outcome, result.reason, result.fatal) == (outcome, reason, fatal)
    assert result.seconds > 0


def test_an_error_of_the_program_is_told_from_bad_input(caplog):
    result = StarResult("w", 11)
    with attempt(result):
        us_to_bkjd("no number")
    assert (result.outcome, result.fatal) == (QUARANTINED, "")
    assert result.defect.startswith("TypeError in kepler.py, line ")
    assert "The program failed" in result.reason
    assert "star 11" in caplog.text
    assert "Traceback" in caplog.text


class TestDefects:
    def test_three_alike_are_told_and_a_fourth_ends_the_job(self):
        defects = Defects()
        for star in (1, 2, 3):
            defects.add("IndexError in vet.py, line 8", f"star {star}")
        defects.add("TypeError in vet.py, line 9", "star 4")
        assert "IndexError in vet.py, line 8 at star 1, star 2, star 3" in defects.sentence()
        with pytest.raises(DefectError, match="star 5"):
            defects.add("IndexError in vet.py, line 8", "star 5")

    def test_none_say_nothing(self):
        assert Defects().sentence() == ""
