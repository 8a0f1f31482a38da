"""A leaked token is withdrawn while points come in; a token of the server is replaced."""

from __future__ import annotations

import time

import pytest
import requests
from lab import SCHEDULER, SERVER, playbook
from test_hostile import Import

TOKENS = "/etc/warp10/tokens"
RULES = "inet helloexoworld"


@pytest.fixture(scope="module")
def leaked(lab) -> str:
    """The text of a token that somebody else knows."""
    return lab.shell(SERVER, f"cat {TOKENS}/call.token").strip()


@pytest.fixture
def running(lab):
    with Import(lab) as one:
        yield one


def reads(lab, token: str) -> bool:
    answer = requests.post(
        f"{lab.url}/api/v0/exec", data=f"[ '{token}' '~.*' {{}} ] FIND SIZE", timeout=60
    )
    return answer.ok


def test_a_token_in_a_file_is_refused_within_90_s_while_points_come_in(
    front, running, leaked, tmp_path
):
    lab = front.lab
    path = tmp_path / "leaked"
    path.write_text(leaked + "\n")
    other = lab.shell(SERVER, f"cat {TOKENS}/ledger-read.token").strip()
    # Without its file, the server keeps the token under no name.
    lab.shell(SERVER, f"rm {TOKENS}/call.token")
    assert reads(lab, leaked)
    words = ("-e", f"revoke_token={path}")
    dry = playbook("playbooks/revoke.yml", *words, "--check")
    assert dry.rc == 0, dry.output[-2000:]
    assert "would refuse the token" in " ".join(dry.output.split())
    assert reads(lab, leaked)
    server, done, begun = front.started(), running.done, time.monotonic()
    # Not even the words with which operators search for faults contain the token.
    run = playbook("playbooks/revoke.yml", *words, "-vvv")
    assert run.rc == 0, run.output[-2000:]
    assert time.monotonic() - begun < 90
    assert not reads(lab, leaked)
    assert "none of those that the server keeps" in " ".join(run.output.split())
    assert leaked not in run.output
    assert leaked not in lab.shell(SERVER, "journalctl --no-pager --boot")
    assert reads(lab, other)
    assert front.started() == server
    assert running.failed == []
    assert running.done > done


def test_a_withdrawn_token_stays_withdrawn_after_a_restart(front, leaked):
    """The server does not accept the token at any moment after its start."""
    front.lab.shell(SERVER, "systemctl restart warp10")
    assert not reads(front.lab, leaked)
    assert reads(front.lab, front.lab.shell(SERVER, f"cat {TOKENS}/read.token").strip())
    front.wait_health(30)


def test_what_is_no_token_is_refused(front, tmp_path):
    before = front.lab.shell(SERVER, "ls /etc/warp10/revoked")
    (tmp_path / "text").write_text("this is not a token\n")
    for named, words in (
        ("", "Which token?"),
        ("nosuch", "nothing was changed"),
        (str(tmp_path / "text"), "nothing was changed"),
    ):
        run = playbook("playbooks/revoke.yml", "-e", f"revoke_token={named}")
        assert run.rc != 0
        assert words in " ".join(run.output.split())
    assert front.lab.shell(SERVER, "ls /etc/warp10/revoked") == before


def test_the_public_token_is_made_anew_for_all(front):
    """The public token that every guest has is withdrawn; a new one replaces it everywhere."""
    lab = front.lab
    old = front.exec("@HELLOEXOWORLD/GETREADTOKEN").json()[0]
    # Somebody has deleted the rules of the firewall, which the service does not notice.
    lab.shell(SCHEDULER, f"nft delete table {RULES}")
    # The play alone finds which distribution the lab has.
    run = playbook("playbooks/revoke.yml", "-e", "revoke_token=read")
    assert run.rc == 0, run.output[-3000:]
    assert "It was the token read of the server itself" in " ".join(run.output.split())
    front.wait_health(60)
    new = front.exec("@HELLOEXOWORLD/GETREADTOKEN").json()[0]
    assert new != old
    assert not reads(lab, old)
    assert reads(lab, new)
    assert front.exec(f"[ '{old}' 'sap.flux' {{}} ] FIND").status_code == 500
    assert front.exec("6541920 'sap.flux' @HELLOEXOWORLD/LIGHTCURVE SIZE").json()[0] > 10
    assert lab.shell(SCHEDULER, "cat /etc/kepler-lens/tokens/read.token").strip() == new
    assert "policy drop" in lab.shell(SCHEDULER, f"nft list table {RULES}")
