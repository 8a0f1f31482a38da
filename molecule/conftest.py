"""Fixtures of all scenarios."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab import DATA, PROJECT, Lab

# Molecule sets this too; here it is for tests that run without Molecule.
os.environ.setdefault("LAB_KEY", str(PROJECT / ".lab" / "key"))


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def data() -> Path:
    if not DATA.is_dir():
        pytest.skip(
            f"the real light curves are not at {DATA}: set HELLOEXOWORLD_DATA to where they are"
        )
    return DATA
