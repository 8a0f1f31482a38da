"""The meaning of Warp 10's error answers (versions 2.1.0 and 3.5.0), and checks of its input."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

import requests

from kepler_lens import retries
from kepler_lens.errors import (
    InputRefusedError,
    ServerFullError,
    TokenError,
    UnknownMacroError,
    Warp10Error,
)

# Jetty's error page: 2.1.0 writes the reason in <pre>, 3.5.0 in a table.
_PAGE = re.compile(r"<pre>(.*?)</pre>|<th>MESSAGE:</th><td>(.*?)</td>", re.DOTALL)
_JAVA_CLASS = re.compile(r"\b(?:[a-z0-9]+\.)+[A-Z]\w*(?:Exception|Error): ")
_TOKEN = re.compile(
    r"\btokens?\b.*(invalid|expired|revoked|banned|missing|cannot be used)"
    r"|\b(invalid|missing|corrupted|unknown)( \w+){0,2} token|application suspended",
    re.IGNORECASE,
)
_FULL = re.compile(r"no space left|disk (is )?full|not enough space", re.IGNORECASE)
_BAD_INPUT = re.compile(
    r"parse ?error|parseexception|unparseable|for input string|invalid +(metadata|selector|syntax)"
    # Java cannot read a regular expression, or a percent sign begins no escape.
    r"|patternsyntaxexception|near index \d|in escape \(%\)|escape \(%\) pattern"
    # 3.5.0 cannot read a line of `meta`.
    r"|updating meta: .*(nullpointer|\.metadata\.)",
    re.IGNORECASE,
)
# A server without this project's macros answers so to a correct script.
_UNKNOWN_MACRO = re.compile(r"unknown macro", re.IGNORECASE)
_UNKNOWN_FUNCTION = re.compile(r"unknown function", re.IGNORECASE)
_SELECTOR = re.compile(r"[^{]+\{([^=~,]+[=~][^,]*(,[^=~,]+[=~][^,]*)*)?\}")
_PAIRS = r"\{([^=,}]+=[^,}]*(,[^=,}]+=[^,}]*)*)?\}"
_META = re.compile(rf"[^{{]+{_PAIRS}{_PAIRS}")


def reason(response: requests.Response) -> str:
    """Return the server's reason, from its header, its page, or its status line.

    Parameters
    ----------
    response : requests.Response
        An error answer.

    Returns
    -------
    str
        The server's own words, on one line.
    """
    page = _PAGE.search(response.text)
    text = (
        response.headers.get("X-Warp10-Error-Message")
        or (page and html.unescape(page[1] or page[2] or ""))
        or response.reason
        or "no reason given"
    )
    return " ".join(text.split())


def refusal(
    where: str, what: str, status: int, why: str, *, own: bool = False
) -> Warp10Error | None:
    """Return the error of a request that no retry can make succeed.

    Parameters
    ----------
    where : str
        The server, as the user knows it.
    what : str
        The endpoint: update, meta, delete, find, fetch or exec.
    status : int
        HTTP status of the answer.
    why : str
        The server's `reason`, without a secret.
    own : bool
        Whether the script for exec is the package's own. Such a script is correct, so most of its
        failures may pass.

    Returns
    -------
    Warp10Error or None
        The error that the caller raises; None if the same request may succeed later.
    """
    if status in retries.SERVER.statuses:
        return None
    message = readable(why)
    if _TOKEN.search(why) or status in (401, 403):
        return TokenError(
            f"{where} refuses the token for {what} ({message}): "
            "it is wrong, expired or of another kind. Name the file of a valid one."
        )
    if _FULL.search(why):
        return ServerFullError(f"{where} has no disk space left: free some, then go on.")
    if status == 400 or (what != "exec" and _BAD_INPUT.search(why)):
        return InputRefusedError(f"{where} cannot read what {what} got: {message}")
    said = f"{where} refuses {what} ({status}): {message}"
    if what == "exec" and unknown_macro(why):
        return UnknownMacroError(said)
    if status < 500 or (what == "exec" and (not own or _UNKNOWN_FUNCTION.search(why))):
        return Warp10Error(said)
    return None


def unknown_macro(why: str) -> bool:
    """Return whether a server's `reason` is that it does not have a macro."""
    return _UNKNOWN_MACRO.search(why) is not None


def readable(why: str) -> str:
    """Return a reason without Java's class names, of at most 300 characters."""
    return _JAVA_CLASS.sub("", why).strip()[:300]


def check_selector(selector: str, *, several: bool = True) -> None:
    """Check the form of selectors, because 2.1.0 answers to some wrong ones without a reason.

    Parameters
    ----------
    selector : str
        Selector that was given to the client.
    several : bool
        Whether more than one selector is allowed, with blanks between them.

    Raises
    ------
    InputRefusedError
        A selector is not of the form ``class{label=value}``.
    """
    for part in (selector.split() if several else None) or [selector]:
        if not _SELECTOR.fullmatch(part):
            raise InputRefusedError(
                f"{part[:80]!r} is no selector: it should look like class{{label=value}}, "
                "and class{} where all labels will do."
            )


def check_meta(lines: Iterable[str]) -> list[str]:
    """Check the form of lines for ``meta``, because 2.1.0 answers wrong ones without a reason.

    Returns
    -------
    list of str
        The lines.

    Raises
    ------
    InputRefusedError
        A line is not of the form ``class{label=value}{attribute=value}``; the error names the line.
    """
    lines = list(lines)
    for number, line in enumerate(lines, 1):
        if not _META.fullmatch(line.strip()):
            raise InputRefusedError(
                f"Line {number} for meta, {line[:80]!r}, is no series with attributes: "
                "it should look like class{label=value}{attribute=value}."
            )
    return lines
