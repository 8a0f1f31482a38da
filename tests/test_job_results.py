"""The controller has the results of the last run: what a run did not find again is gone."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
import yaml
from plays import PROJECT, ansible


def brought(folder: Path, changed: bool) -> set[str]:
    """Unpack an archive with one page as the role does, and return which pages are there."""
    new = folder / "new" / "pages"
    new.mkdir(parents=True)
    (new / "1.png").write_text("new")
    results = folder / "results"
    (results / "pages").mkdir(parents=True)
    (results / "pages" / "2.png").write_text("of a candidate that was not found again")
    (results / "notes.txt").write_text("of the operator")
    with tarfile.open(results / "transits.tar", "w") as archive:
        archive.add(new, "pages")
    tasks = yaml.safe_load((PROJECT / "roles/job/tasks/bring.yml").read_text())
    names = ("Remove the earlier results", "Unpack the archive on the controller")
    wanted = [task for task in tasks if task["name"].startswith(names)]
    assert len(wanted) == 2
    play = {"hosts": "localhost", "gather_facts": False, "tasks": wanted}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    settings = {
        "job_name": "transits",
        "job_folder": str(results),
        "job_results": ["pages"],
        "job_fetched": {"changed": changed},
    }
    words = ("-e", json.dumps(settings), str(folder / "play.yml"))
    done = ansible("ansible-playbook", *words)
    assert done.returncode == 0, done.stdout
    assert (results / "notes.txt").exists()
    return {path.name for path in (results / "pages").iterdir()}


@pytest.mark.parametrize(("changed", "there"), [(True, {"1.png"}), (False, {"1.png", "2.png"})])
def test_a_new_archive_takes_the_place_of_the_results(tmp_path, changed, there):
    assert brought(tmp_path, changed) == there
