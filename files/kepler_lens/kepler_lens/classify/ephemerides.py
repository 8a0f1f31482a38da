"""Find signals of different stars that share an ephemeris: one source shines on several stars.

A bright variable star and the stars that its light contaminates dip at the same times, so their
views look alike. If one is in the training set and another in the test set, the test measures
memory. Coughlin et al. (2014, AJ 147, 119) match pairs by period and epoch. The tolerances here are
those of the matching for DR25 (Thompson et al. 2018, ApJS 235, 38, section A.6), which were fitted
to transits injected into Kepler's pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_PERIOD_ERROR_DAYS, _PERIOD_POWER = 1.08228446e-5, 1.37838040
"""Standard deviation of a recovered period at a period of one day, days, and the power of the
period (days) by which it grows: constants PF1 and PF2 of DR25EphemMatch.cpp
(github.com/JeffLCoughlin/EphemMatch)."""
_EPOCH_ERROR_DAYS, _EPOCH_POWER = 0.00969916, 0.36253537
"""The same for a recovered epoch: constants TF1 and TF2."""

DEVIATIONS = 3.0
"""Two ephemerides are the same if they differ by at most this many standard deviations (chosen).
DR25 uses 5, but also requires that light can reach one star from the other; the tables here do not
contain that. With epochs drawn at random 5 % of DR24's pairs would match at 3, and 10 % at 5
(`test_classify_labels`)."""


def pairs(
    star: NDArray[np.int64], period: NDArray[np.float64], epoch: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find all pairs of signals of different stars that share an ephemeris.

    Parameters
    ----------
    star : int64[n]
        KIC or EPIC numbers.
    period : float64[n]
        Days.
    epoch : float64[n]
        Centre of a transit, BKJD, days. All epochs must lie near one time, since the error of a
        period adds up over the transits between two epochs.

    Returns
    -------
    first, second : int64[m]
        Indices of the two signals of each of the m pairs.
    """
    order = np.argsort(period, kind="stable")
    p, t, of = period[order], epoch[order], star[order]
    tolerance = DEVIATIONS * _PERIOD_ERROR_DAYS * p**_PERIOD_POWER
    # Compare each signal with those that follow it in order of period and are near enough.
    after = np.arange(len(p)) + 1
    count = np.maximum(np.searchsorted(p, p + tolerance, side="right") - after, 0)
    i = np.repeat(np.arange(len(p)), count)
    j = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(after, count)
    away = (t[j] - t[i]) / p[i]
    away = np.abs(away - np.round(away)) * p[i]
    # Both epochs have the error.
    limit = DEVIATIONS * 2**0.5 * _EPOCH_ERROR_DAYS * p[i] ** _EPOCH_POWER
    same = (away <= limit) & (of[i] != of[j])
    return order[i[same]], order[j[same]]


def groups(
    star: NDArray[np.int64], period: NDArray[np.float64], epoch: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Group signals: those of one star, and those of stars that share an ephemeris.

    Parameters
    ----------
    star, period, epoch
        See `pairs`. A signal without an ephemeris (NaN) is grouped by its star alone.

    Returns
    -------
    int64[n]
        Number of each signal's group: the smallest number of a star in the group. A split must not
        divide a group.
    """
    stars, of = np.unique(star, return_inverse=True)
    known = np.flatnonzero(np.isfinite(period) & np.isfinite(epoch) & (period > 0))
    first, second = (known[k] for k in pairs(star[known], period[known], epoch[known]))
    linked = coo_array(
        (np.ones(len(first), np.int8), (of[first], of[second])), shape=(len(stars),) * 2
    )
    _, group_of_star = connected_components(linked, directed=False)
    # np.unique has sorted the stars, so the first star of a group is its smallest.
    _, smallest = np.unique(group_of_star, return_index=True)
    return np.asarray(stars[smallest[group_of_star[of]]], np.int64)
