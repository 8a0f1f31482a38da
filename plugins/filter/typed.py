"""Read what people type: paths, and lists of stars, of whole numbers, of words.

Each filter of a list returns ``list``, the entries, and ``fault``, a sentence if the text cannot be
read, so that a role can refuse the text before it changes anything. The package's own module reads
the text.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The controller may not have the package installed; its module `starlist` needs only Python.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "files" / "kepler_lens"))

from kepler_lens.stars import lists as starlist


def typed_stars(value: Any, variable: str) -> dict[str, Any]:
    """Read stars, or a file on the controller that lists them; the list is that of a job file."""
    return _read(lambda: starlist.written(starlist.stars_or_file(value, variable) or []))


def typed_numbers(value: Any, variable: str) -> dict[str, Any]:
    """Read whole numbers from 0 on."""
    return _read(lambda: starlist.numbers_of(value, variable))


def typed_path(value: Any) -> str:
    """Return a path of the controller as an absolute one; an empty text stays empty.

    A relative path starts at the folder in which the command was typed. Modules and plugins of
    Ansible start it at other folders, each at its own.
    """
    if not value:
        return ""
    here = os.environ.get("PWD") or Path.cwd()
    return os.path.normpath(Path(here, Path(str(value)).expanduser()))


def typed_words(value: Any, variable: str) -> dict[str, Any]:
    """Read words."""
    return _read(lambda: starlist.words_of(value, variable))


def _read(read: Callable[[], list[Any]]) -> dict[str, Any]:
    try:
        return {"list": read(), "fault": ""}
    except starlist.StarListError as error:
        return {"list": [], "fault": str(error)}


class FilterModule:
    """The filters of this module."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name, for Ansible."""
        return {
            "typed_stars": typed_stars,
            "typed_numbers": typed_numbers,
            "typed_words": typed_words,
            "typed_path": typed_path,
        }
