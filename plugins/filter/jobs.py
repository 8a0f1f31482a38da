"""Tell jobs from services among the units that systemd lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SERVICES = frozenset(
    f"kepler-{name}.service" for name in ("scheduler", "worker", "front", "training-devices")
)
"""Units of the project that are no jobs: they do not end by themselves, or prepare devices."""


def running_jobs(lines: list[str]) -> list[str]:
    """Return the jobs in the lines of ``systemctl list-units --plain --no-legend kepler-*``."""
    return [unit for line in lines for unit in line.split()[:1] if unit not in SERVICES]


class FilterModule:
    """The filters of this module."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name, for Ansible."""
        return {"running_jobs": running_jobs}
