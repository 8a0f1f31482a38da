"""The server is removed, comes back with its data, and is removed with its data.

By its name this file runs after the tests that need the server.
"""

from __future__ import annotations

import json
import os

import pytest
from lab import SERVER, WORKERS, Lab, Run, playbook

TOKENS, LOGS = "/etc/warp10/tokens/read.token", "/var/log/warp10"
PROGRAMS = (
    "/opt/warp10",
    "/etc/systemd/system/warp10.service",
    "/etc/tmpfiles.d/warp10.conf",
    "/etc/apt/sources.list.d/warp10-java.sources",
    "/etc/apt/preferences.d/warp10-java",
    "/etc/warp10/warp10.conf",
    "/etc/warp10/macros",
    "/etc/warp10/runners",
)
TICKS = "<% DROP [ SWAP DUP NAME SWAP DUP LABELS SWAP TICKLIST ] %> LMAP"


def run_warp10(**settings: object) -> Run:
    # The lab's playbook would set this, but it does not run here.
    kind = "archive" if os.environ.get("WARP10_ARCHIVE") else "wheel"
    words = {"warp10_distribution": kind} | settings
    run = playbook("playbooks/warp10.yml", "-e", json.dumps(words))
    assert run.rc == 0, run.output[-3000:]
    return run


def there(lab: Lab, *paths: str) -> set[str]:
    return {path for path in paths if lab.host(SERVER).file(path).exists}


def light_curves(lab: Lab) -> list:
    return sorted(
        lab.execute(
            f"[ @HELLOEXOWORLD/GETREADTOKEN '~.*sap.*' {{}} MAXLONG MINLONG ] FETCH {TICKS}"
        )[0],
        key=str,
    )


@pytest.fixture(scope="module")
def database(choices) -> str:
    return f"{choices['warp10_data_dir']}/leveldb"


@pytest.fixture(scope="module")
def before(lab) -> list:
    return light_curves(lab)


@pytest.fixture(scope="module")
def removed(before) -> Run:
    return run_warp10(warp10_state="absent")


def test_a_removed_server_leaves_its_data_secrets_tokens_and_logs(lab, removed, database):
    assert removed.changed[SERVER] > 0
    assert there(lab, *PROGRAMS) == set()
    kept = {f"{database}/CURRENT", "/etc/warp10/secrets.conf", TOKENS, f"{LOGS}/warp10.log"}
    assert there(lab, *kept) == kept
    assert lab.host(SERVER).run("systemctl cat warp10").rc != 0
    assert lab.host(SERVER).run("pgrep -u warp10").rc != 0


def test_a_second_removal_changes_nothing(removed):
    assert run_warp10(warp10_state="absent").changed[SERVER] == 0


def test_it_comes_back_with_its_data_and_without_what_is_not_wanted_any_more(
    lab, removed, before, choices
):
    run_warp10(macros_watch=False)
    assert before
    assert light_curves(lab) == before
    assert lab.shell(SERVER, "find /etc/warp10/runners -name '*.mc2'") == ""
    oldest = f"{LOGS}/warp10.log.{choices['warp10_log_count']}"
    assert there(lab, oldest, oldest[:-1] + str(choices["warp10_log_count"] + 1)) == {oldest}


def test_its_data_go_where_that_is_said(lab, removed, database):
    run_warp10(warp10_state="absent", warp10_remove_data=True)
    assert there(lab, *PROGRAMS, database, LOGS, "/etc/warp10", "/var/lib/warp10") == set()


def test_a_fleet_whose_server_is_gone_says_what_to_do(removed):
    run = playbook("playbooks/workers.yml", "--tags", "tokens")
    assert run.rc != 0
    assert "provision it first with playbooks/warp10.yml" in " ".join(run.output.split())


def test_a_worker_that_retires_leaves_nothing_where_it_was_installed(lab, choices):
    run = playbook("playbooks/retire.yml", "-l", WORKERS[0])
    assert run.rc == 0, run.output[-3000:]
    worker = lab.host(WORKERS[0])
    for path in (choices["kepler_lens_home"], "/etc/systemd/system/kepler-worker.service"):
        assert not worker.file(path).exists, path
