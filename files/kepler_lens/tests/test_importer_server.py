"""The whole import against a real Warp 10 and real Dask processes.

Needs WARP10_URL and WARP10_TOKENS, a folder of the four tokens that the role makes; writes
simulated stars of its own and deletes them afterwards.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from http_server import Server as Web
from msgspec import structs

from kepler_lens.archive import Selection, Settings
from kepler_lens.errors import JobRunningError, TokenError
from kepler_lens.jobs.defects import MOST_ALIKE, DefectError
from kepler_lens.jobs.driver import job_name
from kepler_lens.jobs.importer.config import Job, Tokens
from kepler_lens.jobs.importer.driver import run_import
from kepler_lens.jobs.importer.task import Batch, BatchSettings, TakenOverError
from kepler_lens.ledger import PENDING, Ledger, Writer
from kepler_lens.simulation.simulate import simulate
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.register import Register

CLASSES = {"SAP_FLUX": "sap.flux", "PDCSAP_FLUX": "pdcsap.flux", "SAP_QUALITY": "sap.quality"}
STARS = range(987_654_301, 987_654_309)
ROOT = Path(__file__).parents[1]


@dataclass
class Server:
    """A Warp 10 with its tokens."""

    url: str
    folder: Path

    def token(self, name):
        return Token.from_file(self.folder / f"{name}.token")

    @property
    def tokens(self):
        names = ("read", "write", "ledger-read", "ledger-write")
        return Tokens(*(self.folder / f"{name}.token" for name in names))

    @property
    def warp10(self):
        return Warp10(self.url, patience=20)

    @property
    def ledger(self):
        return Ledger(self.warp10, self.token("ledger-read"), self.token("ledger-write"))

    def clear(self):
        ledger = self.ledger
        ledger.forget(STARS)
        ledger.settle_own()
        Register(self.warp10, self.token("read"), self.token("write")).forget(STARS)
        stars = "|".join(map(str, STARS))
        self.warp10.delete(f"~(sap|pdcsap).*{{KEPLERID~({stars})}}", self.token("write"))

    def points(self, columns=("SAP_FLUX", "PDCSAP_FLUX")):
        """Everything that is there: (class, star) to {tick: float32}."""
        found = {}
        for column in columns:
            selector = f"{CLASSES[column]}{{KEPLERID~({'|'.join(map(str, STARS))})}}"
            for series in self.warp10.fetch(selector, self.token("read")):
                values = [float(np.float32(v)) for v in series.values]
                assert len(set(series.ticks)) == len(series.ticks)
                found[column, int(series.labels["KEPLERID"])] = dict(
                    zip(series.ticks, values, strict=True)
                )
        return {key: value for key, value in found.items() if value}


def in_files(folder, columns=("SAP_FLUX", "PDCSAP_FLUX")):
    """What should be there, read by astropy and counted apart from the package."""
    found = {}
    for path in Path(folder).rglob("*.fits"):
        with fits.open(path) as units:
            star, rows = units[0].header["KEPLERID"], units[1].data
            time_ = np.asarray(rows["TIME"], float)
            for column in columns:
                value = np.asarray(rows[column])
                keep = np.isfinite(time_) & np.isfinite(value)
                ticks = np.floor((time_[keep] + 14245.5) * 86400000).astype(np.int64) * 1000
                points = zip(ticks.tolist(), value[keep].astype(float).tolist(), strict=True)
                found.setdefault((column, star), {}).update(points)
    return {key: value for key, value in found.items() if value}


@pytest.fixture(scope="module")
def server(real_server):
    server = Server(*real_server)
    yield server
    server.clear()


class Dask:
    """A scheduler and two workers with one thread each, to be killed."""

    def __init__(self, folder):
        self.folder = folder
        self.port = 18786
        self.environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.scheduler = self.start_scheduler()
        self.workers = [self.start_worker(name) for name in ("one", "two")]

    @property
    def address(self):
        return f"tcp://127.0.0.1:{self.port}"

    def _start(self, log, *words):
        command = [sys.executable, "-m", "dask", *words]
        with (self.folder / log).open("ab") as out:
            return subprocess.Popen(command, env=self.environment, stdout=out, stderr=out)

    def start_scheduler(self):
        words = ("--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-show")
        return self._start("scheduler.log", "scheduler", *words)

    def start_worker(self, name):
        words = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--name", name)
        folder = ("--local-directory", str(self.folder / name))
        return self._start(f"{name}.log", "worker", self.address, *words, *folder)

    def stop(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    dask = Dask(tmp_path_factory.mktemp("dask"))
    yield dask
    dask.stop()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Enough files that an import has a middle."""
    folder = tmp_path_factory.mktemp("many")
    simulate(folder, stars=STARS)
    return folder


@pytest.fixture
def source(many, tmp_path):
    """Two stars with three quarters each, to be changed at will."""
    folder = tmp_path / "source"
    for star in STARS[:2]:
        for path in sorted(many.rglob(f"kplr{star}*.fits"))[:3]:
            folder.mkdir(exist_ok=True)
            shutil.copy(path, folder)
    return folder


@pytest.fixture
def job(server, dask, source, tmp_path):
    server.clear()
    return Job(
        str(source),
        server.url,
        server.tokens,
        scheduler=dask.address,
        state=tmp_path / "state",
    )


def change(path, edit):
    """Change a file as a reprocessing would, checksums included."""
    with fits.open(path, mode="update", checksum=True) as units:
        edit(units)


def outcomes(report):
    kinds = ("pushed", "replaced", "unchanged", "superseded", "quarantined")
    return {kind: report[kind] for kind in kinds if report[kind]}


def test_everything_is_in_once_and_a_second_import_pushes_nothing(server, job, source):
    expected = in_files(source)
    report = run_import(job)
    assert server.points() == expected
    assert report["points"] == sum(map(len, expected.values()))
    assert outcomes(report) == {"pushed": 6}
    assert report["exit_status"] == 0
    assert sum(w["points"] for w in report["workers"].values()) == report["points"]

    again = run_import(job)
    assert (outcomes(again), again["points"]) == ({"unchanged": 6}, 0)
    forced = run_import(structs.replace(job, force=True))
    assert (outcomes(forced), forced["points"]) == ({"pushed": 6}, report["points"])
    assert report["in_server"] == again["in_server"] == forced["in_server"]
    assert server.points() == expected


def test_the_ledger_sums_up_and_forgets(server, job):
    before = server.ledger.summary()
    report = run_import(job)
    after = server.ledger.summary()
    assert after.stars - before.stars == 2
    assert after.files - before.files == 6
    assert after.points - before.points == report["points"]
    assert not any(writer.run == report["run"] for writer in server.ledger.sums.marks())
    server.ledger.forget(STARS)
    assert server.ledger.summary() == before


def test_the_register_names_what_an_import_brought(server, job):
    run_import(job)
    known = Register(server.warp10, server.token("read")).read(STARS)
    selector = f"~(sap|pdcsap).flux{{KEPLERID~({'|'.join(map(str, STARS))})}}"
    found = server.warp10.find(selector, server.token("read"))
    assert len(found) == sum(len(sets) for one in known.values() for sets in one.values()) == 4
    for series in found:
        star, *place = (series.labels.pop(name) for name in ("KEPLERID", "MISSION", "OBSMODE"))
        assert known[int(star), *place][series.classname] == [series.labels]


def test_who_looks_at_stars_is_told_of_those_that_changed(server, job):
    began = time.time_ns() // 1000

    def told(since=began):
        series = server.warp10.fetch("star.changed{}", server.token("read"), since)
        return {star for s in series for v in s.values for star in json.loads(v)} & {1, *STARS}

    run_import(job)
    assert told() == set(STARS[:2])
    assert told(time.time_ns() // 1000) == set()
    again = time.time_ns() // 1000
    # What was told long ago goes, where there is work.
    server.warp10.update(b"1300000000000000// star.changed{} '%5B1%5D'\n", server.token("write"))
    run_import(job)
    assert told(again) == set()
    assert 1 in told(0)
    run_import(structs.replace(job, force=True, selection=Selection(stars=(STARS[1],))))
    assert told(again) == {STARS[1]}
    assert 1 not in told(0)


def test_what_a_worker_left_that_was_killed_is_counted_by_the_next_import(server, job):
    report = run_import(job)
    dead = Ledger(
        server.warp10,
        server.token("ledger-read"),
        server.token("ledger-write"),
        Writer("of a dead run", job_name(job.state)),
    )
    (entry, *_) = server.ledger.entries(STARS)[STARS[0]]
    dead.write([replace(entry, columns={"SAP_FLUX": (1, 2, 1)})])
    assert server.ledger.summary().points == report["in_server"]["points"] - entry.points + 1
    dead.write([entry])
    assert dead.writer in dead.sums.marks()
    again = run_import(job)
    assert (outcomes(again), again["in_server"]) == ({"unchanged": 6}, report["in_server"])
    assert dead.writer not in dead.sums.marks()


def test_a_touched_file_is_not_pushed_and_its_new_date_is_noted(server, job, source):
    run_import(job)
    path = next(iter(source.iterdir()))
    os.utime(path, (1, 1))
    assert outcomes(run_import(job)) == {"unchanged": 6}
    (entry,) = (e for e in server.ledger.entries(STARS)[STARS[0]] if e.name == path.name)
    assert entry.fingerprint.startswith("1000000000-")


def test_a_changed_file_leaves_no_stale_point(server, job, source):
    run_import(job)
    before = server.points()

    def edit(units):
        units[1].data["TIME"][10:40] += 0.003
        units[1].data["PDCSAP_FLUX"][50:90] = np.nan

    change(sorted(source.iterdir())[1], edit)
    report = run_import(job)
    assert outcomes(report) == {"replaced": 1, "unchanged": 5}
    assert server.points() == in_files(source) != before


def test_an_interrupted_replacement_is_finished(server, job, source):
    run_import(job)
    path = sorted(source.iterdir())[1]
    old = [e for e in server.ledger.entries(STARS)[STARS[0]] if e.name == path.name]

    def edit(units):
        units[1].data["TIME"] += 0.003

    change(path, edit)
    # What a worker leaves that is killed after its intent and before all else.
    stale = {c: [(first, last)] for c, (first, last, _) in old[0].columns.items()}
    server.ledger.write([replace(old[0], state=PENDING, sha256="of the new file", stale=stale)])
    report = run_import(job)
    assert outcomes(report) == {"replaced": 1, "unchanged": 5}
    assert server.points() == in_files(source)


def test_an_attempt_taken_for_dead_deletes_nothing(server, job):
    run_import(job)
    (entry, *_) = server.ledger.entries(STARS)[STARS[0]]
    stale = {c: [(first, last)] for c, (first, last, _) in entry.columns.items()}
    intent = replace(entry, state=PENDING, stale=stale)
    before = server.points()
    settings = BatchSettings(
        "r", job.server, job.tokens, job.columns, False, Selection(), Settings(), "of a test"
    )
    late = Batch(settings)
    server.ledger.write([replace(intent, attempt="of its successor")])
    with pytest.raises(TakenOverError):
        late.clear([intent])
    assert server.points() == before
    server.ledger.write([replace(intent, attempt=late.options.attempt)])
    late.clear([intent])
    assert server.points() != before


def test_the_newer_of_two_versions_stays(server, job, source):
    path = sorted(source.iterdir())[0]
    (source / "older").mkdir()
    older = shutil.copy(path, source / "older")

    def edit(units):
        units[0].header["FILEVER"] = "0.9"
        units[1].data["SAP_FLUX"][5:50] = 1.0

    expected = in_files(source)
    change(older, edit)
    for kinds in ({"pushed": 6, "superseded": 1}, {"unchanged": 6, "superseded": 1}):
        report = run_import(job)
        assert outcomes(report) == kinds
        assert server.points() == expected
    assert path.name in report["superseded_files"][0]["reason"]


def test_a_later_version_continues_the_series_of_a_file_of_before_k2(server, job, data, tmp_path):
    (tmp_path / "early").mkdir()
    path = tmp_path / "early" / "kplr011013072-2009166043257_llc.fits"
    shutil.copy(data / "early" / path.name, path)

    def ours(units):
        units[0].header["KEPLERID"] = STARS[0]
        units[0].header.pop("MISSION", None)

    def reprocessed(units):
        units[0].header["MISSION"] = "Kepler"
        units[0].header["FILEVER"] = "6.1"
        units[1].data["PDCSAP_FLUX"] *= 1.01

    change(path, ours)
    early = structs.replace(job, source=str(path.parent))
    assert outcomes(run_import(early)) == {"pushed": 1}
    change(path, reprocessed)
    assert outcomes(run_import(early)) == {"replaced": 1}
    assert server.points() == in_files(path.parent)
    selector = f"~(sap|pdcsap).flux{{KEPLERID={STARS[0]}}}"
    found = server.warp10.find(selector, server.token("read"))
    assert [series.labels["MISSION"] for series in found] == ["Kepler", "Kepler"]


def test_a_column_wanted_later_is_added(server, job, source):
    run_import(job)
    both = ("SAP_FLUX", "SAP_QUALITY")
    report = run_import(structs.replace(job, columns=both))
    expected = in_files(source, ("SAP_QUALITY",))
    assert report["points"] == sum(map(len, expected.values()))
    assert server.points(("SAP_QUALITY",)) == expected
    assert run_import(structs.replace(job, columns=both))["points"] == 0


def test_bad_files_stop_nothing(server, job, source):
    expected = in_files(source)
    good = next(iter(source.iterdir())).read_bytes()
    bad = {
        "truncated": good[:100_000],
        "checksum": good[:50_000] + bytes([good[50_000] ^ 1]) + good[50_001:],
        "web page": b"<!DOCTYPE html><html></html>",
        "empty": b"",
        "mission": good.replace(b"TELESCOP= 'Kepler  '", b"TELESCOP= 'TESS    '"),
    }
    for number, content in enumerate(bad.values()):
        (source / f"kplr98765430{number + 3}-2009166043257_llc.fits").write_bytes(content)
    report = run_import(job)
    assert (report["exit_status"], outcomes(report)) == (3, {"pushed": 6, "quarantined": 5})
    reasons = [f["reason"] for f in sorted(report["rejected"], key=lambda f: f["name"])]
    for word, reason in zip(bad, reasons, strict=True):
        assert word in reason or (word == "mission" and "checksum" in reason)
    assert server.points() == expected


def test_an_import_that_finds_nothing_fails_and_says_what_is_there(job, tmp_path):
    (tmp_path / "get.sh").write_text("curl -O https://archive/kplr.fits")
    for source, words in (
        (tmp_path / "get.sh", "1 other file, such as get.sh. Run the script"),
        (tmp_path / "empty", "there is no file. Name a folder"),
    ):
        (tmp_path / "empty").mkdir(exist_ok=True)
        report = run_import(structs.replace(job, source=str(source)))
        assert (report["state"], report["exit_status"]) == ("failed", 1)
        assert words in report["message"]
        assert "Import failed" in (job.state / "report.txt").read_text()


def test_a_star_that_the_source_lacks_is_named(server, job):
    chosen = Selection(stars=(STARS[1], 5, 7))
    report = run_import(structs.replace(job, selection=chosen))
    assert (report["exit_status"], outcomes(report)) == (3, {"pushed": 3})
    assert report["absent_stars"] == [5, 7]
    assert report["message"] == "2 stars that were asked for are not in the source."
    assert "not in the source" in (job.state / "report.txt").read_text()
    # Once more: those that are in already are there, too.
    assert run_import(structs.replace(job, selection=chosen))["absent_stars"] == [5, 7]
    assert {star for _, star in server.points()} == {STARS[1]}


def test_an_import_all_of_whose_files_are_rejected_fails(job, source):
    for path in source.iterdir():
        path.write_bytes(b"")
    report = run_import(job)
    assert (report["state"], report["exit_status"]) == ("failed", 1)
    assert "not one of 6 files could be imported" in report["message"]
    assert "is empty" in report["message"]
    assert len(report["rejected"]) == 6


def files_are_read_by(function, monkeypatch):
    """Let the import read files by another function, and within this process, where that is."""
    task = sys.modules["kepler_lens.jobs.importer.task"]
    monkeypatch.setattr(task, "read_light_curve", function)
    monkeypatch.setattr("kepler_lens.jobs.importer.driver.Fleet", InThisProcess, raising=False)
    monkeypatch.setattr("kepler_lens.jobs.driver.Fleet", InThisProcess)


def test_an_error_of_the_program_is_not_taken_for_a_bad_file(server, job, monkeypatch, caplog):
    task = sys.modules["kepler_lens.jobs.importer.task"]
    read = task.read_light_curve

    def fails(*arguments, name, **others):
        if str(STARS[0]) in name:
            raise IndexError("no such row")
        return read(*arguments, name=name, **others)

    files_are_read_by(fails, monkeypatch)
    report = run_import(job)
    assert (report["state"], report["exit_status"]) == ("failed", 1)
    assert "IndexError in" in report["message"]
    assert "Traceback" in caplog.text
    assert {star for _, star in server.points()} == {STARS[1]}


def test_a_fourth_error_of_one_kind_ends_the_import(server, job, monkeypatch):
    asked = []

    def fails(*_, name, **__):
        asked.append(name)
        raise IndexError("no such row")

    files_are_read_by(fails, monkeypatch)
    with pytest.raises(DefectError, match=r"IndexError in .*kplr"):
        run_import(job)
    assert len(asked) > MOST_ALIKE
    assert server.points() == {}


class InThisProcess:
    """A fleet of this process alone."""

    def __init__(self, scheduler, tls, work, idle):
        self.work, self.results, self.in_flight, self.message = work, [], 0, ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def takes(self, batch):
        return not self.results

    def submit(self, batch):
        self.results.append(self.work.call(batch, worker="this"))

    def collect(self, timeout):
        results, self.results = self.results, []
        return results

    def cancel(self):
        pass

    def memory_limits(self):
        return {}


def test_names_that_tell_nothing(server, job, source):
    expected = in_files(source)
    for number, path in enumerate(sorted(source.iterdir())):
        (source / str(number)).mkdir()
        path.rename(source / str(number) / "lc.fits")
    assert outcomes(run_import(job)) == {"pushed": 6}
    assert server.points() == expected
    assert outcomes(run_import(job)) == {"unchanged": 6}


def test_a_selection_holds_for_headers_too(server, job, source):
    for number, path in enumerate(sorted(source.iterdir())):
        path.rename(source / f"{number}.fits")
    chosen = Selection(stars=(STARS[1],), segments=(2,))
    assert outcomes(run_import(structs.replace(job, selection=chosen))) == {"pushed": 1}
    assert {star for _, star in server.points()} == {STARS[1]}


def test_a_tarball_of_several_quarters(server, job, source, tmp_path):
    tarball = tmp_path / "two stars.tgz"
    with tarfile.open(tarball, "w:gz") as tar:
        # Quarter by quarter, as the archive has them: each star comes back again and again.
        for path in sorted(source.iterdir(), key=lambda p: p.name.split("-")[1]):
            tar.add(path, path.name)
    assert outcomes(run_import(structs.replace(job, source=str(tarball)))) == {"pushed": 6}
    assert server.points() == in_files(source)
    again = run_import(structs.replace(job, source=str(tarball)))
    assert (outcomes(again), again["points"]) == ({"unchanged": 6}, 0)


def test_a_web_server_is_asked_for_no_file_twice(server, job, source):
    with closing(Web(source)) as web:
        assert outcomes(run_import(structs.replace(job, source=web.url))) == {"pushed": 6}
        assert server.points() == in_files(source)
        assert Counter(method for method, _ in web.requests) == {"GET": 1 + 6}
        web.requests.clear()
        assert outcomes(run_import(structs.replace(job, source=web.url))) == {"unchanged": 6}
        assert Counter(method for method, _ in web.requests) == {"GET": 1, "HEAD": 6}


def test_a_wrong_token_ends_it_in_one_sentence(job, tmp_path):
    wrong = tmp_path / "wrong.token"
    wrong.write_text("not-a-token-4711")
    began = time.monotonic()
    for name in ("read", "write", "ledger_read", "ledger_write"):
        with pytest.raises(TokenError) as caught:
            run_import(structs.replace(job, tokens=structs.replace(job.tokens, **{name: wrong})))
        assert "4711" not in str(caught.value)
        assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 10
    state = json.loads((job.state / "report.json").read_text())
    assert (state["state"], state["exit_status"]) == ("failed", 1)


class Driver:
    """An import in a process of its own, to be met in its middle."""

    def __init__(self, job, folder):
        self.state = job.state
        tokens = {name: str(getattr(job.tokens, name)) for name in job.tokens.__slots__}
        content = {
            "source": job.source,
            "server": job.server,
            "tokens": tokens,
            "scheduler": job.scheduler,
            "state": str(job.state),
        }
        (folder / "job.json").write_text(json.dumps(content))
        code = "from kepler_lens.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "import", "--job", str(folder / "job.json")],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until_the_middle(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()
            try:
                status = json.loads((self.state / "status.json").read_text())
            except FileNotFoundError:
                status = {"points": 0}
            if status["points"]:
                assert status["files_done"] < 120
                return self
            time.sleep(0.05)
        raise AssertionError("nothing happened for a minute")

    def end(self):
        out, err = self.process.communicate(timeout=180)
        report = json.loads((self.state / "report.json").read_text())
        assert self.process.returncode == report["exit_status"], (out, err)
        return report


@pytest.fixture
def running(job, many, tmp_path):
    driver = Driver(structs.replace(job, source=str(many)), tmp_path)
    yield driver.until_the_middle()
    driver.process.kill()
    driver.process.wait()


@pytest.fixture(scope="module")
def all_points(many):
    return in_files(many)


def assert_whole(server, report, expected):
    assert server.points() == expected
    assert outcomes(report) == {"pushed": 136}
    assert report["points"] == sum(map(len, expected.values()))


def test_a_worker_killed(server, dask, running, all_points):
    dask.workers[0].kill()
    dask.workers[0].wait()
    dask.workers[0] = dask.start_worker("one")
    assert_whole(server, running.end(), all_points)


def test_the_scheduler_killed(server, dask, running, all_points):
    dask.scheduler.kill()
    dask.scheduler.wait()
    for worker in dask.workers:
        worker.kill()
        worker.wait()
    time.sleep(3)
    dask.scheduler = dask.start_scheduler()
    dask.workers = [dask.start_worker(name) for name in ("one", "two")]
    assert_whole(server, running.end(), all_points)


def test_the_driver_killed_and_started_again(server, job, many, running, all_points):
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    report = run_import(structs.replace(job, source=str(many)))
    assert server.points() == all_points
    kinds = Counter(outcomes(report))
    assert kinds["unchanged"] > 0
    assert kinds.total() == 136


def test_stopped_and_gone_on(server, job, many, running, all_points):
    running.process.send_signal(signal.SIGTERM)
    report = running.end()
    assert (report["state"], report["exit_status"]) == ("stopped", 4)
    run_import(structs.replace(job, source=str(many)))
    assert server.points() == all_points


def test_a_second_import_is_refused(job, running):
    with pytest.raises(JobRunningError, match=f"process {running.process.pid}") as caught:
        run_import(job)
    assert caught.value.exit_status == 75
    assert "since 20" in str(caught.value)
    assert running.end()["exit_status"] == 0
