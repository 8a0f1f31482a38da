"""Search stars that searches often get wrong: planets with late transits, binaries, red giants.

    make bench-search PART=hard                    every star, ten minutes of one core
    python benchmarks/hard_stars.py Kepler-9 …     those whose names begin so

Each line has the candidates of a star, whether they are right, and the seconds of one core; the
exit status is 1 if a star is wrong. Real stars are read from the data folder, and left out if their
files are missing. Other signals are put into Kepler-11 without its planets, or into a simulated
star.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.simulation.light import Binary, Contact, Delayed, Heartbeat
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.preparation.observations import (
    Observations,
    observations_of,
    observe,
)
from kepler_lens.transit_search.search import Result, search_and_vet
from kepler_lens.transit_search.version import engine
from kepler_lens.transit_search.vetting.vet import CANDIDATE, FALSE_POSITIVE
from search import PLANETS, load, same, without_planets

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HELLOEXOWORLD_DATA", PROJECT.parent / "shared" / "data"))
EPOCH = 140.3
"""Epoch of the signals that are put in, BKJD (chosen)."""


@dataclass(frozen=True)
class Star:
    """A star and the expected result of its search.

    Attributes
    ----------
    name : str
    read : callable
        Returns the star's observations; raises FileNotFoundError if its data are missing.
    planets : tuple of float
        Periods, days, of all candidates.
    binaries : tuple of float
        Periods, days, of all false positives, one row each.
    words : str
        Text in the verdict of a test of some row.
    pair_days : float
        Days between two single-transit events that belong together; 0 without such a pair.
    """

    name: str
    read: Callable[[], Observations]
    planets: tuple[float, ...] = ()
    binaries: tuple[float, ...] = ()
    words: str = ""
    pair_days: float = 0.0


def files(folder: str, chosen: slice = slice(None)) -> Observations:
    """Read the PDCSAP flux of the files of one star."""
    paths = sorted((DATA / folder).glob("*.fits"))[chosen]
    if not paths:
        raise FileNotFoundError(DATA / folder)
    return observations_of(
        [read_light_curve(path, ("PDCSAP_FLUX", "SAP_QUALITY")) for path in paths]
    )


def public(star: int) -> Observations:
    """Read the SAP flux of a star from the copy of the public database."""
    folder = DATA / "helloexoworld"
    about = json.loads((folder / f"{star:09d}.json").read_text())
    steps_ms = np.load(folder / f"{star:09d}_dt_ms.npy").astype(np.int64)
    flux = np.load(folder / f"{star:09d}_sap_flux.npy").astype(np.float64)
    bkjd = (about["first_ms"] + np.cumsum(steps_ms)) / 86_400_000 - 14_245.5
    return observe(star, about["name"], "Kepler", bkjd, flux)


def red_giant(number: int) -> Observations:
    """Read one of nine red giants, by its place in the folder."""
    return files("red_giants", slice(number, number + 1))


def with_light(host: str, *lights: object) -> Observations:
    """Return a star without planets, its flux multiplied by other light curves."""
    return multiplied(without_planets(host) if host == QUIET else load(host), *lights)


def multiplied(star: Observations, *lights: object) -> Observations:
    flux = 1 + star.flux
    for light in lights:
        flux = flux * light.light(star.time)
    return replace(star, flux=flux - 1)


@dataclass(frozen=True)
class Transits:
    """The transits of a planet as a light curve."""

    planet: TransitModel

    def light(self, bkjd: np.ndarray) -> np.ndarray:
        return 1 - self.planet.mean_dimming(bkjd, LONG_CADENCE_DAYS)


def planet(period: float, hours: float, ratio: float) -> TransitModel:
    return TransitModel(period, EPOCH, hours, ratio, 0.3)


def large(depth: float) -> Observations:
    """Return Kepler-11 in four quarters, with an eclipse too deep for a planet."""
    eclipse = Binary(3.2145, EPOCH, (depth, 0.0), 4.0)
    return multiplied(files(f"kepler/{QUIET}", slice(0, 4)), eclipse)


QUIET, SIMULATED = "006541920", "900000106"
STARS = (
    Star(
        "Kepler-167",
        partial(files, "systems/003239945"),
        (4.39316, 7.40612, 21.80371),
        pair_days=1071.23,
    ),
    # Mean periods over four years, by straight lines through 69 and 36 transits that were located
    # one by one without the search: 19.246 and 38.947 d. The KOI table has 19.271 and 38.908 d.
    Star("Kepler-9", partial(files, "systems/003323887"), (19.246, 38.95, 1.5930)),
    Star("Kepler-30", partial(public, 3832474), (29.334, 60.32, 143.34)),
    Star("Kepler-7", partial(public, 5780885), (4.8855,), words="light of a planet"),
    Star("Kepler-13", partial(public, 9941662), (1.76359,), words="light of a planet"),
    Star("Kepler-17", partial(public, 10619192), (1.48571,)),
    Star(
        "16.23 d, late by 0.1 d",
        partial(with_light, QUIET, Delayed(planet(16.23, 5.0, 0.025), 0.1, 450.0)),
        (16.23,),
    ),
    Star(
        "10.95 d, late by 0.5 d",
        partial(with_light, QUIET, Delayed(planet(10.95, 4.0, 0.02), 0.5, 630.0)),
        (10.95,),
    ),
    Star(
        "10.95 d in a simulated star",
        partial(with_light, SIMULATED, Delayed(planet(10.95, 4.0, 0.0165), 0.5, 630.0)),
        (10.95,),
    ),
    Star("KOI-3278", partial(files, "systems/003342467"), (), (88.1807,), words="brightens by"),
    Star(
        "binary, 40 and 37 %",
        partial(with_light, SIMULATED, Binary(2.4711, EPOCH, (0.40, 0.37), 5.0)),
        (),
        (2.4711,),
    ),
    Star(
        "binary, 10 and 8 %",
        partial(with_light, SIMULATED, Binary(3.8123, EPOCH, (0.10, 0.08), 5.0)),
        (),
        (3.8123,),
    ),
    Star(
        "binary, 2.0 and 1.8 %",
        partial(with_light, QUIET, Binary(5.71, EPOCH, (0.020, 0.018), 5.0)),
        (),
        (5.71,),
    ),
    Star("eclipse of 31 %", partial(large, 0.31), PLANETS[QUIET][:5], (3.2145,), words="too large"),
    Star(
        "contact binary of 0.30 d",
        partial(with_light, SIMULATED, Contact(0.30, EPOCH, 0.25, 0.04)),
        (),
        (0.30,),
        words="contact binary",
    ),
    Star(
        "heartbeat star of 20.3 d",
        partial(with_light, QUIET, Heartbeat(20.3, EPOCH, 1.2e-3)),
        (),
        (20.3,),
        words="heartbeat",
    ),
    Star(
        "220 ppm at 0.355007 d",
        partial(with_light, QUIET, Transits(planet(0.355007, 1.3, 0.0137))),
        (0.355007,),
    ),
    Star(
        "0.14 % at 0.18 d", partial(with_light, QUIET, Transits(planet(0.18, 1.0, 0.0345))), (0.18,)
    ),
    *(Star(f"red giant {k + 1} of 9", partial(red_giant, k)) for k in range(9)),
    Star("Kepler-11", partial(files, "kepler/006541920"), PLANETS[QUIET]),
    Star(
        "Kepler-90",
        partial(files, "kepler/011442793"),
        PLANETS["011442793"],
    ),
    Star("011454304", partial(files, "kepler/011454304")),
)


def wrong(star: Star, result: Result) -> list[str]:
    """Return the differences from the expected result, one sentence each."""
    rows = [
        (v.vetting.ephemeris.period_days, v.vetting.disposition, v.vetting.tests)
        for v in result.candidates
    ]
    said = []
    for wanted, disposition in ((star.planets, CANDIDATE), (star.binaries, FALSE_POSITIVE)):
        mine = [period for period, its, _ in rows if its == disposition]
        said += [f"no {disposition.lower()} of {p} d" for p in wanted if not among(p, mine)]
        said += [f"{disposition} of {p:.4f} d" for p in mine if not among(p, wanted)]
        if len(mine) > len(wanted):
            said.append(f"{len(mine)} rows, {disposition}")
    if star.words and not any(star.words in t.verdict for _, _, tests in rows for t in tests):
        said.append(f"nothing says {star.words!r}")
    between = [pair.periods_days[0] for pair in result.search.pairs]
    if star.pair_days and not among(star.pair_days, between):
        said.append(f"no two events {star.pair_days} d apart")
    return said


def among(period: float, others: Sequence[float]) -> bool:
    return any(same(period, other) for other in others)


def main() -> None:
    chosen = [s for s in STARS if s.name.startswith(tuple(sys.argv[1:]) or "")]
    print(f"Engine {engine()}")
    failed = 0
    for star in chosen:
        try:
            observed = star.read()
        except FileNotFoundError as error:
            print(f"{star.name:28} left out: there is no {error}")
            continue
        began = time.process_time()
        result = search_and_vet(observed)
        seconds = time.process_time() - began
        said = wrong(star, result)
        failed += bool(said)
        periods = ", ".join(f"{v.vetting.ephemeris.period_days:.4f}" for v in result.candidates)
        print(
            f"{star.name:28} {'WRONG' if said else 'right'}  {periods or 'nothing'}  "
            f"({seconds:.1f} s){': ' + '; '.join(said) if said else ''}",
            flush=True,
        )
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
