"""Open sources of light curve files: the archive, a web server, a folder, a tarball, a zip file."""

from __future__ import annotations

import gzip
import io
import os
import zlib

from kepler_lens.missions.mission import MAST_HTTPS, MAST_S3

from ..errors import SourceError
from .base import (
    FailingItemError,
    Item,
    ItemError,
    MissingItemError,
    RefusedItemError,
    Selection,
    Settings,
    Source,
)
from .bucket import S3Source
from .fetch import fetch
from .folder import FolderSource
from .http import fingerprint_http
from .listing import ListingSource
from .local import fingerprint_file, read_file
from .mast import ArchiveSource, mission_roots
from .packed import is_packed, open_packed
from .s3 import fingerprint_s3
from .sizes import LARGEST_BYTES, check_size

__all__ = [
    "MAST_HTTPS",
    "MAST_S3",
    "FailingItemError",
    "Item",
    "ItemError",
    "MissingItemError",
    "RefusedItemError",
    "Selection",
    "Settings",
    "Source",
    "fingerprint_of",
    "open_source",
    "read_item",
    "read_with_fingerprint",
    "unpacked",
]


def open_source(
    url: str,
    *,
    parallel: int = 4,
    cache: str | None = None,
    cache_limit: int = 20_000_000_000,
    patience: float = 120.0,
    s3_endpoint: str | None = None,
) -> Source:
    """Open a source of light curve files, without a request.

    Parameters
    ----------
    url : str
        A folder (path or file://), a folder that a web server lists (http(s)://), the archive by
        star (`MAST_HTTPS`, `MAST_S3` or one mission's ``lightcurves`` folder there), any S3 prefix,
        or a tarball or zip file in any of these places.
    parallel : int
        Requests at the same time, in this process.
    cache : str or None
        Folder that keeps downloaded files; None keeps none.
    cache_limit : int
        Bytes above which the oldest of them are dropped.
    patience : float
        Seconds during which a failed request is tried again.
    s3_endpoint : str or None
        URL of an S3 service other than Amazon's; by default AWS_ENDPOINT_URL_S3 of the environment.

    Returns
    -------
    Source
        See `Source.items`.

    Raises
    ------
    SourceError
        The scheme of the URL is unknown.
    """
    endpoint = s3_endpoint or os.environ.get("AWS_ENDPOINT_URL_S3")
    settings = Settings(parallel, cache, cache_limit, patience=patience, s3_endpoint=endpoint)
    scheme = _scheme(url)
    if scheme not in ("", "file", "http", "https", "s3"):
        raise SourceError(
            f"{url}: sources are paths and URLs with file://, http://, https:// or s3://"
        )
    if is_packed(url):
        return open_packed(url, settings)
    if mission_roots(url):
        return ArchiveSource(url, settings)
    if scheme == "s3":
        return S3Source(url, settings)
    if scheme in ("http", "https"):
        return ListingSource(url, settings)
    return FolderSource(url, settings)


def read_item(item: Item, settings: Settings) -> bytes:
    """Read one file, on any machine; a .gz file is decompressed.

    Parameters
    ----------
    item : Item
        Of `Source.items`.
    settings : Settings
        `Source.settings`.

    Returns
    -------
    bytes
        Content of the FITS file.

    Raises
    ------
    ItemError
        This file is gone, too large, or refused, or cannot be decompressed.
    SourceError
        The source does not answer.
    """
    return read_with_fingerprint(item, settings)[0]


def read_with_fingerprint(item: Item, settings: Settings) -> tuple[bytes, str | None]:
    """Read one file and its fingerprint, with no extra request.

    Parameters
    ----------
    item, settings
        See `read_item`.

    Returns
    -------
    data : bytes
        See `read_item`.
    fingerprint : str or None
        See `fingerprint_of`. It belongs to exactly this content, even if the file changes at the
        same time.
    """
    check_size(item.url, item.size)
    if item.data is not None:
        return unpacked(item.data, item.name), item.fingerprint
    if _scheme(item.url) == "file":
        # The fingerprint is read first: a file that changes meanwhile is then read once too often,
        # never too seldom.
        fingerprint: str | None = fingerprint_file(item.url)
        return unpacked(read_file(item.url), item.name), fingerprint
    data, fingerprint = fetch(item, settings)
    return unpacked(data, item.name), fingerprint


def fingerprint_of(item: Item, settings: Settings) -> str | None:
    """Return the fingerprint of one file, from its listing or else by one cheap request.

    Equal fingerprints mean that the file has not changed.

    Parameters
    ----------
    item, settings
        See `read_item`.

    Returns
    -------
    str or None
        None where the source gives no fingerprint.
    """
    if item.fingerprint is not None:
        return item.fingerprint
    if _scheme(item.url) == "file":
        return fingerprint_file(item.url)
    if _scheme(item.url) == "s3":
        return fingerprint_s3(item.url, settings)
    return fingerprint_http(item.url, settings)


def _scheme(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else ""


def unpacked(data: bytes, name: str) -> bytes:
    """Return the content of a file, decompressed if gzip has compressed it.

    Parameters
    ----------
    data : bytes
    name : str
        Name of the file, for the message.

    Returns
    -------
    bytes

    Raises
    ------
    MissingItemError
        The content cannot be decompressed.
    ItemError
        The content is too large for a light curve.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(LARGEST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise MissingItemError(f"{name}: damaged gzip file ({error})") from error
    check_size(name, len(content))
    return content
