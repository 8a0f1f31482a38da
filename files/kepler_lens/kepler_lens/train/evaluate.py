"""How good a bundle is on records: figures with intervals, and a line a record; no TensorFlow."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.bundle import Bundle, BundleError, Scores
from kepler_lens.classify.dataset import Examples
from kepler_lens.classify.labels import CLASSES, UNKNOWN
from kepler_lens.classify.scalars import SCALARS
from kepler_lens.train.figures import Figure, auc, figures, share

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SLICES: Mapping[str, tuple[float, ...]] = {
    "mes": (7.1, 10.0, 20.0, 100.0),
    "period": (1.0, 10.0, 100.0),
    "depth": (200.0, 1000.0, 10000.0),
}
"""Edges by which figures are told apart: chosen, so that each part has some hundred records."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a bundle says of examples.

    Attributes
    ----------
    examples : Examples
    scores : Scores
        By the shipped ensemble.
    p : float64[n, 3]
        The probabilities that count: out of fold where the example was trained on.
    known : bool[n]
        Whether the bundle was trained on the example.
    """

    examples: Examples
    scores: Scores
    p: Floats
    known: Mask

    def figures(self) -> dict[str, Figure]:
        """Compute `kepler_lens.train.figures.FIGURES` of the examples with a label.

        Raises
        ------
        BundleError
            They are all planets, or none is.
        """
        e = self._labelled()
        if len({int(k) == 0 for k in e.examples.label}) < 2:
            raise BundleError(
                f"{', '.join(e.examples.files)}: figures need planets and others, and there are "
                f"{e.examples.counts()}."
            )
        return figures(e.p[:, 0], e.examples.label, e.examples.group)

    def by_class(self, threshold: float) -> dict[str, Figure]:
        """Give the share of each class whose probability of a planet reaches a threshold."""
        label = self.examples.label
        over = self.p[:, 0] >= threshold
        return {
            name: share(int(over[label == k].sum()), int((label == k).sum()))
            for k, name in enumerate(CLASSES)
        }

    def by_scalar(self, threshold: float) -> Iterator[tuple[str, str, int, Figure, Figure, Figure]]:
        """Give figures by ranges of scalars.

        Yields
        ------
        tuple
            Scalar, range, how many examples, AUC, the share of planets and that of the others whose
            probability of a planet reaches the threshold.
        """
        e = self._labelled()
        planet, over = e.examples.label == 0, e.p[:, 0] >= threshold
        for name, edges in SLICES.items():
            values = e.examples.scalars[:, SCALARS.index(name)]
            ends = (-np.inf, *edges, np.inf)
            for low, high in pairwise(ends):
                inside = (values >= low) & (values < high)
                if not inside.any():
                    continue
                words = f"{low:g} to {high:g}"
                if np.isinf(low):
                    words = f"below {high:g}"
                elif np.isinf(high):
                    words = f"{low:g} and more"
                part = e._take(inside)
                area = figures(part.p[:, 0], part.examples.label, part.examples.group)["auc"]
                shares = [
                    share(int((over & inside & mine).sum()), int((inside & mine).sum()))
                    for mine in (planet, ~planet)
                ]
                yield name, words, int(inside.sum()), area, shares[0], shares[1]

    def _labelled(self) -> Evaluation:
        return self._take((self.examples.label >= 0) & ~self.examples.synthetic)

    def _take(self, which: Mask) -> Evaluation:
        some = self.scores.select(which)
        return Evaluation(self.examples.select(which), some, self.p[which], self.known[which])


def evaluate(bundle: Bundle, examples: Examples) -> Evaluation:
    """Score examples.

    What the bundle was trained on counts by what networks said of it that had not seen it.

    Raises
    ------
    BundleError
        The views are of a recipe that the bundle does not list.
    """
    name, _, recipe_digest = examples.recipe.partition(" ")
    bundle.check_recipe(name, recipe_digest)
    views = {k: v for k, v in examples.views.items() if k in bundle.inputs.views}
    scores = bundle.score_arrays(views, examples.has, examples.scalars)
    p = np.stack([scores.p_planet, scores.p_eclipse, scores.p_noise], axis=1)
    seen = bundle.out_of_fold()
    known = np.zeros(len(examples), bool)
    for i, key in enumerate(keys(examples)):
        if key in seen and not examples.synthetic[i]:
            known[i], p[i] = True, seen[key]
    return Evaluation(examples, scores, p, known)


def keys(examples: Examples) -> Iterator[tuple[int, int, float]]:
    """Say which candidate each example is: star, number and period (days)."""
    period = examples.scalars[:, SCALARS.index("period")]
    for star, number, days in zip(examples.star, examples.number, period, strict=True):
        yield int(star), int(number), float(days)


@dataclass(frozen=True, slots=True)
class Comparison:
    """AUC of a new and of an older bundle on the same examples, unseen by the networks asked."""

    new: float
    old: float
    examples: int


def compare(new: Bundle, old: Bundle, examples: Examples) -> Comparison:
    """Compare two bundles on examples that neither answers by heart.

    Those count that the new one predicted out of fold; the older one predicted them out of fold as
    well, or had never seen them.

    Raises
    ------
    BundleError
        There are none.
    """
    mine, its = evaluate(new, examples), evaluate(old, examples)
    both = mine.known & (examples.label >= 0) & ~examples.synthetic
    label = examples.label[both]
    if len({int(k) == 0 for k in label}) < 2:
        raise BundleError(
            f"{', '.join(examples.files)}: there are no planets and others that the bundle "
            f"{new.name} predicted out of fold: name the records that it was trained on."
        )
    return Comparison(auc(mine.p[both, 0], label), auc(its.p[both, 0], label), int(both.sum()))


COLUMNS = (
    *("kepid", "tce_plnt_num", "tce_period", "label", "p_planet", "p_eclipse", "p_noise"),
    *("trained_on", "ensemble_p_planet", "spread", "distance", "outside"),
)
"""Of the table: the probabilities are out of fold where the record was trained on, and
`ensemble_p_planet` is what the whole ensemble says in any case."""


def rows(e: Evaluation) -> Iterator[dict[str, object]]:
    """Give a row of `COLUMNS` for each example."""
    for i, (star, number, days) in enumerate(keys(e.examples)):
        label = int(e.examples.label[i])
        numbers = (*e.p[i], bool(e.known[i]), e.scores.p_planet[i], e.scores.spread[i])
        values = (star, number, days, CLASSES[label] if label >= 0 else UNKNOWN, *numbers)
        values += (e.scores.distance[i], bool(e.scores.outside[i]))
        yield {
            name: f"{value:.6g}" if isinstance(value, float) else value
            for name, value in zip(COLUMNS, values, strict=True)
        }


def write_csv(path: Path, table: Iterable[Mapping[str, object]]) -> None:
    """Write rows of `COLUMNS`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
