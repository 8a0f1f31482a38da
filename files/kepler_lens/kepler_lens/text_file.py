"""Decode text files that editors and spreadsheets of any system write."""

from __future__ import annotations

import codecs

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(data: bytes) -> str:
    """Decode the content of a text file: UTF-8, or UTF-16 with or without a byte order mark.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    str
        The text, without a byte order mark.

    Raises
    ------
    UnicodeDecodeError
        The content is neither UTF-8 nor UTF-16.
    """
    if data.startswith(_UTF_16):
        return data.decode("utf-16")
    # Without a mark, UTF-16 shows by a zero byte beside the first letter or digit.
    if data[1:2] == b"\0":
        return data.decode("utf-16-le")
    return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-8-sig")
