"""Check by apt whether packages can be installed together, without a change to the machine.

The script fetches package lists into a temporary folder, from the machine's sources and from
Debian's components `contrib` and `non-free`. Arguments: release, URL of a package with a
repository's key and address (may be empty), then the packages. Prints apt's answer as JSON.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

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


def prepare(work: Path, release: str, keyring_package: str) -> list[str]:
    """Write sources and folders below `work`, and return the options with which apt uses them."""
    parts = work / "parts"
    shutil.copytree("/etc/apt/sources.list.d", parts, dirs_exist_ok=True)
    (parts / "wanted.list").write_text(
        f"deb [signed-by={KEYRING}] {mirror(release)} {release} {COMPONENTS}\n"
    )
    if keyring_package:
        with urllib.request.urlopen(keyring_package, timeout=60) as answer:
            (work / "keyring.deb").write_bytes(answer.read())
        subprocess.run(["dpkg-deb", "-x", work / "keyring.deb", work / "keyring"], check=True)
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


def resolve(release: str, keyring_package: str, packages: list[str]) -> dict[str, object]:
    """Return whether `packages` can be installed, apt's errors, and the new packages."""
    with tempfile.TemporaryDirectory() as name:
        try:
            options = prepare(Path(name), release, keyring_package)
        except OSError as error:
            return {"installable": False, "said": f"{keyring_package}: {error}", "new": []}
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


if __name__ == "__main__":
    print(json.dumps(resolve(sys.argv[1], sys.argv[2], sys.argv[3:])))
