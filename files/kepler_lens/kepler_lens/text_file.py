"""Text files as editors and spreadsheets of any system write them."""

from __future__ import annotations

import codecs

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(data: bytes) -> str:
    """Decode the content of a text file: UTF-8, or UTF-16 where it begins with its mark.

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
    return data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
