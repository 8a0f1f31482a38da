"""The fleet builds the same data set as a command does from files; a stopped build resumes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from kepler_lens.classify.dataset import Examples, load
from kepler_lens.classify.scalars import SCALARS
from lab import PROJECT, SCHEDULER, playbook
from searches import CONVERGED, STATES, finish, state, wait_until

STARS = (6541920, 11442793)
JOB = "dataset"


@pytest.fixture(scope="module")
def labels(data) -> Path:
    return data / "tables" / "q1_q17_dr24_tce.csv"


@pytest.fixture(scope="module")
def from_files(data, labels, tmp_path_factory) -> Examples:
    """The data set of the same stars, built on this machine from their FITS files."""
    folder = tmp_path_factory.mktemp("files") / "dataset"
    words = ["--files", str(data / "kepler"), "--labels", str(labels)]
    program = [sys.executable, "-c", "from kepler_lens.cli import main; main()"]
    subprocess.run(
        [*program, "dataset", str(folder), *words, *(f"--star={star}" for star in STARS)],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "files/kepler_lens")},
        check=True,
        timeout=600,
    )
    return load(folder)


def build(labels: Path, folder: Path):
    return playbook(
        *("playbooks/dataset.yml", "-e", f"dataset_labels={labels}", *CONVERGED),
        *("-e", f"dataset_folder={folder}", "--tags", "dataset"),
    )


@pytest.fixture(scope="module")
def brought(labels, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("brought")
    run = build(labels, folder)
    assert run.rc == 0, run.output[-4000:]
    return folder


def test_it_is_the_same_as_from_the_files(brought, from_files):
    found = load(brought / "dataset")
    assert found.counts() == from_files.counts()
    assert found.counts()["PC"] > 5
    assert found.recipe == from_files.recipe
    for name, view in from_files.views.items():
        # The database keeps times in milliseconds.
        assert np.abs(found.views[name] - view).max() < 0.005, name
    # Stellar values are in the FITS headers; the server has them only for tagged stars.
    measured = [name for name in SCALARS if not name.startswith("stellar_")]
    columns = [SCALARS.index(name) for name in measured]
    ours, theirs = found.scalars[:, columns], from_files.scalars[:, columns]
    assert np.allclose(ours, theirs, rtol=0.01), ours / theirs


def test_a_second_run_builds_nothing(labels, brought):
    run = build(labels, brought)
    assert run.rc == 0, run.output[-4000:]
    assert set(run.changed.values()) == {0}, run.output[-6000:]
    assert re.search(r"stars built +│ 0 ", run.output)


def test_one_that_is_stopped_goes_on_with_the_next_star(lab, brought):
    settings = json.loads(lab.shell(SCHEDULER, f"cat /etc/kepler-lens/{JOB}.json"))
    # A new name, so that the test can run again on the same lab.
    text = json.dumps(settings | {"name": f"resumed-{time.time():.0f}"})
    begin = (
        f"rm -f {STATES}/{JOB}/*.json && (systemctl reset-failed kepler-{JOB} 2>/dev/null || true)"
        f" && systemctl start --no-block kepler-{JOB}"
    )
    lab.shell(SCHEDULER, f"printf '%s' '{text}' > /etc/kepler-lens/{JOB}.json && {begin}")
    wait_until(lab, "its first star", lambda: state(lab, job=JOB).get("built", 0) > 0, job=JOB)
    lab.shell(SCHEDULER, f"systemctl stop kepler-{JOB}")
    before = state(lab, job=JOB)
    lab.shell(SCHEDULER, begin)
    report = finish(lab, JOB)
    assert report["exit_status"] == 0
    assert report["skipped"] == before["built"]
    assert report["built"] == len(STARS) - before["built"]
    assert report["classes"] == load(brought / "dataset").counts()


def test_another_table_than_named_is_refused_in_a_sentence(labels, tmp_path):
    other = tmp_path / labels.name
    lines = labels.read_text().splitlines(keepends=True)
    other.write_text("".join(lines[:-1]) + lines[-1].replace("PC", "NTP").replace("AFP", "PC"))
    run = build(other, tmp_path)
    assert run.rc != 0
    assert "q1_q17_dr24_tce" in run.output
    assert "Traceback" not in run.output


def test_a_data_set_without_labels_is_refused_in_a_sentence(tmp_path):
    run = build(tmp_path / "none.csv", tmp_path)
    assert run.rc != 0
    assert "none.csv is not there" in run.output
    assert "make dataset LABELS=FILE" in " ".join(run.output.split())
