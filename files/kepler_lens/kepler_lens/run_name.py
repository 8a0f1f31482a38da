"""Name a run of a job, or of a command that writes as a run does."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime


def new_run() -> str:
    """Return a new name of a run. Names are unique and sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
