"""What the package's model says of impostors that nobody labelled: the table of docs/training.md.

    python benchmarks/impostors.py quick    some minutes
    python benchmarks/impostors.py all      about half an hour of one core
    python benchmarks/impostors.py table    print what has been measured so far

Light curves of real stars, without their own candidates, are mirrored, scrambled, or get a planet
or an eclipsing binary; each goes through the search, and what the search finds is scored. The model
has seen none of them. Where nothing is put in, the search finds hardly anything: then its two
strongest signals below its threshold are scored. Every light curve is one line of the results
file: an interrupted run goes on where it stopped, several processes may write to one file (--part
0/2 and --part 1/2), and what another model, recipe or engine gave does not count.
"""

from __future__ import annotations

import argparse
import json
import os
from functools import cache
from pathlib import Path

import numpy as np
from kepler_lens.classify.bundle import Bundle
from kepler_lens.classify.recipes import recipe
from kepler_lens.classify.scalars import of_candidate
from kepler_lens.classify.synthetic import KINDS, candidates, make, without
from kepler_lens.classify.views import ViewError
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.search.catalogue import ENGINE, search_and_vet
from kepler_lens.search.observations import NotSearchableError, Observations, observations
from search import append, interval, part_of

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HELLOEXOWORLD_DATA", PROJECT.parent / "shared" / "data"))
RESULTS = PROJECT / "benchmarks" / "impostors.jsonl"
STARS = (
    "kepler/006541920",
    "kepler/011442793",
    "kepler/011454304",
    "systems/003323887",
    "systems/003239945",
)
RECIPE = "search-1"
TRIALS = {"inverted": 1, "scrambled": 11, "eclipse_half": 14, "eclipse": 5, "planet": 6}
"""Light curves a star: enough for 100 candidates of noise and more than 50 binaries found at
half their period. A mirrored light curve is always the same."""
QUICK = 1
SEED = 30_000
"""Other light curves than those that a data set's synthetic examples are made of by default."""


@cache
def quiet(star: str) -> Observations:
    """Read a star and leave out its own candidates."""
    paths = sorted((DATA / star).glob("*.fits"))
    if not paths:
        raise SystemExit(f"There are no light curves in {DATA / star}: set HELLOEXOWORLD_DATA.")
    observed = observations([read_light_curve(p, ("PDCSAP_FLUX", "SAP_QUALITY")) for p in paths])
    found = search_and_vet(observed).candidates
    return without(observed, [vetted.vetting.ephemeris for vetted in found])


@cache
def model() -> Bundle:
    return Bundle.load()


def trial(star: str, kind: str, number: int) -> list[dict[str, object]]:
    """Make one light curve, search it, and score what was put in."""
    made = make(quiet(star), kind, SEED + number)
    try:
        search, found = candidates(made)
    except NotSearchableError:
        return []
    rows = []
    for (vetted, label), views in zip(found, recipe(RECIPE).from_search(search), strict=True):
        if label is None or isinstance(views, ViewError):
            continue
        scalars = of_candidate(search.star, vetted, len(found))
        said = model().score([views], scalars[None])
        period = vetted.vetting.ephemeris.period_days
        half = kind.startswith("eclipse") and abs(period / made.truth[2].period_days - 1) < 1e-3
        rows.append(
            {
                "period": round(period, 4),
                "half": half,
                "below": vetted.candidate.statistic < vetted.candidate.threshold,
                "disposition": vetted.vetting.disposition,
                "p_planet": round(float(said.p_planet[0]), 5),
                "outside": bool(said.outside[0]),
            }
        )
    return rows


def version() -> str:
    """Say what the figures are of."""
    return f"{model().name} {recipe(RECIPE).digest} {ENGINE}"


def measured(results: Path) -> dict[str, list[dict[str, object]]]:
    if not results.exists():
        return {}
    rows = (json.loads(line) for line in results.read_text().splitlines())
    return {row["trial"]: row["candidates"] for row in rows if row["version"] == version()}


def table(results: Path) -> None:
    """Print how many score at or above the threshold, and how many of those vetting lets pass."""
    done = measured(results)
    low = model().threshold(0.9)
    print(f"Model {model().name}, at or above its threshold of precision .9 ({low:.3f}):")
    rows = {
        kind: [row for key, found in done.items() if key.split()[1] == kind for row in found]
        for kind in KINDS
    }
    binaries = rows["eclipse"] + rows["eclipse_half"]
    noise = rows["inverted"] + rows["scrambled"]
    lines = {
        "inverted light curves": rows["inverted"],
        "scrambled light curves": rows["scrambled"],
        "both": noise,
        "both, found by the search": [row for row in noise if not row["below"]],
        "binaries at half their period": [row for row in binaries if row["half"]],
        "binaries at their period": [row for row in binaries if not row["half"]],
        "planets": rows["planet"],
    }
    for name, found in lines.items():
        if found:
            above = [row for row in found if row["p_planet"] >= low]
            passed = sum(row["disposition"] != "FALSE POSITIVE" for row in above)
            shares = interval(len(above), len(found))
            print(f"{name:30} {shares}, {passed} of them not vetted as false")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("quick", "all", "table"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--part", type=part_of, default=(0, 1), help="0/2: every second light curve"
    )
    arguments = parser.parse_args()
    part, parts = arguments.part
    np.seterr(all="ignore")
    if arguments.what != "table":
        done = measured(arguments.results)
        # Kinds and stars take turns, so that a part of a run is a fair sample of the whole.
        most = QUICK if arguments.what == "quick" else max(TRIALS.values())
        for number in range(most):
            for index, star in enumerate(STARS):
                for kind, count in TRIALS.items():
                    key = f"{Path(star).name} {kind} {number}"
                    mine = (index + number) % parts == part
                    if mine and number < count and key not in done:
                        found = trial(star, kind, number)
                        row = {"trial": key, "version": version(), "candidates": found}
                        append(arguments.results, row)
    table(arguments.results)


if __name__ == "__main__":
    main()
