"""How well, and how fast, planets are found: the table of docs/search.md, from FITS files.

    python benchmarks/search.py quick       about five minutes: the stars, some nulls and injections
    python benchmarks/search.py all         everything, some hours on one core
    python benchmarks/search.py table       print what has been measured so far

Every trial is one line of the results file: an interrupted run goes on where it stopped. Trials
have fixed seeds, other than those with which thresholds were chosen. Cells take turns, so that a
part of a run is a fair sample of the whole.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.search.engine import Search, masked, noise_margins, search, threshold
from kepler_lens.search.ephemeris import Ephemeris
from kepler_lens.search.matched import Events
from kepler_lens.search.observations import CADENCE_DAYS, Observations, observations
from kepler_lens.search.periods import DURATIONS_HOURS, central_duration
from kepler_lens.search.prepare import event_bank
from kepler_lens.simulate import simulate
from kepler_lens.transit import Planet
from scipy.stats import beta, norm

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HELLOEXOWORLD_DATA", PROJECT.parent / "shared" / "data")) / "kepler"
RESULTS = PROJECT / ".cache" / "search.jsonl"

PLANETS = {
    "006541920": (10.3039, 13.0241, 22.6845, 31.9996, 46.6888, 118.3807),
    "011442793": (7.00815, 8.71938, 14.44912, 59.7367, 91.9391, 124.914, 210.607, 331.601),
    "011454304": (),
}
STARS = (
    ("006541920", "PDCSAP_FLUX"),
    ("011442793", "PDCSAP_FLUX"),
    ("006541920", "SAP_FLUX"),
    ("011442793", "SAP_FLUX"),
    ("011454304", "PDCSAP_FLUX"),
)
SIMULATED = ("900000102", "900000106", "900000110", "900000114")
"""Stars without planets that were never looked at while the search was made."""
NULL_STARS = ("006541920", "011442793", "011454304", *SIMULATED)
CELLS = tuple(
    (star, snr)
    for star, ratios in (
        ("006541920", (7.0, 8.0, 10.0, 12.0)),
        ("011454304", (10.0, 14.0, 20.0)),
        ("900000102", (8.0, 10.0)),
    )
    for snr in ratios
)
NULLS, INJECTIONS = 150, 200
QUICK_NULLS, QUICK_INJECTIONS = 3, 3
SEED = 20_000


@cache
def load(star: str, column: str = "PDCSAP_FLUX") -> Observations:
    """Read a star's files, or simulate them."""
    columns = (column, "SAP_QUALITY")
    if star not in PLANETS:
        with tempfile.TemporaryDirectory() as name:
            simulate(name, stars=[int(star)], seed=5)
            files = sorted(Path(name).rglob("*.fits"))
            made = observations([read_light_curve(f, columns) for f in files], column)
        spread = 1e6 * np.median(np.abs(np.diff(made.flux))) * 1.4826 / np.sqrt(2)
        return replace(made, cdpp={h: spread / (h / 0.49) ** 0.5 for h in (3.0, 6.0, 12.0)})
    files = sorted((DATA / star).glob("*.fits"))
    if not files:
        sys.exit(f"There are no light curves in {DATA / star}: name their folder.")
    return observations([read_light_curve(f, columns) for f in files], column)


@cache
def searched(star: str) -> Search:
    return search(load(star))


def without_planets(star: str) -> Observations:
    """Leave out the points in transit of what is found."""
    found, observed = searched(star), load(star)
    keep = np.ones(len(observed.time), bool)
    for candidate in found.candidates:
        hours = candidate.ephemeris.hours_from_middle(observed.time)
        keep &= np.abs(hours) > 0.8 * candidate.ephemeris.duration_hours + 0.3
    chosen = {"time": observed.time[keep], "flux": observed.flux[keep]}
    return replace(observed, **chosen, quarter=observed.quarter[keep])


def star_trial(star: str, column: str) -> dict[str, object]:
    began = time.process_time()
    found = search(load(star, column))
    seconds = time.process_time() - began
    periods = [c.ephemeris.period_days for c in found.candidates]
    known = [any(abs(p / t - 1) < 1e-3 for p in periods) for t in PLANETS[star]]
    false = [p for p in periods if not any(abs(p / t - 1) < 1e-3 for t in PLANETS[star])]
    return {
        "known": sum(known),
        "of": len(known),
        "false": [round(p, 3) for p in false],
        "seconds": round(seconds, 1),
    }


def null_trial(star: str, number: int) -> dict[str, object]:
    """Scramble the quarters of a star without its planets, inverted; search what is left."""
    rng = np.random.default_rng([SEED, int(star), number])
    found = searched(star)
    prepared = found.prepared
    hidden = np.zeros(len(prepared.time), bool)
    for candidate in found.candidates:
        hidden |= masked(prepared, candidate.ephemeris)
    order = rng.permutation(int(prepared.centre_quarter.max()) + 1)
    bank = []
    for events in event_bank(prepared, hidden, DURATIONS_HOURS):
        step = max(1, round((events.time[1] - events.time[0]) / CADENCE_DAYS))
        quarter = prepared.centre_quarter[::step][: len(events.time)]
        index = np.concatenate([np.flatnonzero(quarter == q) for q in order])
        bank.append(Events(events.duration_hours, events.time, -events.n[index], events.d[index]))
    best = noise_margins(found.star, bank)
    margin = best[0][0] if best else -9.0
    where = best[0][1].ephemeris.period_days if best else None
    return {"margin": round(margin, 3), "period": where}


def injection(star: str, snr: float, number: int) -> tuple[Observations, Ephemeris]:
    """Put one planet of a given SNR into a star without its own."""
    rng = np.random.default_rng([SEED, int(star), round(10 * snr), number])
    quiet = without_planets(star)
    period = float(np.exp(rng.uniform(np.log(1.0), np.log(200.0))))
    impact = float(rng.uniform(0, 0.8))
    duration = central_duration(period, quiet.density) * (1 - impact**2) ** 0.5
    duration = max(duration, 1.3)
    epoch = float(quiet.time[0] + rng.uniform(0, period))
    planet = Planet(0, "b", period, epoch, duration, 0.02, impact)
    shape = planet.mean_dimming(quiet.time, CADENCE_DAYS) / (planet.depth_ppm * 1e-6)
    ephemeris = Ephemeris(period, epoch, duration)
    inside = np.abs(ephemeris.hours_from_middle(quiet.time)) < duration / 2
    counts = np.unique(ephemeris.numbers(quiet.time[inside]), return_counts=True)[1]
    observed = max(int((counts > 0.5 * duration / 24 / CADENCE_DAYS).sum()), 1)
    hours, noise = zip(*sorted(quiet.cdpp.items()), strict=True)
    depth = snr * 1e-6 * float(np.interp(duration, hours, noise)) / observed**0.5
    return replace(quiet, flux=(1 + quiet.flux) * (1 - depth * shape) - 1), ephemeris


def injection_trial(star: str, snr: float, number: int) -> dict[str, object]:
    observed, truth = injection(star, snr, number)
    found = search(observed)
    periods = [c.ephemeris.period_days for c in found.candidates]
    return {
        "period": round(truth.period_days, 4),
        "recovered": any(abs(p / truth.period_days - 1) < 1e-3 for p in periods),
        "others": sum(abs(p / truth.period_days - 1) >= 1e-3 for p in periods),
        "ceiling": float(norm.cdf(snr - threshold(truth.period_days))),
    }


def trials(nulls: int, injections: int) -> Iterator[tuple[str, Callable[[], dict[str, object]]]]:
    """Give all trials, each with its key, cells in turn."""
    for star, column in STARS:
        yield f"star {star} {column}", lambda s=star, c=column: star_trial(s, c)
    for number in range(max(nulls, injections)):
        for star in NULL_STARS if number < nulls else ():
            yield f"null {star} {number}", lambda s=star, n=number: null_trial(s, n)
        for star, snr in CELLS if number < injections else ():
            key = f"injection {star} {snr:g} {number}"
            yield key, lambda s=star, r=snr, n=number: injection_trial(s, r, n)


def measured(results: Path) -> dict[str, dict[str, object]]:
    if not results.exists():
        return {}
    rows = (json.loads(line) for line in results.read_text().splitlines())
    return {row.pop("trial"): row for row in rows}


def interval(successes: int, count: int) -> str:
    """Part of successes with its 95 % interval (Clopper and Pearson)."""
    low = beta.ppf(0.025, successes, count - successes + 1) if successes else 0.0
    high = beta.ppf(0.975, successes + 1, count - successes) if successes < count else 1.0
    return f"{successes / count:6.1%} [{low:.1%}, {high:.1%}] of {count}"


def table(results: Path) -> None:
    """Print what was measured."""
    done = measured(results)
    for star, column in STARS:
        row = done.get(f"star {star} {column}")
        if row:
            print(
                f"{star} {column:11}: {row['known']} of {row['of']} planets, "
                f"{len(row['false'])} false {row['false']}, {row['seconds']} s of one core"
            )
    pooled = []
    for star in NULL_STARS:
        margins = [r["margin"] for k, r in done.items() if k.startswith(f"null {star} ")]
        pooled += margins
        if margins:
            alarms = interval(sum(m > 0 for m in margins), len(margins))
            print(f"false alarms on nulls of {star}: {alarms}")
    if pooled:
        print(
            f"false alarms, pooled:            {interval(sum(m > 0 for m in pooled), len(pooled))}"
        )
    for star, snr in CELLS:
        rows = [r for k, r in done.items() if k.startswith(f"injection {star} {snr:g} ")]
        if rows:
            ceiling = np.mean([r["ceiling"] for r in rows])
            print(
                f"injected into {star} at SNR {snr:g}: "
                f"{interval(sum(r['recovered'] for r in rows), len(rows))}, "
                f"Gaussian ceiling {ceiling:.1%}, false beside {sum(r['others'] for r in rows)}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("quick", "all", "table"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.what != "table":
        arguments.results.parent.mkdir(parents=True, exist_ok=True)
        done = measured(arguments.results)
        quick = arguments.what == "quick"
        counts = (QUICK_NULLS, QUICK_INJECTIONS) if quick else (NULLS, INJECTIONS)
        with arguments.results.open("a", encoding="utf-8") as file:
            for key, trial in trials(*counts):
                if key not in done:
                    file.write(json.dumps({"trial": key, **trial()}) + "\n")
                    file.flush()
    table(arguments.results)


if __name__ == "__main__":
    main()
