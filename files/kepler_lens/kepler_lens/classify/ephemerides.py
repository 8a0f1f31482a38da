"""Signals that share an ephemeris across stars: one source whose light falls on several.

The bright variable star and those that it contaminates dip at the same times, so their views look
alike. Were one of them trained on and another tested, the test would be of memory. Coughlin et al.
(2014, AJ 147, 119) call a pair a match by period and epoch; the tolerances are those of the
matching for DR25 (Thompson et al. 2018, ApJS 235, 38, section A.6), which were fitted to transits
injected into Kepler's pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_PERIOD_ERROR_DAYS, _PERIOD_POWER = 1.08228446e-5, 1.37838040
_EPOCH_ERROR_DAYS, _EPOCH_POWER = 0.00969916, 0.36253537
"""Deviation of a recovered period, and of an epoch, at a period of one day, and how they grow with
it: constants PF1, PF2, TF1 and TF2 of DR25EphemMatch.cpp (github.com/JeffLCoughlin/EphemMatch)."""

DEVIATIONS = 3.0
"""Up to which two ephemerides are the same: chosen. DR25 has 5, but asks in addition that the two
stars lie where light can get from one to the other, which the tables at hand do not say. Of DR24's
pairs 5 % would match with epochs drawn at random at 3, and 10 % at 5 (`test_classify_labels`)."""


def pairs(
    star: NDArray[np.int64], period: NDArray[np.float64], epoch: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find all pairs of signals of different stars that share an ephemeris.

    Parameters
    ----------
    star : int64[n]
    period : float64[n]
        Days.
    epoch : float64[n]
        Centre of a transit, all near one time (BKJD, days): an error of the period would add up
        over the transits between.

    Returns
    -------
    first, second : int64[m]
        Indices.
    """
    order = np.argsort(period, kind="stable")
    p, t, of = period[order], epoch[order], star[order]
    tolerance = DEVIATIONS * _PERIOD_ERROR_DAYS * p**_PERIOD_POWER
    # Each with those after it in order of period that are near enough.
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
    """Group signals: those of a star, and those of stars that share an ephemeris.

    Parameters
    ----------
    star, period, epoch
        See `pairs`. A signal without an ephemeris (NaN) is grouped by its star alone.

    Returns
    -------
    int64[n]
        A group's smallest star number. A split must not divide it.
    """
    stars, of = np.unique(star, return_inverse=True)
    known = np.flatnonzero(np.isfinite(period) & np.isfinite(epoch) & (period > 0))
    first, second = (known[k] for k in pairs(star[known], period[known], epoch[known]))
    linked = coo_array(
        (np.ones(len(first), np.int8), (of[first], of[second])), shape=(len(stars),) * 2
    )
    _, group_of_star = connected_components(linked, directed=False)
    # np.unique sorted the stars: a group's first is its smallest.
    _, smallest = np.unique(group_of_star, return_index=True)
    return np.asarray(stars[smallest[group_of_star[of]]], np.int64)
