"""The policy of retries: which failures of a request may pass, and when it is sent again.

Pauses double from `FIRST_PAUSE_S` to the longest pause of the policy. They end with patience, which
the caller gives in seconds. What the failure means to a user is the caller's sentence.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import requests
import tenacity

FIRST_PAUSE_S = 0.25
"""Longest first pause, seconds (chosen)."""

T = TypeVar("T")


class PassingError(Exception):
    """A failure that may pass.

    Parameters
    ----------
    reason : str
    answered : bool
        Whether the server itself reported the failure.
    retry_after : float, optional
        Seconds after which the server wants another request.
    """

    def __init__(
        self, reason: str, *, answered: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.answered = answered
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Policy:
    """When one kind of server is asked again.

    Attributes
    ----------
    statuses : frozenset of int
        HTTP statuses of failures that may pass.
    longest_pause_s : float
        Longest pause, seconds.
    from_failure : bool
        Whether patience begins with the first failure, however long the request took until then;
        otherwise patience begins with the first request.
    """

    statuses: frozenset[int]
    longest_pause_s: float
    from_failure: bool = False


SERVER = Policy(frozenset({429, 502, 503, 504}), 5.0, from_failure=True)
"""Of the jobs' requests to Warp 10, which may be restarted meanwhile (pauses chosen). A request
that sends many points may take minutes before it fails."""
GUESTS = Policy(frozenset({429, 503}), 2.0)
"""Of guests' scripts (chosen: a person waits). With these statuses a script has not run: the front
has no room for the script, or the server behind the front is starting."""
ARCHIVE = Policy(frozenset({408, 425, 429, 500, 502, 503, 504}), 30.0)
"""Of requests to an archive (chosen: an archive on the internet may be away for minutes)."""


def patiently(attempt: Callable[[], T], policy: Policy, patience_s: float) -> T:
    """Call a function until it succeeds, or fails for good, or patience ends.

    Parameters
    ----------
    attempt : callable
        Sends the request.
    policy : Policy
    patience_s : float
        Seconds during which the request is repeated.

    Returns
    -------
    object
        Result of `attempt`.

    Raises
    ------
    PassingError, requests.RequestException
        The last failure, if patience has ended; or one that cannot pass, at once.
    """
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(may_pass),
        wait=lambda state: _pause(state, policy.longest_pause_s),
        stop=_Patience(patience_s, from_failure=policy.from_failure),
        reraise=True,
    )(attempt)


def after_pauses(attempt: Callable[[], T], error: type[Exception], pauses_s: Sequence[float]) -> T:
    """Call a function again after each pause, while it raises one kind of error.

    Parameters
    ----------
    attempt : callable
    error : type
    pauses_s : sequence of float
        Seconds.

    Returns
    -------
    object
        Result of `attempt`, whose last error is raised.
    """
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(error),
        wait=tenacity.wait_chain(*map(tenacity.wait_fixed, pauses_s)),
        stop=tenacity.stop_after_attempt(len(pauses_s) + 1),
        reraise=True,
    )(attempt)


def may_pass(error: BaseException) -> bool:
    """Return whether a failure may pass: a lost connection may, an untrusted certificate not."""
    if isinstance(error, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" not in str(error)
    return isinstance(
        error,
        PassingError
        | requests.ConnectionError
        | requests.Timeout
        | requests.exceptions.ChunkedEncodingError,
    )


def cause(error: BaseException) -> str:
    """Return the words of the innermost cause: the outer errors only repeat the address."""
    while True:
        inner = error.__cause__ or error.__context__ or getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")


def _pause(state: tenacity.RetryCallState, longest_s: float) -> float:
    """Return the pause before the next attempt, seconds; at least what the server asks for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, PassingError) else None
    grown = min(longest_s, FIRST_PAUSE_S * 2.0 ** (state.attempt_number - 1))
    # Random, so that workers that were refused together do not come back together.
    return max(asked or 0.0, grown * random.uniform(0.5, 1.0))  # noqa: S311


class _Patience(tenacity.stop.stop_base):
    def __init__(self, seconds: float, *, from_failure: bool) -> None:
        self._seconds = seconds
        self._end = None if from_failure else time.monotonic() + seconds

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._seconds
        return now + retry_state.upcoming_sleep > self._end
