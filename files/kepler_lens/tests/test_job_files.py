"""A job file has the types that a job needs: no text is taken for true, and no part for a whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run

from kepler_lens.jobs import trainer
from kepler_lens.jobs.builder import config as builder
from kepler_lens.jobs.config import JobError
from kepler_lens.jobs.importer import config as importer
from kepler_lens.jobs.searcher import config as searcher

SERVER = "http://127.0.0.1:1"
IMPORT = {
    "source": "/data",
    "server": SERVER,
    "tokens": {"read": "/r", "write": "/w", "ledger_read": "/lr", "ledger_write": "/lw"},
}
SEARCH = {"server": SERVER, "tokens": {"read": "/r", "results_write": "/w"}}
BUILD = {"server": SERVER, "tokens": {"read": "/r"}, "labels": "/labels.csv"}
TRAINING = {"records": ["/records"]}
TLS = {"ca": "/ca", "cert": "/cert", "key": "/key"}
JOBS = {
    "import": (importer.load_job, IMPORT),
    "search": (searcher.load_job, SEARCH),
    "data set": (builder.load_job, BUILD),
    "training": (trainer.load_job, TRAINING),
}
WRONG = [
    ("import", {"force": "no"}, "force must be true or false, and is text"),
    ("import", {"force": 1}, "force must be true or false, and is a whole number"),
    ("import", {"server_free_bytes": "1"}, "server_free_bytes must be a whole number or null, and"),
    ("import", {"archive": {"parallel": 2.0}}, "archive.parallel must be a whole number, and is a"),
    ("import", {"archive": {"parallel": True}}, "archive.parallel must be a whole number, and is"),
    ("import", {"columns": ["SAP_FLUX", 3]}, "columns, entry 2 must be text, and is a whole"),
    ("import", {"columns": {}}, "columns must be text or a list or null, and is an object"),
    ("import", {"selection": {"segments": [1.5]}}, "selection.segments, entry 1 must be"),
    ("import", {"selection": {"cadence": 1}}, "selection.cadence must be text, and is a whole"),
    ("import", {"selection": {"stars_file": 1}}, "stars_file must be text or null, and is a whole"),
    ("import", {"selection": {"sort": 1}}, "there is no field sort in selection"),
    ("import", {"selection": []}, "selection must be an object, and is a list"),
    ("import", {"tokens": {"read": 1}}, "tokens.read must be text, and is a whole number"),
    ("import", {"tls": {"ca": "/ca"}}, "the field cert is missing in tls"),
    ("import", {"sorce": "x"}, "there is no field sorce"),
    ("search", {"force": "true"}, "force must be true or false, and is text"),
    ("search", {"force": None}, "force must be true or false, and is null"),
    ("search", {"column": ["SAP_FLUX"]}, "column must be text, and is a list"),
    ("search", {"model": 123456789012}, "model must be text, and is a whole number"),
    ("search", {"tls": {**TLS, "key": 3}}, "tls.key must be text, and is a whole number"),
    ("search", {"state": 1}, "state must be text, and is a whole number"),
    ("search", {"colour": "red"}, "there is no field colour"),
    ("search", {"server": None}, "server must be text, and is null"),
    ("data set", {"copies": "3"}, "copies must be a whole number, and is text"),
    ("data set", {"seed": 1.5}, "seed must be a whole number, and is a number"),
    ("data set", {"synthetic": ["planet", 3]}, "synthetic, entry 2 must be text, and is a whole"),
    ("data set", {"labels": ["/labels.csv"]}, "labels must be text, and is a list"),
    ("data set", {"name": 2024}, "name must be text, and is a whole number"),
    ("data set", {"colour": "red"}, "there is no field colour"),
    ("training", {"take_intact": "no"}, "take_intact must be true or false, and is text"),
    ("training", {"epochs": "6"}, "epochs must be a whole number, and is text"),
    ("training", {"folds": 2.5}, "folds must be a whole number, and is a number"),
    ("training", {"min_auc": "0.9"}, "min_auc must be a number, and is text"),
    ("training", {"records": ["/a", 1]}, "records, entry 2 must be text, and is a whole number"),
    ("training", {"records": "/a"}, "records must be a list, and is text"),
    ("training", {"colour": "red"}, "there is no field colour"),
]


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "job.json"
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.mark.parametrize(("job", "changes", "words"), WRONG)
def test_a_wrong_type_is_refused_by_field_file_and_type(write, job, changes, words):
    load, least = JOBS[job]
    path = write(least | changes)
    with pytest.raises(JobError) as caught:
        load(path)
    said = str(caught.value)
    assert said.startswith(f"The job file {path} cannot be understood: {words}")
    assert said.endswith(".")
    assert "\n" not in said


@pytest.mark.parametrize("job", JOBS)
def test_a_missing_field_is_named(write, job):
    load, least = JOBS[job]
    load(write(least))
    for name in least:
        path = write({field: value for field, value in least.items() if field != name})
        with pytest.raises(JobError, match=f"{path} .*: the field {name} is missing.$"):
            load(path)


@pytest.mark.parametrize("job", JOBS)
def test_a_job_is_an_object(write, job):
    with pytest.raises(JobError, match="the job must be an object, and is a list"):
        JOBS[job][0](write([1]))


def test_right_types_are_taken_as_they_are(write):
    job = searcher.load_job(write(SEARCH | {"scheduler": "tls://s:1", "tls": TLS, "force": True}))
    assert (job.tls.key, job.tokens.read, job.force) == (Path("/key"), Path("/r"), True)
    assert trainer.load_job(write(TRAINING | {"min_auc": 1})).min_auc == 1.0
    assert importer.load_job(write(IMPORT | {"server_free_bytes": None})).server_free_bytes is None


def test_a_command_ends_with_the_sentence(write):
    path = write(SEARCH | {"force": "no"})
    done = subprocess.run(
        [sys.executable, "-m", "kepler_lens", "transits", "--job", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    why = "force must be true or false, and is text"
    assert " ".join(done.stderr.split()).endswith(
        f"The job file {path} cannot be understood: {why}."
    )


def test_what_the_role_adds_to_a_job_file_counts(write, monkeypatch):
    """The role measures the server at each run, and the file is of the first."""
    ran = []
    monkeypatch.setattr(
        "kepler_lens.jobs.importer.driver.run_import",
        lambda job, say: ran.append(job) or {"state": "failed", "message": "no server"},
    )
    monkeypatch.setattr("kepler_lens.cli.imports.end_job", lambda report, folder: None)
    measured = ("--server-free-bytes", 7, "--server-total-bytes", 8, "--server-heap-bytes", 9)
    done = run("import", "--job", write(IMPORT | {"server_free_bytes": 1}), *measured)
    assert done.returncode == 0, done.stderr
    (job,) = ran
    assert (job.server_free_bytes, job.server_total_bytes, job.server_heap_bytes) == (7, 8, 9)
    assert job.source == "/data"
