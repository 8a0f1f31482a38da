"""The module that retires the workers of one host, on a fleet of this machine."""

from __future__ import annotations

import runpy
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from distributed import Client, Event, get_worker
from plays import PROJECT

pytestmark = pytest.mark.long

HERE, THERE = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def scheduler(tmp_path):
    """The address of a scheduler with a worker on each of two addresses."""
    dask = Path(sys.executable).with_name("dask")
    file = tmp_path / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    commands = [["scheduler", "--host", HERE, "--port", "0", *common]] + [
        ["worker", "--host", host, "--no-nanny", "--nthreads", "1", *common]
        for host in (HERE, THERE)
    ]
    running = []
    try:
        for words in commands:
            log = (tmp_path / f"{len(running)}.log").open("w")
            running.append(
                subprocess.Popen([dask, *words], cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT)
            )
        while not file.exists() or not file.read_text():
            assert running[0].poll() is None, (tmp_path / "0.log").read_text()
            time.sleep(0.1)
        with Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(2, timeout=60)
            yield client.scheduler.address
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_a_host_finishes_its_tasks_and_gets_no_new_ones(run_module, scheduler):
    # Inside the test, so that they are sent by value: the workers cannot import this file.
    def wait_for(name: str) -> bool:
        return Event(name).wait(timeout=60)

    def place(_: int) -> str:
        return get_worker().address

    with Client(scheduler) as client:
        one = next(at for at in client.scheduler_info()["workers"] if f"//{HERE}:" in at)
        task = client.submit(wait_for, "end", workers=[one], pure=False)
        while task.status == "pending" and not client.processing()[one]:
            time.sleep(0.1)
        none = run_module("dask_retirement", scheduler=scheduler, host="127.0.0.3")
        assert (none["changed"], none["workers"]) == (False, [])
        dry = run_module("dask_retirement", scheduler=scheduler, host=HERE, check=True)
        assert (dry["changed"], dry["workers"]) == (True, [one])
        early = run_module("dask_retirement", scheduler=scheduler, host=HERE, patience=0)
        assert early["failed"]
        assert early["msg"] == f"A task still runs on {HERE} after 0 s: try again."
        threading.Timer(3.0, Event("end", client=client).set).start()
        said = run_module("dask_retirement", scheduler=scheduler, host=HERE)
        assert (said["changed"], said["workers"]) == (True, [one])
        assert task.done()
        assert task.result() is True
        places = set(client.gather(client.map(place, range(100, 120), pure=False)))
        assert {at.split(":")[1] for at in places} == {f"//{THERE}"}


@pytest.mark.parametrize(
    ("written", "told"),
    [("2001:db8:0::31", "tls://[2001:db8::31]:8790"), ("192.0.2.31", "tls://192.0.2.31:8790")],
)
def test_an_address_is_found_however_it_is_written(written, told):
    class Scheduler:
        def scheduler_info(self, n_workers: int) -> dict:
            return {"workers": {told: {}, "tls://192.0.2.99:8790": {}}}

    module = runpy.run_path(str(PROJECT / "plugins/modules/dask_retirement.py"))
    assert list(module["workers"](Scheduler(), written)) == [told]


def test_a_scheduler_that_is_away_is_named(run_module, monkeypatch):
    import distributed

    # Seconds: the module itself is more patient.
    real = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda at, timeout: real(at, timeout=1))
    said = run_module("dask_retirement", scheduler="tcp://127.0.0.1:9", host=HERE)
    assert said["failed"]
    assert said["msg"].startswith("The scheduler at tcp://127.0.0.1:9 does not answer: ")
