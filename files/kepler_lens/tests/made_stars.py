"""Stars of made light curves, and all files of a folder as one star."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kepler_lens.lightcurve import LightCurve, read_light_curve
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.preparation.observations import (
    Observations,
    observations_of,
    observe,
)

Light = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def star(*lights: Light, points: int = 12_000, noise: float = 1e-4, seed: int = 3) -> Observations:
    """Make a quiet star with other light in it.

    Parameters
    ----------
    lights
        Relative light by time (BKJD), such as ``Binary(…).light``; NaN where nothing was observed.
    points
        Long cadences; 12,000 are 245 days.
    noise
        Standard deviation of a point, relative.
    seed
        Of the noise.
    """
    rng = np.random.default_rng(seed)
    time = 131.5 + np.arange(points) * LONG_CADENCE_DAYS
    flux = 1 + noise * rng.normal(size=points)
    for light in lights:
        flux = flux * light(time)
    return observe(1, "KIC 1", "Kepler", time, 1e5 * flux)


def pulsations(time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the light of a star with three coherent waves of 1,000 to 3,000 ppm."""
    waves = ((0.623, 3e-3), (0.911, 2e-3), (1.47, 1e-3))
    return 1 + sum(a * np.sin(2 * np.pi * f * time + f) for f, a in waves)


def in_time(planet: TransitModel) -> Light:
    """Return the light of a planet whose transits come in time."""
    return lambda time: 1 - planet.mean_dimming(time, LONG_CADENCE_DAYS)


def files_of(folder: Path) -> list[Path]:
    """Return the light curve files of a folder in order."""
    return sorted(folder.rglob("*.fits"))


def curves_of(folder: Path, *columns: str) -> list[LightCurve]:
    """Read the light curve files of a folder; by default the columns that a search reads."""
    wanted: Sequence[str] = columns or ("PDCSAP_FLUX", "SAP_QUALITY")
    return [read_light_curve(path, wanted) for path in files_of(folder)]


def star_of(folder: Path) -> Observations:
    """Read all files of a folder as one star."""
    return observations_of(curves_of(folder))
