"""Measure how well and how fast planets are found: the table of docs/search.md, from FITS files.

    python benchmarks/search.py quick       about five minutes: the stars, some nulls and injections
    python benchmarks/search.py all         everything, some hours on one core
    python benchmarks/search.py table       print what has been measured so far
    python benchmarks/search.py table --against 1   and what engine 1 found there

Every trial is one line of the results file: an interrupted run goes on where it stopped, and
several processes may write to one file (--part 0/2 and --part 1/2). The results file beside this
program holds the measurements of this version of the engine; name another file by --results to
measure again. Trials have fixed seeds, which differ from those used to choose thresholds. Cells
take turns, so that a part of a run is a fair sample of the whole.
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
from functools import cache, partial
from pathlib import Path

import numpy as np
import search_gerbls
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.scatter import scatter, scatter_about
from kepler_lens.simulation.simulate import simulate
from kepler_lens.transit_model import TransitModel
from kepler_lens.transit_search.detection.brightenings import noise_margins
from kepler_lens.transit_search.detection.candidates import Detections, masked
from kepler_lens.transit_search.detection.detect import find_candidates
from kepler_lens.transit_search.detection.ephemeris import Ephemeris
from kepler_lens.transit_search.detection.periods import DURATIONS_HOURS, central_duration
from kepler_lens.transit_search.detection.thresholds import threshold
from kepler_lens.transit_search.preparation.observations import Observations, observations_of
from kepler_lens.transit_search.preparation.prepare import event_bank
from kepler_lens.transit_search.preparation.single_events import Events
from kepler_lens.transit_search.search import search_and_vet
from kepler_lens.transit_search.version import engine
from numpy.typing import NDArray
from scipy.signal import savgol_filter
from scipy.stats import beta, norm

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HELLOEXOWORLD_DATA", PROJECT.parent / "shared" / "data")) / "kepler"
RESULTS = PROJECT / "benchmarks" / "search.jsonl"

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
"""Stars without planets on which nothing of the search was chosen."""
NULL_STARS = ("006541920", "011442793", "011454304", *SIMULATED)
CELLS = (
    ("006541920", 8.0),
    ("006541920", 10.0),
    ("006541920", 12.0),
    ("011454304", 10.0),
)
"""Star and SNR of the injections with a required recovery."""
FURTHER_CELLS = (
    ("006541920", 7.0),
    ("simulated", 10.0),
    ("011454304", 14.0),
)
"""Star and SNR of other injections that are reported; the simulated stars take turns."""
INJECTIONS, NULLS, GERBLS = 200, 1050, 20
QUICK_INJECTIONS = 2
SEED = 20_000


@cache
def load(star: str, column: str = "PDCSAP_FLUX") -> Observations:
    """Read a star's files, or simulate them."""
    columns = (column, "SAP_QUALITY")
    if star not in PLANETS:
        with tempfile.TemporaryDirectory() as name:
            simulate(name, stars=[int(star)], seed=5)
            files = sorted(Path(name).rglob("*.fits"))
            made = observations_of([read_light_curve(f, columns) for f in files], column)
        return replace(made, cdpp={h: savitzky_golay_cdpp(made, h) for h in (3.0, 6.0, 12.0)})
    files = sorted((DATA / star).glob("*.fits"))
    if not files:
        sys.exit(f"There are no light curves in {DATA / star}: name their folder.")
    return observations_of([read_light_curve(f, columns) for f in files], column)


def savitzky_golay_cdpp(observed: Observations, hours: float) -> float:
    """Estimate the CDPP, ppm, of a simulated star, after Gilliland et al. (2011, ApJS 197, 6).

    The estimate is the robust deviation (1.4826 MAD) of running means over a duration, after a
    quadratic Savitzky-Golay filter of 101 cadences. Without the paper's factor of 1.168 it is 1.12,
    1.04 and 0.84 times the value in the header of Kepler-11 for 3, 6 and 12 h.
    """
    width = round(hours / 24 / LONG_CADENCE_DAYS)
    means = []
    for q in np.unique(observed.quarter):
        flux = observed.flux[observed.quarter == q]
        flux = flux - savgol_filter(flux, 101, 2)
        flux = flux[np.abs(flux) < 5 * scatter_about(flux)]
        means.append(np.convolve(flux, np.ones(width) / width, "valid"))
    every = np.concatenate(means)
    return 1e6 * scatter(every)


def cdpp(observed: Observations, hours: float) -> float:
    """Return the CDPP at a duration, ppm, by a power law through the header's nearest values."""
    known, noise = zip(*sorted(observed.cdpp.items()), strict=True)
    k = int(np.clip(np.searchsorted(known, hours), 1, len(known) - 1))
    slope = np.log(noise[k] / noise[k - 1]) / np.log(known[k] / known[k - 1])
    return float(noise[k] * (hours / known[k]) ** slope)


@cache
def searched(star: str) -> Detections:
    return find_candidates(load(star))


def without_planets(star: str) -> Observations:
    """Return a star without the points in transit of its candidates."""
    found, observed = searched(star), load(star)
    keep = np.ones(len(observed.time), bool)
    for candidate in found.candidates:
        hours = candidate.ephemeris.hours_from_middle(observed.time)
        keep &= np.abs(hours) > 0.8 * candidate.ephemeris.duration_hours + 0.3
    chosen = {"time": observed.time[keep], "flux": observed.flux[keep]}
    return replace(observed, **chosen, quarter=observed.quarter[keep])


def star_trial(star: str, column: str) -> dict[str, object]:
    """Search a star as `kepler-lens search` does, without plots and with compiled code."""
    searched(SIMULATED[0])
    began = time.process_time()
    found = search_and_vet(load.__wrapped__(star, column))
    seconds = time.process_time() - began
    periods = [v.candidate.ephemeris.period_days for v in found.candidates]
    known = [any(abs(p / t - 1) < 1e-3 for p in periods) for t in PLANETS[star]]
    false = [p for p in periods if not any(abs(p / t - 1) < 1e-3 for t in PLANETS[star])]
    return {
        "known": sum(known),
        "of": len(known),
        "false": [round(p, 3) for p in false],
        "seconds": round(seconds, 1),
    }


@cache
def null_events(star: str) -> tuple[tuple[Events, NDArray[np.int32]], ...]:
    """Return the single events of a star without its planets, and the quarter of each centre."""
    prepared = searched(star).prepared
    hidden = np.zeros(len(prepared.time), bool)
    for candidate in searched(star).candidates:
        hidden |= masked(prepared, candidate.ephemeris)
    bank = []
    for events in event_bank(prepared, hidden, DURATIONS_HOURS):
        step = max(1, round((events.time[1] - events.time[0]) / LONG_CADENCE_DAYS))
        bank.append((events, prepared.centre_quarter[::step][: len(events.time)]))
    return tuple(bank)


def null_trial(star: str, number: int) -> dict[str, object]:
    """Search the inverted single events of a star without its planets, in scrambled quarters."""
    rng = np.random.default_rng([SEED, int(star), number])
    events = null_events(star)
    order = rng.permutation(int(events[0][1].max()) + 1)
    bank = []
    for single, quarter in events:
        index = np.concatenate([np.flatnonzero(quarter == q) for q in order])
        bank.append(replace(single, n=-single.n[index], d=single.d[index]))
    best = noise_margins(searched(star).prepared, bank)
    margin = best[0][0] if best else -9.0
    where = best[0][1].ephemeris.period_days if best else None
    return {"margin": round(margin, 3), "period": where}


def injection(star: str, snr: float, number: int) -> tuple[Observations, Ephemeris]:
    """Put one planet of a given SNR into a star without its own planets."""
    if star == "simulated":
        star = SIMULATED[number % len(SIMULATED)]
    rng = np.random.default_rng([SEED, int(star), round(10 * snr), number])
    quiet = without_planets(star)
    period = float(np.exp(rng.uniform(np.log(1.0), np.log(200.0))))
    impact = float(rng.uniform(0, 0.8))
    duration = central_duration(period, quiet.density) * (1 - impact**2) ** 0.5
    duration = max(duration, 1.3)
    epoch = float(quiet.time[0] + rng.uniform(0, period))
    planet = TransitModel(period, epoch, duration, 0.02, impact)
    shape = planet.mean_dimming(quiet.time, LONG_CADENCE_DAYS) / (planet.depth_ppm * 1e-6)
    ephemeris = Ephemeris(period, epoch, duration)
    inside = np.abs(ephemeris.hours_from_middle(quiet.time)) < duration / 2
    counts = np.unique(ephemeris.numbers(quiet.time[inside]), return_counts=True)[1]
    observed = max(int((counts > 0.5 * duration / 24 / LONG_CADENCE_DAYS).sum()), 1)
    depth = snr * 1e-6 * cdpp(quiet, duration) / observed**0.5
    return replace(quiet, flux=(1 + quiet.flux) * (1 - depth * shape) - 1), ephemeris


def same(period: float, truth: float) -> bool:
    return abs(period / truth - 1) < 1e-3


def injection_trial(star: str, snr: float, number: int) -> dict[str, object]:
    observed, truth = injection(star, snr, number)
    began = time.process_time()
    # A second search with all rounds helps only if the first round missed the planet.
    for rounds in ([1], []):
        candidates = find_candidates(observed, *rounds).candidates
        periods = [c.ephemeris.period_days for c in candidates]
        recovered = any(same(p, truth.period_days) for p in periods)
        if recovered or not periods:
            break
    pulsates = searched(star).prepared.pulsating if star in PLANETS else False
    return {
        "period": round(truth.period_days, 4),
        "recovered": recovered,
        "others": [round(p, 4) for p in periods if not same(p, truth.period_days)],
        "ceiling": float(norm.cdf(snr - threshold(truth.period_days, pulsating=pulsates))),
        "seconds": round(time.process_time() - began, 1),
    }


def gerbls_trial(star: str, snr: float, number: int) -> dict[str, object]:
    """Search the same star by the gerbls sketch, whose strongest period counts, however weak."""
    observed, truth = injection(star, snr, number)
    return {"recovered": same(search_gerbls.strongest_period(observed), truth.period_days)}


Trial = tuple[str, Callable[[], dict[str, object]]]


def trials(injections: int) -> Iterator[Trial]:
    """Yield all trials with their keys: stars, then injections, nulls and gerbls in turn."""
    for star, column in STARS:
        yield f"star {star} {column}", partial(star_trial, star, column)
    for number in range(injections):
        for cell in (*CELLS, *FURTHER_CELLS):
            yield injection_key(*cell, number), partial(injection_trial, *cell, number)
        for null in range(number * NULLS // INJECTIONS, (number + 1) * NULLS // INJECTIONS):
            star, turn = NULL_STARS[null % len(NULL_STARS)], null // len(NULL_STARS)
            yield f"null {star} {turn}", partial(null_trial, star, turn)
        if search_gerbls.installed() and number < GERBLS:
            for cell in (*CELLS, *FURTHER_CELLS):
                yield (
                    "gerbls " + injection_key(*cell, number),
                    partial(gerbls_trial, *cell, number),
                )


def injection_key(star: str, snr: float, number: int) -> str:
    return f"injection {star} {snr:g} {number}"


def measured(results: Path, version: str = "") -> dict[str, dict[str, object]]:
    """Read the trials of a version of the engine, by default of this one."""
    if not results.exists():
        return {}
    rows = (json.loads(line) for line in results.read_text().splitlines())
    # Results of another version of the engine do not count.
    return {row.pop("trial"): row for row in rows if row["engine"] == (version or engine())}


def append(results: Path, row: dict[str, object]) -> None:
    """Add a line in one write, so that several processes may do so."""
    file = os.open(results, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, (json.dumps(row) + "\n").encode())
    os.close(file)


def interval(successes: int, count: int) -> str:
    """Return the part of successes with its 95 % interval (Clopper and Pearson) as text."""
    low = beta.ppf(0.025, successes, count - successes + 1) if successes else 0.0
    high = beta.ppf(0.975, successes + 1, count - successes) if successes < count else 1.0
    return f"{successes / count:6.1%} [{low:.1%}, {high:.1%}] of {count}"


def table(results: Path, version: str = "", against: str = "") -> None:
    """Print the measurements of a version of the engine, by default of this one.

    Parameters
    ----------
    results : Path
    version : str, optional
    against : str, optional
        Another version, whose results in the same trials are printed beside.
    """
    done = measured(results, version)
    every = sum(1 for _ in trials(INJECTIONS))
    print(f"engine {version or engine()}: {len(done)} of {every} trials")
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
    for star, snr in (*CELLS, *FURTHER_CELLS):
        prefix = injection_key(star, snr, 0)[:-1]
        rows = {k: r for k, r in done.items() if k.startswith(prefix)}
        if not rows:
            continue
        ceiling = np.mean([r["ceiling"] for r in rows.values()])
        print(
            f"injected into {star} at SNR {snr:g}: "
            f"{interval(sum(r['recovered'] for r in rows.values()), len(rows))}, "
            f"Gaussian ceiling {ceiling:.1%}, "
            f"false beside {sum(len(r['others']) for r in rows.values())}"
        )
    lines = recovery_of_both(done)
    if against:
        lines += compared(done, measured(results, against))
    for line in lines:
        print(line)


def compared(done: dict[str, dict[str, object]], other: dict[str, dict[str, object]]) -> list[str]:
    """Return sentences that compare two versions of the engine in trials of the same seeds.

    Both searched the same injected planets, and events without planets in the same order, though
    each engine masks what it finds itself. So a difference shows in far fewer trials than two
    tables of different trials would need.
    """
    both = [key for key in done if key in other]
    lines = [] if both else ["The other engine has made none of these trials."]
    for star in NULL_STARS:
        keys = [key for key in both if key.startswith(f"null {star} ")]
        if keys:
            alarms = [sum(rows[key]["margin"] > 0 for key in keys) for rows in (done, other)]
            lines.append(f"false alarms on the same {len(keys)} nulls of {star}: {_two(alarms)}")
    for cell in (*CELLS, *FURTHER_CELLS):
        prefix = injection_key(*cell, 0)[:-1]
        keys = [key for key in both if key.startswith(prefix)]
        if keys:
            found = [sum(rows[key]["recovered"] for key in keys) for rows in (done, other)]
            false = [sum(len(rows[key]["others"]) for key in keys) for rows in (done, other)]
            lines.append(
                f"found of the same {len(keys)} in {cell[0]} at SNR {cell[1]:g}: {_two(found)}; "
                f"false beside: {_two(false)}"
            )
    return lines


def _two(counts: list[int]) -> str:
    return f"{counts[0]}, the other engine {counts[1]}"


def recovery_of_both(done: dict[str, dict[str, object]]) -> list[str]:
    """Return sentences that compare this search and the gerbls sketch on the same planets."""
    lines = []
    for star, snr in (*CELLS, *FURTHER_CELLS):
        prefix = "gerbls " + injection_key(star, snr, 0)[:-1]
        both = [k.removeprefix("gerbls ") for k in done if k.startswith(prefix)]
        both = [k for k in both if k in done]
        if both:
            ours = sum(bool(done[k]["recovered"]) for k in both)
            theirs = sum(bool(done[f"gerbls {k}"]["recovered"]) for k in both)
            lines.append(
                f"of the same {len(both)} in {star} at SNR {snr:g}: this search {ours}, "
                f"strongest period of the gerbls sketch, without any threshold, {theirs}"
            )
    return lines


def part_of(text: str) -> tuple[int, int]:
    index, count = (int(word) for word in text.split("/"))
    return index, count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("quick", "all", "table"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--part", type=part_of, default=(0, 1), help="0/2: every second trial, from the first on"
    )
    parser.add_argument("--engine", default="", help="whose trials the table is of")
    parser.add_argument("--against", default="", help="another engine, for the same trials")
    arguments = parser.parse_args()
    results, (part, parts) = arguments.results, arguments.part
    if arguments.what != "table":
        results.parent.mkdir(parents=True, exist_ok=True)
        done = measured(results)
        count = QUICK_INJECTIONS if arguments.what == "quick" else INJECTIONS
        for index, (key, trial) in enumerate(trials(count)):
            if index % parts == part and key not in done:
                append(results, {"trial": key, "engine": engine(), **trial()})
    table(results, arguments.engine, arguments.against)


if __name__ == "__main__":
    main()
