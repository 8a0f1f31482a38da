"""One network's training, epoch by epoch; killed and started again it ends with the same weights.

After each epoch one file takes the place of the last: weights, the optimizer's state and the
figures so far. An epoch begins from what stands there and from nothing else: order, augmentation
and the state of every dropout follow from (seed, epoch).
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
    """How a network is trained; measured by `make bench-training`.

    Attributes
    ----------
    epochs : int
        At most.
    patience : int
        Epochs without a lower Brier score of the validation part, after which a training ends
        early, with the weights of the best epoch. One that comes to its end keeps the last: the
        learning rate has then fallen to zero, and what is best in a few hundred examples is chance.
    batch : int
    rate : float
        Greatest learning rate: reached after two epochs, then falling as a cosine.
    decay : float
        Of the weights (AdamW).
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
    """Examples: the network's arrays (`Inputs.arrays`), and targets (float32[n, 3])."""

    arrays: Mapping[str, Floats]
    target: Floats


@dataclass(frozen=True, slots=True)
class Epoch:
    """What an epoch came to; losses are cross entropies, `seconds` those of training alone.

    The Brier score is that of the planets' probabilities.
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
"""Greatest norm of a gradient (chosen): a rare batch of outliers cannot throw the weights far."""


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
    """Train a network, or go on where its checkpoint stands.

    Parameters
    ----------
    model : keras.Model
        Fresh from `kepler_lens.train.network.build`; gets the weights of the last epoch, or of the
        best where the training ends early.
    training, validation : Part
    branches : tuple of str
        In the order of the mask.
    plan : Plan
    seed : int
    checkpoint : Path
        File; it is not removed at the end.
    on_epoch, on_step : callable, optional
        Called after each epoch, and each step of one.

    Returns
    -------
    list of Epoch

    Raises
    ------
    TrainingError
        The loss is no number; the checkpoint cannot be written, or is of another training.
    """
    total = plan.epochs * steps(len(training.target), plan.batch)
    warm = _WARM_UP * total // plan.epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.1 * plan.rate, max(1, total - warm), warmup_target=plan.rate, warmup_steps=warm
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=plan.decay, global_clipnorm=_CLIP)
    # Compiling by XLA takes half a minute on a CPU and gains nothing there.
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
        drawn = batches(
            training.arrays, training.target, branches, plan.augment, plan.batch, seed, epoch
        )
        for step, (arrays, target) in enumerate(drawn):
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
    """Weights and the optimizer's state in one file, which is replaced whole or not at all."""

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
    """Write a file that is there whole or not at all, also after a power cut.

    Raises
    ------
    TrainingError
        It cannot be written: what was there before is there still.
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
