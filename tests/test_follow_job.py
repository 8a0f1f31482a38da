"""A play starts, follows and stops a job: the module `job`, and the action that prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_modules import loaded
from kepler_lens.jobs.builder.report import Progress as Building
from kepler_lens.jobs.importer.report import Progress as Import
from kepler_lens.jobs.scorer.report import Progress as Scoring
from kepler_lens.jobs.searcher.report import Progress as Search
from kepler_lens.jobs.trainer import Progress as Training
from plays import PROJECT, python_file

KINDS = {
    "import": Import,
    "transits": Search,
    "scores": Scoring,
    "dataset": Building,
    "training": Training,
}
# No systemd runs the tests: this one keeps the unit's state in a file, and notes each call.
SYSTEMCTL = """#!/bin/sh
cd {folder}
echo "$*" >> calls
case $1 in
  show) cat unit; ! [ -t 1 ] ;;
  start) printf 'ActiveState=activating\\nJob=7\\nResult=success\\n' > unit ;;
  stop) printf 'ActiveState=inactive\\nJob=\\nResult=success\\n' > unit ;;
  reset-failed) exit 1 ;;
esac
"""
RUNS = "ActiveState=active\nJob=\nResult=success\n"
ENDED = "ActiveState=inactive\nJob=\nResult=success\nInvocationID=abc\n"
FAILED = "ActiveState=failed\nJob=0\nResult=exit-code\nExecMainStatus=4\nInvocationID=abc\n"


class Unit:
    """A unit of a job, and the folder with what the job has written."""

    def __init__(self, folder: Path, run_module: Callable[..., dict[str, Any]]) -> None:
        self.folder, self.run_module = folder, run_module
        self.state = folder / "import"
        self.state.mkdir()
        for name, text in (
            ("systemctl", SYSTEMCTL.format(folder=folder)),
            ("journalctl", "#!/bin/sh\necho the last words of $6\n"),
        ):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        self.is_(ENDED)

    def is_(self, properties: str) -> None:
        (self.folder / "unit").write_text(properties)

    def job(self, **options: Any) -> dict[str, Any]:
        return self.run_module("job", name="import", **options)

    def calls(self) -> list[str]:
        lines = (self.folder / "calls").read_text().splitlines()
        return [line.split()[0] for line in lines if not line.startswith("show")]


@pytest.fixture
def unit(tmp_path, run_module, monkeypatch) -> Unit:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def patched(name: str) -> Any:
        python = loaded(name)
        monkeypatch.setattr(python, "STATES", tmp_path)
        monkeypatch.setattr(python, "RUN", tmp_path)
        return python

    monkeypatch.setattr("conftest.loaded", patched)
    return Unit(tmp_path, run_module)


def test_a_job_starts_without_the_words_of_the_last_one(unit):
    for name in ("status.json", "report.json", "report.txt"):
        (unit.state / name).write_text('{"line": "import: done", "state": "done"}')
    told = unit.job(state="started", arguments=["--once"], check=True)
    assert told["changed"]
    assert len(list(unit.state.iterdir())) == 3
    assert unit.calls() == []
    begun = unit.job(state="started", arguments=["--once", "--all"])
    assert (begun["changed"], begun["running"], begun["line"]) == (True, True, "")
    assert list(unit.state.iterdir()) == []
    environment = (unit.folder / "kepler-lens-import.env").read_text()
    assert environment == "START_ARGUMENTS=--once --all\n"
    assert unit.calls() == ["reset-failed", "start"]
    # It runs already.
    assert unit.job(state="started")["changed"] is False
    assert unit.calls() == ["reset-failed", "start"]


def test_a_job_is_stopped_once(unit):
    unit.is_(RUNS)
    assert unit.job(state="stopped", check=True)["changed"] is True
    assert unit.calls() == []
    assert unit.job(state="stopped")["changed"] is True
    assert unit.job(state="stopped")["changed"] is False
    assert unit.calls() == ["stop"]


def test_what_a_job_says_is_read(unit):
    unit.is_(RUNS)
    (unit.state / "status.json").write_text('{"line": "import: running"}')
    (unit.state / "report.json").write_text('{"state": "done"}')
    now = unit.job(wait=0.2)
    assert (now["running"], now["line"], now["report"]) == (True, "import: running", {})
    unit.is_(ENDED)
    (unit.state / "report.txt").write_text("a table\n")
    now = unit.job(wait=60)
    assert (now["running"], now["report"], now["table"]) == (False, {"state": "done"}, "a table\n")
    assert now["journal"] == ""
    unit.is_(FAILED)
    assert unit.job()["journal"] == "the last words of _SYSTEMD_INVOCATION_ID=abc"


@pytest.fixture
def follow(monkeypatch) -> Callable[..., tuple[dict[str, Any], list[str]]]:
    """Return a function that follows a job by the answers of the module, and what is printed."""
    plugin = python_file("plugins/action/follow_job.py")

    def run(*answers: dict[str, Any], **options: Any) -> tuple[dict[str, Any], list[str]]:
        printed: list[str] = []
        monkeypatch.setattr(plugin.display, "display", printed.append)
        action = object.__new__(plugin.ActionModule)
        action._task = type("Task", (), {"check_mode": False})()
        given = {"name": "import", "word": "import", "stop": False, "arguments": [], "url": ""}
        monkeypatch.setattr(plugin.ActionBase, "run", lambda *_: {})
        action.validate_argument_spec = lambda _: (None, given | options)
        left = list(answers)

        def execute(name: str, given: dict[str, Any], **_: Any) -> dict[str, Any]:
            assert set(given) <= set(yaml.safe_load(loaded(name).DOCUMENTATION)["options"])
            return left.pop(0)

        action._execute_module = execute
        try:
            return action.run(), printed
        finally:
            follow_printed[:] = printed
            assert left == []

    return run


follow_printed: list[str] = []


def answer(line: str = "", unit: str = RUNS, **more: Any) -> dict[str, Any]:
    """Return an answer of the module."""
    names = dict.fromkeys(("ActiveState", "Job", "Result", "ExecMainStatus", "InvocationID"), "")
    unit_is = names | dict(text.split("=") for text in unit.splitlines())
    said = {"changed": False, "running": unit is RUNS, "line": line, "unit": unit_is}
    return said | {"report": {}, "table": "", "journal": ""} | more


def test_the_lines_of_the_job_are_printed_as_they_are(follow):
    report = {"state": "done", "changes": 3, "outcome": "All is in.", "server": "http://a:1"}
    result, printed = follow(
        answer(changed=True),
        answer("import: running, 3 files"),
        answer(unit=ENDED, report=report, table="table of\nhttp://a:1\n"),
        url="http://b:2",
    )
    assert printed[1:] == ["import: starting", "import: running, 3 files", "table of", "http://b:2"]
    assert "Ctrl-C detaches" in printed[0]
    assert (result["changed"], result["msg"]) == (True, "All is in.")


def test_another_address_of_the_server_moves_no_column(follow):
    table = "│ server │ http://10.87.10.10:1 │\n│ stars  │ 11                   │\nhttp://10.87.10.10:1/api"
    report = {"state": "done", "changes": 3, "outcome": "", "server": "http://10.87.10.10:1"}
    for url, cell in (
        ("http://b:2", "http://b:2          "),
        ("http://127.0.0.10:1234", "http://127.0.0.10:1234"),
    ):
        last = answer(unit=ENDED, report=report, table=table)
        *_, shown, stars, sent = follow(answer(), last, url=url)[1]
        assert (shown, stars) == (f"│ server │ {cell} │", "│ stars  │ 11                   │")
        assert sent == f"{url}/api"


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        (answer(unit=FAILED, journal="no disk"), r"failed \(exit status 4, exit-code\): no disk"),
        (
            answer(unit=FAILED, report={"state": "failed", "message": "No token."}, table="t"),
            "The import failed: No token.",
        ),
        (answer(unit=ENDED, report={"state": "stopped"}), "was stopped before its end"),
        (answer(unit=ENDED), "left no report: see journalctl -u kepler-import.service"),
        (answer(unit=ENDED.replace("success", "oom-kill")), r"kepler-import.service .*MemoryMax"),
        (answer(unit=ENDED.replace("success", "timeout")), "RuntimeMaxSec"),
        (
            answer(unit="ActiveState=failed\nResult=signal\nExecMainStatus=9\n"),
            "it was killed, by hand or since",
        ),
        ({"failed": True, "msg": "systemctl is not there"}, "systemctl is not there"),
    ],
)
def test_a_job_that_did_not_end_well_fails_the_task(follow, last, sentence):
    with pytest.raises(AnsibleActionFail, match=sentence):
        follow(answer("import: running"), last)
    assert follow_printed[0] == "The import runs already: following it."
    assert ("t" in follow_printed) == (last.get("table") == "t")


@pytest.mark.parametrize(("changed", "words"), [(True, "stopped; the next"), (False, "not runn")])
def test_a_stop_says_what_it_did(follow, changed, words):
    result, printed = follow({"changed": changed}, stop=True)
    assert result["changed"] is changed
    assert words in result["msg"]
    assert printed == []


@pytest.mark.parametrize("name", KINDS)
def test_a_job_and_its_role_have_one_word(name):
    tasks = (PROJECT / f"roles/{name}/tasks/run.yml").read_text()
    assert re.search(r"job_word: (.*)", tasks)[1] == KINDS[name].word
