"""Write light curves as VOTable files, with the time system that their times need."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from astropy.io.votable import from_table
from astropy.io.votable.exceptions import W50
from astropy.io.votable.tree import TimeSys

from kepler_lens.client.data import CurveData
from kepler_lens.client.forms import table_of
from kepler_lens.missions.kepler import BKJD

_UCD = {
    "time": "time.epoch",
    "sap_flux": "phot.flux",
    "sap_flux_err": "stat.error;phot.flux",
    "pdcsap_flux": "phot.flux",
    "pdcsap_flux_err": "stat.error;phot.flux",
    "sap_quality": "meta.code.qual",
    "quarter": "meta.id",
}
_TIME_SYSTEM = "bkjd"


def write(curve: CurveData, file: str | os.PathLike[str]) -> None:
    """Implement `CurveData.to_votable`."""
    votable = from_table(table_of(curve), table_id="light_curve")
    (resource,) = votable.resources
    # Source: VOTable 1.4, section 3.4.
    resource.time_systems.append(
        TimeSys(
            ID=_TIME_SYSTEM,
            timeorigin=float(BKJD.reference_jd),
            timescale="TDB",
            refposition="BARYCENTER",
            config={"version_1_4_or_later": True},
        )
    )
    (table,) = resource.tables
    table.description = f"Light curve of {curve.object}, {curve.mission}, {curve.cadence} cadence"
    for column in table.fields:
        column.ucd = _UCD[column.name]
        if column.name == "time":
            column.ref = _TIME_SYSTEM
    with warnings.catch_warnings():
        # The standard of units has no electron, but the file names the unit all the same.
        warnings.simplefilter("ignore", W50)
        votable.to_xml(os.fspath(Path(file)), tabledata_format="binary2")
