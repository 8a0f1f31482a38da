"""Simulated stars: files like Kepler's, with numbers that are in neither KIC nor EPIC."""

from __future__ import annotations

from dataclasses import replace

from kepler_lens.missions import k2, kepler

OBJECT = "SIM"
"""Word before the number of a star in its files."""

MISSION = replace(
    kepler.MISSION,
    name="Simulation",
    catalogue=None,
    stars=range(k2.MISSION.stars.stop, 1_000_000_000),
    files=replace(kepler.MISSION.files, folder=None),
)
"""The range of numbers is one that neither catalogue has (chosen), up to the nine digits that names
of files have."""
