"""Request files from an archive: kept-alive connections, a limit of parallel requests, retries."""

from __future__ import annotations

import email.utils
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
from requests.adapters import HTTPAdapter

from .. import __version__, retries
from ..errors import SourceError
from ..retries import PassingError
from .base import FailingItemError, MissingItemError, RefusedItemError, Settings
from .sizes import check_size

_USER_AGENT = f"kepler-lens/{__version__}"
_DEBIAN_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""File of Debian's certificate authorities, for a Python that names no other."""
_local = threading.local()
T = TypeVar("T")


class FailureHereError(PassingError):
    """The server has failed at one request (status 500), and may answer others."""


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
    limited: bool = False,
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
    limited : bool
        Whether a body that is too large for a light curve is refused, and not read.

    Returns
    -------
    Answer
        Its content is as long as the server said.

    Raises
    ------
    MissingItemError
        The status is 404 or 410.
    RefusedItemError
        The status is another one that does not pass, or (FailingItemError) 500 that does not.
    ItemError
        The body is too large.
    SourceError
        The server does not answer within the patience.
    """

    def once() -> Answer:
        wait = (10, settings.timeout)
        with (
            gate(settings.parallel),
            session().request(
                method, url, headers=dict(headers or {}), timeout=wait, stream=True
            ) as response,
        ):
            content = _body(response, url if limited else None)
        check(response, accept)
        if method == "GET":
            _check_length(response, len(content))
        return Answer(response.url, response.status_code, response.headers, content)

    return patiently(once, url, settings.patience)


def patiently(attempt: Callable[[], T], url: str, patience: float) -> T:
    """Call `attempt` by `retries.ARCHIVE`, and say in a sentence what did not help.

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
    FailingItemError
        The server failed at this request until the end.
    SourceError
        The failures did not pass, or the host cannot be reached.
    """
    host = urlsplit(url).netloc
    try:
        return retries.patiently(attempt, retries.ARCHIVE, patience)
    except FailureHereError as error:
        raise FailingItemError(
            f"{url}: {error}, and trying again for {patience:.0f} s did not help; "
            "ask who keeps the server"
        ) from error
    except PassingError as error:
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
            f"{url}: {host} cannot be reached ({retries.cause(error)}); "
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
    PassingError, MissingItemError, RefusedItemError
        By the status.
    """
    status, where = response.status_code, response.url
    if status in retries.ARCHIVE.statuses:
        kind = FailureHereError if status == 500 else PassingError
        raise kind(
            f"the server answers {status} {response.reason}",
            answered=True,
            retry_after=_seconds(response.headers.get("Retry-After")),
        )
    if status in (404, 410):
        raise MissingItemError(f"{where}: not there ({status}); list the source again")
    if status in (401, 403):
        raise RefusedItemError(f"{where}: access refused ({status}); this source must be public")
    if status >= 300 and status not in accept:
        raise RefusedItemError(
            f"{where}: the server refuses it ({status} {response.reason}); "
            "ask who keeps the server, or name another source"
        )


def _body(response: requests.Response, limited: str | None) -> bytes:
    """Read a body, of the file with this URL if it is limited."""
    expected = response.headers.get("Content-Length", "")
    if limited and expected.isdigit():
        check_size(limited, int(expected))
    blocks, size = [], 0
    for block in response.iter_content(_BLOCK_BYTES):
        blocks.append(block)
        size += len(block)
        if limited:
            check_size(limited, size)
    return b"".join(blocks)


def _check_length(response: requests.Response, got: int) -> None:
    expected = response.headers.get("Content-Length", "")
    if not expected.isdigit() or response.status_code != 200:
        return
    if got != int(expected) and "Content-Encoding" not in response.headers:
        raise PassingError(f"the connection ended after {got} of {expected} bytes")


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


def fingerprint_from(headers: Mapping[str, str]) -> str | None:
    """Return ETag, or Last-Modified and Content-Length; None where the server sends neither."""
    if etag := headers.get("ETag"):
        return etag
    modified = headers.get("Last-Modified")
    if modified is None:
        return None
    return f"{modified} {headers.get('Content-Length', '?')}"


def fingerprint_http(url: str, settings: Settings) -> str | None:
    """Return the fingerprint of a file, by one HEAD request; None where the server refuses it."""
    try:
        return fingerprint_from(request("HEAD", url, settings).headers)
    except RefusedItemError:
        # A server may refuse HEAD and give the file: who reads the file finds that out.
        return None
