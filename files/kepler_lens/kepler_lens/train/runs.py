"""Run a whole training: networks out of fold, then the ensemble, in a folder that allows a restart.

The first networks leave a fold out; their predictions give figures, calibration and thresholds. The
members of the ensemble follow; they see all examples except their validation parts. The predictions
of each finished network stand in a file of their own, so no network is trained twice.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify import inputs as inputs_of
from kepler_lens.classify.dataset import Examples, check_trainable
from kepler_lens.classify.inputs import Inputs
from kepler_lens.classify.labels import CLASSES
from kepler_lens.classify.scalars import check_inputs
from kepler_lens.classify.splits import check_split, fold_masks, folds
from kepler_lens.code_digest import digest as code_digest
from kepler_lens.train.errors import TrainingError
from kepler_lens.train.network import Size, build, probabilities
from kepler_lens.train.trainer import Epoch, Part, Plan, train, write_whole

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a training.

    Attributes
    ----------
    folds : int
        Folds of the cross-validation.
    per_fold : int
        Networks for each fold. Their mean is the prediction of an example.
    members : int
        Networks of the ensemble.
    seed : int
        Seed of folds, weights and order.
    scalars : tuple of str
        Scalars that may be inputs, of `kepler_lens.classify.scalars.SCALARS`.
    branches : tuple of str
        Keys of `kepler_lens.classify.inputs.BRANCHES`.
    size : Size
    plan : Plan
    """

    folds: int = 5
    per_fold: int = 2
    members: int = 5
    seed: int = 1
    scalars: tuple[str, ...] = inputs_of.USED
    branches: tuple[str, ...] = inputs_of.DEFAULT
    size: Size = field(default_factory=Size)
    plan: Plan = field(default_factory=Plan)


@dataclass(frozen=True, slots=True)
class Unit:
    """A network of a run.

    Attributes
    ----------
    name : str
        Name of its files.
    fold : int
        Fold that it leaves out; -1 for a member of the ensemble.
    seed : int
    """

    name: str
    fold: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A finished run with n examples.

    Attributes
    ----------
    examples : Examples
        Examples that were trained on.
    fold : int64[n]
        Zero-based number of the fold.
    out_of_fold : float32[n, 3]
        Mean probabilities by the networks that were trained on the other folds.
    out_of_fold_views : float32[n, 3]
        The same, without any scalar as input.
    inputs : Inputs
        Inputs of the ensemble.
    members : list of keras.Model
        Networks of the ensemble.
    settings : Settings
    seconds : float
        Time of the training of all networks, seconds.
    epochs : dict of str to list of Epoch
        Name of a network to its epochs.
    """

    examples: Examples
    fold: Ints
    out_of_fold: Floats
    out_of_fold_views: Floats
    inputs: Inputs
    members: list[keras.Model]
    settings: Settings
    seconds: float
    epochs: dict[str, list[Epoch]]


_CODE = [
    ("kepler_lens.classify.inputs", "fit"),
    ("kepler_lens.train.network", "build"),
    ("kepler_lens.train.trainer", "train"),
]
"""Functions that decide the weights. A folder holds networks of one version of this code only."""
_VALIDATION = 10
"""Number of parts, of which one validates a network and is not trained on (chosen)."""

Progress = Callable[[Unit, int, int, Epoch], None]


def units(settings: Settings) -> list[Unit]:
    """List the networks of a run, in the order of their training."""
    out = [
        Unit(f"fold{f}-network{k}", f, 1000 * settings.seed + 10 * f + k)
        for k in range(settings.per_fold)
        for f in range(settings.folds)
    ]
    return out + [
        Unit(f"member{k}", -1, 1000 * settings.seed + 500 + k) for k in range(settings.members)
    ]


def usable(examples: Examples) -> Examples:
    """Return the examples whose label is known.

    Raises
    ------
    DataSetError
        All of them are planets, or none is.
    """
    known = examples.select(examples.label >= 0)
    check_trainable(known)
    return known


def run(examples: Examples, folder: Path, settings: Settings, on_epoch: Progress) -> Run:
    """Train all networks that a folder lacks.

    Parameters
    ----------
    examples : Examples
    folder : Path
        Created if needed.
    settings : Settings
    on_epoch : callable
        Called after each epoch with the network, its zero-based number, the number of networks, and
        the epoch.

    Returns
    -------
    Run

    Raises
    ------
    TrainingError
        The folder holds another run; see also `kepler_lens.train.trainer.train`.
    InputError, DataSetError, SplitError
        The examples cannot be trained on.
    """
    check_inputs(settings.scalars)
    known = usable(examples)
    fold = folds(known.group, known.label, known.synthetic, settings.folds, settings.seed)
    check_split(fold, known.star, known.group, known.synthetic & False, [*map(str, range(99))])
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, known, settings)
    planned = units(settings)
    sums = np.zeros((2, len(known), len(CLASSES)), np.float32)
    models, epochs = [], {}
    for k, unit in enumerate(planned):
        history, model, predicted = _unit(
            known,
            fold,
            folder,
            unit,
            settings,
            partial(on_epoch, unit, k, len(planned)),
        )
        epochs[unit.name] = history
        _write_metrics(folder, epochs)
        if unit.fold < 0:
            models.append(model)
        else:
            sums[:, fold_masks(fold, known.synthetic, unit.fold)[1]] += predicted
    return Run(
        known,
        fold,
        sums[0] / settings.per_fold,
        sums[1] / settings.per_fold,
        _inputs(known, settings),
        models,
        settings,
        sum(e.seconds for history in epochs.values() for e in history),
        epochs,
    )


def _unit(
    known: Examples,
    fold: Ints,
    folder: Path,
    unit: Unit,
    settings: Settings,
    on_epoch: Callable[[Epoch], None],
) -> tuple[list[Epoch], keras.Model, Floats]:
    """Train a network, or read the result of its training."""
    result, checkpoint = folder / f"{unit.name}.npz", folder / f"{unit.name}.checkpoint"
    training = np.ones(len(known), bool)
    tested = ~training
    if unit.fold >= 0:
        training, tested = fold_masks(fold, known.synthetic, unit.fold)
    inputs = _inputs(known.select(training), settings)
    model = build(inputs, settings.size, unit.seed)
    if result.is_file():
        with np.load(result) as content:
            model.set_weights([content[f"w{k}"] for k in range(len(model.get_weights()))])
            rows = json.loads(content["history"].tobytes())
            return [Epoch(**row) for row in rows], model, content["predicted"]
    part = folds(known.group, known.label, known.synthetic, _VALIDATION, unit.seed)
    validation = training & (part == 0) & ~known.synthetic
    if not validation.any() or not (training & (part != 0)).any():
        raise TrainingError(
            f"{folder}: {int(training.sum())} examples are too few to train on and to validate: "
            "take more stars."
        )
    history = train(
        model,
        _part(known, inputs, training & (part != 0)),
        _part(known, inputs, validation),
        inputs.branches,
        settings.plan,
        unit.seed,
        checkpoint,
        on_epoch,
    )
    predicted = _predict(model, known.select(tested), inputs)
    _keep(result, model, history, predicted)
    checkpoint.unlink(missing_ok=True)
    return history, model, predicted


def _inputs(examples: Examples, settings: Settings) -> Inputs:
    return inputs_of.fit(
        examples.views, examples.has, examples.scalars, settings.branches, settings.scalars
    )


def _part(known: Examples, inputs: Inputs, which: NDArray[np.bool_]) -> Part:
    some = known.select(which)
    target = np.eye(len(CLASSES), dtype=np.float32)[some.label]
    return Part(inputs.arrays(some.views, some.has, some.scalars), target)


def _predict(model: keras.Model, some: Examples, inputs: Inputs) -> Floats:
    """Compute probabilities with all inputs, and without the scalars (float32[2, n, 3])."""
    if not len(some):
        return np.zeros((2, 0, len(CLASSES)), np.float32)
    arrays = inputs.arrays(some.views, some.has, some.scalars)
    whole = probabilities(model, arrays)
    return np.stack([whole, probabilities(model, views_only(arrays, inputs))])


def views_only(arrays: dict[str, Floats], inputs: Inputs) -> dict[str, Floats]:
    """Return a copy of a network's inputs in which the branch of the scalars is switched off.

    Parameters
    ----------
    arrays : dict of str to float32[n, …]
        See `Inputs.arrays`.
    inputs : Inputs

    Returns
    -------
    dict of str to float32[n, …]
    """
    if "scalars" not in inputs.branches:
        return arrays
    mask = arrays["mask"].copy()
    mask[:, inputs.branches.index("scalars")] = 0
    return arrays | {"mask": mask, "scalars": np.zeros_like(arrays["scalars"])}


def _keep(path: Path, model: keras.Model, history: list[Epoch], predicted: Floats) -> None:
    rows = json.dumps([asdict(epoch) for epoch in history])
    buffer = io.BytesIO()
    np.savez(
        buffer,
        predicted=predicted,
        history=np.frombuffer(rows.encode(), np.uint8),
        **{f"w{k}": w for k, w in enumerate(model.get_weights())},
    )
    write_whole(path, buffer.getbuffer())


def _claim(folder: Path, known: Examples, settings: Settings) -> None:
    """Write the settings of the run to the folder, or refuse a folder that holds another run."""
    mine = {
        "settings": json.loads(json.dumps(asdict(settings))),
        "examples": digest(known),
        "code": code_digest(_CODE),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
    }
    path = folder / "run.json"
    if not path.is_file():
        write_whole(path, json.dumps(mine, indent=1) + "\n")
        return
    there = json.loads(path.read_text(encoding="utf-8"))
    other = [name for name in mine if mine[name] != there.get(name)]
    if other:
        raise TrainingError(
            f"{folder}: another training stands here ({', '.join(other)} differ): name another "
            "folder, or remove this one."
        )


def digest(examples: Examples) -> str:
    """Hash all parts of the examples that a training uses.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.
    """
    found = hashlib.sha256(examples.recipe.encode())
    arrays = [examples.views[name] for name in sorted(examples.views)]
    for array in (*arrays, examples.scalars, examples.label, examples.group, examples.synthetic):
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _write_metrics(folder: Path, epochs: dict[str, list[Epoch]]) -> None:
    rows = list(_rows(epochs))
    write_whole(folder / "metrics.json", json.dumps(rows, indent=1) + "\n")
    out = io.StringIO()
    table = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_whole(folder / "metrics.csv", out.getvalue())


def _rows(epochs: dict[str, list[Epoch]]) -> Iterator[dict[str, object]]:
    for name, history in epochs.items():
        for epoch in history:
            yield {"network": name, **asdict(epoch)}
