"""The firewall lets in where the host is reached, whatever the inventory says of ssh."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from conftest import PROJECT

LOOK = PROJECT / "roles/base/files/ssh_ports.py"
RULES = "roles/base/templates/helloexoworld.nft.j2"


def test_the_connection_is_found_under_sudo():
    """Sudo takes the variable from its children, and has it itself."""
    over = "192.0.2.1 50000 192.0.2.10 2222"
    done = subprocess.run(
        ["sh", "-c", f"env -u SSH_CONNECTION {sys.executable} {LOOK}; true"],
        env=os.environ | {"SSH_CONNECTION": over},
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    assert said["connection"] == over
    assert 2222 in said["ports"]


def test_ssh_is_open_where_it_was_found(render):
    look = {"stdout": json.dumps({"connection": "", "ports": [2222, 2200]})}
    settings = {"base_ssh_look": look, "base_admin_networks": ["192.0.2.0/24"]}
    rules = render("worker1.example.org", ["base"], {"rules": RULES}, **settings)["rules"]
    assert "tcp dport { 22, 2200, 2222 } ip saddr { 192.0.2.0/24 } accept" in rules


def test_ssh_is_open_where_nothing_was_found(render):
    """As over the connection of Docker."""
    rules = render("worker1.example.org", ["base"], {"rules": RULES})["rules"]
    assert "tcp dport { 22 } ip saddr { 0.0.0.0/0 } accept" in rules
