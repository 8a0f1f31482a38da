"""Request files from an archive: kept-alive connections, a limit of parallel requests, retries."""

from __future__ import annotations

import email.utils
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
from requests.adapters import HTTPAdapter

from .. import __version__
from ..errors import SourceError
from .base import MissingItemError, Settings

_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
"""Status codes of failures that may pass."""
_USER_AGENT = f"kepler-lens/{__version__}"
_DEBIAN_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""File of Debian's certificate authorities, for a Python that names no other."""
_local = threading.local()
T = TypeVar("T")


_BLOCK_BYTES = 2**20
"""Bytes of a block in which a body is read (chosen: requests' own blocks are of 10 kB)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body has been read.

    Attributes
    ----------
    url : str
        URL after redirections.
    status_code : int
    headers : mapping
        Its names are case-insensitive.
    content : bytes
    """

    url: str
    status_code: int
    headers: Mapping[str, str]
    content: bytes


class TransientError(Exception):
    """A failure that may pass.

    Parameters
    ----------
    reason : str
    retry_after : float, optional
        Seconds after which the server wants another request.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


def session() -> requests.Session:
    """Return the session of this thread, whose connections stay open between requests."""
    if not hasattr(_local, "session"):
        made = requests.Session()
        # A FITS file must arrive as it is stored: compression by a server would hide its size.
        made.headers.update({"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"})
        made.verify = authorities()
        adapter = HTTPAdapter(pool_maxsize=4)
        made.mount("http://", adapter)
        made.mount("https://", adapter)
        _local.session = made
    kept: requests.Session = _local.session
    return kept


def authorities() -> str | bool:
    """Return the file of the certificate authorities that this machine trusts.

    An operator adds the authority of a network to this file, or names another file by
    SSL_CERT_FILE. The file that comes with the Python package does not contain that authority.

    Returns
    -------
    str or bool
        Path of the file; True for the file of the Python package.
    """
    for path in (ssl.get_default_verify_paths().cafile, _DEBIAN_BUNDLE):
        if path and Path(path).is_file():
            return path
    return True


@lru_cache(maxsize=16)
def gate(parallel: int) -> threading.BoundedSemaphore:
    """Return the semaphore that all requests of this process with the same limit pass."""
    return threading.BoundedSemaphore(max(1, parallel))


def request(
    method: str,
    url: str,
    settings: Settings,
    *,
    headers: Mapping[str, str] | None = None,
    accept: tuple[int, ...] = (),
) -> Answer:
    """Make one request and read its whole body; try again while that may help.

    Parameters
    ----------
    method : str
        'GET' or 'HEAD'.
    url : str
        Percent-encoded.
    settings : Settings
        Limits and patience.
    headers : mapping, optional
        Headers of the request.
    accept : tuple of int
        Status codes from 300 on that are no failure.

    Returns
    -------
    Answer
        Its content is as long as the server said.

    Raises
    ------
    MissingItemError
        The status is 404 or 410.
    SourceError
        The server gives another answer, or none within the patience.
    """

    def once() -> Answer:
        wait = (10, settings.timeout)
        with (
            gate(settings.parallel),
            session().request(
                method, url, headers=dict(headers or {}), timeout=wait, stream=True
            ) as response,
        ):
            content = b"".join(response.iter_content(_BLOCK_BYTES))
        check(response, accept)
        if method == "GET":
            _check_length(response, len(content))
        return Answer(response.url, response.status_code, response.headers, content)

    return patiently(once, url, settings.patience)


def patiently(attempt: Callable[[], T], url: str, patience: float) -> T:
    """Call `attempt` until it succeeds, with growing pauses, for at most `patience` seconds.

    The pauses obey the server's Retry-After. Failures that cannot pass are raised at once.

    Parameters
    ----------
    attempt : callable
    url : str
        For messages.
    patience : float
        Seconds.

    Returns
    -------
    object
        Result of `attempt`.

    Raises
    ------
    SourceError
        The failures did not pass, or the host cannot be reached.
    """
    host = urlsplit(url).netloc
    trying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        wait=_pause,
        stop=_out_of_patience(patience),
        reraise=True,
    )
    try:
        return trying(attempt)
    except TransientError as error:
        raise SourceError(
            f"{url}: {error}, and trying again for {patience:.0f} s did not help; "
            f"try later, or with fewer requests in parallel"
        ) from error
    except requests.exceptions.SSLError as error:
        raise SourceError(
            f"{url}: the certificate of {host} is not trusted; "
            "add your network's authority to this machine's, or name its bundle by SSL_CERT_FILE"
        ) from error
    except requests.RequestException as error:
        raise SourceError(
            f"{url}: {host} cannot be reached ({_reason(error)}); "
            "check the address and the network, or name another source"
        ) from error


def check(response: requests.Response, accept: tuple[int, ...] = ()) -> None:
    """Raise the error that the status of a response means.

    Parameters
    ----------
    response : requests.Response
    accept : tuple of int
        Status codes from 300 on that are no failure.

    Raises
    ------
    TransientError, MissingItemError, SourceError
        By the status.
    """
    status, where = response.status_code, response.url
    if status in _TRANSIENT:
        raise TransientError(
            f"the server answers {status} {response.reason}",
            _seconds(response.headers.get("Retry-After")),
        )
    if status in (404, 410):
        raise MissingItemError(f"{where}: not there ({status}); list the source again")
    if status in (401, 403):
        raise SourceError(f"{where}: access refused ({status}); this source must be public")
    if status >= 300 and status not in accept:
        raise SourceError(f"{where}: the server answers {status} {response.reason}")


def _check_length(response: requests.Response, got: int) -> None:
    expected = response.headers.get("Content-Length", "")
    if not expected.isdigit() or response.status_code != 200:
        return
    if got != int(expected) and "Content-Encoding" not in response.headers:
        raise TransientError(f"the connection ended after {got} of {expected} bytes")


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" not in str(error)
    return isinstance(
        error,
        TransientError
        | requests.ConnectionError
        | requests.Timeout
        | requests.exceptions.ChunkedEncodingError,
    )


def _pause(state: tenacity.RetryCallState) -> float:
    """Return the pause before the next attempt, seconds.

    It doubles from 0.25 to 30 s (chosen), and is at least what the server asks for.
    """
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TransientError) else None
    grown = min(30.0, 0.25 * 2.0 ** (state.attempt_number - 1))
    # Random, so that workers that were refused together do not come back together.
    jittered = grown * random.uniform(0.5, 1.0)  # noqa: S311
    return max(asked or 0.0, jittered)


def _out_of_patience(patience: float) -> Callable[[tenacity.RetryCallState], bool]:
    def stop(state: tenacity.RetryCallState) -> bool:
        elapsed = (state.seconds_since_start or 0.0) + state.upcoming_sleep
        return elapsed > patience

    return stop


def _seconds(retry_after: str | None) -> float | None:
    """Return Retry-After in seconds; the header has seconds or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


def _reason(error: requests.RequestException) -> str:
    """Return the innermost cause: the outer errors only repeat the address."""
    cause: BaseException = error
    while True:
        inner = cause.__cause__ or cause.__context__ or getattr(cause, "reason", None)
        if not isinstance(inner, BaseException):
            break
        cause = inner
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return str(text).strip().rstrip(".")


def fingerprint_from(headers: Mapping[str, str]) -> str | None:
    """Return ETag, or Last-Modified and Content-Length; None where the server sends neither."""
    if etag := headers.get("ETag"):
        return etag
    modified = headers.get("Last-Modified")
    if modified is None:
        return None
    return f"{modified} {headers.get('Content-Length', '?')}"


def fingerprint_http(url: str, settings: Settings) -> str | None:
    """Return the fingerprint of a file, by one HEAD request."""
    return fingerprint_from(request("HEAD", url, settings).headers)
