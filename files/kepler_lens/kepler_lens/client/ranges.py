"""Read the conditions that a guest sets on a column: one of some values, or a range."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kepler_lens.errors import KeplerLensError

Range = tuple[float | None, float | None]
"""The smallest and the largest value, both included; None is no bound."""


def bounds(name: str, wanted: Range | Sequence[float | None] | None) -> tuple[float, float] | None:
    """Read a range.

    Parameters
    ----------
    name : str
        Name of the column, for messages.
    wanted : tuple of two numbers, or None
        None in place of a number, or of the tuple, is no bound.

    Returns
    -------
    tuple of float, or None
        Infinite where there is no bound.

    Raises
    ------
    KeplerLensError
        `wanted` is not a range.
    """
    if wanted is None:
        return None
    try:
        low, high = wanted
        smallest = -math.inf if low is None else float(low)
        largest = math.inf if high is None else float(high)
    except (TypeError, ValueError):
        smallest, largest = math.nan, math.nan
    if not smallest <= largest:
        raise KeplerLensError(
            f"{name}={wanted!r} is no range: give the smallest and the largest value, such as "
            f"{name}=(1, 10), and None where there is no bound."
        )
    return smallest, largest


def one_of(name: str, wanted: str | None, known: Sequence[str]) -> str | None:
    """Return the word of `known` that equals `wanted` in any case of letters; None for None.

    Parameters
    ----------
    name : str
        Name of the column, for messages.
    wanted : str or None
    known : sequence of str

    Returns
    -------
    str or None

    Raises
    ------
    KeplerLensError
        No word equals `wanted`.
    """
    if wanted is None:
        return None
    for word in known:
        if word.lower() == str(wanted).lower():
            return word
    raise KeplerLensError(f"{name}={wanted!r} is none of {', '.join(known)}.")
