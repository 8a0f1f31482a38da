"""Fixtures of all scenarios."""

from __future__ import annotations

import os

import pytest
from lab import PROJECT, Lab
from real_data import light_curves, pytest_terminal_summary  # noqa: F401 - pytest finds them here

# Molecule sets this too; here it is for tests that run without Molecule.
os.environ.setdefault("LAB_KEY", str(PROJECT / ".lab" / "key"))


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()
