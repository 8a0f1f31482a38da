"""What the tests share: where the real data lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).parents[3].parent / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real files, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("HELLOEXOWORLD_DATA", _BESIDE_THE_REPOSITORY))
    if not folder.is_dir():
        pytest.skip(f"real data: no folder {folder} (HELLOEXOWORLD_DATA names another)")
    return folder


@pytest.fixture(scope="session")
def kepler_11(data: Path) -> list[Path]:
    """The seventeen light curve files of Kepler-11."""
    return sorted((data / "kepler" / "006541920").glob("*_llc.fits"))


@pytest.fixture(scope="session")
def intact(kepler_11: list[Path]) -> bytes:
    """The content of one intact file (Kepler-11, quarter 1)."""
    return kepler_11[0].read_bytes()
