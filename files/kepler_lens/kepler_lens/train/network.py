"""Build the network: a small branch for each kind of view, joined by two layers, in Keras 3.

The numbers at the end of a branch are multiplied by its entry of the mask. What a candidate lacks
and what training drops are therefore the same. AstroNet's own network is here too, for comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from kepler_lens.classify.inputs import Inputs
from kepler_lens.classify.labels import CLASSES

HIDDEN = "hidden"
"""Name of the layer whose output is the embedding."""


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a network; the defaults were chosen with `make bench-training`.

    Attributes
    ----------
    filters : int
        Filters of the first convolution; later ones have twice as many.
    branch : int
        Numbers at the end of a branch.
    joined : int
        Width of the layer that joins the branches.
    dropout : float
        Share of the numbers that training drops before each of the last two layers.
    """

    filters: int = 8
    branch: int = 32
    joined: int = 64
    dropout: float = 0.3


def build(inputs: Inputs, size: Size, seed: int) -> keras.Model:
    """Build a network with new weights.

    Parameters
    ----------
    inputs : Inputs
    size : Size
    seed : int
        Equal seeds give equal weights.

    Returns
    -------
    keras.Model
        Maps the inputs by name to logits (n, 3), in the order of `CLASSES`.
    """
    keras.utils.set_random_seed(seed)
    given = {name: keras.Input(s, name=name) for name, s in inputs.lengths().items()}
    parts = []
    for k, branch in enumerate(inputs.branches):
        x = _numbers(given[branch], size) if branch in _NUMBERS else _view(given[branch], size)
        x = layers.Dense(size.branch, activation="relu", name=f"{branch}_end")(x)
        parts.append(layers.Multiply(name=f"{branch}_gate")([x, given["mask"][:, k : k + 1]]))
    x = layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    x = layers.Dropout(size.dropout)(x)
    x = layers.Dense(size.joined, activation="relu", name=HIDDEN)(x)
    x = layers.Dropout(size.dropout)(x)
    return keras.Model(given, layers.Dense(len(CLASSES), name="logits")(x))


_NUMBERS = ("shape", "scalars")
"""Branches that take numbers and no view."""


def _numbers(x: Any, size: Size) -> Any:
    x = layers.Dense(2 * size.branch, activation="relu")(x)
    return layers.Dropout(size.dropout)(x)


def _view(x: Any, size: Size) -> Any:
    """Convolve and halve until at most `_SAMPLES` samples are left."""
    filters, kernel = size.filters, 7
    while x.shape[1] > _SAMPLES:
        x = layers.Conv1D(filters, kernel, padding="same", activation="relu")(x)
        x = layers.MaxPooling1D(2, 2, padding="same")(x)
        filters, kernel = 2 * size.filters, 5
    return layers.Flatten()(x)


_SAMPLES = 32
"""Most samples at the end of the convolutions (chosen)."""


def astronet(seed: int) -> keras.Model:
    """Build AstroNet's network (Shallue and Vanderburg 2018, table 4), with three classes.

    Its inputs are the whole global view, named ``whole``, and the local view. It has 9.94 million
    weights.
    """
    keras.utils.set_random_seed(seed)
    given = {
        "whole": keras.Input((2001, 1), name="whole"),
        "local": keras.Input((201, 1), name="local"),
    }
    parts = []
    for name, blocks, pool in (("whole", 5, 5), ("local", 2, 7)):
        x = given[name]
        for k in range(blocks):
            for _ in range(2):
                x = layers.Conv1D(16 * 2**k, 5, padding="same", activation="relu")(x)
            x = layers.MaxPooling1D(pool, 2)(x)
        parts.append(layers.Flatten()(x))
    x = layers.Concatenate()(parts)
    for _ in range(4):
        x = layers.Dense(512, activation="relu")(x)
    return keras.Model(given, layers.Dense(len(CLASSES), name="logits")(x))


def probabilities(
    model: keras.Model, arrays: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Compute the probabilities of a network.

    Parameters
    ----------
    model : keras.Model
        With logits (n, 3) as output.
    arrays : mapping of str to float32[n, …]
        Inputs of the network by name.

    Returns
    -------
    float32[n, 3]
        In the order of `CLASSES`.
    """
    names = [tensor.name for tensor in model.inputs]
    logits = [
        np.asarray(model({n: arrays[n][k : k + _AT_ONCE] for n in names}, training=False))
        for k in range(0, len(arrays[names[0]]), _AT_ONCE)
    ]
    return softmax(np.concatenate(logits))


_AT_ONCE = 512
"""Candidates that are scored at once (chosen: limits memory)."""


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits (float32[n, 3]) into probabilities (float32[n, 3])."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True), np.float32)


def ensemble(
    members: Sequence[keras.Model], inputs: Inputs, projection: NDArray[np.float32] | None = None
) -> keras.Model:
    """Join networks into one network that has the outputs of all of them.

    Parameters
    ----------
    members : sequence of keras.Model
    inputs : Inputs
    projection : float32[members * joined + 1, d], optional
        Matrix to multiply the concatenated embeddings of the members with, and in its last row the
        vector to add.

    Returns
    -------
    keras.Model
        Output ``members`` (n, m, 3) has probabilities. Output ``embedding`` is (n, m * joined), or
        (n, d) with a projection.
    """
    given = {name: keras.Input(s, name=name) for name, s in inputs.lengths().items()}
    logits, hidden = [], []
    for k, member in enumerate(members):
        inner = keras.Model(
            member.inputs, [member.output, member.get_layer(HIDDEN).output], name=f"member_{k}"
        )
        out, h = inner([given[tensor.name] for tensor in member.inputs])
        logits.append(layers.Reshape((1, len(CLASSES)))(out))
        hidden.append(h)
    together = layers.Concatenate(axis=1)(logits) if len(members) > 1 else logits[0]
    embedding = layers.Concatenate()(hidden) if len(members) > 1 else hidden[0]
    if projection is not None:
        last = layers.Dense(projection.shape[1], name="projection")
        embedding = last(embedding)
        last.set_weights([projection[:-1], projection[-1]])
    outputs = {
        "members": layers.Softmax(axis=-1, name="members")(together),
        "embedding": layers.Activation("linear", name="embedding")(embedding),
    }
    return keras.Model(given, outputs)
