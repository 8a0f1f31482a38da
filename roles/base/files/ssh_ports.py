"""Print the ssh connection of this run, and the TCP ports on which the host's ssh server listens.

Prints JSON: connection (client address and port, server address and port; empty without ssh) and
ports.
"""

import json
import os
import re
import subprocess
from pathlib import Path

LISTENING = "0A"


def connection(process):
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


def configured():
    """Return the ports of the ssh server's configuration."""
    try:
        said = subprocess.run(
            ["/usr/sbin/sshd", "-T"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return set()
    found = re.findall(r"^(?:port |listenaddress .*:)(\d+)$", said, re.MULTILINE)
    return {int(port) for port in found}


def sockets(process):
    """Return the numbers of the sockets that a process has open."""
    found = set()
    for path in Path(f"/proc/{process}/fd").glob("*"):
        try:
            found.update(re.findall(r"^socket:\[(\d+)\]$", str(path.readlink())))
        except OSError:
            continue
    return found


def listening():
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


if __name__ == "__main__":
    over = connection(os.getpid())
    here = {int(over.split()[3])} if len(over.split()) == 4 else set()
    print(json.dumps({"connection": over, "ports": sorted(here | configured() | listening())}))
