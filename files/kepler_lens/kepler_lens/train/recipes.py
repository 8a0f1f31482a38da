"""Which recipes' views a bundle may score, by the recipe of what it was trained on."""

from __future__ import annotations

from kepler_lens.classify.recipes import recipe

ALIKE = ("astronet-1", "search-1")
"""Recipes that were measured to give the same scores (docs/training.md): trained on one of them, a
bundle scores the views of both."""


def accepted(trained_on: str) -> dict[str, str]:
    """Give the recipes and their digests.

    Parameters
    ----------
    trained_on : str
        Recipe of the training's records: its name, and after a space its digest where they say it.
    """
    name, _, digest = trained_on.partition(" ")
    names = ALIKE if name in ALIKE else (name,)
    return {each: recipe(each).digest for each in names} | ({name: digest} if digest else {})
