"""Compute figures of merit of probabilities, with 95 % intervals; numpy and scipy only.

The intervals come from a bootstrap over groups of stars, because candidates of one star are not
independent. The candidates are sorted once, and all resamples are computed at once by weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

DR24_MIX = (0.23, 0.61, 0.16)
"""Shares of the classes among the labelled events of DR24: 3600, 9596 and 2541 of 15737."""
PRECISION = 0.9
"""Precision at which the recall is given, no unit (chosen)."""
_BINS = 10
"""Bins of equal width of the expected calibration error (chosen; Guo et al. 2017 use 15)."""
_RESAMPLES = 500
"""Resamples of the bootstrap (chosen)."""
_SEED = 20150115
"""Seed of the resamples (chosen): equal predictions get equal intervals."""

METRICS: dict[str, str] = {
    "auc": "AUC",
    "ap": "AP",
    "accuracy": "accuracy",
    "recall": "recall at precision .9",
    "auc_afp": "AUC, PC against AFP",
    "auc_ntp": "AUC, PC against NTP",
    "mixed_ap": "AP in DR24's mix",
    "mixed_recall": "recall at precision .9 in DR24's mix",
    "ece": "expected calibration error",
    "brier": "Brier score",
}
"""Metric to its title. A metric compares planets (PC) with all others, unless its title says
otherwise."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with its 95 % interval; NaN where there is nothing to count.

    Attributes
    ----------
    value : float
    low, high : float
        Ends of the interval.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"

    def as_list(self) -> list[float]:
        """Return value and ends of the interval, rounded to five decimals."""
        return [round(float(x), 5) for x in (self.value, self.low, self.high)]


def metrics(
    p: Floats,
    label: Ints,
    group: Ints,
    calibrated: Floats | None = None,
    resamples: int = _RESAMPLES,
) -> dict[str, Metric]:
    """Compute all `METRICS`.

    Parameters
    ----------
    p : float64[n]
        Probability of a planet.
    label : int64[n]
        Index of `kepler_lens.classify.labels.CLASSES`.
    group : int64[n]
        The bootstrap draws the candidates of a group together.
    calibrated : float64[n], optional
        Probabilities for the errors of calibration; by default `p`. A calibration that is fitted
        for each fold separately gives unbiased errors, but it changes the order of candidates of
        different folds.
    resamples : int, optional
        Number of resamples; 0 gives no intervals.

    Returns
    -------
    dict of str to Metric
        By `METRICS`.
    """
    q = p if calibrated is None else calibrated
    weights = np.concatenate([np.ones((1, len(p))), _draw(group, resamples)])
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = {
            **_ranked(p, label, weights),
            "auc_afp": _ranked(*_only(p, label, weights, (0, 1)))["auc"],
            "auc_ntp": _ranked(*_only(p, label, weights, (0, 2)))["auc"],
            "accuracy": _mean((p > 0.5) == (label == 0), weights),
            "brier": _mean((q - (label == 0)) ** 2, weights),
            "ece": _calibration_error(q, label, weights),
        }
        mixed = _ranked(p, label, weights * _to_mix(label, weights))
    rows |= {"mixed_ap": mixed["ap"], "mixed_recall": mixed["recall"]}
    return {name: _metric(rows[name]) for name in METRICS}


def auc(p: Floats, label: Ints) -> float:
    """Compute the area under the ROC curve of planets against all others, without an interval.

    Parameters
    ----------
    p, label
        See `metrics`.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(_ranked(p, label, np.ones((1, len(p))))["auc"][0])


def share(hits: int, of: int) -> Metric:
    """Return a share with its 95 % interval by Clopper and Pearson (1934).

    Parameters
    ----------
    hits, of : int
        The share is `hits` over `of`.
    """
    if not of:
        return Metric(np.nan, np.nan, np.nan)
    low = float(beta.ppf(0.025, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, of - hits)) if hits < of else 1.0
    return Metric(hits / of, low, high)


def threshold(p: Floats, label: Ints, precision: float, mix: tuple[float, ...] | None) -> float:
    """Find the lowest probability above which at least a given share are planets.

    Parameters
    ----------
    p, label
        See `metrics`.
    precision : float
        That share.
    mix : tuple of float or None
        Shares of the classes for which the precision is meant; None for those of the examples.

    Returns
    -------
    float
        1 where no probability reaches the precision.
    """
    weights = np.ones((1, len(p)))
    if mix is not None:
        weights = weights * _to_mix(label, weights, mix)
    values, positive, negative = _cumulated(p, label, weights)
    good = positive[0] >= precision * (positive[0] + negative[0])
    return float(values[np.flatnonzero(good)[-1]]) if good.any() else 1.0


def curves(p: Floats, label: Ints) -> Mapping[str, Floats]:
    """Compute the ROC and the precision-recall curve.

    Parameters
    ----------
    p, label
        See `metrics`.

    Returns
    -------
    dict of str to float64[m]
        `fpr`, `recall` and `precision` at the m distinct probabilities, which fall.
    """
    _, positive, negative = _cumulated(p, label, np.ones((1, len(p))))
    recall, fpr = positive[0] / positive[0, -1], negative[0] / negative[0, -1]
    return {"recall": recall, "fpr": fpr, "precision": positive[0] / (positive[0] + negative[0])}


def reliability(p: Floats, label: Ints) -> list[tuple[float, Metric, int]]:
    """Compare probabilities with the share of planets, bin by bin.

    Parameters
    ----------
    p, label
        See `metrics`.

    Returns
    -------
    list of (float, Metric, int)
        Mean probability, share of planets, and number of candidates of each bin that is not empty.
    """
    bins = _bin(p)
    return [
        (float(p[bins == k].mean()), share(int((label[bins == k] == 0).sum()), n), n)
        for k in range(_BINS)
        if (n := int((bins == k).sum()))
    ]


def _draw(group: Ints, resamples: int) -> Floats:
    groups, of = np.unique(group, return_inverse=True)
    rng = np.random.default_rng(_SEED)
    shares = np.full(len(groups), 1 / len(groups))
    return rng.multinomial(len(groups), shares, size=resamples)[:, of].astype(np.float64)


def _only(
    p: Floats, label: Ints, weights: Floats, classes: tuple[int, ...]
) -> tuple[Floats, Ints, Floats]:
    which = np.isin(label, classes)
    return p[which], label[which], weights[:, which]


def _cumulated(p: Floats, label: Ints, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return distinct probabilities, falling, and weights of planets and others down to each."""
    order = np.argsort(-p, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(p[order]) != 0, True])
    planet = label[order] == 0
    positive = np.cumsum(weights[:, order] * planet, axis=1)[:, ends]
    negative = np.cumsum(weights[:, order] * ~planet, axis=1)[:, ends]
    return p[order][ends], positive, negative


def _ranked(p: Floats, label: Ints, weights: Floats) -> dict[str, Floats]:
    if not len(p):
        return dict.fromkeys(("auc", "ap", "recall"), np.full(len(weights), np.nan))
    _, positive, negative = _cumulated(p, label, weights)
    recall = positive / positive[:, -1:]
    fpr = np.diff(negative / negative[:, -1:], axis=1, prepend=0)
    before = np.c_[np.zeros(len(recall)), recall[:, :-1]]
    precision = positive / (positive + negative)
    step = np.diff(recall, axis=1, prepend=0)
    # Ties count half. Where the first weights are 0, the precision is NaN.
    area = (fpr * (before + recall) / 2).sum(axis=1)
    return {
        "auc": area,
        "ap": np.where(np.isnan(area), np.nan, np.nansum(step * precision, axis=1)),
        "recall": np.where(precision >= PRECISION, recall, 0).max(axis=1),
    }


def _to_mix(label: Ints, weights: Floats, mix: tuple[float, ...] = DR24_MIX) -> Floats:
    """Return factors that give the weights of the classes the shares of a mix."""
    out = np.zeros_like(weights)
    for k, wanted in enumerate(mix):
        mine = label == k
        out[:, mine] = wanted / weights[:, mine].sum(axis=1, keepdims=True)
    return np.nan_to_num(out, posinf=0.0)


def _mean(values: NDArray[np.generic], weights: Floats) -> Floats:
    return np.asarray(weights @ values.astype(np.float64) / weights.sum(axis=1))


def _bin(p: Floats) -> Ints:
    return np.clip((p * _BINS).astype(np.int64), 0, _BINS - 1)


def _calibration_error(p: Floats, label: Ints, weights: Floats) -> Floats:
    bins = _bin(p)
    off = p - (label == 0)
    parts = [np.abs(weights[:, bins == k] @ off[bins == k]) for k in range(_BINS)]
    return np.asarray(np.sum(parts, axis=0) / weights.sum(axis=1))


def _metric(rows: Floats) -> Metric:
    resampled = rows[1:][np.isfinite(rows[1:])]
    low, high = np.percentile(resampled, [2.5, 97.5]) if len(resampled) else (np.nan, np.nan)
    return Metric(float(rows[0]), float(low), float(high))
