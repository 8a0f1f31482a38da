"""Draw parts of a data set that share no star and no ephemeris, from a seed.

A split by candidate would test memory: planets of one star share its light curve, and stars that
one source contaminates share its dips. Parts are therefore made of whole groups
(`kepler_lens.classify.ephemerides`), and each part gets as equal a share of each class as groups
allow. Synthetic examples are in the part of their star, but they are not tested on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.labels import CLASSES
from kepler_lens.errors import KeplerLensError

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

PARTS = ("train", "validation", "test")
SHARES: Mapping[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""Share of the examples in each part, no unit, as in AstroNet (Shallue and Vanderburg 2018, section
3.2)."""
NO_PART = -1
"""Index of examples that are in no part."""


class SplitError(KeplerLensError):
    """A split divides a star or a group, or cannot be made."""


def folds(group: Ints, label: Ints, synthetic: Mask, count: int, seed: int) -> Ints:
    """Draw the folds of a cross-validation; `fold_masks` returns what to train and to test on.

    Parameters
    ----------
    group : int64[n]
        See `kepler_lens.classify.ephemerides.groups`.
    label : int64[n]
        Index of `CLASSES`, less than 0 where unknown.
    synthetic : bool[n]
    count : int
        Number of folds.
    seed : int

    Returns
    -------
    int64[n]
        Zero-based number of each example's fold. It depends on the set of examples, not on their
        order.

    Raises
    ------
    SplitError
        There are fewer groups than folds, or `count` is less than two.
    """
    if count < 2:
        raise SplitError(f"{count} folds leave nothing to train on: ask for two at least.")
    return _draw(group, label, synthetic, [1 / count] * count, seed)


def fold_masks(fold: Ints, synthetic: Mask, which: int) -> tuple[Mask, Mask]:
    """Return the examples to train on and to test on if one fold is held out.

    Parameters
    ----------
    fold : int64[n]
        See `folds`.
    synthetic : bool[n]
    which : int
        Number of the fold that is held out.

    Returns
    -------
    train, test : bool[n]
        The synthetic examples of the held-out fold are in neither.
    """
    return fold != which, (fold == which) & ~synthetic


def parts(
    group: Ints, label: Ints, synthetic: Mask, seed: int, shares: Mapping[str, float] = SHARES
) -> Ints:
    """Draw the parts of a data set to train, to validate and to test on.

    Parameters
    ----------
    group, label, synthetic
        See `folds`.
    seed : int
    shares : mapping
        Name of each part (`PARTS`) to its share; the shares add up to 1.

    Returns
    -------
    int64[n]
        Index of `PARTS`; `NO_PART` for synthetic examples of a star that is not trained on.

    Raises
    ------
    SplitError
        See `folds`; or the shares do not add up to 1.
    """
    return held(draw_parts(group, label, synthetic, seed, shares), synthetic)


def draw_parts(
    group: Ints, label: Ints, synthetic: Mask, seed: int, shares: Mapping[str, float] = SHARES
) -> Ints:
    """Draw the part of each group; see `parts`, which takes out synthetic examples."""
    wanted = [shares.get(name, 0.0) for name in PARTS]
    if set(shares) - set(PARTS) or min(wanted) < 0 or abs(sum(wanted) - 1) > 1e-6:
        raise SplitError(f"The shares {dict(shares)} are none of {', '.join(PARTS)} that add to 1.")
    used = [k for k, share in enumerate(wanted) if share > 0]
    sample = _draw(group, label, synthetic, [wanted[k] for k in used], seed)
    return np.array(used, np.int64)[sample]


def stored(group: Ints, lists: Sequence[Sequence[int]]) -> Ints:
    """Return the part or fold of each example, as a manifest lists them.

    Parameters
    ----------
    group : int64[n]
    lists : sequence of sequences of int
        The groups of each part.

    Returns
    -------
    int64[n]
        Index of `lists`. Synthetic examples are in the part of their star, from which `held` takes
        them out.

    Raises
    ------
    SplitError
        A group is in no list.
    """
    of = {g: k for k, groups in enumerate(lists) for g in groups}
    part = np.array([of.get(g, NO_PART) for g in group.tolist()], np.int64)
    lacking = np.flatnonzero(part == NO_PART)
    if len(lacking):
        raise SplitError(
            f"The group of star {group[lacking[0]]} is in no part of the manifest: take the data "
            "set alone, or draw the parts anew (kepler_lens.classify.splits)."
        )
    return part


def held(part: Ints, synthetic: Mask) -> Ints:
    """Replace the part of synthetic examples by `NO_PART`, unless they are trained on.

    Parameters
    ----------
    part : int64[n]
        Index of `PARTS`.
    synthetic : bool[n]

    Returns
    -------
    int64[n]
    """
    return np.where(synthetic & (part != 0), NO_PART, part)


def check_split(
    part: Ints, star: Ints, group: Ints, synthetic: Mask, names: Sequence[str] = PARTS
) -> None:
    """Refuse a split that divides a star or a group, or that tests on synthetic examples.

    Parameters
    ----------
    part : int64[n]
        Index of `names`; `NO_PART` for an example in no part.
    star, group : int64[n]
    synthetic : bool[n]
    names : sequence of str
        Names of the parts; the first is trained on.

    Raises
    ------
    SplitError
        The split divides a star or group, or tests on a synthetic example. The sentence names the
        star or group, and the parts.
    """
    inside = part != NO_PART
    for what, of, why in (
        ("star", star, "its candidates share one light curve"),
        ("group of stars that share an ephemeris, that of star", group, "their dips are the same"),
    ):
        pairs = np.unique(np.stack([of[inside], part[inside]]), axis=1)
        twice = np.flatnonzero(pairs[0, 1:] == pairs[0, :-1])
        if len(twice):
            k = twice[0]
            one, other = (names[p] for p in pairs[1, k : k + 2])
            raise SplitError(
                f"A split by candidate is refused: the {what} {pairs[0, k]} stands in {one} and in "
                f"{other}, and {why}. Split by group (kepler_lens.classify.splits)."
            )
    tested = np.flatnonzero(synthetic & (part > 0))
    if len(tested):
        raise SplitError(
            f"A synthetic example of star {star[tested[0]]} stands in {names[part[tested[0]]]}: "
            "synthetic examples are for training only."
        )


def _draw(group: Ints, label: Ints, synthetic: Mask, shares: Sequence[float], seed: int) -> Ints:
    groups, of = np.unique(group, return_inverse=True)
    if len(groups) < len(shares):
        raise SplitError(
            f"{len(groups)} groups of stars cannot be divided into {len(shares)} parts: take more "
            "stars, or fewer parts."
        )
    kind = np.where(synthetic | (label < 0), len(CLASSES), label)
    counts = np.zeros((len(groups), len(CLASSES) + 1))
    np.add.at(counts, (of, kind), 1)
    total = counts.sum(axis=0)
    weight = 1 / np.maximum(total, 1)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(groups))
    # Large groups come first, so that small groups even out what the large ones leave.
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    share = np.array(shares)[:, None]
    lacking = share * total
    chosen = np.empty(len(groups), np.int64)
    for g in order:
        # Each class has the same weight. A group goes to the part that lacks most of it, for its
        # share.
        gain = (lacking / share * counts[g] * weight).sum(axis=1)
        best = int(np.argmax(gain))
        chosen[g] = best
        lacking[best] -= counts[g]
    return chosen[of]
