"""Train one network, epoch by epoch; a restart after a kill ends with the same weights.

After each epoch one file replaces the last: it has the weights, the state of the optimizer and the
figures so far. An epoch begins from this file and from nothing else. Order, augmentation and the
state of every dropout follow from the seed and the number of the epoch.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
from numpy.typing import NDArray

from kepler_lens.train.augment import Augment, batches, steps
from kepler_lens.train.errors import TrainingError
from kepler_lens.train.network import probabilities

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a network is trained; the defaults were chosen with `make bench-training`.

    Attributes
    ----------
    epochs : int
        Greatest number of epochs.
    patience : int
        Epochs without a lower Brier score of the validation part, after which the training ends
        early with the weights of the best epoch. A training that does not end early keeps the last
        weights: its learning rate has fallen to zero, and the best epoch of a few hundred examples
        is chance.
    batch : int
        Examples in a batch.
    rate : float
        Greatest learning rate, reached after two epochs; it then falls as a cosine.
    decay : float
        Decay of the weights (AdamW).
    augment : Augment
    """

    epochs: int = 30
    patience: int = 12
    batch: int = 64
    rate: float = 2e-3
    decay: float = 1e-2
    augment: Augment = field(default_factory=Augment)


@dataclass(frozen=True, slots=True)
class Part:
    """Examples of a network.

    Attributes
    ----------
    arrays : mapping of str to float32[n, …]
        Inputs of the network (`Inputs.arrays`).
    target : float32[n, 3]
        Probability of each class.
    """

    arrays: Mapping[str, Floats]
    target: Floats


@dataclass(frozen=True, slots=True)
class Epoch:
    """Figures of one epoch.

    Attributes
    ----------
    epoch : int
        Zero-based number.
    loss, validation_loss : float
        Cross entropy of the training part and of the validation part.
    validation_brier : float
        Brier score of the planets' probabilities.
    examples : int
        Examples that were trained on.
    seconds : float
        Time of the training alone, seconds.
    """

    epoch: int
    loss: float
    validation_loss: float
    validation_brier: float
    examples: int
    seconds: float


_WARM_UP = 2
"""Epochs until the greatest learning rate (chosen)."""
_CLIP = 1.0
"""Greatest norm of a gradient (chosen: a rare batch of outliers cannot change the weights much)."""


def train(
    model: keras.Model,
    training: Part,
    validation: Part,
    branches: tuple[str, ...],
    plan: Plan,
    seed: int,
    checkpoint: Path,
    on_epoch: Callable[[Epoch], None] | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> list[Epoch]:
    """Train a network, or continue from its checkpoint.

    Parameters
    ----------
    model : keras.Model
        New network of `kepler_lens.train.network.build`. It gets the weights of the last epoch, or
        of the best epoch where the training ends early.
    training, validation : Part
    branches : tuple of str
        In the order of the mask.
    plan : Plan
    seed : int
    checkpoint : Path
        File of the checkpoint; it is not removed at the end.
    on_epoch, on_step : callable, optional
        Called after each epoch with the epoch, and before each step with the numbers of epoch and
        step.

    Returns
    -------
    list of Epoch

    Raises
    ------
    TrainingError
        The loss is not a number, or the checkpoint cannot be written or read.
    """
    total = plan.epochs * steps(len(training.target), plan.batch)
    warm = _WARM_UP * total // plan.epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.1 * plan.rate, max(1, total - warm), warmup_target=plan.rate, warmup_steps=warm
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=plan.decay, global_clipnorm=_CLIP)
    # XLA takes half a minute to compile on a CPU and makes nothing faster there.
    jit = False if keras.backend.backend() == "tensorflow" else "auto"
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=jit)
    optimizer.build(model.trainable_variables)
    state = _State(model, optimizer, checkpoint)
    history = state.restore()
    while len(history) < plan.epochs and not _ended(history, plan.patience):
        epoch = len(history)
        _seed_dropouts(model, seed, epoch)
        began, total_loss, count = time.perf_counter(), 0.0, 0
        made = batches(
            training.arrays, training.target, branches, plan.augment, plan.batch, seed, epoch
        )
        for step, (arrays, target) in enumerate(made):
            if on_step:
                on_step(epoch, step)
            total_loss += float(np.asarray(model.train_on_batch(arrays, target))) * len(target)
            count += len(target)
        seconds = time.perf_counter() - began
        found = _validate(model, validation)
        done = Epoch(epoch, total_loss / count, *found, count, seconds)
        if not (np.isfinite(done.loss) and np.isfinite(done.validation_loss)):
            raise TrainingError(
                f"{checkpoint}: in epoch {epoch + 1} the loss was {done.loss}, which is no number: "
                "train again with a lower learning rate, or look for values that are none in the "
                "records; the epochs before are kept."
            )
        history.append(done)
        state.save(history)
        if on_epoch:
            on_epoch(done)
    if _ended(history, plan.patience):
        state.take_best()
    return history


def _validate(model: keras.Model, part: Part) -> tuple[float, float]:
    p = probabilities(model, part.arrays)
    loss = -float((part.target * np.log(np.maximum(p, 1e-12))).sum(axis=1).mean())
    if not np.isfinite(p).all():
        loss = float("nan")
    return loss, float(((p[:, 0] - part.target[:, 0]) ** 2).mean())


def _best(history: list[Epoch]) -> int:
    return int(np.argmin([epoch.validation_brier for epoch in history]))


def _ended(history: list[Epoch], patience: int) -> bool:
    return bool(history) and len(history) - 1 - _best(history) >= patience


def _seed_dropouts(model: keras.Model, seed: int, epoch: int) -> None:
    for k, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.Dropout) and layer.rate:
            state = np.random.SeedSequence([seed, epoch, k]).generate_state(2)
            layer.seed_generator.state.assign(state.astype("uint32"))


class _State:
    """Weights and optimizer state in one file, which is replaced as a whole or not at all."""

    def __init__(self, model: keras.Model, optimizer: Any, path: Path) -> None:
        self.model, self.optimizer, self.path = model, optimizer, path
        self.best: list[Floats] = []

    def save(self, history: list[Epoch]) -> None:
        now = self.model.get_weights()
        if _best(history) == len(history) - 1:
            self.best = now
        content = {
            **{f"w{k}": w for k, w in enumerate(now)},
            **{f"b{k}": w for k, w in enumerate(self.best)},
            **{f"o{k}": np.asarray(v) for k, v in enumerate(self.optimizer.variables)},
            "history": np.frombuffer(json.dumps([_row(e) for e in history]).encode(), np.uint8),
        }
        buffer = io.BytesIO()
        np.savez(buffer, **content)
        write_whole(self.path, buffer.getbuffer())

    def restore(self) -> list[Epoch]:
        if not self.path.is_file():
            return []
        try:
            with np.load(self.path) as content:
                weights = [content[f"w{k}"] for k in range(len(self.model.get_weights()))]
                self.best = [content[f"b{k}"] for k in range(len(weights))]
                rows = json.loads(content["history"].tobytes())
                self.model.set_weights(weights)
                for k, variable in enumerate(self.optimizer.variables):
                    variable.assign(content[f"o{k}"])
                return [Epoch(**row) for row in rows]
        except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
            raise TrainingError(
                f"{self.path}: this checkpoint cannot be read ({error}): remove it, and the "
                "network is trained anew from its first epoch."
            ) from None

    def take_best(self) -> None:
        if self.best:
            self.model.set_weights(self.best)


def _row(epoch: Epoch) -> dict[str, float]:
    return {name: getattr(epoch, name) for name in epoch.__slots__}


def write_whole(path: Path, content: bytes | memoryview | str) -> None:
    """Write a file so that it exists as a whole or not at all, also after a power cut.

    Parameters
    ----------
    path : Path
    content : bytes, memoryview or str

    Raises
    ------
    TrainingError
        The file cannot be written. The former file is unchanged.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise TrainingError(
            f"{path}: cannot be written ({error.strerror}): make room and start the same command "
            "again, it goes on from the last epoch that was written."
        ) from error
