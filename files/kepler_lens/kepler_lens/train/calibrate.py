"""Fit the calibration on predictions out of fold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from kepler_lens.classify.calibration import Calibration

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_PULL = 1e-3
"""Weight of the squared distance from no change (chosen): what examples cannot tell stays as it
is, such as all of a class that hardly has any."""


def fit(p: Floats, label: Ints) -> Calibration:
    """Fit slopes and offsets by the least cross entropy.

    Parameters
    ----------
    p : float64[n, 3]
        Probabilities of examples that the networks were not trained on.
    label : int64[n]
    """
    rows = np.arange(len(label))

    def loss(x: Floats) -> float:
        q = _of(x)(p)[rows, label]
        away = x - _START
        return float(-np.log(np.maximum(q, 1e-12)).mean() + _PULL * (away @ away))

    return _of(minimize(loss, _START, method="BFGS").x)


_START = np.array([1.0, 1, 1, 0, 0, 0])


def _of(x: Floats) -> Calibration:
    a, b, c, d, e, f = map(float, x)
    return Calibration((a, b, c), (d, e, f))


def out_of_fold(p: Floats, label: Ints, fold: Ints) -> Floats:
    """Calibrate each fold's probabilities by what is fitted on the others.

    Parameters
    ----------
    p : float64[n, 3]
    label, fold : int64[n]

    Returns
    -------
    float64[n, 3]
    """
    out = np.empty_like(p)
    for k in np.unique(fold):
        mine = fold == k
        out[mine] = fit(p[~mine], label[~mine])(p[mine])
    return out
