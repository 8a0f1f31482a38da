"""Request listings, objects and fingerprints of S3 buckets, anonymously."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, BinaryIO, TypeVar, cast

import botocore.exceptions  # type: ignore[import-untyped]
import fsspec

from ..errors import SourceError
from ..retries import PassingError
from .base import Item, MissingItemError, RefusedItemError, Settings
from .http import authorities, gate, patiently

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
    """Open an object, to read it from its beginning to its end."""
    opened = _ask(
        url,
        settings,
        lambda system: system.open(url, "rb", block_size=8 * 2**20, cache_type="readahead"),
    )
    return cast(BinaryIO, opened)


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


def _ask(url: str, settings: Settings, question: Callable[[Any], T]) -> T:
    def once() -> T:
        try:
            with gate(settings.parallel):
                return question(_file_system(settings))
        except FileNotFoundError as error:
            raise MissingItemError(f"{url}: not there; list the source again") from error
        except PermissionError as error:
            raise RefusedItemError(f"{url}: access refused; this bucket must be public") from error
        except (OSError, botocore.exceptions.BotoCoreError, TimeoutError) as error:
            raise PassingError(f"S3 does not answer ({error})") from error
        except botocore.exceptions.ClientError as error:
            raise SourceError(f"{url}: S3 refuses ({error})") from error

    return patiently(once, url, settings.patience)
