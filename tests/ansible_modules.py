"""Load the project's Ansible modules, as Python modules."""

from __future__ import annotations

import importlib.util
from typing import Any

from ansible import module_utils
from plays import PROJECT

# On a host, Ansible puts this folder's files beside its own.
module_utils.__path__.append(str(PROJECT / "plugins/module_utils"))


def loaded(name: str) -> Any:
    """Return the Python module of one of the project's Ansible modules."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / f"plugins/modules/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
