"""Log errors of the program itself with their traceback, and keep them apart from bad input."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from kepler_lens.errors import KeplerLensError

MOST_ALIKE = 3
"""Errors at one line that a job survives (chosen: a fourth one shows that the error does not depend
on a single star or file)."""

_SHOWN = 5
"""Stars or files that a sentence names (chosen)."""
_log = logging.getLogger(__name__)


class DefectError(KeplerLensError):
    """The program has failed too often at one of its lines."""


def defect(error: Exception, of: str) -> str:
    """Log an error of the program with its traceback, and return its kind.

    Parameters
    ----------
    error : Exception
        The error that is being handled.
    of : str
        What the program was working on, such as ``star 5``.

    Returns
    -------
    str
        Type of the error and the line of this package where it arose; equal for equal faults.
    """
    _log.error("The program failed at %s:", of, exc_info=error)
    frames = traceback.extract_tb(error.__traceback__)
    package = str(Path(__file__).parents[1])
    own = [frame for frame in frames if frame.filename.startswith(package)] or frames[-1:]
    at = f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else "an unknown line"
    return f"{type(error).__name__} in {at}"


def reason(kind: str) -> str:
    """Return the words of a report's row for a failure of the program."""
    return f"The program failed ({kind}); the traceback is in the journal of kepler-worker."


@dataclass(slots=True)
class Defects:
    """Errors of the program in a job.

    Attributes
    ----------
    found : dict
        Kind, as `defect` returns it, to the stars or files at which it occurred.
    """

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, of: str) -> None:
        """Count an error.

        Parameters
        ----------
        kind : str
            As `defect` returns it.
        of : str
            What the program was working on, such as ``star 5``.

        Raises
        ------
        DefectError
            There are more than `MOST_ALIKE` errors of this kind.
        """
        self.found.setdefault(kind, []).append(of)
        if len(self.found[kind]) > MOST_ALIKE:
            raise DefectError(self.sentence())

    def sentence(self) -> str:
        """Return a sentence on all errors; empty if there are none."""
        each = [
            f"{kind} at {', '.join(of[:_SHOWN])}{' …' if len(of) > _SHOWN else ''}"
            for kind, of in self.found.items()
        ]
        if not each:
            return ""
        return (
            f"The program failed: {'; '.join(each)}. This is a fault of the program: report it, "
            "with the traceback in the journal."
        )
