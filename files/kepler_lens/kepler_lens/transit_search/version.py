"""The version of the search: a star is searched again where the code that decides has changed."""

from __future__ import annotations

from functools import cache

from kepler_lens.code_digest import digest

_DIGITS = 12
"""Hexadecimal digits of the version (chosen): as many as the name of a model has."""
_ROOTS = [
    ("kepler_lens.transit_search.search", "search_and_vet"),
    ("kepler_lens.transit_search.preparation.observations", "observations_of"),
    ("kepler_lens.transit_search.preparation.observations", "observe_usable"),
]
"""Functions that turn light curves into observations, and observations into candidates."""


@cache
def engine() -> str:
    """Return the version of the search, a hash of all code and constants that decide its result."""
    return digest(_ROOTS)[:_DIGITS]
