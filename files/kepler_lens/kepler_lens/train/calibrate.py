"""Fit the calibration to predictions out of fold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from kepler_lens.classify.calibration import Calibration

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_PULL = 1e-3
"""Weight of the squared distance from no change, no unit (chosen). A number that the examples do
not determine, such as that of a class with few examples, stays near no change."""


def fit(p: Floats, label: Ints) -> Calibration:
    """Fit slopes and offsets that give the least cross entropy.

    Parameters
    ----------
    p : float64[n, 3]
        Probabilities of examples that the networks were not trained on.
    label : int64[n]
        Index of `kepler_lens.classify.labels.CLASSES`.

    Returns
    -------
    Calibration
    """
    rows = np.arange(len(label))

    def loss(x: Floats) -> float:
        q = _of(x)(p)[rows, label]
        away = x - _START
        return float(-np.log(np.maximum(q, 1e-12)).mean() + _PULL * (away @ away))

    return _of(minimize(loss, _START, method="BFGS").x)


_START = np.array([1.0, 1, 1, 0, 0, 0])
"""Slopes 1 and offsets 0: no change."""


def _of(x: Floats) -> Calibration:
    a, b, c, d, e, f = map(float, x)
    return Calibration((a, b, c), (d, e, f))


def out_of_fold(p: Floats, label: Ints, fold: Ints) -> Floats:
    """Calibrate the probabilities of each fold by a fit to the other folds.

    Parameters
    ----------
    p : float64[n, 3]
        Probabilities of examples that the networks were not trained on.
    label, fold : int64[n]
        Index of `kepler_lens.classify.labels.CLASSES`, and zero-based number of the fold.

    Returns
    -------
    float64[n, 3]
        Calibrated probabilities.
    """
    out = np.empty_like(p)
    for k in np.unique(fold):
        mine = fold == k
        out[mine] = fit(p[~mine], label[~mine])(p[mine])
    return out
