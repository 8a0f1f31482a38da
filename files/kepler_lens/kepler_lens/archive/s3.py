"""Request listings, objects and fingerprints of S3 buckets, anonymously."""

from __future__ import annotations

import errno
import http.client
import io
import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import aiohttp
import botocore.exceptions  # type: ignore[import-untyped]
import fsspec

from ..errors import SourceError
from ..retries import PassingError, cause
from .base import Item, MissingItemError, RefusedItemError, Settings
from .http import FailureHereError, authorities, gate, patiently

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PART_BYTES = 8 * 2**20
"""Part of an object that one request reads, bytes (chosen: a second of a fast line, beside which a
request takes no time)."""
T = TypeVar("T")


def find(url: str, settings: Settings) -> list[Item]:
    """List every file below a prefix, in the bucket's order, by one request per thousand files."""
    found = _ask(url, settings, lambda system: system.find(url, detail=True, withdirs=False))
    return [_item(facts) for facts in found.values()]


def list_prefix(url: str, settings: Settings) -> tuple[list[str], list[Item]]:
    """List the folders (URLs ending in '/') and the files one level below a prefix.

    Parameters
    ----------
    url : str
        s3://BUCKET/PREFIX.
    settings : Settings

    Returns
    -------
    folders : list of str
    files : list of Item

    Raises
    ------
    MissingItemError
        There is nothing below the prefix.
    """
    facts = _ask(url, settings, lambda system: system.ls(url.rstrip("/"), detail=True))
    folders = [f"s3://{fact['name']}/" for fact in facts if fact["type"] == "directory"]
    return folders, [_item(fact) for fact in facts if fact["type"] == "file"]


def read_s3(url: str, settings: Settings) -> bytes:
    """Read one object.

    Raises
    ------
    MissingItemError
        There is no such object.
    RefusedItemError
        The object is not public.
    SourceError
        The bucket does not answer.
    """
    return cast(bytes, _ask(url, settings, lambda system: system.cat_file(url)))


def fingerprint_s3(url: str, settings: Settings) -> str | None:
    """Return the ETag of one object."""
    return _item(_ask(url, settings, lambda system: system.info(url))).fingerprint


def open_s3(url: str, settings: Settings) -> BinaryIO:
    """Open an object, to read it in parts, see `ObjectStream`."""
    facts = _ask(url, settings, lambda system: system.info(url))
    if facts["type"] != "file":
        raise MissingItemError(f"{url}: not there; list the source again")
    return cast(BinaryIO, io.BufferedReader(ObjectStream(url, settings, _item(facts))))


class ObjectStream(io.RawIOBase):
    """Raw reader of an object, in any order; it asks for each part until the part is there.

    Parameters
    ----------
    url : str
        s3://BUCKET/KEY.
    settings : Settings
        Timeout and patience.
    item : Item
        Size and fingerprint of the object.
    """

    def __init__(self, url: str, settings: Settings, item: Item) -> None:
        self._url = url
        self._settings = settings
        self._size = item.size or 0
        self._fingerprint = item.fingerprint
        self._offset = 0
        self._part = b""
        self._begin = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position, bytes from the beginning."""
        return self._offset

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position, bytes from the beginning, the position or the end; return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._offset = base + offset
        return self._offset

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read at most the buffer's length; return the number of bytes, 0 only at the end."""
        view = memoryview(buffer).cast("B")
        if self._offset >= self._size:
            return 0
        if not self._begin <= self._offset < self._begin + len(self._part):
            self._part, self._begin = self._fetch(self._offset), self._offset
        first = self._offset - self._begin
        data = self._part[first : first + len(view)]
        view[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def _fetch(self, begin: int) -> bytes:
        end = min(begin + _PART_BYTES, self._size)

        def part(system: Any) -> bytes:
            try:
                data: bytes = system.cat_file(self._url, start=begin, end=end)
            finally:
                # After the part has come, so that a part of another version is found for certain;
                # and after a failure, since a shorter version may not have the part.
                now = _item(system.info(self._url)).fingerprint
                if now != self._fingerprint:
                    raise SourceError(
                        f"{self._url}: the file changed while it was read; start again"
                    )
            if len(data) != end - begin:
                raise OSError(f"{len(data)} of {end - begin} bytes came")
            return data

        return _ask(self._url, self._settings, part)


def _item(facts: dict[str, Any]) -> Item:
    return Item.from_name(
        facts["name"].rsplit("/", 1)[-1], f"s3://{facts['name']}", facts["size"], facts.get("ETag")
    )


@lru_cache(maxsize=8)
def _file_system(settings: Settings) -> Any:
    return fsspec.filesystem(
        "s3",
        anon=True,
        endpoint_url=settings.s3_endpoint,
        client_kwargs={"region_name": "us-east-1", "verify": authorities()},
        config_kwargs={
            "connect_timeout": 10,
            "read_timeout": settings.timeout,
            "max_pool_connections": settings.parallel,
            # `patiently` does all retries.
            "retries": {"max_attempts": 1},
        },
        # Listings of a bucket with millions of files must not fill the memory.
        use_listings_cache=False,
        skip_instance_cache=True,
    )


# Beside botocore's errors those of the libraries below it, as they come while a body is read.
_NO_ANSWER = (
    OSError,
    TimeoutError,
    botocore.exceptions.BotoCoreError,
    aiohttp.ClientError,
    http.client.HTTPException,
)


def _failed_here(error: BaseException) -> bool:
    """Return whether s3fs has made this error of an answer with status 500."""
    answer = error.__cause__
    if not isinstance(answer, botocore.exceptions.ClientError):
        return False
    return bool(answer.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 500)


def _ask(url: str, settings: Settings, question: Callable[[Any], T]) -> T:
    def once() -> T:
        try:
            with gate(settings.parallel):
                return question(_file_system(settings))
        except FileNotFoundError as error:
            raise MissingItemError(f"{url}: not there; list the source again") from error
        except PermissionError as error:
            raise RefusedItemError(f"{url}: access refused; this bucket must be public") from error
        except _NO_ANSWER as error:
            kind = FailureHereError if _failed_here(error) else PassingError
            raise kind(f"S3 does not answer ({cause(error)})") from error
        except botocore.exceptions.ClientError as error:
            raise SourceError(f"{url}: S3 refuses ({error})") from error

    return patiently(once, url, settings.patience)
