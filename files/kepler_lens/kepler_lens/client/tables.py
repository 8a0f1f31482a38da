"""Tables of stars and candidates, with units and what each column is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from astropy import units
from astropy.table import Column, MaskedColumn, Table
from astropy.units import cds

_COLUMNS: dict[str, dict[str, tuple[type, Any, str]]] = {
    "stars": {
        "star": (int, None, "KIC or EPIC number"),
        "object": (str, None, "What the star is called in its files"),
        "mission": (str, None, "Kepler, K2 or Simulation"),
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
        "epoch": (float, units.d, "Middle of a transit, BJD(TDB) - 2454833"),
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
"""Kind of table to its columns: type, unit, what it is."""


def columns_of(kind: str) -> Mapping[str, tuple[type, Any, str]]:
    """Give the columns of a kind of table: name to type, unit and description."""
    return _COLUMNS[kind]


def table(kind: str, rows: Iterable[Mapping[str, Any]], url: str) -> Table:
    """Make a table.

    Parameters
    ----------
    kind : 'stars' or 'candidates'
    rows : iterable of mapping
        Numbers may be text; what is not known is absent, empty or NaN.
    url : str
        The server, for ``meta``.

    Returns
    -------
    astropy.table.Table
        Numbers that are not known are masked.
    """
    rows = list(rows)
    made = []
    for name, (type_, unit, text) in _COLUMNS[kind].items():
        values = [row.get(name, "") for row in rows]
        if type_ is str:
            made.append(Column([str(v) for v in values], name=name, dtype=str, description=text))
            continue
        numbers = np.array([np.nan if v == "" else float(v) for v in values], np.float64)
        missing = np.isnan(numbers)
        made.append(
            MaskedColumn(
                np.where(missing, 0, numbers).astype(np.int64) if type_ is int else numbers,
                *(name, missing),
                unit=unit,
                description=text,
            )
            if missing.any()
            else Column(
                numbers.astype(np.int64 if type_ is int else np.float64),
                name=name,
                unit=unit,
                description=text,
            )
        )
    return Table(made, meta={"server": url, "kind": kind})
