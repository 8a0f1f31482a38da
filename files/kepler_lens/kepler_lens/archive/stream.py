"""Read one long download from beginning to end, and continue where a connection broke."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

import requests
import urllib3

from ..errors import SourceError
from ..retries import PassingError
from .base import Settings
from .http import check, fingerprint_from, patiently, session
from .local import local_path
from .s3 import open_s3

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def opened(url: str, settings: Settings) -> BinaryIO:
    """Open one large file, local, http(s) or S3, to read it from its beginning to its end.

    Parameters
    ----------
    url : str
        URL or path.
    settings : Settings
        Timeout and patience.

    Raises
    ------
    SourceError
        There is no such local file.
    """
    if url.startswith(("http://", "https://")):
        return cast(BinaryIO, io.BufferedReader(ResumingStream(url, settings), 2**20))
    if url.startswith("s3://"):
        return open_s3(url, settings)
    path = local_path(url)
    if not path.is_file():
        raise SourceError(f"{path}: no such file; check the path")
    return path.open("rb")


class ResumingStream(io.RawIOBase):
    """Raw reader of an http(s) file.

    After a broken connection it asks for the rest by a Range request. If the server sends the whole
    file instead, the reader skips its beginning.

    Parameters
    ----------
    url : str
        Percent-encoded.
    settings : Settings
        Timeout, and patience with a server that sends no byte.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self._url = url
        self._settings = settings
        self._response: requests.Response | None = None
        self._offset = 0
        self._size: int | None = None
        self._fingerprint: str | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read at most the buffer's length; return the number of bytes, 0 only at the end."""
        view = memoryview(buffer).cast("B")
        data = patiently(lambda: self._read(len(view)), self._url, self._settings.patience)
        view[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def close(self) -> None:
        """Close the connection."""
        self._hang_up()
        super().close()

    def _read(self, size: int) -> bytes:
        if self._offset == self._size:
            return b""
        response = self._response or self._connect()
        self._response = response
        try:
            data: bytes = response.raw.read(size)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self._hang_up()
            raise PassingError(f"the connection broke after {self._offset} bytes") from error
        if not data and self._size is not None:
            self._hang_up()
            raise PassingError(f"the connection ended after {self._offset} of {self._size} bytes")
        return data

    def _connect(self) -> requests.Response:
        headers = {"Range": f"bytes={self._offset}-"} if self._offset else {}
        response = session().get(
            self._url, headers=headers, stream=True, timeout=(10, self._settings.timeout)
        )
        check(response)
        whole = response.status_code == 200
        if not self._offset:
            length = response.headers.get("Content-Length", "")
            self._size = int(length) if length.isdigit() else None
            self._fingerprint = _version(response)
        elif _version(response) != self._fingerprint:
            response.close()
            raise SourceError(f"{self._url}: the file changed while it was read; start again")
        elif whole:
            _pass_over(response, self._offset)
        return response

    def _hang_up(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


def _version(response: requests.Response) -> str | None:
    """Return ETag or Last-Modified, without the length, which differs for a part of the file."""
    headers = response.headers
    return fingerprint_from({k: headers[k] for k in ("ETag", "Last-Modified") if k in headers})


def _pass_over(response: requests.Response, count: int) -> None:
    while count:
        try:
            data = response.raw.read(min(count, 2**20))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise PassingError("the connection broke again before new bytes") from error
        if not data:
            raise PassingError("the connection ended again before new bytes")
        count -= len(data)
