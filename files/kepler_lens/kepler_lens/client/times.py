"""Define BKJD as a time format of astropy, with the name that lightkurve uses."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.time import Time
from astropy.time.formats import TimeNumeric
from astropy.time.utils import day_frac
from numpy.typing import NDArray

from kepler_lens.missions.kepler import BKJD

FORMAT = BKJD.name.lower()


def barycentric(time: NDArray[np.float64]) -> Time:
    """Turn instants into an astropy `Time`.

    Parameters
    ----------
    time : float64[n]
        BKJD, days.

    Returns
    -------
    astropy.time.Time
        Scale tdb, format bkjd.
    """
    if FORMAT not in Time.FORMATS:
        _define()
    return Time(time, format=FORMAT, scale="tdb")


def _define() -> None:
    """Register the format; lightkurve's own format of the same name may replace it later."""

    class TimeBKJD(TimeNumeric):  # type: ignore[misc]
        """Days since 1 January 2009, 12:00 (TDB, at the barycentre of the Solar System)."""

        name = FORMAT

        def set_jds(self, val1: Any, val2: Any) -> None:
            self._check_scale(self._scale)
            day, fraction = day_frac(val1, val2)
            self.jd1, self.jd2 = day_frac(day + BKJD.reference_jd, fraction)

        def to_value(self, **kwargs: Any) -> Any:
            return super().to_value(jd1=self.jd1 - BKJD.reference_jd, jd2=self.jd2, **kwargs)

        value = property(to_value)
