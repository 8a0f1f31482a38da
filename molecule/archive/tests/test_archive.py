"""The server from a release archive, installed by the same tasks as the wheel."""

from __future__ import annotations

import os

import pytest
import requests
from lab import SERVER, Lab, playbook

TOKENS = "/etc/warp10/tokens"
HOME = "/opt/warp10/warp10-3.5.0"


@pytest.fixture
def server(lab: Lab):
    return lab.host(SERVER)


def token(lab: Lab, name: str) -> dict[str, str]:
    return {"X-Warp10-Token": lab.shell(SERVER, f"cat {TOKENS}/{name}.token").strip()}


def test_the_server_answers(lab: Lab, server) -> None:
    journal = server.run("journalctl -u warp10 -n 30 --no-pager").stdout
    assert server.service("warp10").is_running, journal
    assert server.service("warp10").is_enabled
    assert lab.execute("1 1 +") == [2], journal


def test_what_is_pushed_is_found_by_the_public_token_and_by_no_other(lab: Lab) -> None:
    for name, line in (
        ("write", "1// sap.flux{KEPLERID=1} 1.5"),
        ("ledger-write", "1// import.file{MISSION=Kepler} 'x'"),
    ):
        answer = requests.post(
            f"{lab.url}/api/v0/update", data=line, headers=token(lab, name), timeout=30
        )
        assert answer.ok, answer.text[:500]
    found = lab.execute("[ @HELLOEXOWORLD/GETREADTOKEN '~.*' {} ] FIND")[0]
    # The server's scheduled job may have written its own series already.
    assert [s["c"] for s in found if not s["c"].startswith(("transit.", "star."))] == ["sap.flux"]
    ledger = token(lab, "ledger-read")["X-Warp10-Token"]
    assert [series["c"] for series in lab.execute(f"[ '{ledger}' '~.*' {{}} ] FIND")[0]] == [
        "import.file"
    ]


def test_points_survive_a_kill(lab: Lab, server) -> None:
    answer = requests.post(
        f"{lab.url}/api/v0/update",
        data="7// pdcsap.flux{KEPLERID=2} 2.5",
        headers=token(lab, "write"),
        timeout=30,
    )
    assert answer.ok, answer.text[:500]
    lab.shell(SERVER, "systemctl kill --signal=KILL warp10")
    lab.wait_until(
        "the server after SIGKILL", lambda: server.service("warp10").is_running, timeout=90
    )
    series = lab.execute("[ @HELLOEXOWORLD/GETREADTOKEN 'pdcsap.flux' {} MAXLONG MAXLONG ] FETCH")[
        0
    ]
    assert [one["v"] for one in series] == [[[7, 2.5]]]


def test_the_release_is_laid_out_and_its_runner_is_gone(server) -> None:
    assert server.file("/etc/warp10/distribution").content_string == "archive\n"
    assert server.file(f"{HOME}/bin/warp10-3.5.0.jar").user == "root"
    assert server.file(f"{HOME}/etc").mode == 0o755
    assert not server.file(f"{HOME}/runners").exists


def test_the_configuration_is_that_of_the_release(server) -> None:
    lines = server.file("/etc/warp10/warp10.conf").content_string.splitlines()
    for wanted in ("backend = leveldb", "warp10.telemetry = false", "labelsid.slowimpl = true"):
        assert wanted in lines
    keys = [
        line.split(" = ")[0]
        for line in server.file("/etc/warp10/secrets.conf").content_string.splitlines()
    ]
    assert "leveldb.metadata.aes" in keys
    assert "warp.hash.index" not in keys


def test_secrets_are_for_the_server_alone(server) -> None:
    paths = [
        "/etc/warp10/secrets.conf",
        *(f"{TOKENS}/{name}" for name in server.file(TOKENS).listdir()),
    ]
    # The secrets, six tokens, and the note of the owners whose series the public token reads.
    assert len(paths) == 8
    for path in paths:
        assert (server.file(path).user, server.file(path).mode) == ("warp10", 0o600), path


def test_the_other_distribution_is_refused(lab: Lab) -> None:
    run = playbook(
        "playbooks/warp10.yml",
        "-i",
        "molecule/archive/inventory/hosts.yml",
        "-e",
        "warp10_distribution=wheel",
    )
    assert run.rc != 0
    assert "runs Warp 10 from the distribution archive, which a run never changes" in " ".join(
        run.output.split()
    )


@pytest.mark.skipif(
    not os.environ.get("WARP10_ARCHIVE"),
    reason="WARP10_ARCHIVE names no file: the real release is not exercised",
)
def test_it_is_the_real_release(lab: Lab) -> None:
    assert lab.execute("REV")[0].startswith("3.")
