"""A regular expression of many numbers that a server matches fast."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from os.path import commonprefix


def number_pattern(numbers: Iterable[int]) -> str:
    """Return numbers as a regular expression that has each common beginning only once.

    A server matches the expression with a label of every series. From a plain list of numbers it
    would try each number; of this expression it reads each digit once
    (docs/decisions/0026-pattern-as-tree.md).

    Parameters
    ----------
    numbers : iterable of int
        At least one.

    Returns
    -------
    str
        The expression in brackets, such as ``(12(|3)|7)``.
    """
    return f"({_branches(sorted(set(map(str, numbers))))})"


def _branches(texts: list[str]) -> str:
    parts = []
    for _, group in groupby(texts, key=lambda text: text[:1]):
        some = list(group)
        start = commonprefix(some)  # noqa: RUF071 - of texts, not of paths
        rest = [text[len(start) :] for text in some]
        parts.append(start if rest == [""] else f"{start}({_branches(rest)})")
    return "|".join(parts)
