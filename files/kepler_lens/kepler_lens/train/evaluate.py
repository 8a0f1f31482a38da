"""Evaluate a bundle on records: figures with intervals, and a row for each record.

This module needs no TensorFlow.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.bundle import Bundle, BundleError
from kepler_lens.classify.dataset import Examples
from kepler_lens.classify.labels import CLASSES, UNKNOWN
from kepler_lens.classify.scalars import SCALARS
from kepler_lens.train.metrics import Metric, auc, metrics, share
from kepler_lens.transit_search.score import Scores

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SLICES: Mapping[str, tuple[float, ...]] = {
    "mes": (7.1, 10.0, 20.0, 100.0),
    "period": (1.0, 10.0, 100.0),
    "depth": (200.0, 1000.0, 10000.0),
}
"""Scalar to the edges of the ranges that get figures of their own, in the unit of the scalar
(chosen: each range has some hundred records)."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a bundle says of n examples.

    Attributes
    ----------
    examples : Examples
    scores : Scores
        Scores by the bundle's ensemble.
    p : float64[n, 3]
        Probabilities that the figures use: out of fold where the bundle was trained on the example,
        else those of the ensemble.
    known : bool[n]
        Whether the bundle was trained on the example.
    """

    examples: Examples
    scores: Scores
    p: Floats
    known: Mask

    def metrics(self) -> dict[str, Metric]:
        """Compute `kepler_lens.train.metrics.METRICS` of the examples that have a label.

        Raises
        ------
        BundleError
            All of them are planets, or none is.
        """
        e = self._labelled()
        if len({int(k) == 0 for k in e.examples.label}) < 2:
            raise BundleError(
                f"{', '.join(e.examples.files)}: figures need planets and others, and there are "
                f"{e.examples.counts()}."
            )
        return metrics(e.p[:, 0], e.examples.label, e.examples.group)

    def by_class(self, threshold: float) -> dict[str, Metric]:
        """Return the share of each class whose probability of a planet reaches a threshold."""
        label = self.examples.label
        over = self.p[:, 0] >= threshold
        return {
            name: share(int(over[label == k].sum()), int((label == k).sum()))
            for k, name in enumerate(CLASSES)
        }

    def by_scalar(self, threshold: float) -> Iterator[tuple[str, str, int, Metric, Metric, Metric]]:
        """Yield figures by ranges of scalars.

        Parameters
        ----------
        threshold : float
            Probability of a planet.

        Yields
        ------
        tuple
            Scalar, range in words, number of examples, AUC, and the shares of planets and of the
            others whose probability of a planet reaches the threshold.
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
                area = metrics(part.p[:, 0], part.examples.label, part.examples.group)["auc"]
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

    An example that the bundle was trained on gets its probabilities out of fold.

    Parameters
    ----------
    bundle : Bundle
    examples : Examples

    Returns
    -------
    Evaluation

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
    """Yield star, number and period (days) of each example, which identify its candidate."""
    period = examples.scalars[:, SCALARS.index("period")]
    for star, number, days in zip(examples.star, examples.number, period, strict=True):
        yield int(star), int(number), float(days)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Result of a comparison of two bundles.

    Attributes
    ----------
    new, old : float
        AUC of the new and of the older bundle on the same examples, by networks that had not seen
        them.
    examples : int
        Number of examples.
    """

    new: float
    old: float
    examples: int


def compare(new: Bundle, old: Bundle, examples: Examples) -> Comparison:
    """Compare two bundles on examples that neither of them was trained on.

    The comparison uses the examples that the new bundle predicted out of fold. The older bundle
    predicted them out of fold too, or had never seen them.

    Parameters
    ----------
    new, old : Bundle
    examples : Examples

    Returns
    -------
    Comparison

    Raises
    ------
    BundleError
        There are no such examples of planets and of others.
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
"""Columns of the table. The probabilities are out of fold where the bundle was trained on the
record; `ensemble_p_planet` is that of the whole ensemble in any case."""


def rows(e: Evaluation) -> Iterator[dict[str, object]]:
    """Yield a row of `COLUMNS` for each example."""
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
    """Write rows of `COLUMNS` to a CSV file.

    Parameters
    ----------
    path : Path
    table : iterable of mapping
        As `rows` yields them.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
