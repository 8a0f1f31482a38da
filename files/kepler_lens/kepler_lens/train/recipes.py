"""List the recipes whose views a bundle may score, by the recipe that it was trained on."""

from __future__ import annotations

from kepler_lens.classify.recipes import recipe

ALIKE = ("astronet-1", "search-1")
"""Recipes that give the same scores (measured by `make bench-recipes`, docs/training.md). A bundle
that was trained on one of them scores the views of both."""


def accepted(trained_on: str) -> dict[str, str]:
    """Return the names of the accepted recipes and their digests.

    Parameters
    ----------
    trained_on : str
        Name of the recipe of the training's records; a space and the digest follow where the
        records have it.

    Returns
    -------
    dict
        Name of each recipe to its digest.
    """
    name, _, digest = trained_on.partition(" ")
    names = ALIKE if name in ALIKE else (name,)
    return {each: recipe(each).digest for each in names} | ({name: digest} if digest else {})
