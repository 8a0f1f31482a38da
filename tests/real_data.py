"""The real light curves: where they are, and how many tests were skipped where they are not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("HELLOEXOWORLD_DATA") or PROJECT.parent / "shared" / "data")
PARTS = ("astronet", "astronet_more", "early", "k2", "kepler", "red_giants", "systems", "tables")
"""Folders in it, which the tests read."""
_REASON = "no real light curves"


def required() -> Path:
    """Return the folder of the real light curves, or skip the test."""
    lacking = [part for part in PARTS if not (FOLDER / part).is_dir()]
    if lacking:
        pytest.skip(f"{_REASON}: no folder {FOLDER / lacking[0]}")
    return FOLDER


@pytest.fixture(scope="session", name="data")
def light_curves() -> Path:
    """See `required`."""
    return required()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say how many tests lacked the light curves, on one line below all others."""
    yield
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(_REASON in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(
            f"{count} tests skipped for want of the light curves in {FOLDER}: "
            "set HELLOEXOWORLD_DATA to the folder that has them",
            yellow=True,
        )
