"""Which search it is: a star is searched again where the code that decides a result has changed."""

from __future__ import annotations

from functools import cache

from kepler_lens.classify.digest import digest

_DIGITS = 12
"""Of the digest (chosen): as many as a model's name has."""
_ROOTS = [
    ("kepler_lens.search.catalogue", "search_and_vet"),
    ("kepler_lens.search.observations", "observations"),
    ("kepler_lens.search.observations", "observe_usable"),
]
"""What makes observations of light curves, and candidates of observations."""


@cache
def engine() -> str:
    """Name the search by the hash of all code and constants that decide what it finds."""
    return digest(_ROOTS)[:_DIGITS]
