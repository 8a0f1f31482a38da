"""The module that reads the ssh connection of a run, and the ports of the ssh server."""

from __future__ import annotations

import re
import subprocess
import sys

from plays import ansible

LISTEN = (
    "import socket; s = socket.create_server(('127.0.0.1', 0)); "
    "print(s.getsockname()[1], flush=True); input()"
)


def test_the_connection_is_found_under_sudo(tmp_path, monkeypatch):
    """Sudo removes SSH_CONNECTION from its children's environment, but has it in its own."""
    over = "192.0.2.1 50000 192.0.2.10 2222"
    monkeypatch.setenv("SSH_CONNECTION", over)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nunset SSH_CONNECTION\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    done = ansible(
        *("ansible", "localhost", "-m", "ssh_ports_info", "--check"),
        *("-e", f"ansible_python_interpreter={python}"),
    )
    assert done.returncode == 0, done.stdout
    assert f"connection: {over}" in done.stdout
    assert re.search(r"^ +- 2222$", done.stdout, re.MULTILINE), done.stdout


def test_a_port_is_found_where_an_ssh_server_listens_now(run_module):
    """By its name alone: the command line of a server may give it another port."""
    ports = {}
    for name in ("sshd: made up [listener]", "sshd: a session"):
        with subprocess.Popen(
            [name, "-c", LISTEN],
            executable=sys.executable,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            ports[name] = int(server.stdout.readline())
            said = run_module("ssh_ports_info")
            server.stdin.close()
        assert said["changed"] is False
        assert (ports[name] in said["ports"]) is ("[listener]" in name)
