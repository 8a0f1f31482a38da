"""Download one file from the archive, through the local cache if there is one."""

from __future__ import annotations

from .base import Item, ItemError, Settings
from .cache import Cache, Entry
from .http import fingerprint_from, request
from .s3 import read_s3


def fetch(item: Item, settings: Settings) -> tuple[bytes, str | None]:
    """Download a file, or read the kept copy if it is certainly the same.

    A copy with the item's fingerprint needs no request. Otherwise the server is asked whether it
    has a newer file; the file is sent only then.

    Parameters
    ----------
    item : Item
        With an http(s):// or s3:// URL.
    settings : Settings
        Cache, limits and patience.

    Returns
    -------
    data : bytes
        As long as the server said. The checksum of a kept copy is compared every time.
    fingerprint : str or None
        Fingerprint of exactly this content.
    """
    cache = Cache(settings.cache, settings.cache_limit) if settings.cache else None
    entry = cache.entry(item.url) if cache else None
    if cache and entry and item.fingerprint and entry.fingerprint == item.fingerprint:
        data = cache.data(entry)
        if data is not None:
            return data, entry.fingerprint
        entry = None
    if item.url.startswith("s3://"):
        return _from_s3(item, settings, cache)
    return _from_http(item, settings, cache, entry)


def _from_s3(item: Item, settings: Settings, cache: Cache | None) -> tuple[bytes, str | None]:
    data = read_s3(item.url, settings)
    if item.size is not None and len(data) != item.size:
        raise ItemError(
            f"{item.url}: {len(data)} bytes came instead of the {item.size} listed; "
            "the file changes just now: list the source again"
        )
    if cache:
        cache.keep(item.url, data, fingerprint=item.fingerprint)
    return data, item.fingerprint


def _from_http(
    item: Item, settings: Settings, cache: Cache | None, entry: Entry | None
) -> tuple[bytes, str | None]:
    asked = {}
    if entry and entry.etag:
        asked["If-None-Match"] = entry.etag
    elif entry and entry.modified:
        asked["If-Modified-Since"] = entry.modified
    response = request("GET", item.url, settings, headers=asked, accept=(304,), limited=True)
    if response.status_code == 304 and cache and entry:
        data = cache.data(entry)
        if data is not None:
            return data, entry.fingerprint
        response = request("GET", item.url, settings, limited=True)
    headers = response.headers
    fingerprint = fingerprint_from(headers)
    if cache:
        cache.keep(
            item.url,
            response.content,
            fingerprint=fingerprint,
            etag=headers.get("ETag"),
            modified=headers.get("Last-Modified"),
        )
    return response.content, fingerprint
