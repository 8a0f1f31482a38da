"""The driver's side of Dask: submit batches, collect results, survive the scheduler."""

# mypy: disable-error-code="no-untyped-call"
# distributed ships type hints, but only for some of its functions.

from __future__ import annotations

import contextlib
import logging
import os
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dask
from distributed import Client, Future, LocalCluster
from distributed.scheduler import KilledWorker
from distributed.security import Security

from kepler_lens.archive import Item
from kepler_lens.errors import KeplerLensError
from kepler_lens.importer.config import Job
from kepler_lens.importer.plan import data_bytes
from kepler_lens.importer.task import BatchResult, Orders, import_batch

# What a thread finds waiting when it finishes a batch; more would only fill memories.
BATCHES_A_THREAD = 3
DATA_IN_FLIGHT = 256_000_000
PATIENCE_S = 300.0
_THREADS_EVERY_S = 2.0
_CONNECT_TIMEOUT_S = 5
_LOST = (OSError, TimeoutError, RuntimeError, ValueError)


class FleetError(KeplerLensError):
    """The scheduler or its workers cannot be used."""


@dataclass(frozen=True, slots=True)
class Killed:
    """A batch whose workers died again and again."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class _Flight:
    items: tuple[Item, ...]
    future: Future[BatchResult] | None


class Fleet:
    """Workers, on other machines or (without a scheduler in the job) on this one.

    Parameters
    ----------
    job : Job
    orders : Orders
    idle : callable
        Called again and again while waiting; may raise to end the waiting.
    """

    def __init__(self, job: Job, orders: Orders, idle: Callable[[str], None]) -> None:
        self._job = job
        self._orders = orders
        self._idle = idle
        self._cluster: LocalCluster | None = None
        self._client: Client | None = None
        self._flights: dict[int, _Flight] = {}
        self._finished: queue.Queue[int] = queue.Queue()
        self._next = 0
        self._threads = 0
        self._asked = 0.0
        self._seen_threads = 0.0
        # A tarball's files travel with their batches, by intent.
        dask.config.set({"distributed.admin.large-graph-warning-threshold": DATA_IN_FLIGHT})
        # A lost scheduler is this driver's business; distributed's own account of it is noise.
        for name in ("distributed.client", "distributed.core", "distributed.batched"):
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def __enter__(self) -> Fleet:
        if self._job.scheduler is None:
            count = len(os.sched_getaffinity(0))
            self._cluster = LocalCluster(
                n_workers=count, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
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
        """Where the scheduler listens."""
        return self._job.scheduler or "workers of this machine"

    @property
    def in_flight(self) -> int:
        """Batches submitted and not yet collected."""
        return len(self._flights)

    @property
    def message(self) -> str:
        """What it is waiting for; empty if there are workers."""
        return "" if self._threads else f"waiting for workers at {self.address}"

    def takes(self, items: tuple[Item, ...]) -> bool:
        """Whether a batch may be submitted now.

        Not beyond what keeps the workers busy, and not while another batch with one of its stars
        is under way: two versions of one light curve must not race.
        """
        if not self._flights:
            return True
        if len(self._flights) >= max(2, BATCHES_A_THREAD * self._threads):
            return False
        carried = sum(data_bytes(flight.items) for flight in self._flights.values())
        if carried and carried + data_bytes(items) > DATA_IN_FLIGHT:
            return False
        busy = {item.star for flight in self._flights.values() for item in flight.items}
        return busy.isdisjoint({item.star for item in items} - {None})

    def submit(self, items: tuple[Item, ...]) -> None:
        """Hand a batch to the workers."""
        number, self._next = self._next, self._next + 1
        self._start(number, items)

    def collect(self, timeout: float) -> list[BatchResult | Killed]:
        """Give what has finished; wait up to `timeout` seconds for something.

        Raises
        ------
        FleetError
            A worker failed in a way that no batch explains, or the scheduler stays away.
        """
        self._watch()
        numbers = []
        with contextlib.suppress(queue.Empty):
            numbers.append(self._finished.get(timeout=timeout))
            while True:
                numbers.append(self._finished.get_nowait())
        collected: list[BatchResult | Killed] = []
        for number in numbers:
            flight = self._flights.get(number)
            if flight is None or flight.future is None:
                continue
            if flight.future.status in ("cancelled", "lost"):
                self._recover()
                break
            del self._flights[number]
            collected.append(_outcome(flight.items, flight.future))
        return collected

    def cancel(self) -> None:
        """Take back all batches that no worker has begun."""
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.cancel([f.future for f in self._flights.values() if f.future])
        self._flights.clear()

    def memory_limits(self) -> dict[str, tuple[int, int]]:
        """Give each worker's memory limit (bytes, 0 if none) and threads."""
        assert self._client is not None  # noqa: S101 - entered
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        return {
            str(w["name"]): (int(w["memory_limit"] or 0), int(w["nthreads"]))
            for w in workers.values()
        }

    def _start(self, number: int, items: tuple[Item, ...]) -> None:
        assert self._client is not None  # noqa: S101 - entered
        finished = self._finished
        key = f"import-{self._orders.run}-{number}"
        try:
            future = self._client.submit(import_batch, items, self._orders, key=key, pure=False)
        except _LOST:
            # The next look at the client finds out and starts all batches again.
            self._flights[number] = _Flight(items, None)
            return
        self._flights[number] = _Flight(items, future)
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
        """Find the scheduler again and hand it what had not finished.

        A scheduler that dies takes all its tasks along. Whatever they had achieved is in the
        ledger, which the batches' next attempts ask first.
        """
        if self._cluster is not None:
            raise FleetError("The scheduler within this process died: start the import again.")
        self._drop_client()
        self._finished = queue.Queue()
        self._connect()
        for number, flight in list(self._flights.items()):
            self._start(number, flight.items)

    def _connect(self) -> None:
        """Connect, and wait until there are workers."""
        deadline = time.monotonic() + PATIENCE_S
        reason = ""
        while time.monotonic() < deadline:
            self._idle(reason)
            try:
                if self._client is None:
                    self._client = self._new_client()
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

    def _out_of_patience(self, reason: str) -> FleetError:
        return FleetError(
            f"The import gave up {reason} after {PATIENCE_S:.0f} s: check the units "
            f"kepler-scheduler and kepler-worker, then start it again; it goes on from here."
        )

    def _new_client(self) -> Client:
        if self._cluster is not None:
            return Client(self._cluster, timeout=_CONNECT_TIMEOUT_S, set_as_default=False)
        security: Any = None
        if self._job.tls is not None:
            tls = self._job.tls
            security = Security(
                tls_ca_file=str(tls.ca),
                tls_client_cert=str(tls.cert),
                tls_client_key=str(tls.key),
                require_encryption=True,
            )
        return Client(
            self._job.scheduler,
            security=security,
            timeout=_CONNECT_TIMEOUT_S,
            set_as_default=False,
        )

    def _drop_client(self) -> None:
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.close(timeout=2)
        self._client = None


def _outcome(items: tuple[Item, ...], future: Future[BatchResult]) -> BatchResult | Killed:
    if future.status == "error":
        error = future.exception()
        if isinstance(error, KilledWorker):
            return Killed(items)
        raise FleetError(
            f"A worker failed on {items[0].name} and its neighbours in a way that no file "
            f"explains ({type(error).__name__}: {error}): its journal has more."
        )
    result: BatchResult = future.result()
    return result


def _short(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].split(" after ")[0]
