"""The module that creates the secrets of a server, which never leave the host."""

from __future__ import annotations

import getpass
import json
import re

import pytest

BITS = {"warp.aes.token": 256, "warp.hash.token": 128}
NAMES = {"shadow.rename.REXEC": "send"}


@pytest.fixture
def secrets(run_module, tmp_path):
    def run(**arguments: object) -> dict[str, object]:
        given = {"path": str(tmp_path / "etc/secrets.conf"), "owner": getpass.getuser()}
        return run_module("warp10_secrets", **{"bits": BITS, **given, **arguments})

    return run


def test_secrets_are_made_once_and_only_their_owner_reads_them(secrets, tmp_path):
    path = tmp_path / "etc/secrets.conf"
    assert secrets(names=NAMES)["added"] == [*BITS, *NAMES]
    text = path.read_text()
    assert re.fullmatch(
        r"warp\.aes\.token = hex:[0-9a-f]{64}\n"
        r"warp\.hash\.token = hex:[0-9a-f]{32}\n"
        r"shadow\.rename\.REXEC = send\.[0-9a-f]{32}\n",
        text,
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    again = secrets(names=NAMES)
    assert (again["changed"], again["added"]) == (False, [])
    assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("extend", [False, True])
def test_a_key_is_added_only_where_this_is_asked_for(secrets, tmp_path, extend):
    secrets()
    path = tmp_path / "etc/secrets.conf"
    before = path.read_text()
    said = secrets(bits=BITS | {"fetch.psk": 128}, extend=extend)
    assert said["added"] == (["fetch.psk"] if extend else [])
    assert said["changed"] is extend
    assert path.read_text().startswith(before)
    assert ("fetch.psk = hex:" in path.read_text()) is extend


def test_a_dry_run_says_what_would_be_made_and_shows_no_secret(secrets, tmp_path):
    said = secrets(check=True, diff=True, owner="nobody-here")
    assert (said["changed"], said["added"]) == (True, list(BITS))
    assert said["diff"]["after"] == "warp.aes.token (new)\nwarp.hash.token (new)\n"
    assert not (tmp_path / "etc").exists()
    secrets()
    shown = json.dumps(secrets(bits=BITS | {"fetch.psk": 128}, extend=True, diff=True))
    values = [line.split(" = ")[1] for line in (tmp_path / "etc/secrets.conf").open()]
    assert "warp.aes.token" in shown
    assert not [value for value in values if value.strip().removeprefix("hex:") in shown]


def test_a_planted_link_is_not_followed(secrets, tmp_path):
    """The service owns the folder, and root writes into it."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "other").write_text("kept\n")
    (tmp_path / "etc/secrets.conf.new").symlink_to(tmp_path / "other")
    assert secrets()["changed"]
    assert (tmp_path / "other").read_text() == "kept\n"
