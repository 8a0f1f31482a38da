"""A straightforward search with `gerbls` for comparison.

The search subtracts a running median, removes bright points, and folds box-shaped transits in six
ranges of period. Its result is the period of the greatest signal detection efficiency. It needs the
packages of requirements/bench.txt.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.scatter import scatter_about
from kepler_lens.transit_search.detection.periods import DURATIONS_HOURS, duration_range
from kepler_lens.transit_search.preparation.observations import Observations
from numpy.typing import NDArray
from scipy.ndimage import median_filter

Floats = NDArray[np.float64]

SHORTEST, LONGEST = 0.5, 500.0
SEGMENTS = np.geomspace(SHORTEST, LONGEST, 7)
_TREND_DAYS = 1.25
_BLOCKS = 60


def installed() -> bool:
    return find_spec("gerbls") is not None


def durations(low: float, high: float, density: float | None) -> list[float]:
    """Return the durations, days, that this project's search folds in a range of periods."""
    least, most = duration_range(low, density)[0], duration_range(high, density)[1]
    chosen = [h / 24 for h in DURATIONS_HOURS[1::2] if least <= h <= most and h / 24 < 0.15 * low]
    return chosen or [0.1 * low]


def spectrum(
    time: Floats, flux: Floats, error: Floats, density: float | None
) -> tuple[Floats, Floats]:
    """Fold at all periods.

    Returns
    -------
    period, power : float64[k]
        Days; Δχ² of the best box, 0 if the box is a brightening.
    """
    from gerbls import pyBLSAnalyzer, pyDataContainer, pyFastBLS

    periods, powers = [], []
    for low, high in pairwise(SEGMENTS):
        chosen = durations(low, high, density)
        data, program = pyDataContainer(), pyFastBLS()
        data.store(time, flux, error, convert_to_flux=False)
        # gerbls' own downsampling is for periods of a day; this grid is as fine as this search's.
        program.setup(
            data, low, high, t_samp=max(min(chosen) / 5, 0.0204), verbose=False,
            duration_mode="constant", durations=chosen,
        )  # fmt: skip
        program.run(verbose=False)
        found = pyBLSAnalyzer(program)
        periods.append(np.asarray(found.P))
        powers.append(np.where(np.asarray(found.dmag) > 0, found.dchi2, 0.0))
    return np.concatenate(periods), np.concatenate(powers)


def strongest_period(star: Observations) -> float:
    """Return the period of the greatest signal detection efficiency, days."""
    flux = star.flux.copy()
    error = np.empty_like(flux)
    for q in np.unique(star.quarter):
        mine = star.quarter == q
        part = flux[mine] - median_filter(flux[mine], round(_TREND_DAYS / LONG_CADENCE_DAYS))
        flux[mine] = part
        error[mine] = scatter_about(part) or 1e-6
    keep = flux < 3 * error
    period, power = spectrum(star.time[keep], 1 + flux[keep], error[keep], star.density)
    root = np.sqrt(np.maximum(power, 0))
    efficiency = np.empty_like(root)
    for block in np.array_split(np.argsort(period), _BLOCKS):
        middle = np.median(root[block])
        spread = 1.4826 * np.median(np.abs(root[block] - middle)) or 1.0
        efficiency[block] = (root[block] - middle) / spread
    return float(period[int(np.argmax(efficiency))])
