"""What can go wrong, each with the sentence that the user reads.

``str()`` of every error here is complete by itself (what, where, what to do): the commands print it
on one line and leave with `exit_status`.
"""

from __future__ import annotations


class KeplerLensError(Exception):
    """Any failure that is explained to the user in one sentence.

    Attributes
    ----------
    exit_status : int
        With what status a command ends.
    """

    exit_status = 1


class LightCurveError(KeplerLensError):
    """A file is no intact Kepler or K2 light curve.

    Parameters
    ----------
    name : str
        The file's name, as the user knows it.
    reason : str
        What is wrong with it.
    """

    def __init__(self, name: str, reason: str) -> None:
        # Both as arguments: an exception is pickled by them, and workers send theirs home.
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
    """The token is wrong, expired or not allowed to do this: trying again cannot help."""


class ServerFullError(Warp10Error):
    """The server has no room left for points."""


class InputRefusedError(Warp10Error):
    """The server cannot read what it was given: the same input cannot succeed."""
