"""An import that has nothing to do; it runs once for all tests of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from lab import Lab, Run


@dataclass
class Again:
    """A second import of the same source, after a reboot of every host."""

    run: Run
    before: dict[tuple[str, str, str], int]
    after: dict[tuple[str, str, str], int]


@pytest.fixture(scope="session")
def again(lab: Lab, data: Path) -> Again:
    before = lab.counts()
    for name in lab.hosts:
        lab.docker("restart", f"{lab.name}-{name}")
    for name in lab.hosts:
        lab.host(name).run("systemctl is-system-running --wait")
    # As verbose as Ansible is without its connections: no secret may be in the output.
    run = lab.import_playbook("-e", f"import_source={data / 'k2'}", "-vvv", "--diff")
    return Again(run, before, lab.counts())
