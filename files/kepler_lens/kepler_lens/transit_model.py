"""The transit model: a small planet, for templates, fits and simulated light curves.

The planet crosses the star on a straight line at constant speed. Its distance from the star's
centre, in stellar radii, is

    z(t)² = b² + ((1 + k)² - b²) (2 (t - t_c) / T)²

with the radius ratio k, the impact parameter b, the centre of the transit t_c and the duration T
from first to fourth contact. The planet dims the star by

    k² w(z) I(z) / <I>,    I(z) = 1 - u1 (1 - mu) - u2 (1 - mu)²,   mu = sqrt(1 - min(z, 1)²)

with the disc's mean <I> = 1 - u1/3 - u2/6 and the part w of the planet that lies on the disc, which
falls linearly from 1 at z = 1 - k to 0 at z = 1 + k. This is the small-planet limit of Mandel and
Agol (2002, ApJ 580, L171, section 5).

The error, measured against their exact formula on a circular orbit for k < 0.1, b < 0.7 and periods
above a day, is 0.4 % of the depth at the middle and 0.7 % of all the light that is lost. On the
flanks it is 7 % of the depth at k = 0.03 and 12 % at k = 0.09 (`tests/test_oracles.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kepler_lens.missions.kepler import LIMB_DARKENING


@dataclass(frozen=True, slots=True)
class TransitModel:
    """The transits of a planet.

    Attributes
    ----------
    period_days : float
    epoch_bkjd : float
        Centre of one transit, BKJD, days.
    duration_hours : float
        First to fourth contact.
    radius_ratio, impact : float
        k and b, in stellar radii.
    """

    period_days: float
    epoch_bkjd: float
    duration_hours: float
    radius_ratio: float
    impact: float

    @property
    def depth_ppm(self) -> float:
        """Dimming at the centre of a transit, ppm."""
        return float(self.dimming(np.array([self.epoch_bkjd]))[0]) * 1e6

    def dimming(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the missing part of the star's light at some instants.

        Parameters
        ----------
        time : float64
            BKJD, days, any shape.

        Returns
        -------
        float64, the same shape
            Relative flux, positive; 0 outside transits.
        """
        half = self.period_days / 2
        from_centre = (time - self.epoch_bkjd + half) % self.period_days - half
        x = 2 * from_centre / (self.duration_hours / 24)
        k, b = self.radius_ratio, self.impact
        z = np.sqrt(b**2 + ((1 + k) ** 2 - b**2) * x**2)
        u1, u2 = LIMB_DARKENING
        dark = 1 - np.sqrt(1 - np.minimum(z, 1) ** 2)
        brightness = (1 - u1 * dark - u2 * dark**2) / (1 - u1 / 3 - u2 / 6)
        on_disc = np.clip((1 + k - z) / (2 * k), 0, 1)
        return np.asarray(k**2 * on_disc * brightness)

    def mean_dimming(
        self, time: NDArray[np.float64], exposure_days: float, samples: int = 7
    ) -> NDArray[np.float64]:
        """Compute the mean of `dimming` over exposures.

        Parameters
        ----------
        time : float64[n]
            Middle of each exposure, BKJD, days.
        exposure_days : float
        samples : int, optional
            Instants in an exposure (chosen: 7).

        Returns
        -------
        float64[n]
        """
        offsets = (np.arange(samples) + 0.5) / samples - 0.5
        return np.asarray(self.dimming(time[:, None] + offsets * exposure_days).mean(axis=1))
