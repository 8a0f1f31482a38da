"""Fixtures of the scenario front: its front, and the page in a browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab_front import Front, front
from page import browser, contexts, open_page

__all__ = ["browser", "contexts", "front", "open_page"]

os.environ["LAB_INVENTORY"] = str(Path(__file__).resolve().parents[1] / "inventory")


@pytest.fixture(scope="session")
def address(front: Front) -> str:
    """The address of the page."""
    return os.environ.get("EXPLORER_URL", front.url).rstrip("/") + "/"
