"""Changed copies of FITS files, with the checksums that the pipeline would write."""

from __future__ import annotations

import io
from collections.abc import Callable

from astropy.io import fits


def checked(data: bytes) -> bytes:
    """Write a checksum into every unit, as the pipeline does."""
    out = io.BytesIO()
    with fits.open(io.BytesIO(data)) as units:
        for unit in units:
            unit.add_checksum()
        units.writeto(out)
    return out.getvalue()


def edited(data: bytes, edit: Callable[[fits.HDUList], object]) -> bytes:
    """Change something and write valid checksums, so that only the change can be what is found."""
    out = io.BytesIO()
    with fits.open(io.BytesIO(data)) as units:
        edit(units)
        units.writeto(out)
    return checked(out.getvalue())
