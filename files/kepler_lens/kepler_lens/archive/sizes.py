"""Tell files that are too large for light curves by their size, without reading them."""

from __future__ import annotations

from .base import ItemError

LARGEST_BYTES = 64_000_000
"""Largest size of a light curve file, bytes (chosen: the largest of the archive, short cadence of a
campaign of K2, have some 12 MB; full-frame images have 400 MB)."""


def too_large(size: int | None) -> bool:
    """Return whether a size, bytes, is too large; an unknown size is not."""
    return size is not None and size > LARGEST_BYTES


def check_size(name: str, size: int | None) -> None:
    """Refuse a file that is too large.

    Parameters
    ----------
    name : str
        Name or URL of the file, for the message.
    size : int or None
        Bytes; None where it is unknown.

    Raises
    ------
    ItemError
        The file is too large.
    """
    if too_large(size):
        raise ItemError(f"{name}: {size_reason()}")


def size_reason() -> str:
    """Return the words that say why such a file was not read."""
    return (
        f"is no light curve: it has more than {LARGEST_BYTES // 1_000_000} MB, and was not read; "
        "take it out of the source"
    )
