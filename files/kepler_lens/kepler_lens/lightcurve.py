"""Read the light curve files of Kepler and K2 (FITS, long and short cadence).

The format is that of the Kepler Archive Manual (KDMC-10008-006, section 2.3.1): a primary header,
the binary table ``LIGHTCURVE`` and the image of the aperture. The table is read as one NumPy view
of the file's bytes; with it an import is as fast as its server.

Time
----
``TIME`` is the Barycentric Julian Date in the scale TDB, less that of the mission's time 0 (BKJD,
`kepler_lens.missions.kepler.BKJD`). The public HelloExoWorld stored it on Warp 10's axis of
microseconds since 1970 by the formula of `TimeZero.ticks`. The scale of the axis is therefore TDB:
an ISO date that Warp 10 shows is ahead of UTC by 66 to 69 s during the missions, and is the time at
which the light reaches the Solar System's barycentre, not the spacecraft.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from kepler_lens.errors import LightCurveError
from kepler_lens.fits import FitsError, Header, read_header, read_table, read_unit
from kepler_lens.missions import CADENCES, DEFAULT_COLUMNS, LABELS, MISSIONS, Mission, kepler

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True, eq=False)
class LightCurve:
    """Light curve of one star during one quarter or campaign.

    Attributes
    ----------
    star : int
        KIC number (Kepler) or EPIC number (K2).
    mission : str
        'Kepler', 'K2' or 'Simulation'.
    segment : int
        Quarter (Kepler) or campaign (K2).
    cadence : str
        'long' (29.4 min) or 'short' (58.8 s).
    labels : dict
        The five labels of the star's series, from the primary header; MISSION is set even if an
        early file has none.
    filever, date : str
        The file's version and the day on which it was written (ISO).
    first_cadence : int
        CADENCENO of the table's first row; it does not change when the archive reprocesses the
        file.
    time_us : int64[n]
        Ticks, microseconds (see `TimeZero.ticks`), of the rows with a finite TIME.
    columns : dict
        FITS name to array[n]: float32 electrons/s for fluxes and their errors, int32 for quality.
        Values may be NaN.
    stellar : dict
        Values of the star in the header: TEFF (K), LOGG (log10 of cm/s²), RADIUS (solar radii),
        KEPMAG (mag). Missing values are left out.
    cdpp : dict
        Hours (3, 6, 12) to the pipeline's combined differential photometric precision, ppm.
    """

    star: int
    mission: str
    segment: int
    cadence: str
    labels: dict[str, str]
    filever: str
    date: str
    first_cadence: int
    time_us: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    stellar: dict[str, float] = field(default_factory=dict)
    cdpp: dict[float, float] = field(default_factory=dict)

    def series(self, column: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the rows of a column that have a finite value.

        Parameters
        ----------
        column : str
            FITS name, such as 'SAP_FLUX'.

        Returns
        -------
        time_us : int64[m]
            Ticks, microseconds.
        value : array[m]
            Values, all finite.
        """
        value = self.columns[column]
        if value.dtype.kind != "f":
            return self.time_us, value
        finite = np.isfinite(value)
        if finite.all():
            return self.time_us, value
        return self.time_us[finite], value[finite]


def version(filever: str, date: str) -> tuple[tuple[int, ...], str]:
    """Return a sort key: FILEVER ('6.1' before '10.0'), then the day the file was written."""
    return tuple(int(part) for part in re.findall(r"\d+", filever)), date


def read_light_curve(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    *,
    name: str | None = None,
) -> LightCurve:
    """Read one light curve file; refuse a file that is not intact.

    Parameters
    ----------
    source : str, path, bytes or binary file
        A file's path, its content, or the open file.
    columns : sequence of str
        FITS names of the columns to read.
    name : str, optional
        Name of the file in errors; by default its own name.

    Returns
    -------
    LightCurve

    Raises
    ------
    LightCurveError
        The file is empty, truncated, damaged, not a FITS file, of another mission or kind, or lacks
        a column.
    OSError
        The file cannot be opened or read.
    """
    data, own_name = _content(source)
    name = name or own_name
    try:
        return _parse(data, columns)
    except FitsError as error:
        raise LightCurveError(name, str(error)) from None


def _content(source: str | os.PathLike[str] | bytes | BinaryIO) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        return source, "light curve"
    if isinstance(source, str | os.PathLike):
        return Path(source).read_bytes(), os.fspath(source)
    return source.read(), str(getattr(source, "name", "light curve"))


def _parse(data: bytes, columns: Sequence[str]) -> LightCurve:
    _check_is_fits(data)
    try:
        primary = read_unit(data, 0)
    except FitsError:
        _refuse_format_of_2010(data)
        raise
    mission = _mission(primary.header)
    extensions = primary.header.integer("NEXTEND", 0)
    if not extensions:
        raise FitsError("holds no LIGHTCURVE table")
    if primary.end == len(data):
        raise FitsError(f"is truncated: it ends after its first header, at byte {len(data)}")
    table = read_unit(data, primary.end)
    if table.header.get("EXTNAME") != "LIGHTCURVE" or table.header.get("XTENSION") != "BINTABLE":
        kind = table.header.get("EXTNAME") or table.header.get("XTENSION")
        raise FitsError(f"holds no LIGHTCURVE table but {kind}: it is another product of Kepler")
    _check_rest(data, table.end, extensions - 1)
    reference = table.header.integer("BJDREFI")
    expected = mission.zero.reference_jd
    if reference != expected or table.header.get("BJDREFF") not in (0, None):
        raise FitsError(f"counts its time from BJD {reference}, not from {expected}")
    return _light_curve(primary.header, mission, table.header, read_table(data, table), columns)


def _light_curve(
    primary: Header, mission: Mission, table: Header, rows: NDArray[Any], columns: Sequence[str]
) -> LightCurve:
    names = rows.dtype.names or ()
    missing = [c for c in ("TIME", "CADENCENO", *columns) if c not in names]
    if missing:
        raise FitsError(f"lacks the column {', '.join(missing)}")
    if not len(rows):
        raise FitsError("has an empty table")
    time = rows["TIME"].astype(np.float64)
    finite = np.isfinite(time)
    labels = {label: str(primary.get(label) or "") for label in LABELS}
    return LightCurve(
        star=primary.integer(mission.cards.star),
        mission=mission.name,
        segment=primary.integer(mission.cards.segment),
        cadence=_cadence(primary.text("OBSMODE")),
        labels=labels | {"MISSION": mission.name},
        filever=primary.text("FILEVER", ""),
        date=primary.text("DATE", ""),
        first_cadence=int(rows["CADENCENO"][0]),
        time_us=mission.zero.ticks(time[finite]),
        columns={c: rows[c][finite].astype(rows.dtype[c].newbyteorder("=")) for c in columns},
        stellar=_numbers(primary, {card: card for card in mission.cards.stellar}),
        cdpp=_numbers(table, mission.cards.precision),
    )


def _numbers(header: Header, names: Mapping[_Key, str]) -> dict[_Key, float]:
    values = ((key, header.get(name)) for key, name in names.items())
    return {key: float(value) for key, value in values if isinstance(value, int | float)}


def _cadence(obsmode: str) -> str:
    for cadence in CADENCES:
        if obsmode == f"{cadence} cadence":
            return cadence
    raise FitsError(f"is of an unknown cadence (OBSMODE {obsmode!r})")


def _check_is_fits(data: bytes) -> None:
    if not data:
        raise FitsError("is empty")
    if data.startswith(b"SIMPLE  ="):
        return
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise FitsError("is a web page, not a FITS file: probably an error page of the archive")
    if data.startswith(b"\x1f\x8b"):
        raise FitsError("is compressed by gzip: decompress it first")
    raise FitsError("is no FITS file")


def _refuse_format_of_2010(data: bytes) -> None:
    """Raise `FitsError` if the file has the format of 2010, without checksums and MISSION."""
    header, _ = read_header(data, 0)
    if header.get("TELESCOP") == "Kepler" and all(
        header.get(name) is None for name in ("CHECKSUM", "FILEVER", "MISSION")
    ):
        raise FitsError(
            "is of the format of 2010, which has no PDCSAP_FLUX and no checksums: the archive has "
            f"a newer version of every such file, in {kepler.MISSION.files.url}"
        )


def _mission(primary: Header) -> Mission:
    telescope, mission = primary.get("TELESCOP"), primary.get("MISSION")
    if telescope == "Kepler" and mission in MISSIONS:
        return MISSIONS[str(mission)]
    if telescope == "Kepler" and mission is None:
        # Before K2, the pipeline wrote no MISSION (FILEVER up to 5.0).
        return kepler.MISSION
    if {str(telescope).upper(), str(mission).upper()} & {"KEPLER", "K2"}:
        writer = primary.get("CREATOR") or primary.get("ORIGIN") or "another program"
        raise FitsError(
            f"was written by {writer} (TELESCOP {telescope!r}, MISSION {mission!r}), not by the "
            "mission's pipeline: take the light curve file of the archive itself"
        )
    raise FitsError(
        f"is of another mission (TELESCOP {telescope!r}, MISSION {mission!r}): "
        "only Kepler and K2 are read here"
    )


def _check_rest(data: bytes, start: int, extensions: int) -> None:
    """Verify also the extensions after the table, so that a damaged download is fetched again."""
    for _ in range(extensions):
        if start == len(data):
            raise FitsError("is truncated: its last extension is missing")
        start = read_unit(data, start).end
    if start != len(data):
        raise FitsError(f"is damaged: {len(data) - start} bytes follow its last extension")
