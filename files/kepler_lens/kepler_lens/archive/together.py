"""Make requests at the same time, of which none begins after one has failed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Together:
    """Threads for requests to one source.

    A request fails after a patience of its own, and thousands may wait for a thread. So with the
    first failure all that wait fail too, and the whole takes one patience.

    Parameters
    ----------
    parallel : int
        Requests at the same time.
    """

    def __init__(self, parallel: int) -> None:
        self._pool = ThreadPoolExecutor(max(1, parallel))
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, call: Callable[[A], B], argument: A) -> Future[B]:
        """Call a function in a thread, as soon as one is free.

        Parameters
        ----------
        call : callable
        argument : object
            Argument of `call`.

        Returns
        -------
        Future
            Its error is that of the first failure if the call had not begun by then.
        """
        return self._pool.submit(self._one, call, argument)

    def _one(self, call: Callable[[A], B], argument: A) -> B:
        # A thread takes the next call before the caller can cancel it, so each call looks itself.
        if self._failure is not None:
            raise self._failure
        try:
            return call(argument)
        except BaseException as error:
            self._failure = error
            raise
