"""Define the errors between a guest and the server; each has the sentence that the guest reads."""

from __future__ import annotations

from kepler_lens.errors import KeplerLensError, UnknownMacroError, Warp10Error


class NoLightCurveError(KeplerLensError):
    """The server has no such light curve, or lacks columns of it."""


class ScriptError(Warp10Error):
    """A script is wrong.

    Parameters
    ----------
    message : str
        The server's reason, in a sentence.
    line : int, optional
        Line where the script stopped, counted from 1.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message, line)
        self.message = message
        self.line = line

    def __str__(self) -> str:
        return self.message


class LimitError(ScriptError):
    """A script wants more than the server allows."""


class MissingMacroError(ScriptError, UnknownMacroError):
    """A script calls a macro that the server does not have."""


class CertificateError(Warp10Error):
    """The certificate of the server is not trusted."""
