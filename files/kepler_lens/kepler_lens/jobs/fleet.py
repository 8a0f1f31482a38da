"""Use Dask from the driver: submit batches, collect results, and survive a lost scheduler."""

# mypy: disable-error-code="no-untyped-call"
# distributed ships type hints, but only for some of its functions.

from __future__ import annotations

import contextlib
import logging
import os
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import dask
from distributed import Client, Future, LocalCluster
from distributed.scheduler import KilledWorker
from distributed.security import Security

from kepler_lens.errors import KeplerLensError
from kepler_lens.jobs.config import Tls
from kepler_lens.jobs.worker import Luggage

DATA_IN_FLIGHT = 256_000_000
"""Bytes that the batches under way carry at most (chosen). The content of a tarball's files is sent
with their batches on purpose, so Dask must not warn of less."""
PATIENCE_S = 300.0
"""Seconds that the driver waits for a scheduler or for workers (chosen)."""
_THREADS_EVERY_S = 2.0
"""Seconds between two counts of the fleet's threads (chosen)."""
_CONNECT_TIMEOUT_S = 5
"""Seconds for one attempt to connect (chosen)."""
_LOST = (OSError, TimeoutError, RuntimeError, ValueError, CancelledError)
"""Errors of distributed that mean that the scheduler is lost."""


Batch = TypeVar("Batch")
Result = TypeVar("Result")


class FleetError(KeplerLensError):
    """The scheduler or its workers cannot be used."""


@dataclass(frozen=True, slots=True)
class Work(Generic[Batch, Result]):
    """Work that a job gives to its workers.

    Attributes
    ----------
    name, run : str
        Name of the job for people, and name of its run.
    call : callable
        Does a batch, on a worker. Doing a batch twice must equal doing it once.
    waiting : int
        Batches under way for each thread; more would only fill memory.
    admits : callable
        Called with the batches under way and another one; returns whether that one may join them.
    words : callable
        Names a batch for people.
    luggage : Luggage, optional
        Bytes that all workers need for the work.
    """

    name: str
    run: str
    call: Callable[[Batch], Result]
    waiting: int
    admits: Callable[[Sequence[Batch], Batch], bool]
    words: Callable[[Batch], str]
    luggage: Luggage | None = None


@dataclass(frozen=True, slots=True)
class Killed(Generic[Batch]):
    """A batch whose workers died several times."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class _Flight(Generic[Batch, Result]):
    """A batch under way, with its future; None where the scheduler was lost."""

    batch: Batch
    future: Future[Result] | None


class Fleet(Generic[Batch, Result]):
    """Workers, on other machines or (without a scheduler) on this one.

    Parameters
    ----------
    scheduler : str or None
        Address of the scheduler.
    tls : Tls or None
    work : Work
    idle : callable
        Called repeatedly while waiting, with what is waited for. It may raise to end the waiting.
    """

    def __init__(
        self,
        scheduler: str | None,
        tls: Tls | None,
        work: Work[Batch, Result],
        idle: Callable[[str], None],
    ) -> None:
        self._scheduler = scheduler
        self._tls = tls
        self._work = work
        self._idle = idle
        self._cluster: LocalCluster | None = None
        self._client: Client | None = None
        self._flights: dict[int, _Flight[Batch, Result]] = {}
        self._finished: queue.Queue[int] = queue.Queue()
        self._next = 0
        self._threads = 0
        self._asked = 0.0
        self._seen_threads = 0.0
        dask.config.set(
            {
                "distributed.admin.large-graph-warning-threshold": DATA_IN_FLIGHT,
                # Nobody looks at the stacks that workers record a hundred times a second. While one
                # is recorded, Python before 3.11.9 may stand still for good (CPython issue 106883).
                "distributed.worker.profile.enabled": False,
            }
        )
        # This driver handles a lost scheduler; distributed's own messages are noise.
        for name in ("distributed.client", "distributed.core", "distributed.batched"):
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def __enter__(self) -> Fleet[Batch, Result]:
        if self._scheduler is None:
            count = len(os.sched_getaffinity(0))
            self._cluster = LocalCluster(
                n_workers=count, threads_per_worker=2, dashboard_address=None, host="127.0.0.1"
            )
        try:
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._drop_client()
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close(timeout=10)

    @property
    def address(self) -> str:
        """Address of the scheduler, or words for this machine."""
        return self._scheduler or "workers of this machine"

    @property
    def in_flight(self) -> int:
        """Number of batches that were submitted and not yet collected."""
        return len(self._flights)

    @property
    def message(self) -> str:
        """What the fleet waits for; empty if there are workers."""
        return "" if self._threads else f"waiting for workers at {self.address}"

    def takes(self, batch: Batch) -> bool:
        """Return whether a batch may be submitted now: only as many as keep the workers busy."""
        if not self._flights:
            return True
        if len(self._flights) >= max(2, self._work.waiting * self._threads):
            return False
        return self._work.admits([flight.batch for flight in self._flights.values()], batch)

    def submit(self, batch: Batch) -> None:
        """Send a batch to the workers."""
        number, self._next = self._next, self._next + 1
        self._start(number, batch)

    def collect(self, timeout: float) -> list[Result | Killed[Batch]]:
        """Return results that are ready; wait up to `timeout` seconds for the first.

        Raises
        ------
        FleetError
            A worker failed for a reason that no batch explains, or the scheduler stays away.
        """
        self._watch()
        numbers = []
        with contextlib.suppress(queue.Empty):
            numbers.append(self._finished.get(timeout=timeout))
            while True:
                numbers.append(self._finished.get_nowait())
        collected: list[Result | Killed[Batch]] = []
        for number in numbers:
            flight = self._flights.get(number)
            if flight is None or flight.future is None:
                continue
            if flight.future.status in ("cancelled", "lost"):
                self._recover()
                break
            try:
                outcome = self._outcome(flight.batch, flight.future)
            except _LOST:
                # The scheduler died after it had reported the end and before it gave the result.
                self._recover()
                break
            del self._flights[number]
            collected.append(outcome)
        return collected

    def cancel(self) -> None:
        """Cancel all batches that no worker has begun."""
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.cancel([f.future for f in self._flights.values() if f.future])
        self._flights.clear()

    def memory_limits(self) -> dict[str, tuple[int, int]]:
        """Return each worker's memory limit (bytes, 0 if none) and number of threads, by name."""
        assert self._client is not None  # noqa: S101 - entered
        try:
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
        except _LOST:
            self._recover()
            return self.memory_limits()
        return {
            str(w["name"]): (int(w["memory_limit"] or 0), int(w["nthreads"]))
            for w in workers.values()
        }

    def _start(self, number: int, batch: Batch) -> None:
        assert self._client is not None  # noqa: S101 - entered
        finished = self._finished
        key = f"{self._work.name}-{self._work.run}-{number}"
        try:
            future = self._client.submit(self._work.call, batch, key=key, pure=False)
        except _LOST:
            # The next look at the client notices the loss and starts all batches again.
            self._flights[number] = _Flight(batch, None)
            return
        self._flights[number] = _Flight(batch, future)
        future.add_done_callback(lambda _: finished.put(number))

    def _watch(self) -> None:
        if time.monotonic() - self._asked < _THREADS_EVERY_S:
            return
        assert self._client is not None  # noqa: S101 - entered
        self._asked = time.monotonic()
        try:
            if self._client.status != "running":
                raise OSError(self._client.status)
            self._threads = sum(self._client.nthreads().values())
        except _LOST:
            self._recover()
        if self._threads:
            self._seen_threads = time.monotonic()
        elif time.monotonic() - self._seen_threads > PATIENCE_S:
            raise self._out_of_patience(self.message)

    def _recover(self) -> None:
        """Connect to the scheduler again and submit all batches that had not finished.

        A scheduler that dies loses all its tasks. Their finished work is on the server, where the
        next attempts look first.
        """
        if self._cluster is not None:
            raise FleetError(
                f"The scheduler within this process died: start the {self._work.name} again."
            )
        self._drop_client()
        self._finished = queue.Queue()
        self._connect()
        for number, flight in list(self._flights.items()):
            self._start(number, flight.batch)

    def _connect(self) -> None:
        """Connect, and wait until there are workers."""
        deadline = time.monotonic() + PATIENCE_S
        reason = ""
        while time.monotonic() < deadline:
            self._idle(reason)
            try:
                if self._client is None:
                    self._client = self._new_client()
                    self._send_luggage()
                self._threads = sum(self._client.nthreads().values())
            except _LOST as error:
                self._drop_client()
                reason = f"waiting for the scheduler at {self.address}: {_short(error)}"
                time.sleep(1)
                continue
            if self._threads:
                self._asked = self._seen_threads = time.monotonic()
                self._idle("")
                return
            reason = self.message
            time.sleep(0.5)
        raise self._out_of_patience(reason)

    def _send_luggage(self) -> None:
        """Register the luggage; the scheduler gives it to present and to later workers."""
        assert self._client is not None  # noqa: S101 - connected
        if self._work.luggage is not None:
            self._client.register_plugin(self._work.luggage)

    def _out_of_patience(self, reason: str) -> FleetError:
        return FleetError(
            f"The {self._work.name} gave up {reason} after {PATIENCE_S:.0f} s: check the units "
            f"kepler-scheduler and kepler-worker, then start it again; it goes on from here."
        )

    def _new_client(self) -> Client:
        if self._cluster is not None:
            return Client(self._cluster, timeout=_CONNECT_TIMEOUT_S, set_as_default=False)
        security: Any = None
        if self._tls is not None:
            security = Security(
                tls_ca_file=str(self._tls.ca),
                tls_client_cert=str(self._tls.cert),
                tls_client_key=str(self._tls.key),
                require_encryption=True,
            )
        return Client(
            self._scheduler,
            security=security,
            timeout=_CONNECT_TIMEOUT_S,
            set_as_default=False,
        )

    def _drop_client(self) -> None:
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.close(timeout=2)
        self._client = None

    def _outcome(self, batch: Batch, future: Future[Result]) -> Result | Killed[Batch]:
        if future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                return Killed(batch)
            raise FleetError(
                f"A worker failed on {self._work.words(batch)} in a way that nothing there "
                f"explains ({type(error).__name__}: {error}): its journal has more."
            )
        result: Result = future.result()
        return result


def _short(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].split(" after ")[0]
