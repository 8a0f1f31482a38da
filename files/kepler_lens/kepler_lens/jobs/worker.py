"""Access the Dask worker in which a task runs: luggage, name and lock."""

# mypy: disable-error-code="no-untyped-call"
# distributed ships type hints, but only for some of its functions.

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

from distributed import Semaphore, Worker, WorkerPlugin, get_worker

from kepler_lens.errors import KeplerLensError

_PATIENCE_S = 300.0
"""Longest wait for a lock, seconds (chosen). A task that goes on without the lock only loses the
order that saves work, and no data."""


_LUGGAGE: dict[str, bytes] = {}


class Luggage(WorkerPlugin):
    """Bytes that every worker of the fleet gets once, also a worker that joins later.

    Parameters
    ----------
    key : str
        Name of the content; equal keys must mean equal contents.
    content : bytes
    """

    idempotent = True

    def __init__(self, key: str, content: bytes) -> None:
        self.name = f"luggage-{key}"
        self.key = key
        self.content = content

    def setup(self, worker: Worker) -> None:  # noqa: ARG002
        """Store the content in the worker, where `luggage` finds it."""
        _LUGGAGE[self.key] = self.content


def luggage(key: str) -> bytes:
    """Return the bytes that a job has sent to this worker.

    Raises
    ------
    KeplerLensError
        This worker did not get them.
    """
    try:
        return _LUGGAGE[key]
    except KeyError:
        raise KeplerLensError(
            f"The worker did not get {key}, which the job sent along: start the job again."
        ) from None


def worker_name() -> str:
    """Return the name of the worker, under which reports show its share."""
    return str(get_worker().name)


@contextlib.contextmanager
def fleet_lock(name: str) -> Iterator[None]:
    """Hold a lock of the fleet: wait until no other task holds the lock of this name.

    Outside a Dask worker there is no wait.

    Parameters
    ----------
    name : str
        Name of work that one task does at a time.
    """
    try:
        worker = get_worker()
    except ValueError:  # not in a Dask worker: no other task to wait for
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
    """Return one semaphore for each worker: every new one would keep refreshing its leases."""
    return Semaphore(max_leases=1, name=name)
