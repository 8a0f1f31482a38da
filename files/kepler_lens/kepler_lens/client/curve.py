"""Hold a star's light curve, and convert it to the forms that astronomers' tools use."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kepler_lens.missions import observing

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Table
    from astropy.timeseries import TimeSeries
    from lightkurve import KeplerLightCurve
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, eq=False)
class StarCurve:
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
        KEPLERID, OBJECT, MISSION, OBSMODE and INSTRUME, as the FITS header has them.
    tags : dict
        Facts that the server has of the star, as text: disposition, planets, kois, candidates, teff
        (K), radius (solar radii); empty for a star without a planet or candidate.
    time_us : int64[n]
        Microseconds since 1970-01-01T00:00 TDB, ascending.
    time : float64[n]
        The same as BKJD: BJD(TDB) - 2454833, days.
    columns : dict
        FITS name to array[n]. Fluxes and their errors are float32, electrons/s, NaN where there is
        no value; SAP_QUALITY is int32. SAP_FLUX and PDCSAP_FLUX are there, and of the other columns
        those that were imported.
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

    def to_lightkurve(
        self, flux_column: str = "pdcsap_flux", quality_bitmask: str | int | None = None
    ) -> KeplerLightCurve:
        """Return the light curve as lightkurve's own reader would.

        Parameters
        ----------
        flux_column : 'pdcsap_flux' or 'sap_flux'
            Column that becomes the flux.
        quality_bitmask : str or int, optional
            Flagged cadences to leave out: 'none', 'default', 'hard', 'hardest' or bits, see
            `lightkurve.utils.KeplerQualityFlags`. By default 'default', as in lightkurve, if the
            server has SAP_QUALITY, and else 'none'.

        Returns
        -------
        lightkurve.KeplerLightCurve
            Time in the format bkjd and the scale tdb, fluxes in electron/s.

        Raises
        ------
        KeplerLensError
            lightkurve is not installed, or the light curve lacks a column.
        """
        from kepler_lens.client.forms import lightkurve_of

        return lightkurve_of(self, flux_column, quality_bitmask)

    def to_timeseries(self) -> TimeSeries:
        """Return an `astropy.timeseries.TimeSeries`: time (bkjd, tdb), columns with units."""
        from kepler_lens.client.forms import timeseries_of

        return timeseries_of(self)

    def to_table(self) -> Table:
        """Return an `astropy.table.Table`: time in BKJD (days), columns with units."""
        from kepler_lens.client.forms import table_of

        return table_of(self)

    def to_pandas(self) -> pd.DataFrame:
        """Return a `pandas.DataFrame` with the time in BKJD (days) as index; fluxes in electrons/s.

        Raises
        ------
        KeplerLensError
            pandas is not installed.
        """
        from kepler_lens.client.forms import pandas_of

        return pandas_of(self)

    def to_votable(self, file: str | os.PathLike[str]) -> None:
        """Write a VOTable (version 1.4, with TIMESYS).

        The standard of its units has no electron. astropy reads electron / s only with
        ``Table.read(file, format="votable", unit_format="generic")``.

        Parameters
        ----------
        file : path
            An existing file is replaced.
        """
        from kepler_lens.client.votable import write

        write(self, file)

    def plot(self) -> Figure:
        """Draw SAP and PDCSAP flux against time, quarter by quarter.

        Returns
        -------
        matplotlib.figure.Figure
            ``.savefig("kepler-11.png")`` writes it.
        """
        from kepler_lens.plot import Points, plot_light_curve

        finite = {
            column: Points(self.time_us[rows], value[rows])
            for column, value in self.columns.items()
            for rows in [np.isfinite(value)]
        }
        return plot_light_curve(
            finite, title=self.object, quarters=bool(observing(self.mission).segment_starts)
        )
