"""Standard deviations that outliers and transits do not change, by medians."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAD_TO_SIGMA = 1.4826
"""Standard deviation over median absolute deviation, without unit, of normally distributed values:
1 / 0.6745 (Rousseeuw and Croux 1993, JASA 88, 1273)."""


def scatter(values: NDArray[np.floating]) -> float:
    """Return the robust standard deviation of values about their median.

    Parameters
    ----------
    values : floating[n]
        At least one.
    """
    return scatter_about(values - np.median(values))


def scatter_about(deviations: NDArray[np.floating]) -> float:
    """Return the robust standard deviation of values that lie about 0.

    Parameters
    ----------
    deviations : floating[n]
        At least one.
    """
    return MAD_TO_SIGMA * float(np.median(np.abs(deviations)))


def scatter_of_steps(values: NDArray[np.floating]) -> float:
    """Return the standard deviation of a point, by the steps between neighbours.

    A slow change of the values is not counted.

    Parameters
    ----------
    values : floating[n]
        At least two.
    """
    return scatter_about(np.diff(values)) / 2**0.5
