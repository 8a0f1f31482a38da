"""The bytes of a FITS file: headers, checksums and binary tables, read without a copy.

With `astropy.io.fits`, reading a light curve takes longer than the rest of an import, because
astropy builds an object for each of 260 header cards, of which a light curve needs thirty. This
module reads only what the pipeline of Kepler writes. Source: FITS standard 4.0, sections 4 and 7.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 2880
_CARD = 80
_END = b"END" + b" " * 77
_TFORM = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}

Value = str | int | float | bool


class FitsError(Exception):
    """The bytes are wrong; the text ends a sentence that begins with the file's name."""


class Header:
    """Keywords of one header; a value is parsed when it is read.

    Parameters
    ----------
    cards : dict
        Keyword, padded to 8 bytes, to the rest of its card.
    """

    __slots__ = ("_cards",)

    def __init__(self, cards: dict[bytes, bytes]) -> None:
        self._cards = cards

    def get(self, keyword: str) -> Value | None:
        """Return a keyword's value; None if it is absent or undefined."""
        card = self._cards.get(keyword.encode().ljust(8))
        if card is None or not card.startswith(b"= "):
            return None
        return _value(keyword, card[2:].decode("ascii", "replace").strip())

    def text(self, keyword: str, default: str | None = None) -> str:
        """Return a keyword's string; `default` if it is absent or undefined.

        Raises
        ------
        FitsError
            The value is no string, or is absent and has no `default`.
        """
        value = self.get(keyword)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise FitsError(f"is damaged: its header has no text for {keyword}")
        return value

    def integer(self, keyword: str, default: int | None = None) -> int:
        """Return a keyword's whole number; `default` if it is absent or undefined.

        Raises
        ------
        FitsError
            The value is no whole number, or is absent and has no `default`.
        """
        value = self.get(keyword)
        if value is None and default is not None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise FitsError(f"is damaged: its header has no whole number for {keyword}")
        return value


@dataclass(frozen=True, slots=True)
class Unit:
    """One header-data unit.

    Attributes
    ----------
    header : Header
    body : int
        Start of the unit's data, bytes from the start of the file.
    end : int
        Start of the next unit, bytes from the start of the file.
    """

    header: Header
    body: int
    end: int


def read_unit(data: bytes, start: int) -> Unit:
    """Read the header at `start` and verify the unit's checksum.

    Parameters
    ----------
    data : bytes
        The whole file.
    start : int
        Start of the unit, bytes from the start of the file.

    Raises
    ------
    FitsError
        The unit is truncated or damaged.
    """
    header, body = read_header(data, start)
    axes = header.integer("NAXIS")
    elements = 1 if axes else 0
    for axis in range(1, axes + 1):
        elements *= header.integer(f"NAXIS{axis}")
    elements = header.integer("GCOUNT", 1) * (header.integer("PCOUNT", 0) + elements)
    size = abs(header.integer("BITPIX")) // 8 * elements
    end = body + -(-size // _BLOCK) * _BLOCK
    if end > len(data):
        raise FitsError(f"is truncated: it has {len(data)} bytes and should have at least {end}")
    _verify(data, start, end, header)
    return Unit(header, body, end)


def read_header(data: bytes, start: int) -> tuple[Header, int]:
    """Read the cards up to END, without a check of the checksum.

    Returns
    -------
    header : Header
    body : int
        End of the header's last block, bytes from the start of the file.

    Raises
    ------
    FitsError
        The header has no END.
    """
    cards: dict[bytes, bytes] = {}
    for position in range(start, len(data) - _CARD + 1, _CARD):
        card = data[position : position + _CARD]
        if card == _END:
            blocks = (position - start) // _BLOCK + 1
            return Header(cards), start + blocks * _BLOCK
        cards[card[:8]] = card[8:]
    raise FitsError(f"is truncated or damaged: a header has no end in its {len(data)} bytes")


def read_table(data: bytes, unit: Unit) -> NDArray[Any]:
    """Return a binary table as a structured array[rows] of big-endian fields, a view of `data`.

    Raises
    ------
    FitsError
        The columns do not fit the length of a row, have one name twice, or have a format that no
        light curve has.
    """
    header = unit.header
    names, formats = [], []
    for field in range(1, header.integer("TFIELDS") + 1):
        form = header.text(f"TFORM{field}").strip()
        repeat, code = form[:-1] or "1", form[-1:]
        if code not in _TFORM or not repeat.isdecimal():
            raise FitsError(f"has a column that no light curve has (TFORM{field} is {form!r})")
        names.append(header.text(f"TTYPE{field}", f"column {field}"))
        formats.append(_TFORM[code] if repeat == "1" else f"({repeat},){_TFORM[code]}")
    if len(set(names)) != len(names):
        raise FitsError("has two columns of one name")
    dtype = np.dtype({"names": names, "formats": formats})
    if dtype.itemsize != header.integer("NAXIS1"):
        raise FitsError(
            f"has rows of {header.integer('NAXIS1')} bytes, but its columns take {dtype.itemsize}"
        )
    return np.frombuffer(data, dtype=dtype, count=header.integer("NAXIS2"), offset=unit.body)


def _value(keyword: str, text: str) -> Value | None:
    """Parse the text of a card between ``=`` and the comment."""
    if text.startswith("'"):
        # A quote within a string is written twice.
        body, quote, _ = text[1:].replace("''", "\0").partition("'")
        if not quote:
            raise FitsError(f"is damaged: its header does not close the text of {keyword}")
        return body.replace("\0", "'").rstrip()
    text = text.partition("/")[0].strip()
    if not text:
        return None
    if text in ("T", "F"):
        return text == "T"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text.replace("D", "E"))
    except ValueError:
        raise FitsError(f"is damaged: its header has {text!r} for {keyword}") from None


def _verify(data: bytes, start: int, end: int, header: Header) -> None:
    """Verify CHECKSUM: the ones' complement sum of a unit's 32-bit words is minus zero.

    FITS standard 4.0, section 4.4.2.7 and appendix J. (`astropy.io.fits` reports a mismatch for
    the tables of intact Kepler files, so its own check cannot be used.)
    """
    if header.get("CHECKSUM") is None:
        raise FitsError("is damaged or not from the pipeline: a header has no CHECKSUM")
    words = np.frombuffer(data, dtype=">u4", count=(end - start) // 4, offset=start)
    total = int(words.sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    if total != 0xFFFFFFFF:
        name = header.get("EXTNAME") or "one unit"
        raise FitsError(f"is damaged: its checksum of {name} does not match the content")
