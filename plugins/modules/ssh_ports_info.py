#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_ports_info
short_description: Read the ssh connection of this run, and the ports of the host's ssh server
description:
  - Reads both ends of the ssh connection over which the module runs, also under sudo.
  - Finds the TCP ports on which an ssh server listens now, and those of its configuration.
options: {}
"""

EXAMPLES = r"""
- name: Read the ssh connection and the ports of the ssh server
  ssh_ports_info:
  register: ssh
"""

RETURN = r"""
connection:
  description: Address and port of the client, then of the server; empty without ssh.
  returned: success
  type: str
  sample: 192.0.2.1 50000 192.0.2.10 22
ports:
  description: The ports of the ssh server, sorted.
  returned: success
  type: list
  elements: int
  sample: [22]
"""

import os
import re
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

# The state of a listening socket in /proc/net/tcp.
LISTENING = "0A"


def connection(process: int) -> str:
    """Read SSH_CONNECTION from a process above: sudo removes it from its children's environment."""
    while process > 1:
        try:
            environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:
            break
        for line in environment:
            if line.startswith(b"SSH_CONNECTION="):
                return line.decode().partition("=")[2]
        process = int(re.search(r"^PPid:\s+(\d+)", status, re.MULTILINE)[1])
    return ""


def configured() -> set[int]:
    """Return the ports of the ssh server's configuration."""
    try:
        said = subprocess.run(
            ["/usr/sbin/sshd", "-T"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return set()
    found = re.findall(r"^(?:port |listenaddress .*:)(\d+)$", said, re.MULTILINE)
    return {int(port) for port in found}


def sockets(process: str) -> set[str]:
    """Return the numbers of the sockets that a process has open."""
    found = set()
    for path in Path(f"/proc/{process}/fd").glob("*"):
        try:
            found.update(re.findall(r"^socket:\[(\d+)\]$", str(path.readlink())))
        except OSError:
            continue
    return found


def listening() -> set[int]:
    """Return the ports on which an ssh server listens now: its command line may name some."""
    own = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        # Processes of sessions do not count: they listen on the ports that a session forwards.
        if words.startswith(b"sshd:") and b"[listener]" in words:
            own |= sockets(path.parent.name)
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        for row in rows:
            if row[3] == LISTENING and row[9] in own:
                ports.add(int(row[1].rpartition(":")[2], 16))
    return ports


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    over = connection(os.getpid())
    here = {int(over.split()[3])} if len(over.split()) == 4 else set()
    module.exit_json(
        changed=False, connection=over, ports=sorted(here | configured() | listening())
    )


if __name__ == "__main__":
    main()
