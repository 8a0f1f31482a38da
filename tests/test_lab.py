"""The lab's inventory remembers the front, and asks the server's container for its distribution."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from plays import PROJECT, ansible


def of_lab(variable: str) -> str:
    """Return what Ansible says of a variable of the lab's server; it connects to no host."""
    words = ("ansible", "warp10-server", "-i", str(PROJECT / "inventories/lab"))
    said = ansible(*words, "-m", "ansible.builtin.debug", "-a", f"var={variable}").stdout
    return " ".join(said.split())


@pytest.fixture
def lab(monkeypatch) -> str:
    """A name that no lab has, in an environment that sets nothing else of a lab."""
    name = f"unit-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("LAB_NAME", name)
    monkeypatch.delenv("FRONT", raising=False)
    return name


def test_a_lab_keeps_its_front(lab, monkeypatch):
    assert "front: false" in of_lab("front")
    note = PROJECT / f".lab/{lab}.front"
    note.parent.mkdir(exist_ok=True)
    note.touch()
    try:
        assert "front: true" in of_lab("front")
    finally:
        note.unlink()
    monkeypatch.setenv("FRONT", "true")
    assert "front: 'true'" in of_lab("front")


def test_a_playbook_alone_asks_the_server_for_its_distribution(lab, monkeypatch, tmp_path: Path):
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "$@" >> "$0.asked"\necho archive\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert "warp10_distribution: archive" in of_lab("warp10_distribution")
    asked = (tmp_path / "docker.asked").read_text()
    assert f"{lab}-warp10-server" in asked
    assert '{{index .Config.Labels "helloexoworld.distribution"}}' in asked
