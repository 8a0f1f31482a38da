"""What is true of one mission and not of another: a module for each mission.

`observing` gives what the analysis of a light curve asks of a mission.
"""

from __future__ import annotations

from kepler_lens.missions import k2, kepler
from kepler_lens.missions.observing import Observing

_OBSERVING = {"K2": k2.OBSERVING}


def observing(mission: str) -> Observing:
    """Return how a mission observed its stars.

    Parameters
    ----------
    mission : str
        Label MISSION. Stars of Kepler, simulated stars and stars without this label were observed
        as Kepler's.
    """
    return _OBSERVING.get(mission, kepler.OBSERVING)
