"""Convert a star's light curve to the forms that astronomers' tools use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kepler_lens.client.data import CurveData

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Table
    from astropy.timeseries import TimeSeries
    from lightkurve import KeplerLightCurve
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, eq=False)
class StarCurve(CurveData):
    """A light curve, with forms that astronomers' tools use; see `CurveData` for its content."""

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
            server has SAP_QUALITY, and else 'none'. If the server lacks SAP_QUALITY at some
            cadences only, these stay, and a warning gives their number.

        Returns
        -------
        lightkurve.KeplerLightCurve
            Time in the format bkjd and the scale tdb, fluxes in electron/s.

        Raises
        ------
        KeplerLensError
            lightkurve is not installed, or the light curve lacks a column, or `quality_bitmask` is
            given and SAP_QUALITY is not there at every cadence.
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
        return plot_light_curve(finite, title=self.object, mission=self.mission)
