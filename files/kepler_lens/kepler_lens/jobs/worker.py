"""What a task knows of the Dask worker that it runs in."""

# mypy: disable-error-code="no-untyped-call"
# distributed ships type hints, but only for some of its functions.

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

from distributed import Semaphore, get_worker

_PATIENCE_S = 300.0
"""Nobody waits longer for its turn: that keeps an order which saves work, and no data."""


def worker_name() -> str:
    """Give the worker's name, by which its share is reported."""
    return str(get_worker().name)


@contextlib.contextmanager
def turn(name: str) -> Iterator[None]:
    """Wait until no other task of the whole fleet is in the turn of this name; at once elsewhere.

    Parameters
    ----------
    name : str
        What is to be done by one at a time.
    """
    try:
        worker = get_worker()
    except ValueError:  # no task of a Dask worker: nobody to wait for
        yield
        return
    semaphore = _semaphore(name, worker.address)
    had = semaphore.acquire(timeout=_PATIENCE_S)
    try:
        yield
    finally:
        if had:
            semaphore.release()


@functools.cache
def _semaphore(name: str, _address: str) -> Semaphore:
    """Keep one for each worker: every new one would go on refreshing its leases."""
    return Semaphore(max_leases=1, name=name)
