"""Light curves as text in the GTS input format of Warp 10.

The schema is that of the public HelloExoWorld, so that its scripts run unchanged: one series for
each star and column over all quarters, named by `CLASS_OF_COLUMN`, with five labels from the FITS
primary header and the time axis of
`kepler_lens.missions.mission.TimeZero` (TDB, not UTC).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kepler_lens.lightcurve import LightCurve

CLASS_OF_COLUMN = {
    "SAP_FLUX": "sap.flux",
    "PDCSAP_FLUX": "pdcsap.flux",
    "SAP_FLUX_ERR": "sap.flux.err",
    "PDCSAP_FLUX_ERR": "pdcsap.flux.err",
    "SAP_QUALITY": "sap.quality",
}


def class_pattern(classes: Iterable[str] = CLASS_OF_COLUMN.values()) -> str:
    """Return a regular expression of classes for a selector, such as ``~(…){}``.

    Parameters
    ----------
    classes : iterable of str, optional
        Names of classes; by default all classes of light curves.
    """
    return "|".join(map(re.escape, classes))


def series_name(classname: str, labels: Mapping[str, str]) -> str:
    """Return ``class{label=value,…}``, percent-encoded, with sorted labels."""
    return quote(classname, safe="") + attribute_text(labels)


def attribute_text(pairs: Mapping[str, str]) -> str:
    """Return attributes as ``/meta`` reads them after a series' name, percent-encoded, sorted."""
    written = (f"{quote(k, safe='')}={quote(pairs[k], safe='')}" for k in sorted(pairs))
    return "{" + ",".join(written) + "}"


def to_gts(lc: LightCurve, columns: Sequence[str] | None = None) -> bytes:
    """Write a light curve as GTS text, ready for ``/api/v0/update``.

    Parameters
    ----------
    lc : LightCurve
    columns : sequence of str, optional
        FITS names; by default all columns of the light curve.

    Returns
    -------
    bytes
        For each column its finite points: one full line, then continuation lines ``=TS// VALUE``.
        Empty if there are none. Each value is the shortest decimal that reads as the same float32.
    """
    ticks = pa.array(lc.time_us).cast(pa.string())
    return b"".join(_series_text(lc, column, ticks) for column in columns or lc.columns)


def _series_text(lc: LightCurve, column: str, ticks: Any) -> bytes:
    value = lc.columns[column]
    if value.dtype.kind == "f":
        finite = np.isfinite(value)
        if not finite.all():
            value, ticks = value[finite], ticks.filter(pa.array(finite))
    if not len(value):
        return b""
    points = pc.binary_join_element_wise(ticks, value_text(value), "// ")
    text = pc.binary_join(pa.ListArray.from_arrays([0, len(points)], points), "\n=")[0].as_buffer()
    tick, _, rest = text.to_pybytes().partition(b" ")
    name = series_name(CLASS_OF_COLUMN[column], lc.labels).encode()
    return b"%b %b %b\n" % (tick, name, rest)


def value_text(value: NDArray[Any]) -> Any:
    """Return numbers as text that Warp 10 reads.

    Parameters
    ----------
    value : float32[n] or integer[n]
        Finite numbers.

    Returns
    -------
    pyarrow.StringArray
        The shortest decimals that read as the same numbers. A float always has a dot or an
        exponent: without one Warp 10 stores a long, and cuts all values of a series whose first
        value is a long down to whole numbers.
    """
    text = pa.array(value).cast(pa.string())
    if value.dtype.kind != "f":
        return text
    whole = value == np.trunc(value)
    if not whole.any():
        return text
    bare = [t if "e" in t else t + ".0" for t in text.filter(pa.array(whole)).to_pylist()]
    return pc.replace_with_mask(text, pa.array(whole), pa.array(bare, pa.string()))


def parse_gts(lines: Iterable[str]) -> dict[str, list[tuple[int, str]]]:
    """Read GTS text.

    Parameters
    ----------
    lines : iterable of str
        Lines that are sent to the server, or that its ``fetch`` answers.

    Returns
    -------
    dict
        Series name (``class{labels}``, decoded, without attributes) to its points: tick in µs and
        value as text, in the order of the lines.
    """
    series: dict[str, list[tuple[int, str]]] = {}
    points: list[tuple[int, str]] = []
    for line in lines:
        position, _, rest = line.strip().partition(" ")
        if not position:
            continue
        if not position.startswith("="):
            name, _, rest = rest.partition("} ")
            points = series.setdefault(unquote(name + "}"), [])
        points.append((int(position.removeprefix("=").split("/", 1)[0]), rest))
    return series
