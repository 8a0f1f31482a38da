"""Write WarpScript as text, and read its answers as Python objects."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kepler_lens.warp10.client import Series, own_labels

_SERIES_KEYS = {"c", "l", "a", "v"}
"""Class, labels, attributes and points of a series in the server's JSON."""


def literal(text: str) -> str:
    """Return a text as a WarpScript string; no character of the text can end the string."""
    return f"'{quote(text, safe='')}'"


def python_object(answer: Any) -> Any:
    """Turn an element of the answer's stack into Python objects.

    Parameters
    ----------
    answer : object
        As JSON gives it: numbers, str, bool, None, and lists and dicts of them.

    Returns
    -------
    object
        The same, with a `Series` in place of each series.
    """
    if isinstance(answer, list):
        return [python_object(a) if isinstance(a, dict | list) else a for a in answer]
    if isinstance(answer, dict):
        if answer.keys() >= _SERIES_KEYS:
            return _series(answer)
        return {name: python_object(value) for name, value in answer.items()}
    return answer


def _series(answer: dict[str, Any]) -> Series:
    # A point is [tick, value], or has location and elevation between the two.
    points = sorted(answer["v"], key=lambda point: point[0])
    ticks, values = [point[0] for point in points], [point[-1] for point in points]
    return Series(answer["c"], own_labels(answer["l"]), dict(answer["a"]), ticks, values)
