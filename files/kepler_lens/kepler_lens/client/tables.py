"""Make tables of stars and candidates, with units and a description of each column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from astropy import units
from astropy.table import Column, MaskedColumn, Table
from astropy.units import cds

from kepler_lens.missions import MISSIONS
from kepler_lens.missions.kepler import BKJD

*_SOME, _LAST = MISSIONS
_COLUMNS: dict[str, dict[str, tuple[type, Any, str]]] = {
    "stars": {
        "star": (int, None, "KIC or EPIC number"),
        "object": (str, None, "What the star is called in its files"),
        "mission": (str, None, f"{', '.join(_SOME)} or {_LAST}"),
        "cadences": (str, None, "Cadences of its light curves: long, short"),
        "disposition": (str, None, "Best of its candidates, NASA Exoplanet Archive"),
        "planets": (str, None, "Names of its confirmed planets"),
        "kois": (str, None, "Names of its Kepler Objects of Interest"),
        "candidates": (int, None, "How many confirmed planets and candidates it has"),
        "teff": (float, units.K, "Effective temperature"),
        "radius": (float, units.R_sun, "Radius of the star"),
    },
    "candidates": {
        "star": (int, None, "KIC or EPIC number"),
        "candidate": (int, None, "Number among the candidates of its star"),
        "period": (float, units.d, "Period"),
        "epoch": (float, units.d, f"Middle of a transit, {BKJD.definition}"),
        "duration": (float, units.h, "Duration of a transit"),
        "depth": (float, cds.ppm, "Depth of a transit"),
        "depth_error": (float, cds.ppm, "Error of the depth, 1 sigma"),
        "snr": (float, None, "Depth over its error"),
        "mes": (float, None, "Multiple-event statistic of the search"),
        "transits": (int, None, "Transits that were observed"),
        "radius": (float, units.R_earth, "Radius of the planet"),
        "disposition": (str, None, "Verdict of the vetting"),
        "comment": (str, None, "What speaks against a planet"),
        "score": (float, None, "Calibrated probability of a planet"),
        "score_spread": (float, None, "Deviation of the score over the ensemble"),
        "score_outside": (str, None, "Whether it is unlike what the model has learnt (yes, no)"),
        "score_model": (str, None, "Model that gave the score"),
    },
}
"""Kind of table to its columns: type, unit and description."""


def table(kind: str, rows: Iterable[Mapping[str, Any]], url: str) -> Table:
    """Make a table.

    Parameters
    ----------
    kind : 'stars' or 'candidates'
    rows : iterable of mapping
        Name of a column to its value, in the unit of `_COLUMNS`. Numbers may be text. An unknown
        value is missing, empty or NaN.
    url : str
        URL of the server, for ``meta``.

    Returns
    -------
    astropy.table.Table
        Unknown numbers are masked.
    """
    rows = list(rows)
    made = [
        _column([row.get(name, "") for row in rows], type_, name, unit, text)
        for name, (type_, unit, text) in _COLUMNS[kind].items()
    ]
    return Table(made, meta={"server": url, "kind": kind})


def _column(values: list[Any], type_: type, name: str, unit: Any, text: str) -> Column:
    if type_ is str:
        return Column([str(value) for value in values], name, dtype=str, description=text)
    numbers = np.array([math.nan if value == "" else float(value) for value in values], float)
    missing = np.isnan(numbers)
    if type_ is int:
        numbers = np.where(missing, 0, numbers).astype(np.int64)
    if missing.any():
        return MaskedColumn(numbers, name, missing, unit=unit, description=text)
    return Column(numbers, name, unit=unit, description=text)
