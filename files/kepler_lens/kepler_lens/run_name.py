"""Name a run of a job, or of a command that writes as a run does."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

_FORM = "%Y%m%dT%H%M%SZ"
"""How the time is written, with which a name begins."""


def new_run() -> str:
    """Return a new name of a run. Names are unique and sort by time."""
    return f"{datetime.now(UTC):{_FORM}}-{uuid.uuid4().hex[:6]}"


def began_of(run: str) -> datetime | None:
    """Return when a run began, by its name; None where the name does not tell."""
    try:
        return datetime.strptime(run.partition("-")[0], _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
