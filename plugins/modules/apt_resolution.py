#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: apt_resolution
short_description: Check whether packages can be installed together
description:
  - Asks apt, with package lists in a temporary folder. The machine stays as it is.
  - The lists come from the machine's sources and from Debian's components contrib and non-free.
options:
  release:
    description: The name of the Debian release of the machine.
    type: str
    required: true
  packages:
    description: The packages.
    type: list
    elements: str
    required: true
  keyring:
    description: URL of a package with the key and the address of one more repository.
    type: str
"""

EXAMPLES = r"""
- name: Check whether the driver's packages can be installed
  apt_resolution:
    release: trixie
    packages: [nvidia-kernel-dkms, nvidia-smi]
"""

RETURN = r"""
installable:
  description: Whether the packages can be installed.
  returned: success
  type: bool
said:
  description: The errors of apt, on one line.
  returned: success
  type: str
  sample: "E: Unable to locate package nvidia-smi"
new:
  description: The packages that would be installed, with those that they need.
  returned: success
  type: list
  elements: str
  sample: [dkms, nvidia-kernel-dkms]
"""

import os
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

COMPONENTS = "contrib non-free non-free-firmware"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a program and capture its output, in English."""
    return subprocess.run(
        words, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"}, check=False
    )


def mirror(release: str) -> str:
    """Return the mirror of the release's own packages on this machine."""
    said = run(
        *("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"),
        *(f"Codename: {release}", "Component: main"),
    )
    return (said.stdout.split() or ["http://deb.debian.org/debian"])[0]


def prepare(work: Path, release: str, keyring: str | None) -> list[str]:
    """Write sources and folders below `work`, and return the options with which apt uses them."""
    parts = work / "parts"
    shutil.copytree("/etc/apt/sources.list.d", parts, dirs_exist_ok=True)
    (parts / "wanted.list").write_text(
        f"deb [signed-by={KEYRING}] {mirror(release)} {release} {COMPONENTS}\n"
    )
    if keyring:
        with urllib.request.urlopen(keyring, timeout=60) as answer:
            (work / "keyring.deb").write_bytes(answer.read())
        unpacked = run("dpkg-deb", "-x", str(work / "keyring.deb"), str(work / "keyring"))
        if unpacked.returncode != 0:
            raise OSError(unpacked.stderr.strip())
        for source in (work / "keyring/etc/apt/sources.list.d").iterdir():
            # The key is in the folder where the package was unpacked.
            named = source.read_text().replace(
                "/usr/share/keyrings", f"{work}/keyring/usr/share/keyrings"
            )
            (parts / source.name).write_text(named)
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    # apt fetches and verifies as the user _apt.
    run("chmod", "-R", "a+rX", str(work))
    run("chown", "-R", "_apt", str(work / "lists"), str(work / "cache"))
    options = {
        "Dir::Etc::SourceParts": parts,
        "Dir::State::Lists": work / "lists",
        "Dir::Cache": work / "cache",
    }
    return [f"-o{name}={value}" for name, value in options.items()]


def resolve(release: str, keyring: str | None, packages: list[str]) -> dict[str, Any]:
    """Return whether `packages` can be installed, apt's errors, and the new packages."""
    with tempfile.TemporaryDirectory() as name:
        try:
            options = prepare(Path(name), release, keyring)
        except OSError as error:
            return {"installable": False, "said": f"{keyring}: {error}", "new": []}
        fetched = run("apt-get", *options, "-q", "update")
        answer = run(
            "apt-get", *options, "-q", "--simulate", "--no-install-recommends", "install", *packages
        )
    words = (answer.stdout + answer.stderr).splitlines()
    wrong = [w for w in words if w.startswith("E:") or "Depends:" in w or "Conflicts:" in w]
    wrong += [w for w in fetched.stderr.splitlines() if w.startswith("E:")]
    new = [w.split()[1] for w in words if w.startswith("Inst ")]
    said = " ".join(" ".join(wrong).split())
    return {"installable": answer.returncode == 0, "said": said, "new": new}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "release": {"type": "str", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
            "keyring": {"type": "str"},
        },
        supports_check_mode=True,
    )
    asked = module.params
    module.exit_json(
        changed=False, **resolve(asked["release"], asked["keyring"], asked["packages"])
    )


if __name__ == "__main__":
    main()
