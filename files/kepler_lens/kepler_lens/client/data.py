"""Hold a star's light curve as the server stores it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kepler_lens.missions import observing


@dataclass(frozen=True, slots=True, eq=False)
class CurveData:
    """Light curve of one star and cadence over all quarters or campaigns, as the server stores it.

    It has a row for each time at which any column has a value. The server keeps finite values only,
    and times to the millisecond.

    Attributes
    ----------
    star : int
        KIC number (Kepler) or EPIC number (K2).
    cadence : str
        'long' (29.4 min) or 'short' (58.8 s).
    labels : dict
        Those of `kepler_lens.missions.LABELS`, as the FITS header has them.
    tags : dict
        Facts that the server has of the star, as text: disposition, planets, kois, candidates, teff
        (K), radius (solar radii); empty for a star without a planet or candidate.
    time_us : int64[n]
        Microseconds since 1970-01-01T00:00 TDB, ascending.
    time : float64[n]
        The same as BKJD: days after noon of 1 January 2009 (TDB).
    columns : dict
        FITS name to array[n]. Fluxes and their errors are float32, electrons/s, NaN where there is
        no value; SAP_QUALITY is int32, and a masked array where some files were imported without
        it. SAP_FLUX and PDCSAP_FLUX are there, and of the other columns those that were imported.
    """

    star: int
    cadence: str
    labels: dict[str, str]
    tags: dict[str, str]
    time_us: NDArray[np.int64] = field(repr=False)
    time: NDArray[np.float64] = field(repr=False)
    columns: dict[str, NDArray[Any]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def object(self) -> str:
        """Name of the star in its files, such as 'KIC 6541920'."""
        return self.labels.get("OBJECT") or str(self.star)

    @property
    def mission(self) -> str:
        """'Kepler', 'K2' or 'Simulation'."""
        return self.labels.get("MISSION", "")

    @property
    def quarter(self) -> NDArray[np.int32] | None:
        """Quarter of Kepler of each row (int32[n], from its time); None for K2."""
        return observing(self.mission).segments(self.time)
