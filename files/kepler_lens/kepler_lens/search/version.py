"""Which search it is: a star is searched again where the code that decides a result has changed."""

from __future__ import annotations

from functools import cache

from kepler_lens.classify.digest import digest

_DIGITS = 12
"""Of the digest (chosen): as many as a model's name has."""


@cache
def engine() -> str:
    """Name the search by the hash of all code and constants that decide what it finds."""
    return digest([("kepler_lens.search.catalogue", "search_and_vet")])[:_DIGITS]
