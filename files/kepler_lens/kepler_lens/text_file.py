"""Text files as editors and spreadsheets of any system write them."""

from __future__ import annotations

import codecs

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(data: bytes) -> str:
    """Decode the content of a text file: UTF-8, or UTF-16 with or without its mark.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    str
        Without a byte order mark.

    Raises
    ------
    UnicodeDecodeError
        It is neither.
    """
    if data.startswith(_UTF_16):
        return data.decode("utf-16")
    # Without a mark the other byte of a plain letter or digit tells: it is zero.
    if data[1:2] == b"\0":
        return data.decode("utf-16-le")
    return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-8-sig")
