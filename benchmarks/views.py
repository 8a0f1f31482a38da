"""Measure the time of views and their difference from published records, for docs/training.md.

    python benchmarks/views.py

Times are processor seconds of one core, the shortest of some rounds, for stars whose files are in
the folder of real data. They do not include compiling, which happens once on a machine.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from kepler_lens.classify.recipes import NAMES, recipe
from kepler_lens.classify.records import Record, read_records
from kepler_lens.classify.spline import flatten
from kepler_lens.classify.views import Flat, ViewError, Views, views
from kepler_lens.lightcurve import LightCurve, read_light_curve
from kepler_lens.missions.kepler import us_to_bkjd
from kepler_lens.transit_search.detection.candidates import Candidate, Detections
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits
from kepler_lens.transit_search.preparation.observations import observations_of
from kepler_lens.transit_search.preparation.prepare import prepare

DATA = Path(os.environ.get("HELLOEXOWORLD_DATA", Path(__file__).parents[2] / "shared" / "data"))
STARS = {6541920: "kepler/006541920", 3239945: "systems/003239945"}
"""Stars with both AstroNet's records and files."""
KEPLER_11 = (
    (10.3039, 131.3, 4.1), (13.0249, 138.177, 4.8), (22.6871, 148.455, 5.6),
    (31.9954, 154.162, 4.4), (46.6888, 165.3, 6.6), (118.379, 168.91, 9.7),
)  # fmt: skip
"""Approximate period (days), epoch (BKJD) and duration (hours) of Kepler-11 b to g."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many counts")
    rounds = parser.parse_args().rounds
    published: dict[int, list[Record]] = {star: [] for star in STARS}
    for path in sorted((DATA / "astronet").glob("train-*")):
        for record in read_records(path):
            published.get(record.integer("kepid"), []).append(record)
    print("recipe       star       TCE   global r      largest     local r       largest")
    for star, records in published.items():
        files = load(star)
        for name in NAMES:
            made = recipe(name).from_files(files, [ephemeris_of(record) for record in records])
            for record, candidate in zip(records, made, strict=True):
                number = record.integer("tce_plnt_num")
                print(f"{name:12} {star:9d}   {number}   {near(record, candidate)}")
    files = load(6541920)
    ephemerides = [Ephemeris(*planet) for planet in KEPLER_11]
    prepared = prepare(observations_of(files))
    none = Transits(*(np.empty(0) for _ in range(4)))
    candidates = [Candidate(k + 1, e, 0.0, 0.0, none) for k, e in enumerate(ephemerides)]
    search = Detections(prepared.observations, prepared, tuple(candidates), (), 0.0)
    light = us_to_bkjd(np.concatenate([c.time_us for c in files]))
    flux = np.concatenate([c.columns["PDCSAP_FLUX"] for c in files]).astype(np.float64)
    good = np.isfinite(flux)
    flat = Flat(*flatten(light[good], flux[good])[:2])
    print("\nKepler-11, six planets, 17 quarters: seconds of one core")
    for name in NAMES:
        timed(
            f"{name}, from the light curve",
            lambda n=name: recipe(n).from_files(files, ephemerides),
            rounds,
        )
        timed(f"{name}, within a search", lambda n=name: recipe(n).from_search(search), rounds)
    timed("the search's preparation", lambda: prepare(observations_of(files)), rounds)
    timed("the spline", lambda: flatten(light[good], flux[good]), rounds)
    timed("views of one planet", lambda: views(flat, ephemerides[1]), rounds)


def load(star: int) -> list[LightCurve]:
    """Read a star's files."""
    paths = sorted((DATA / STARS[star]).glob("*.fits"))
    return [read_light_curve(path, ("PDCSAP_FLUX",)) for path in paths]


def ephemeris_of(record: Record) -> Ephemeris:
    """Return the ephemeris of NASA's table: the shortest decimals of the record's float32."""
    period, epoch, days = (
        float(str(np.float32(record.number_of(name))))
        for name in ("tce_period", "tce_time0bk", "tce_duration")
    )
    return Ephemeris(period, epoch, 24 * days)


def near(record: Record, made: Views | ViewError) -> str:
    """Return correlation and largest difference of both views as text."""
    if isinstance(made, ViewError):
        return str(made)
    words = []
    for name in ("global_view", "local_view"):
        theirs = record.view(name)
        if theirs is None:
            return f"has no {name}"
        r = np.corrcoef(made[name], theirs)[0, 1]
        words.append(f"{r:.6f}   {np.abs(made[name] - theirs).max():9.7f}")
    return "   ".join(words)


def timed(name: str, run: Callable[[], object], rounds: int) -> None:
    """Run once to compile, then several times; print the shortest processor time."""
    run()
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        run()
        seconds.append(time.process_time() - began)
    print(f"{name:40} {min(seconds):6.3f} s", flush=True)


if __name__ == "__main__":
    main()
