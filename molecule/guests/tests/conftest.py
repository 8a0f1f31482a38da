"""Fixtures of the scenario guests."""

from __future__ import annotations

import os
from pathlib import Path

from lab_front import front, steady

__all__ = ["front", "steady"]

os.environ["LAB_INVENTORY"] = str(Path(__file__).resolve().parents[1] / "inventory")
