"""Augment the examples of a training: each epoch sees each example a little changed.

Order, augmentation and dropped branches are functions of (seed, epoch, step). A training that was
killed therefore continues as if it had not been.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.inputs import BRANCHES, FURTHER, scatter_channels
from kepler_lens.classify.records import LOCAL_LENGTH
from kepler_lens.classify.shape import ODD

Floats = NDArray[np.float32]
Arrays = dict[str, Floats]

_LEAST_NOISE = 0.02
"""Least scatter of a view for the noise, in units of the transit's depth (chosen): a view may have
no scatter at all."""


@dataclass(frozen=True, slots=True)
class Augment:
    """What is done to an example; the figures of a cross-validation decided the defaults.

    Attributes
    ----------
    noise : float
        Greatest white noise, in units of the view's own scatter.
    shift : int
        Greatest shift of a local view, bins: epochs are wrong by a few hundredths of a duration.
    numbers : float
        Noise of the standardised numbers of shape and scalars, standard deviations.
    drop_branch : float
        Share of the examples in which a branch is dropped.
    drop_further : float
        The same for what some records lack: scalars, further views and the scatter of views.
    drop_scalar : float
        Share of the examples in which a single scalar is dropped.
    smoothing : float
        Share of a label that is spread over all classes.
    """

    noise: float = 0.5
    shift: int = 2
    numbers: float = 0.1
    drop_branch: float = 0.1
    drop_further: float = 0.5
    drop_scalar: float = 0.1
    smoothing: float = 0.05


def batches(
    arrays: Mapping[str, Floats],
    target: Floats,
    branches: tuple[str, ...],
    augment: Augment,
    size: int,
    seed: int,
    epoch: int,
) -> Iterator[tuple[Arrays, Floats]]:
    """Yield the batches of an epoch.

    Parameters
    ----------
    arrays : mapping of str to float32[n, …]
        See `Inputs.arrays`.
    target : float32[n, 3]
        Probability of each class.
    branches : tuple of str
        In the order of the mask; empty for a network without a mask.
    augment : Augment
    size : int
        Examples in a batch. Examples that fill no batch are left out of this epoch.
    seed, epoch : int

    Yields
    ------
    tuple
        Arrays and targets of a batch.
    """
    n = len(target)
    order = np.random.default_rng([seed, epoch]).permutation(n)
    for step in range(steps(n, size)):
        rng = np.random.default_rng([seed, epoch, step])
        which = order[step * size : (step + 1) * size]
        batch = {name: values[which] for name, values in arrays.items()}
        _change(batch, branches, augment, rng)
        spread = augment.smoothing
        yield batch, target[which] * (1 - spread) + np.float32(spread / target.shape[1])


def steps(examples: int, size: int) -> int:
    """Count the batches of an epoch, at least one, for a number of examples and a batch size."""
    return max(1, examples // size)


def _change(
    batch: Arrays, branches: tuple[str, ...], augment: Augment, rng: np.random.Generator
) -> None:
    n = len(next(iter(batch.values())))
    back = rng.random(n) < 0.5
    move = rng.integers(-augment.shift, augment.shift + 1, n)
    strength = augment.noise * rng.random((n, 1, 1), dtype=np.float32)
    for values in batch.values():
        if values.ndim != 3:
            continue
        values[back] = values[back, ::-1]
        length = values.shape[1]
        if length == LOCAL_LENGTH:
            source = np.clip(np.arange(length) - move[:, None], 0, length - 1)
            values[:] = np.take_along_axis(values, source[:, :, None], axis=1)
        # Only the outer thirds count, which are beside the transit: its depth is no noise.
        beside = np.r_[: length // 3, length - length // 3 : length]
        scatter = values[:, beside].std(axis=1, keepdims=True)
        values += (
            strength
            * np.maximum(scatter, _LEAST_NOISE)
            * rng.standard_normal(values.shape, dtype=np.float32)
        )
    scatters = _scatters(batch)
    if scatters:
        # Published records have no scatter: a network must not learn from it whose records they
        # are.
        hidden = rng.random(n) < augment.drop_further
        for scatter in scatters:
            scatter[hidden] = 0
    if "shape" in batch:
        batch["shape"][np.ix_(back, ODD)] *= -1
        batch["shape"] += augment.numbers * rng.standard_normal(
            batch["shape"].shape, dtype=np.float32
        )
    if "scalars" in batch:
        _change_scalars(batch["scalars"], augment, rng)
    if "mask" in batch:
        kept = rng.random(batch["mask"].shape) >= [
            augment.drop_further if b in FURTHER else augment.drop_branch for b in branches
        ]
        # At least one branch of each example must remain.
        kept |= ~(kept & (batch["mask"] > 0)).any(axis=1, keepdims=True)
        batch["mask"] *= kept


def _scatters(batch: Arrays) -> list[Floats]:
    """Return the channels of the batch that hold the scatter of views, as parts of its arrays."""
    views = {name: values for name, values in batch.items() if BRANCHES.get(name)}
    parts = [v[:, :, scatter_channels(name, v.shape[2])] for name, v in views.items()]
    return [part for part in parts if part.shape[2]]


def _change_scalars(values: Floats, augment: Augment, rng: np.random.Generator) -> None:
    """Drop single scalars, and change the others a little; `Inputs.arrays` defines their order."""
    k = values.shape[1] // 2
    values[:, k:] *= rng.random((len(values), k)) >= augment.drop_scalar
    noisy = values[:, :k] + augment.numbers * rng.standard_normal((len(values), k), np.float32)
    values[:, :k] = noisy * values[:, k:]
