"""What a task knows of the Dask worker that it runs in."""

# mypy: disable-error-code="no-untyped-call"
# distributed ships type hints, but only for some of its functions.

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

from distributed import Semaphore, Worker, WorkerPlugin, get_worker

from kepler_lens.errors import KeplerLensError

_PATIENCE_S = 300.0
"""Nobody waits longer for its turn: that keeps an order which saves work, and no data."""


_LUGGAGE: dict[str, bytes] = {}


class Luggage(WorkerPlugin):
    """Bytes that every worker of the fleet gets once, those that come later too.

    Parameters
    ----------
    key : str
        Says what is in it: equal keys, equal content.
    content : bytes
    """

    idempotent = True

    def __init__(self, key: str, content: bytes) -> None:
        self.name = f"luggage-{key}"
        self.key = key
        self.content = content

    def setup(self, worker: Worker) -> None:  # noqa: ARG002
        """Put it where `luggage` finds it."""
        _LUGGAGE[self.key] = self.content


def luggage(key: str) -> bytes:
    """Give what a job sent along.

    Raises
    ------
    KeplerLensError
        This worker did not get it.
    """
    try:
        return _LUGGAGE[key]
    except KeyError:
        raise KeplerLensError(
            f"The worker did not get {key}, which the job sent along: start the job again."
        ) from None


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
