"""Compose a light curve file in the format of the Kepler pipeline.

Keywords, their order and comments, and the columns are those of real files (format version 6.1).
They are in ``missions/light_curve_header.txt``. A keyword for which a simulation has no value is
undefined, as in a file of the pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from kepler_lens import missions

_BLOCK = 2880
"""Bytes of a block (FITS standard 4.0, section 3.1)."""
_TYPES = {"D": ">f8", "E": ">f4", "J": ">i4"}
"""FITS type of a column to its NumPy type."""
Values = Mapping[str, str | int | float | bool]


@cache
def table_type() -> np.dtype[Any]:
    """Return the type of a row of the table LIGHTCURVE: 20 big-endian columns, 100 bytes."""
    header = _templates()[1]
    count = header["TFIELDS"]
    return np.dtype(
        [(header[f"TTYPE{n}"], _TYPES[header[f"TFORM{n}"]]) for n in range(1, count + 1)]
    )


def light_curve_bytes(
    rows: NDArray[Any], aperture: NDArray[np.int32], values: Values, written: str
) -> bytes:
    """Compose the file.

    Parameters
    ----------
    rows : structured[n]
        Table of type `table_type`; float columns are NaN where there is no value.
    aperture : int32[rows, columns]
        Image: 1 observed, 3 observed and in the aperture.
    values : mapping
        Keyword to its value, which is set in every header that has the keyword.
    written : str
        Date and time (ISO) in the comments of the checksums.

    Returns
    -------
    bytes
        Three header-data units, each with a valid CHECKSUM.
    """
    image = np.ascontiguousarray(aperture, dtype=">i4")
    shapes: list[dict[str, int]] = [
        {},
        {"NAXIS2": len(rows)},
        {"NAXIS1": image.shape[1], "NAXIS2": image.shape[0], "NPIXSAP": int((image == 3).sum())},
    ]
    units = []
    for template, shape, data in zip(
        _templates(), shapes, (b"", rows.tobytes(), image.tobytes()), strict=True
    ):
        header = template.copy()
        for keyword, value in {**values, **shape}.items():
            if keyword in header:
                header[keyword] = value
        units.append(_with_checksum(header, data, written))
    return b"".join(units)


@cache
def _templates() -> list[fits.Header]:
    """Return the headers of the three header-data units, without values of a star."""
    text = resources.files(missions).joinpath("light_curve_header.txt").read_text("ascii")
    return [
        fits.Header.fromstring(part.strip("\n") + "\n", sep="\n")
        for part in text.split("\nEND\n")
        if part.strip()
    ]


def _with_checksum(header: fits.Header, data: bytes, written: str) -> bytes:
    """Return the bytes of a header-data unit with a valid CHECKSUM, which is set in the header."""
    comment = f"HDU checksum updated {written}"
    header["CHECKSUM"] = ("0" * 16, comment)
    body = data + bytes(-len(data) % _BLOCK)
    total = _sum(_text(header) + body)
    header["CHECKSUM"] = (_encoded(~total & 0xFFFFFFFF), comment)
    return _text(header) + body


def _text(header: fits.Header) -> bytes:
    """Return a header's cards and END, padded to whole blocks."""
    return str(header.tostring()).encode("ascii")


def _sum(data: bytes) -> int:
    """Return the ones' complement sum of 32-bit words (FITS standard 4.0, appendix J.1)."""
    total = int(np.frombuffer(data, ">u4").sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _encoded(value: int) -> str:
    """Return 16 letters and digits whose own sum is the value (appendix J.2)."""
    text = [""] * 16
    for byte in range(4):
        part = value >> (24 - 8 * byte) & 0xFF
        quarters = [part // 4 + part % 4 + 0x30] + [part // 4 + 0x30] * 3
        # Punctuation lies between digits, capitals and small letters: add 1 to one of a pair and
        # subtract 1 from the other, which keeps their sum.
        while any(0x3A <= q <= 0x40 or 0x5B <= q <= 0x60 for q in quarters):
            for first in (0, 2):
                pair = quarters[first : first + 2]
                if any(0x3A <= q <= 0x40 or 0x5B <= q <= 0x60 for q in pair):
                    quarters[first : first + 2] = [pair[0] + 1, pair[1] - 1]
        for quarter in range(4):
            text[4 * quarter + byte] = chr(quarters[quarter])
    joined = "".join(text)
    # The value begins behind ``CHECKSUM= '``, one byte before a 32-bit word.
    return joined[-1] + joined[:-1]
