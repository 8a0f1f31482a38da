"""Light curves as CSV, one file for each light curve, for spreadsheets, pandas and `kepler2warp10`.

Comments before the table hold the values of the header (``# OBJECT: KIC 6541920``), so that
``pandas.read_csv(file, comment='#')`` returns the table and `from_csv` the whole light curve.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from kepler_lens.errors import LightCurveError
from kepler_lens.gts import CLASS_OF_COLUMN, value_text
from kepler_lens.lightcurve import LightCurve
from kepler_lens.missions import LABELS, MISSIONS, STAR_LABEL
from kepler_lens.missions.kepler import BKJD

_TIME = "time_us"
_SEGMENTS = {each.cards.segment for each in MISSIONS.values()}
_TIME_NOTE = (
    f"# {_TIME}: microseconds since 1970-01-01 TDB; "
    f"{BKJD.name} [days] = {_TIME} / 86400e6 - {BKJD.days_after_1970}"
)


def to_csv(lc: LightCurve, columns: Sequence[str] | None = None) -> bytes:
    """Write a light curve as CSV.

    Parameters
    ----------
    lc : LightCurve
    columns : sequence of str, optional
        FITS names; by default all columns of the light curve.

    Returns
    -------
    bytes
        Comments with the labels, then the columns ``time_us`` and `columns`. A cell whose value is
        not finite is empty; a row without any finite value is left out.
    """
    columns = list(columns or lc.columns)
    present = [np.isfinite(lc.columns[c]) for c in columns]
    kept = np.any(present, axis=0)
    cells = {_TIME: pa.array(lc.time_us[kept])}
    for column, finite in zip(columns, present, strict=True):
        # Numbers that are not finite become null, which CSV writes as an empty cell.
        value = np.where(finite, lc.columns[column], 0).astype(lc.columns[column].dtype)[kept]
        missing = pa.array(~finite[kept])
        cells[column] = pa.compute.if_else(missing, pa.scalar(None, pa.string()), value_text(value))
    table = io.BytesIO()
    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    pa.csv.write_csv(pa.table(cells), table, options)
    head = [*(f"# {k}: {v}" for k, v in _facts(lc).items()), _TIME_NOTE, ",".join(cells)]
    return ("\n".join(head) + "\n").encode() + table.getvalue()


def from_csv(data: bytes, name: str = "light curve") -> LightCurve:
    """Read a light curve that `to_csv` wrote.

    Parameters
    ----------
    data : bytes
        The file's content.
    name : str
        Name of the file in errors.

    Returns
    -------
    LightCurve
        Without ``stellar`` and ``cdpp``, which the CSV does not hold.

    Raises
    ------
    LightCurveError
        The content does not have the form that `to_csv` writes.
    """
    comments = [
        line for line in data[:4096].decode("utf-8", "replace").splitlines() if line[:1] == "#"
    ]
    facts = dict(c.removeprefix("# ").split(": ", 1) for c in comments if ": " in c)
    missing = [k for k in (*LABELS, "CADENCENO") if k not in facts]
    if missing:
        raise LightCurveError(
            name, f"is no CSV of a light curve: it lacks the comment {missing[0]}"
        )
    types = {c: pa.float32() for c in CLASS_OF_COLUMN} | {
        "SAP_QUALITY": pa.int32(),
        _TIME: pa.int64(),
    }
    try:
        table = pa.csv.read_csv(
            io.BytesIO(data),
            read_options=pa.csv.ReadOptions(skip_rows=len(comments)),
            convert_options=pa.csv.ConvertOptions(column_types=types),
        )
        cells = {c: table[c].to_numpy() for c in table.column_names}
        unknown = [c for c in cells if c not in types]
        if unknown or _TIME not in cells:
            raise LightCurveError(
                name, f"has the columns {', '.join(cells)}, not {', '.join(types)}"
            )
        return LightCurve(
            star=int(facts[STAR_LABEL]),
            mission=facts["MISSION"],
            segment=int(next((facts[card] for card in _SEGMENTS if card in facts), "")),
            cadence=facts["OBSMODE"].split()[0],
            labels={k: facts[k] for k in LABELS},
            filever=facts.get("FILEVER", ""),
            date=facts.get("DATE", ""),
            first_cadence=int(facts["CADENCENO"]),
            time_us=cells.pop(_TIME),
            columns=cells,
        )
    except (pa.ArrowInvalid, ValueError) as error:
        raise LightCurveError(name, f"is a CSV that cannot be read: {error}") from None


def _facts(lc: LightCurve) -> dict[str, str]:
    return {
        **lc.labels,
        MISSIONS[lc.mission].cards.segment: str(lc.segment),
        "FILEVER": lc.filever,
        "DATE": lc.date,
        "CADENCENO": str(lc.first_cadence),
    }
