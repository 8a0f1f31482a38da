"""Run Ansible's programs in the project, without hosts, and load its Python files."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

PROJECT = Path(__file__).resolve().parents[1]
PRODUCTION = PROJECT / "inventories/production"
"""The example inventory."""
COMPILED = PROJECT / "molecule/shared/files"
"""Folder of `compiled_modules`, which Python loads if it is in PYTHONPATH."""


def environment() -> dict[str, str]:
    """Return an environment in which Ansible has only the settings of the project.

    Its modules are compiled once for all tests.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    paths = [str(COMPILED), *filter(None, [own.get("PYTHONPATH")])]
    return own | {
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "COMPILED_MODULES": str(PROJECT / ".cache/compiled-modules"),
        "PYTHONPATH": os.pathsep.join(paths),
    }


def ansible(*words: str) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs; both its streams are in ``stdout``."""
    return subprocess.run(
        [str(Path(sys.executable).with_name(words[0])), *words[1:]],
        cwd=PROJECT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )


def python_file(name: str) -> ModuleType:
    """Load a file of the project that is in no package, such as a plugin, by its path in there."""
    path = PROJECT / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
