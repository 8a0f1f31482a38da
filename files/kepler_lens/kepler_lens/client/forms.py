"""Convert light curves to objects of lightkurve, astropy and pandas."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units
from astropy.table import Column, MaskedColumn, Table
from astropy.timeseries import TimeSeries

from kepler_lens.client.data import CurveData
from kepler_lens.client.errors import NoLightCurveError
from kepler_lens.client.times import barycentric
from kepler_lens.errors import KeplerLensError
from kepler_lens.missions import STAR_LABEL
from kepler_lens.missions.kepler import BKJD

if TYPE_CHECKING:
    import pandas as pd
    from lightkurve import KeplerLightCurve

ELECTRONS = units.electron / units.s
"""Unit of fluxes: electrons per second."""
TEXT = {
    "time": f"Barycentric time, {BKJD.definition}",
    "sap_flux": "Flux as measured (simple aperture photometry)",
    "sap_flux_err": "Error of sap_flux, 1 sigma",
    "pdcsap_flux": "Flux corrected for the instrument (presearch data conditioning)",
    "pdcsap_flux_err": "Error of pdcsap_flux, 1 sigma",
    "sap_quality": "Quality flags, Kepler Archive Manual table 2-3",
    "quarter": "Quarter of Kepler, by the time",
}
"""Name of each column to its description."""


def columns_of(curve: CurveData) -> dict[str, Any]:
    """Return the columns of a light curve without the time, with names in small letters.

    Parameters
    ----------
    curve : CurveData

    Returns
    -------
    dict
        sap_flux and other fluxes to Quantity[n] of electron/s; sap_quality (masked where it is not
        there) and quarter to int32[n].
    """
    columns: dict[str, Any] = {
        name.lower(): value if value.dtype.kind == "i" else units.Quantity(value, ELECTRONS)
        for name, value in curve.columns.items()
    }
    quarter = curve.quarter
    return columns if quarter is None else columns | {"quarter": quarter}


def meta_of(curve: CurveData) -> dict[str, Any]:
    """Return the labels of a light curve and the facts of its star, by the header's keywords.

    Returns
    -------
    dict
        TEFF in K and RADIUS in solar radii, where they are known.
    """
    known = {"TEFF": curve.tags.get("teff"), "RADIUS": curve.tags.get("radius")}
    return {
        **curve.labels,
        STAR_LABEL: curve.star,
        **{keyword: float(text) for keyword, text in known.items() if text},
    }


def lightkurve_of(
    curve: CurveData, flux_column: str, quality_bitmask: str | int | None
) -> KeplerLightCurve:
    """Implement `CurveData.to_lightkurve`."""
    lightkurve = _installed("lightkurve")
    columns = columns_of(curve)
    flux_column = flux_column.lower()
    if flux_column not in columns:
        there = ", ".join(name for name in columns if name.endswith("flux"))
        raise NoLightCurveError(
            f"The light curve of star {curve.star} has no {flux_column}, only {there}."
        )
    quality = columns.get("sap_quality")
    lacking = len(curve) if quality is None else int(np.ma.getmaskarray(quality).sum())
    if lacking and quality_bitmask not in (None, "none", 0):
        where = "" if quality is None else f" at {lacking:,} of {len(curve):,} cadences"
        raise NoLightCurveError(
            f"The light curve of star {curve.star} has no SAP_QUALITY{where}, so nothing can be "
            "left out by quality_bitmask: the server's import_columns have to name SAP_QUALITY."
        )
    bitmask = quality_bitmask
    if bitmask is None:
        bitmask = "none" if quality is None else "default"
    # The order is that of lightkurve's own reader.
    standard = {"flux": columns[flux_column]}
    if f"{flux_column}_err" in columns:
        standard["flux_err"] = columns[f"{flux_column}_err"]
    if quality is not None:
        standard["quality"] = quality
    meta = meta_of(curve)
    made = lightkurve.KeplerLightCurve(
        time=barycentric(curve.time),
        data={**standard, **columns},
        meta=meta
        | {
            "TARGETID": curve.star,
            "LABEL": curve.object,
            "FLUX_ORIGIN": flux_column,
            "QUALITY_BITMASK": bitmask,
        },
    )
    if quality is None or bitmask in ("none", 0):
        return made
    if lacking:
        warnings.warn(
            f"Star {curve.star} has no SAP_QUALITY at {lacking:,} of {len(curve):,} cadences: none "
            "of these is left out. Import all of its files with SAP_QUALITY.",
            stacklevel=3,
        )
    flags = lightkurve.utils.KeplerQualityFlags
    known = np.ma.filled(quality, 0)
    return made[flags.create_quality_mask(quality_array=known, bitmask=bitmask)]


def timeseries_of(curve: CurveData) -> TimeSeries:
    """Implement `CurveData.to_timeseries`."""
    series = TimeSeries(time=barycentric(curve.time), data=columns_of(curve))
    series.meta.update(meta_of(curve))
    return series


def table_of(curve: CurveData) -> Table:
    """Implement `CurveData.to_table`."""
    columns = {"time": units.Quantity(curve.time, units.d), **columns_of(curve)}
    made = [_column(name, value) for name, value in columns.items()]
    return Table(made, meta=meta_of(curve))


def _column(name: str, value: Any) -> Column:
    kind = MaskedColumn if np.ma.isMaskedArray(value) else Column
    return kind(value, name=name, description=TEXT[name], unit=getattr(value, "unit", None))


def pandas_of(curve: CurveData) -> pd.DataFrame:
    """Implement `CurveData.to_pandas`."""
    pandas = _installed("pandas")
    quarter = curve.quarter
    columns = {
        name.lower(): pandas.arrays.IntegerArray(value.data, np.ma.getmaskarray(value))
        if np.ma.isMaskedArray(value)
        else value
        for name, value in curve.columns.items()
    }
    return pandas.DataFrame(
        columns if quarter is None else columns | {"quarter": quarter},
        index=pandas.Index(curve.time, name="time"),
    )


def _installed(name: str) -> ModuleType:
    """Import an optional package."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise KeplerLensError(
            f"This needs {name} ({error}): pip install 'kepler-lens[{name}]'."
        ) from None
