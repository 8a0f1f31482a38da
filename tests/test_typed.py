"""Paths start at the folder in which a command was typed; jobs are told from services."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

import pytest
from plays import PROJECT

HERE = re.compile(r"env', *'PWD'")


def filters(name: str) -> dict:
    return runpy.run_path(str(PROJECT / f"plugins/filter/{name}.py"))["FilterModule"]().filters()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("results", "/srv/sky/results"),
        ("../results/", "/srv/results"),
        ("/data/my results", "/data/my results"),
        ("~/results", "/home/ada/results"),
        ("", ""),
    ],
)
def test_a_path_starts_where_the_command_was_typed(monkeypatch, typed, meant):
    monkeypatch.setenv("PWD", "/srv/sky")
    monkeypatch.setenv("HOME", "/home/ada")
    assert filters("typed")["typed_path"](typed) == meant


def test_no_role_or_play_reads_that_folder_by_itself():
    """But for defaults, in which people read where results go."""
    for folder in ("roles", "playbooks"):
        for path in (PROJECT / folder).rglob("*.yml"):
            if path.parent.name not in ("defaults", "meta"):
                assert not HERE.search(path.read_text()), path


@pytest.mark.parametrize("role", ["transits", "dataset", "training", "scores"])
def test_results_go_to_a_folder_that_is_typed(render, role):
    wanted = {"folder": f"{{{{ {role}_results }}}}"}
    said = render("scheduler.example.org", [role], wanted, **{f"{role}_folder": "found"})
    assert said["folder"] == str(Path(os.environ.get("PWD") or Path.cwd(), "found"))


def test_jobs_are_told_from_services():
    lines = [
        "kepler-scheduler.service loaded active running Dask scheduler of kepler-lens",
        "kepler-import.service loaded active running Import of light curves",
        "kepler-worker.service loaded active running Dask workers of kepler-lens",
        "",
    ]
    assert filters("jobs")["running_jobs"](lines) == ["kepler-import.service"]


def test_every_unit_is_a_job_or_a_service():
    templates = {
        path.name.removesuffix(".j2")
        for role in ("fleet", "front", "training_host")
        for kind in ("templates", "files")
        for path in (PROJECT / "roles" / role / kind).glob("kepler-*.service*")
    }
    named = runpy.run_path(str(PROJECT / "plugins/filter/jobs.py"))["SERVICES"]
    assert templates == named
