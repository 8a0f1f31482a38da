"""Load the project's Ansible modules, as Python modules."""

from __future__ import annotations

from typing import Any

from ansible import module_utils
from plays import PROJECT, python_file

# On a host, Ansible puts this folder's files beside its own.
module_utils.__path__.append(str(PROJECT / "plugins/module_utils"))


def loaded(name: str) -> Any:
    """Return the Python module of one of the project's Ansible modules."""
    return python_file(f"plugins/modules/{name}.py")
