"""What a task knows of the Dask worker that it runs in."""

from __future__ import annotations


def worker_name() -> str:
    """Give the worker's name, by which its share is reported."""
    from distributed import get_worker

    return str(get_worker().name)
