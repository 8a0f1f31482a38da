"""Make the golden set: small light curves, and what the search finds in them.

    python files/kepler_lens/tests/golden/make.py curves     new curves
    python files/kepler_lens/tests/golden/make.py results    new results

Both want PYTHONPATH=files/kepler_lens. Results are made anew where the search was meant to change;
look at what became of them. Curves stay: they are stored, so that no other generator of random
numbers changes them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.simulation.light import Binary, Delayed, Spots
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.preparation.observations import Observations, observe
from kepler_lens.transit_search.search import Result, search_and_vet

FOLDER = Path(__file__).parent
CURVES, RESULTS = FOLDER / "curves.npz", FOLDER / "results.json"
POINTS, BEGIN, LEVEL = 6_000, 131.5, 1e5
"""Long cadences (122 days), BKJD of the first, electrons/s."""


def _planet(period: float, epoch: float, hours: float, ratio: float) -> TransitModel:
    return TransitModel(period, epoch, hours, ratio, 0.2)


def curves() -> dict[str, np.ndarray]:
    """Make the flux of each star (float32[POINTS], electrons/s, NaN where nothing was observed)."""
    time = BEGIN + np.arange(POINTS) * LONG_CADENCE_DAYS
    rng = np.random.default_rng(2026)

    def transits(*planets: TransitModel) -> np.ndarray:
        return np.prod([1 - p.mean_dimming(time, LONG_CADENCE_DAYS) for p in planets], axis=0)

    def waves(*lines: tuple[float, float]) -> np.ndarray:
        return 1 + sum(a * np.sin(2 * np.pi * f * time + f) for f, a in lines)

    one, two = _planet(6.1, 133.0, 3.4, 0.03), _planet(12.2, 134.1, 4.2, 0.035)
    light = {
        "quiet": np.ones(POINTS),
        "spotted": Spots(9.0, 0.01, seed=3).light(time) * transits(_planet(4.3, 133.0, 3.0, 0.05)),
        "pulsating": waves((0.623, 3e-3), (0.911, 2e-3), (1.47, 1e-3)) * transits(one),
        "gaps": transits(_planet(8.7, 132.7, 3.8, 0.035)),
        "resonance": transits(one, two),
        "binary": Binary(5.71, 133.0, (0.020, 0.018), 5.0).light(time),
        "timing": Delayed(_planet(5.3, 133.0, 3.2, 0.04), 0.15, 120.0).light(time),
    }
    made = {}
    for name, its in light.items():
        flux = LEVEL * its * (1 + 1e-4 * rng.normal(size=POINTS))
        if name == "gaps":
            away = (time % 31.0 < 4.0) | (rng.random(POINTS) < 0.1)
            flux = np.where(away, np.nan, flux)
        made[name] = flux.astype(np.float32)
    return made


def star(name: str) -> Observations:
    """Read a stored curve."""
    with np.load(CURVES) as stored:
        flux = stored[name].astype(np.float64)
    time = BEGIN + np.arange(POINTS) * LONG_CADENCE_DAYS
    return observe(1, f"golden {name}", "Kepler", time, flux)


def figures(result: Result) -> dict[str, object]:
    """Give what a search found, as it is stored."""
    return {
        "limit_ppm": result.search.limit_ppm,
        "lines": result.search.prepared.sine_waves,
        "lone_bkjd": [event.time_bkjd for event in result.search.single_transits],
        "candidates": [
            {
                "period_days": v.candidate.ephemeris.period_days,
                "epoch_bkjd": v.candidate.ephemeris.epoch_bkjd,
                "statistic": v.candidate.statistic,
                "threshold": v.candidate.threshold,
                "transits": len(v.vetting.transits.number),
                "late_days": list(v.candidate.ephemeris.late_days),
                "duration_hours": v.vetting.shape.duration_hours,
                "depth_ppm": v.vetting.depth_ppm,
                "tests": {test.name: test.value for test in v.vetting.tests},
                "failed": [test.name for test in v.vetting.tests if not test.passed],
                "disposition": v.vetting.disposition,
            }
            for v in result.candidates
        ],
    }


def main() -> None:
    if sys.argv[1:] == ["curves"]:
        np.savez_compressed(CURVES, **curves())
    elif sys.argv[1:] == ["results"]:
        found = {name: figures(search_and_vet(star(name))) for name in np.load(CURVES).files}
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
