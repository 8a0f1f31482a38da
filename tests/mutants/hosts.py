"""Break the project one way at a time, and say which check noticed.

Each mutant is one altered text in a copy of the project. What provisions hosts is run on a lab
of its own, which is then mended by the project as it is. The exit status is 1 where one went
unnoticed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HELLOEXOWORLD_DATA", PROJECT.parent / "shared" / "data"))
ENVIRONMENT = os.environ | {
    "LAB_NAME": "mutants",
    "LAB_PREFIX": "10.87.50",
    "LAB_PORT": "0",
    "HELLOEXOWORLD_DATA": str(DATA),
}
SITE = ["ansible-playbook", "playbooks/site.yml"]


@dataclass(frozen=True)
class Mutant:
    """One way to break the project, and where it should be noticed."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str
    provision: bool = True


MUTANTS = [
    Mutant(
        "the time formula is off by one",
        "files/kepler_lens/kepler_lens/lightcurve.py",
        "return ms.astype(np.int64) * 1000",
        "return (ms.astype(np.int64) + 1) * 1000",
        "files/kepler_lens/tests/test_lightcurve.py",
        provision=False,
    ),
    Mutant(
        "a limit of the server is too low",
        "roles/warp10/defaults/main.yml",
        "warp10_maxfetch: 100000000",
        "warp10_maxfetch: 10000",
        "molecule/default/tests/test_hands_on.py",
    ),
    Mutant(
        "a port is open to all",
        "roles/base/defaults/main.yml",
        'sources: "{{ base_fleet_addresses + base_warp10_client_networks }}"',
        'sources: ["0.0.0.0/0"]',
        "molecule/default/tests/test_security.py",
    ),
    Mutant(
        "a secret may be read by everyone",
        "roles/fleet/tasks/tokens.yml",
        'mode: "0600"',
        'mode: "0644"',
        "molecule/default/tests/test_security.py",
    ),
    Mutant(
        "a unit does not start",
        "roles/warp10/templates/start.j2",
        "exec {{ warp10_java }}",
        "exec /bin/false {{ warp10_java }}",
        "molecule/default/tests/test_hands_on.py",
    ),
]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT | {"PWD": str(folder), "PYTHONPATH": str(folder / "files/kepler_lens")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def copy_project(target: Path) -> None:
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], PROJECT).stdout
    for name in listed.splitlines():
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name)


def caught_by(mutant: Mutant, folder: Path) -> list[str]:
    """Break the copy, run what should notice, and give the names of what did."""
    file = folder / mutant.file
    text = file.read_text()
    if mutant.right not in text:
        sys.exit(f"{mutant.name}: {mutant.file} has no text {mutant.right!r} to break any more.")
    file.write_text(text.replace(mutant.right, mutant.wrong))
    try:
        if mutant.provision:
            done = run(SITE, folder)
            if done.returncode != 0:
                task = re.findall(r"^(?:TASK|RUNNING HANDLER) \[(.*?)\]", done.stdout, re.MULTILINE)
                return [f"playbook, task '{task[-1]}'"]
        done = run(["pytest", "-q", mutant.tests], folder)
        return re.findall(r"^(?:FAILED|ERROR) \S+::(\S+)", done.stdout, re.MULTILINE)
    finally:
        file.write_text(text)
        if mutant.provision and run(SITE, folder).returncode != 0:
            sys.exit(f"{mutant.name}: the project as it is could not mend the lab.")


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        source = ["-e", f"import_source={DATA / 'kepler'}"] if DATA.is_dir() else []
        made = run(
            ["ansible-playbook", "import.yml", "-e", "lab_distribution_wanted=wheel", *source],
            folder,
        )
        if made.returncode != 0:
            print(made.stdout[-4000:])
            return 1
        unnoticed = 0
        try:
            for mutant in MUTANTS:
                found = caught_by(mutant, folder)
                unnoticed += not found
                words = "; ".join(found[:3]) or "NOTHING"
                print(f"{mutant.name}: caught by {words}", flush=True)
        finally:
            down = ["ansible-playbook", "playbooks/lab_down.yml", "-e", "lab_image_keep=true"]
            run(down, folder)
    print(f"{len(MUTANTS) - unnoticed} of {len(MUTANTS)} mutants were caught")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
