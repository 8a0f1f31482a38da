"""The name of a run of a job, or of a command that writes as one."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime


def new_run() -> str:
    """Name a run: never used before, and in the order of time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
