"""Measure how well networks tell planets from impostors: the table of docs/training.md.

    python benchmarks/training.py quick       about ten minutes: the networks, boosting, the nulls
    python benchmarks/training.py all         also AstroNet's own network and other branches
    python benchmarks/training.py table       print what has been measured so far

Cross-validation with five folds of AstroNet's published records, by star and shared ephemeris. The
tested records are always those of `astronet`, even for networks that are also trained on
`astronet_more`. Every network is one line of the results file: an interrupted run goes on where it
stopped. Seconds are those of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import numpy as np
from kepler_lens.classify import inputs as inputs_of
from kepler_lens.classify.bundle import Bundle
from kepler_lens.classify.dataset import Examples, load
from kepler_lens.classify.inputs import DEFAULT
from kepler_lens.classify.labels import CLASSES, read_tce_table
from kepler_lens.classify.splits import check_split, folds
from kepler_lens.classify.splits import folds as parts_of
from kepler_lens.train import calibrate
from kepler_lens.train.metrics import METRICS, metrics
from kepler_lens.train.runs import digest, views_only

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HELLOEXOWORLD_DATA", PROJECT.parent / "shared" / "data"))
RESULTS = PROJECT / ".cache" / "bench-training.jsonl"
FOLDS, SEED = 5, 1
VALIDATION = 10
"""One of this many parts of the training records is for early stopping, as in the package."""
TESTED = "astronet"


@dataclass(frozen=True)
class Row:
    """One row of the table; `how` predicts a fold, `seeds` is the number of averaged networks."""

    name: str
    how: Callable[[Row, int, int], dict[str, Any]]
    seeds: int
    more: bool = False
    branches: tuple[str, ...] = DEFAULT
    shuffled: bool = False
    quick: bool = True


@cache
def examples() -> Examples:
    table = read_tce_table(DATA / "tables" / "q1_q17_dr24_tce.csv")
    both = [DATA / "astronet", DATA / "astronet_more"]
    found = load(both, table=table, on_cut=print)
    return found.select(found.label >= 0)


@cache
def split() -> tuple[np.ndarray, np.ndarray]:
    """Return the fold of each example, and whether it is tested."""
    e = examples()
    # Only tested records are spread evenly over the folds; groups may contain both kinds.
    first = np.array([Path(f).parent.name == TESTED for f in e.files])[e.file]
    fold = folds(e.group, np.where(first, e.label, -1), e.synthetic, FOLDS, SEED)
    check_split(fold, e.star, e.group, e.synthetic, [f"fold {k}" for k in range(FOLDS)])
    return fold, first


def trained_on(row: Row, k: int) -> np.ndarray:
    fold, first = split()
    return (fold != k) & (first | row.more)


def tested(k: int) -> np.ndarray:
    fold, first = split()
    return (fold == k) & first


def labels(row: Row) -> np.ndarray:
    label = examples().label
    if row.shuffled:
        return np.random.default_rng(SEED).permutation(label)
    return label


def network(row: Row, k: int, seed: int) -> dict[str, Any]:
    from kepler_lens.train.network import Size, build, probabilities
    from kepler_lens.train.trainer import Part, Plan, train

    e, label = examples(), labels(row)
    training = trained_on(row, k)
    some = e.select(training)
    inputs = inputs_of.fit(some.views, some.has, some.scalars, row.branches)
    arrays = inputs.arrays(e.views, e.has, e.scalars)
    validation = parts_of(e.group, label, e.synthetic, VALIDATION, 100 * seed + k) == 0

    def part(which: np.ndarray) -> Part:
        target = np.eye(len(CLASSES), dtype=np.float32)[label[which]]
        return Part({n: a[which] for n, a in arrays.items()}, target)

    model = build(inputs, Size(), 100 * seed + k)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        history = train(
            model,
            part(training & ~validation),
            part(training & validation),
            inputs.branches,
            Plan(),
            100 * seed + k,
            Path(folder) / "checkpoint",
        )
    seconds = time.process_time() - began
    here = {n: a[tested(k)] for n, a in arrays.items()}
    return {
        "p": probabilities(model, here),
        "views": probabilities(model, views_only(here, inputs)),
        "seconds": seconds,
        "weights": model.count_params(),
        "epochs": len(history),
    }


def boosting(row: Row, k: int, seed: int) -> dict[str, Any]:
    from kepler_lens.classify.scalars import transformed
    from sklearn.ensemble import HistGradientBoostingClassifier

    e = examples()
    numbers, dip = inputs_of.raw_shape(e.views, e.scalars)
    began = time.process_time()
    found = {}
    for name, x in {
        "views": np.c_[numbers, dip[:, ::3]],
        "p": np.c_[numbers, dip[:, ::3], transformed(e.scalars)],
    }.items():
        model = HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.06, max_leaf_nodes=12, l2_regularization=1.0,
            min_samples_leaf=12, max_features=0.3, random_state=seed,
        )  # fmt: skip
        training = trained_on(row, k)
        model.fit(x[training], e.label[training])
        found[name] = model.predict_proba(x[tested(k)])
    return found | {"seconds": (time.process_time() - began) / 2, "weights": 0, "epochs": 0}


ASTRONET_EPOCHS, ASTRONET_RATE, ASTRONET_BATCH = 22, 2e-4, 64
"""Best values found on these records, for Adam with a cosine decay of the rate."""


def astronet(row: Row, k: int, seed: int) -> dict[str, Any]:
    import keras
    from kepler_lens.train.network import astronet, probabilities

    e = examples()
    arrays = {
        "whole": e.views["global_view"][:, :, None],
        "local": e.views["local_view"][:, :, None],
    }
    model = astronet(seed)
    which = np.flatnonzero(trained_on(row, k))
    each = len(which) // ASTRONET_BATCH
    rate = keras.optimizers.schedules.CosineDecay(ASTRONET_RATE, each * ASTRONET_EPOCHS)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss, jit_compile=False)
    began = time.process_time()
    for epoch in range(ASTRONET_EPOCHS):
        rng = np.random.default_rng([seed, k, epoch])
        order = rng.permutation(which)
        for step in range(each):
            batch = order[step * ASTRONET_BATCH : (step + 1) * ASTRONET_BATCH]
            back = rng.random(len(batch)) < 0.5
            given = {n: a[batch] for n, a in arrays.items()}
            for values in given.values():
                values[back] = values[back, ::-1]
            model.train_on_batch(given, np.eye(len(CLASSES), dtype=np.float32)[e.label[batch]])
    seconds = time.process_time() - began
    p = probabilities(model, {n: a[tested(k)] for n, a in arrays.items()})
    return {
        "p": p, "views": p, "seconds": seconds,
        "weights": model.count_params(), "epochs": ASTRONET_EPOCHS,
    }  # fmt: skip


ROWS = (
    Row("network", network, 3),
    Row("network, astronet_more too", network, 3, more=True),
    Row("gradient boosting", boosting, 1),
    Row("gradient boosting, astronet_more too", boosting, 1, more=True),
    Row("labels shuffled", network, 1, shuffled=True),
    Row("AstroNet's network", astronet, 1, quick=False),
    Row("with the global branch", network, 3, branches=(*DEFAULT, "global"), quick=False),
    Row("without the shape", network, 3, branches=("local", "global", "dip"), quick=False),
    Row("shape alone", network, 3, branches=("shape", "scalars"), quick=False),
)


class Results:
    """The predictions by row, fold and seed, for these records and this plan."""

    def __init__(self, path: Path) -> None:
        from kepler_lens.train.network import Size
        from kepler_lens.train.trainer import Plan

        self.path = path
        self.of = f"{digest(examples())[:16]} {Plan()} {Size()}"
        self.lines: dict[tuple[str, int, int], dict[str, Any]] = {}
        if path.is_file():
            for text in path.read_text(encoding="utf-8").splitlines():
                line = json.loads(text)
                if line["of"] == self.of:
                    self.lines[line["row"], line["fold"], line["seed"]] = line

    def add(self, row: str, fold: int, seed: int, found: dict[str, Any]) -> None:
        line = {"of": self.of, "row": row, "fold": fold, "seed": seed} | found
        for name in ("p", "views"):
            line[name] = np.round(line[name].astype(float), 5).tolist()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.lines[row, fold, seed] = line

    def predicted(self, row: Row, which: str, seeds: list[int]) -> np.ndarray | None:
        """Return the mean of some networks' predictions, or None if one is missing."""
        fold, first = split()
        out = np.zeros((len(fold), len(CLASSES)))
        for k in range(FOLDS):
            for seed in seeds:
                if (row.name, k, seed) not in self.lines:
                    return None
                out[tested(k)] += np.array(self.lines[row.name, k, seed][which]) / len(seeds)
        return out[first]


def measure(results: Results, part: str) -> None:
    rows = [row for row in ROWS if row.quick or part == "all"]
    # Seeds take turns, so that a part of a run has all rows.
    for seed in range(max(row.seeds for row in rows)):
        for row in rows:
            for k in range(FOLDS if seed < row.seeds else 0):
                if (row.name, k, seed) in results.lines:
                    continue
                found = row.how(row, k, seed)
                results.add(row.name, k, seed, found)
                print(f"{row.name}, fold {k}, seed {seed}: {found['seconds']:.0f} s", flush=True)


def table(results: Results) -> Iterator[str]:
    fold, first = split()
    label, group = examples().label[first], examples().group[first]
    names = list(METRICS)
    yield f"{len(label)} records: " + ", ".join(
        f"{int((label == k).sum())} {name}" for k, name in enumerate(CLASSES)
    )
    yield "| | inputs | networks | " + " | ".join(METRICS[n] for n in names) + " | s a network |"
    yield "|---" * (len(names) + 4) + "|"
    for row in ROWS:
        for count in sorted({1, row.seeds}):
            # AstroNet's network has no input for scalars.
            for which in ("views",) if row.how is astronet else ("views", "p"):
                line = _line(results, row, count, which, group, fold[first])
                if line:
                    yield line


def _line(
    results: Results,
    row: Row,
    count: int,
    which: str,
    group: np.ndarray,
    fold: np.ndarray,
) -> str:
    label = labels(row)[split()[1]]
    p = results.predicted(row, which, list(range(count)))
    if p is None:
        return ""
    calibrated = calibrate.out_of_fold(p, label, fold)
    of = metrics(p[:, 0], label, group, calibrated[:, 0])
    seconds = [results.lines[row.name, k, s]["seconds"] for k in range(FOLDS) for s in range(count)]
    cells = " | ".join(f"{f.value:.4f} ({f.low:.3f} to {f.high:.3f})" for f in of.values())
    words = "views" if which == "views" else "views and scalars"
    return f"| {row.name} | {words} | {count} | {cells} | {np.mean(seconds):.0f} |"


def speed(bundle: Bundle) -> Iterator[str]:
    """Yield the milliseconds for each candidate with ready views, alone and in batches."""
    e = examples()
    one = [{name: view[0] for name, view in e.views.items()}]
    for words, rounds, candidates, score in (
        ("alone", 500, 1, lambda: bundle.score(one, e.scalars[:1])),
        ("in batches", 5, len(e), lambda: bundle.score_arrays(e.views, e.has, e.scalars)),
    ):
        score()
        took = []
        for _ in range(rounds):
            began = time.perf_counter()
            score()
            took.append((time.perf_counter() - began) / candidates * 1e3)
        # The minimum is the program's own time: other work on the machine only adds to it.
        yield (
            f"shipped ensemble, {words}: {min(took):.2f} ms a candidate "
            f"(median {np.median(took):.2f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("quick", "all", "table"), nargs="?", default="quick")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--row", action="append", help="only rows of that name")
    chosen = parser.parse_args()
    results = Results(chosen.results)
    if chosen.row:
        global ROWS
        ROWS = tuple(replace(r, quick=True) for r in ROWS if r.name in chosen.row)
    if chosen.part != "table":
        measure(results, chosen.part)
    for line in table(results):
        print(line)
    for line in speed(Bundle.load()) if not chosen.row else ():
        print(line)


if __name__ == "__main__":
    main()
