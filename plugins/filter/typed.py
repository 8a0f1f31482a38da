"""Lists that people type: of stars, of whole numbers, of words.

Each filter gives what it read and ``fault``, a sentence where that cannot be read, so that a role
can refuse it before anything is touched. The reader is the package's own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The controller need not have the package installed: the reader needs nothing but Python.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "files" / "kepler_lens"))

from kepler_lens import starlist


def typed_stars(value: Any, variable: str) -> dict[str, Any]:
    """Read stars, or the file of the controller that lists them, as a job file has them."""
    return _read(lambda: starlist.written(starlist.stars_or_file(value, variable) or []))


def typed_numbers(value: Any, variable: str) -> dict[str, Any]:
    """Read whole numbers."""
    return _read(lambda: starlist.numbers_of(value, variable))


def typed_words(value: Any, variable: str) -> dict[str, Any]:
    """Read words."""
    return _read(lambda: starlist.words_of(value, variable))


def _read(read: Callable[[], list[Any]]) -> dict[str, Any]:
    try:
        return {"list": read(), "fault": ""}
    except starlist.StarListError as error:
        return {"list": [], "fault": str(error)}


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Give them to Ansible."""
        return {
            "typed_stars": typed_stars,
            "typed_numbers": typed_numbers,
            "typed_words": typed_words,
        }
