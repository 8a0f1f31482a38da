"""Keep the modules that Ansible has built, so that the next run need not build them.

For each run anew, Ansible packs each module together with the Python files that the module imports,
one after the other, before a host can run it. It puts them into a folder that it removes at its
end. This plugin copies the packed modules out of that folder after a run, and back before the next.
See docs/decisions/0051-built-modules.md.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

import ansible
from ansible import constants
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: built_modules
type: aggregate
short_description: Modules that an earlier run has built
description: Gives a run the modules that Ansible has built in an earlier run of the same versions.
"""

PROJECT = Path(__file__).parents[2]
KEPT = PROJECT / ".cache" / "ansible-modules"


def digest(project: Path = PROJECT) -> str:
    """Return a digest of what modules are built of: the project's own, and installed packages."""
    site = Path(ansible.__file__).parents[1]
    installed = [sys.version, *sorted(str(path) for path in site.glob("*.dist-info"))]
    # Molecule names the folder of the packages, too, whose collections are listed above.
    for path in (path for path in constants.COLLECTIONS_PATHS if Path(path) != site):
        manifests = sorted(Path(path).glob("ansible_collections/*/*/MANIFEST.json"))
        installed += [f"{manifest} {manifest.stat().st_mtime_ns}" for manifest in manifests]
    found = hashlib.sha256("\n".join(installed).encode())
    for folder in ("plugins/modules", "plugins/module_utils"):
        for path in sorted((project / folder).rglob("*.py")):
            found.update(f"\n{path.relative_to(project)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def copy(source: Path, target: Path) -> None:
    """Copy the built modules that `target` lacks; no other run sees a part of a file."""
    for path in source.glob("*"):
        # Ansible's locks, and what a run that was interrupted has left.
        if path.name.endswith((".lock", "-part")) or (target / path.name).exists():
            continue
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target, suffix="-part", delete=False) as part:
            part.write(path.read_bytes())
        Path(part.name).replace(target / path.name)


class CallbackModule(CallbackBase):
    """Give a run the built modules before its first task, and keep them after its last."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "built_modules"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.kept = KEPT / digest()
        self.used = Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache")

    def v2_playbook_on_start(self, *_: object) -> None:
        """Give the run what earlier runs have built."""
        copy(self.kept, self.used)

    def v2_playbook_on_stats(self, *_: object) -> None:
        """Keep what this run has built, and nothing of other versions."""
        copy(self.used, self.kept)
        for other in KEPT.glob("*"):
            if other != self.kept:
                shutil.rmtree(other, ignore_errors=True)
