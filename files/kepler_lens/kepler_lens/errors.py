"""Errors of the package, each with the sentence that the user reads.

``str()`` of every error here is complete (what failed, where, what to do): the commands print it
on one line and end with `exit_status`.
"""

from __future__ import annotations


class KeplerLensError(Exception):
    """Base of all failures that one sentence explains to the user.

    Attributes
    ----------
    exit_status : int
        Exit status of a command that ends with this error.
    """

    exit_status = 1


class LightCurveError(KeplerLensError):
    """A file is not an intact Kepler or K2 light curve.

    Parameters
    ----------
    name : str
        The file's name, as the user knows it.
    reason : str
        What is wrong with the file.
    """

    def __init__(self, name: str, reason: str) -> None:
        # Workers send exceptions pickled, and an exception is pickled by these arguments.
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class SourceError(KeplerLensError):
    """An archive, folder or tarball cannot be read."""


class JobRunningError(KeplerLensError):
    """Another job of the kind holds the lock (`EX_TEMPFAIL`: the same command may work later)."""

    exit_status = 75


class Warp10Error(KeplerLensError):
    """The Warp 10 server refused or could not be reached."""


class TokenError(Warp10Error):
    """The token is wrong, expired or lacks the permission: a new attempt cannot succeed."""


class ServerFullError(Warp10Error):
    """The server has no room left for points."""


class UnknownMacroError(Warp10Error):
    """The server does not have a macro: it may have light curves and not this project's macros."""


class InputRefusedError(Warp10Error):
    """The server cannot read its input: a new attempt with the same input cannot succeed."""
