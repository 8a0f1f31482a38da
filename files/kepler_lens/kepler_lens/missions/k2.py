"""K2: fields along the ecliptic, each observed for some 80 days, a campaign."""

from __future__ import annotations

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.missions.observing import Observing

OBSERVING = Observing(firing_days=12 * LONG_CADENCE_DAYS)
"""Two reaction wheels could not hold the telescope still. Its thrusters corrected the pointing at
every 12th cadence where that was needed, and in between the stars drifted over the pixels (Van
Cleve et al. 2016, PASP 128, 075002)."""
