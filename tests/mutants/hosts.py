"""Break the roles and macros one way at a time, on their own lab.

A broken role provisions the lab, and afterwards the correct project repairs it. Macros are broken
only for the tests, which send them to the lab's server themselves.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import package
from core import Mutant, StaleError, broken, noticed, run

ENVIRONMENT = os.environ | {
    "LAB_NAME": "mutants",
    "LAB_PREFIX": "10.87.50",
    "LAB_PORT": "0",
    "HELLOEXOWORLD_DATA": str(package.DATA),
}
SITE = ["ansible-playbook", "playbooks/site.yml"]
SERVER = "mutants-warp10-server"

MUTANTS = [
    Mutant(
        "roles",
        "a limit of the server is too low",
        "roles/warp10/defaults/main.yml",
        "warp10_maxfetch: 100000000",
        "warp10_maxfetch: 10000",
        ("molecule/default/tests/test_hands_on.py",),
        provision=True,
    ),
    Mutant(
        "roles",
        "a port is open to all",
        "roles/base/defaults/main.yml",
        'sources: "{{ (base_fleet_addresses + base_front_addresses) '
        '| unique + base_warp10_client_networks }}"',
        'sources: ["0.0.0.0/0"]',
        ("molecule/default/tests/test_security.py",),
        provision=True,
    ),
    Mutant(
        "roles",
        "a secret may be read by everyone",
        "roles/fleet/tasks/copy_tokens.yml",
        'mode: "0600"',
        'mode: "0644"',
        ("molecule/default/tests/test_security.py",),
        provision=True,
    ),
    Mutant(
        "roles",
        "a unit does not start",
        "roles/warp10/templates/start.j2",
        "exec {{ warp10_java }}",
        "exec /bin/false {{ warp10_java }}",
        ("molecule/default/tests/test_hands_on.py",),
        provision=True,
    ),
]


def caught_by(mutant: Mutant, folder: Path) -> list[str]:
    """Break the copy, run playbook and tests, and return the names of those that failed."""
    try:
        with broken(mutant, folder):
            done = run(SITE, folder, ENVIRONMENT)
            if done.returncode != 0:
                task = re.findall(r"^(?:TASK|RUNNING HANDLER) \[(.*?)\]", done.stdout, re.MULTILINE)
                return [f"playbook, task '{task[-1]}'"]
            return noticed(run(["pytest", "-q", *mutant.tests], folder, ENVIRONMENT).stdout)
    finally:
        if run(SITE, folder, ENVIRONMENT).returncode != 0:
            sys.exit(f"{mutant.broken}: the project as it is could not mend the lab.")


def macros(folder: Path, cache: Path) -> int:
    """Break the macros, with the lab's server; return how many no test noticed."""
    address = f"{ENVIRONMENT['LAB_PREFIX']}.10"
    tokens = cache.with_name("tokens")
    copy = ["docker", "cp", f"{SERVER}:/etc/warp10/tokens", str(tokens)]
    subprocess.run(copy, check=True, capture_output=True)
    os.environ.update(WARP10_URL=f"http://{address}:8080", WARP10_TOKENS=str(tokens))
    ways = package.ways_of("without")
    return package.main(folder, cache, kinds=["macros"], data=ways, server=True)


def main(folder: Path, cache: Path) -> int:
    """Create a lab, break roles and macros, and print which tests failed.

    Returns
    -------
    int
        How many mutants no test noticed.
    """
    for mutant in MUTANTS:
        mutant.applied((folder / mutant.file).read_text(encoding="utf-8"))
    source = ["-e", f"import_source={package.DATA / 'kepler'}"] if package.DATA.is_dir() else []
    words = ["ansible-playbook", "import.yml", "-e", "lab_distribution_wanted=wheel", *source]
    made = run(words, folder, ENVIRONMENT)
    if made.returncode != 0:
        print(made.stdout[-4000:])
        raise StaleError("the lab could not be made of the project as it is.")
    survived = 0
    try:
        for mutant in MUTANTS:
            found = caught_by(mutant, folder)
            survived += not found
            print(f"{mutant.broken}: {'; '.join(found[:3]) or 'NOTHING'}", flush=True)
        survived += macros(folder, cache)
    finally:
        down = ["ansible-playbook", "playbooks/lab_down.yml", "-e", "lab_image_keep=true"]
        run(down, folder, ENVIRONMENT)
    print(f"{len(MUTANTS)} mutants of roles were tried")
    return survived
