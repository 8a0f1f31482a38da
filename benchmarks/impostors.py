"""Score synthetic impostors by the package's model: the table of docs/training.md.

    python benchmarks/impostors.py quick    some minutes
    python benchmarks/impostors.py all      about half an hour of one core
    python benchmarks/impostors.py table    print what has been measured so far

Light curves of real stars, without their own signals, are inverted, scrambled, or get a planet or
an eclipsing binary. Each is searched, and the candidates are scored. The model was not trained on
these light curves. Without an added signal the search finds hardly anything: then its two strongest
signals below its threshold are scored. The candidates of a light curve are one file in
.cache/impostors: an interrupted run goes on where it stopped, several processes may run (--part 0/2
and --part 1/2), and another model scores the same files in seconds.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from kepler_lens.classify.bundle import Bundle
from kepler_lens.classify.curves import from_folder
from kepler_lens.classify.parts import SYNTHETIC_CODE
from kepler_lens.classify.recipes import recipe
from kepler_lens.classify.scalars import of_candidate
from kepler_lens.classify.synthetic import KINDS, candidates, make, quieted
from kepler_lens.classify.views import ViewError
from kepler_lens.code_digest import digest
from kepler_lens.transit_search.preparation.observations import NotSearchableError, Observations
from search import interval, part_of

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HELLOEXOWORLD_DATA", PROJECT.parent / "shared" / "data")) / "kepler"
FOUND = PROJECT / ".cache" / "impostors"
RESULTS = PROJECT / "benchmarks" / "impostors.jsonl"
STARS = (6541920, 11442793, 11454304)
RECIPE = "search-1"
TRIALS = {"inverted": 4, "scrambled": 15, "eclipse_half": 18, "eclipse": 4, "planet": 8}
"""Light curves of each star by kind: enough for 100 candidates of noise and for more than 50
binaries found at half their period."""
QUICK = 1
SEED = 30_000
"""Seed of other light curves than those of a data set's synthetic examples by default."""


@cache
def code() -> str:
    """Return a name of the code that makes the light curves, searches them and makes the views."""
    return f"{recipe(RECIPE).digest[:12]}-{digest(SYNTHETIC_CODE)[:12]}"


@cache
def quiet(star: int) -> Observations:
    """Read a star, and remove its own signals."""
    folder = DATA / f"{star:09d}"
    if not folder.is_dir():
        raise SystemExit(f"There are no light curves in {folder}: set HELLOEXOWORLD_DATA.")
    return quieted(from_folder(folder)[1](star))


@cache
def model() -> Bundle:
    return Bundle.load()


def path_of(star: int, kind: str, number: int) -> Path:
    """Return the file for the candidates of a light curve; other code has other files."""
    return FOUND / f"{code()}-{SEED}" / f"{star}-{kind}-{number}.npz"


def trial(star: int, kind: str, number: int) -> None:
    """Make one light curve, search it, and write views and scalars of its labelled candidates."""
    made = make(quiet(star), kind, SEED, number)
    facts, scalars = [], []
    views: dict[str, list[np.ndarray]] = {}
    try:
        result, found = candidates(made)
    except NotSearchableError:
        found = []
    each_views = recipe(RECIPE).from_search(result) if found else []
    for (vetted, label), mine in zip(found, each_views, strict=True):
        if label is None or isinstance(mine, ViewError):
            continue
        scalars.append(of_candidate(result.observations, vetted, len(found)))
        for name, view in mine.items():
            views.setdefault(name, []).append(view)
        period = vetted.vetting.ephemeris.period_days
        half = kind.startswith("eclipse") and abs(period / made.truth[2].period_days - 1) < 1e-3
        facts.append(
            {
                "period": round(period, 4),
                "half": half,
                "below": vetted.candidate.statistic < vetted.candidate.threshold,
                "disposition": vetted.vetting.disposition,
            }
        )
    path = path_of(star, kind, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        np.savez_compressed(file, facts=json.dumps(facts), scalars=scalars, **views)
    part.replace(path)


def scored(path: Path) -> list[dict[str, object]]:
    """Score the candidates of one light curve."""
    with np.load(path) as content:
        facts = json.loads(str(content["facts"]))
        names = [name for name in content.files if name not in ("facts", "scalars")]
        columns, scalars = {name: content[name] for name in names}, content["scalars"]
    if not facts:
        return []
    rows = [{name: column[k] for name, column in columns.items()} for k in range(len(facts))]
    said = model().score(rows, scalars)
    return [
        fact
        | {"p_planet": round(float(p), 5), "spread": round(float(s), 5), "outside": bool(outside)}
        for fact, p, s, outside in zip(facts, said.p_planet, said.spread, said.outside, strict=True)
    ]


def version() -> str:
    """Return the names of model and code, of which the figures are."""
    return f"{model().name} {code()}"


def planned(most: int) -> Iterator[tuple[int, int, str, int]]:
    """Yield all trials; kinds and stars take turns, so that a part of a run is a fair sample."""
    for number in range(most):
        for index, star in enumerate(STARS):
            for kind, count in TRIALS.items():
                if number < count:
                    yield index + number, star, kind, number


def measured(results: Path) -> dict[str, list[dict[str, object]]]:
    """Return the scores of all files, and those in the results file of this model and code."""
    done = {}
    if results.exists():
        rows = [json.loads(line) for line in results.read_text().splitlines()]
        done = {row["trial"]: row for row in rows if row["version"] == version()}
    for _, star, kind, number in planned(max(TRIALS.values())):
        path = path_of(star, kind, number)
        if path.is_file():
            key = f"{star} {kind} {number}"
            done[key] = {"trial": key, "version": version(), "candidates": scored(path)}
    if done:
        results.write_text("".join(f"{json.dumps(row)}\n" for row in done.values()))
    return {key: row["candidates"] for key, row in done.items()}


def table(results: Path) -> None:
    """Print how many candidates reach the threshold, and how many of them pass the vetting."""
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
        most = QUICK if arguments.what == "quick" else max(TRIALS.values())
        for turn, star, kind, number in planned(most):
            if turn % parts == part and not path_of(star, kind, number).is_file():
                trial(star, kind, number)
    table(arguments.results)


if __name__ == "__main__":
    main()
