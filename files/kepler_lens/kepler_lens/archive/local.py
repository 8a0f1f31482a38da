"""Read files of this machine by path or file:// URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from .base import MissingItemError, file_fingerprint


def local_path(url: str) -> Path:
    """Return the path of a file:// URL, or of a path."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        # A name that is not UTF-8 has surrogates, by Python's convention for file systems.
        return Path(unquote(parts.path, errors="surrogateescape"))
    return Path(url).expanduser()


def read_file(url: str) -> bytes:
    """Read a local file.

    Raises
    ------
    MissingItemError
        The file is gone or cannot be read.
    """
    path = local_path(url)
    try:
        return path.read_bytes()
    except OSError as error:
        raise MissingItemError(
            f"{path}: cannot be read ({error.strerror}); "
            "workers must see the folder under the same path"
        ) from error


def fingerprint_file(url: str) -> str:
    """Return the present fingerprint of a local file.

    Raises
    ------
    MissingItemError
        The file is gone or cannot be read.
    """
    path = local_path(url)
    try:
        return file_fingerprint(path.stat())
    except OSError as error:
        raise MissingItemError(f"{path}: cannot be read ({error.strerror})") from error
