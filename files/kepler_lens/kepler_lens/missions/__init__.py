"""What is true of one mission and not of another: a module for each mission, and their registry.

Nothing else in the package says how a mission counts time, names its files, numbers its stars or
cuts its observations into segments. `MISSIONS` has the modules' answers by the label MISSION, and
`observing` what the analysis of a light curve asks of a mission.
"""

from __future__ import annotations

from kepler_lens.missions import k2, kepler, simulation
from kepler_lens.missions.mission import (
    CADENCES,
    DEFAULT_COLUMNS,
    LABELS,
    STAR_LABEL,
    Mission,
    NameFacts,
)
from kepler_lens.missions.observing import Observing

__all__ = [
    "CADENCES",
    "DEFAULT_COLUMNS",
    "LABELS",
    "MISSIONS",
    "STAR_LABEL",
    "Mission",
    "NameFacts",
    "mission_named",
    "mission_of_star",
    "observing",
]

MISSIONS = {each.name: each for each in (kepler.MISSION, k2.MISSION, simulation.MISSION)}
"""Label MISSION to the mission. Of two missions whose files have names of one pattern, the number
of the star tells which it is."""

_OBSERVING = {"K2": k2.OBSERVING}
"""Missions that did not observe as Kepler did. The version of the search counts this line, so it
names what decides a result, and not the whole registry."""


def observing(mission: str) -> Observing:
    """Return how a mission observed its stars.

    Parameters
    ----------
    mission : str
        Label MISSION. Stars of Kepler, simulated stars and stars without this label were observed
        as Kepler's.
    """
    return _OBSERVING.get(mission, kepler.OBSERVING)


def mission_named(name: str | None) -> Mission:
    """Return the mission with a label MISSION; Kepler for a label that is missing or unknown."""
    return MISSIONS.get(name or "", kepler.MISSION)


def mission_of_star(star: int) -> str:
    """Return the mission of a star: the ranges of KIC, EPIC and simulated numbers do not overlap.

    A number above all ranges counts as a simulated one.

    Returns
    -------
    str
        'Kepler', 'K2' or 'Simulation'.
    """
    for name, each in MISSIONS.items():
        if star in each.stars:
            return name
    return simulation.MISSION.name
