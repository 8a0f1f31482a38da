"""Errors of the program itself: logged with their traceback, and never taken for bad input."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from kepler_lens.errors import KeplerLensError

MOST_ALIKE = 3
"""chosen: a fourth error at one line says that it does not depend on a single star or file."""

_SHOWN = 5
_log = logging.getLogger(__name__)


class DefectError(KeplerLensError):
    """The program fails again and again at one of its lines."""


def defect(error: Exception, of: str) -> str:
    """Log an error of the program with its traceback, and name its kind.

    Parameters
    ----------
    error : Exception
        Which is being handled.
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
    """Say in a report's row that the program failed."""
    return f"The program failed ({kind}); the traceback is in the journal of kepler-worker."


@dataclass(slots=True)
class Defects:
    """How often the program failed in a job, and at what.

    Attributes
    ----------
    found : dict
        Kind, as `defect` gives it, to stars or files.
    """

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, of: str) -> None:
        """Count one.

        Raises
        ------
        DefectError
            There are more than `MOST_ALIKE` of the kind.
        """
        self.found.setdefault(kind, []).append(of)
        if len(self.found[kind]) > MOST_ALIKE:
            raise DefectError(self.sentence())

    def sentence(self) -> str:
        """Say what happened; empty if nothing did."""
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
