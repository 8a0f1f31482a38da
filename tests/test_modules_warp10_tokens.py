"""The module that creates tokens; the scenarios run it with the server's own generator."""

from __future__ import annotations

import getpass
import json
import os

import pytest

OWNER, OTHER = "6a1f0c52-2f0e-4a57-9d0d-5b1f6f3c1d01", "6a1f0c52-2f0e-4a57-9d0d-5b1f6f3c1d03"
READ = {"name": "read", "type": "READ", "application": "sky", "owner": OWNER}
WRITE = {"name": "write", "type": "WRITE", "application": "sky", "owner": OWNER}
# Prints the stack with a secret for each envelope, its top first, after a line of the start.
STACK = """
import json, sys
lines = open(sys.argv[2]).read().splitlines()
print("starting")
print(json.dumps([f"secret-{line.split(chr(39))[3]}-{len(line)}" for line in lines][::-1]))
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="the generator runs as another user")


@pytest.fixture
def tokens(run_module, tmp_path):
    folder = tmp_path / "tokens"
    folder.mkdir()
    (tmp_path / "stack.py").write_text(STACK)
    (tmp_path / "server.conf").touch()

    def run(*wanted: dict[str, object], **arguments: object) -> dict[str, object]:
        given = {
            "folder": str(folder),
            "tokens": list(wanted),
            "validity": "'ttl' 1",
            "generator": ["/usr/bin/python3", str(tmp_path / "stack.py")],
            "configuration": [str(tmp_path / "server.conf")],
            "owner": getpass.getuser(),
        }
        return run_module("warp10_tokens", **given | arguments)

    return run


@as_root
def test_only_missing_tokens_are_made_and_none_is_said(tokens, tmp_path):
    folder = tmp_path / "tokens"
    assert tokens(READ)["created"] == ["read"]
    first = (folder / "read.token").read_text()
    said = tokens(READ, WRITE)
    assert said["created"] == ["write"]
    assert (folder / "read.token").read_text() == first
    assert (folder / "write.token").read_text().startswith("secret-write-")
    assert (folder / "write.token").stat().st_mode & 0o777 == 0o600
    assert "secret-" not in json.dumps(said)
    assert tokens(READ, WRITE)["changed"] is False


@as_root
def test_a_token_is_made_anew_if_it_reads_the_series_of_others(tokens, tmp_path):
    folder = tmp_path / "tokens"
    tokens(READ)
    first = (folder / "read.token").read_text()
    both = READ | {"reads_too": [OTHER]}
    assert tokens(both)["created"] == ["read"]
    assert (folder / "read.token").read_text() != first
    assert (folder / "read.owners").read_text() == f"{OWNER}\n{OTHER}\n"
    assert tokens(both)["changed"] is False
    assert tokens(READ)["created"] == ["read"]
    assert list(folder.iterdir()) == [folder / "read.token"]


@as_root
def test_a_token_without_an_owner_reads_its_application(tokens, tmp_path):
    folder = tmp_path / "tokens"
    tokens(READ)
    first = (folder / "read.token").read_text()
    every = {name: READ[name] for name in ("name", "type", "application")}
    (tmp_path / "stack.py").write_text(STACK.replace("secret-{", "{line} secret-{"))
    assert tokens(every)["created"] == ["read"]
    made = (folder / "read.token").read_text()
    assert made != first
    assert "'owners' [  ] 'producers' [  ]" in made
    assert (folder / "read.owners").read_text() == "*\n"
    assert tokens(every)["changed"] is False
    # A token of before that has no list beside it is of one owner.
    (folder / "read.owners").unlink()
    assert tokens(every)["created"] == ["read"]
    assert tokens(READ)["created"] == ["read"]
    assert not (folder / "read.owners").exists()


@pytest.mark.parametrize("wanted", [{"type": "WRITE"}, {"type": "READ", "reads_too": [OTHER]}])
def test_only_a_read_token_may_be_without_an_owner(tokens, wanted):
    said = tokens({"name": "one", "application": "sky"} | wanted)
    assert said["failed"]
    assert "owner" in said["msg"]


@as_root
def test_a_generator_that_fails_leaves_what_was_there_and_says_why(tokens, tmp_path):
    said = tokens(READ, generator=["/bin/sh", "-c", "echo no class >&2; exit 3"])
    assert said["failed"]
    assert said["msg"] == (
        "Warp 10's token generator ended with status 3 and without the 1 tokens: no class"
    )
    assert list((tmp_path / "tokens").iterdir()) == []


def test_a_dry_run_of_a_fresh_host_says_what_would_be_made(tokens, tmp_path):
    nowhere = str(tmp_path / "nowhere")
    said = tokens(READ, folder=nowhere, generator=["/no/java"], check=True, diff=True)
    assert (said["changed"], said["created"]) == (True, ["read"])
    assert said["diff"]["after"] == f"{nowhere}/read.token\n"
    assert not (tmp_path / "nowhere").exists()
