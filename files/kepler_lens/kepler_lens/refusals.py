"""What Warp 10's error answers mean (versions 2.1.0 and 3.5.0), and what is known to be refused."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

import requests

from kepler_lens.errors import (
    InputRefusedError,
    ServerFullError,
    TokenError,
    Warp10Error,
)

# Jetty's page: the reason of 2.1.0 stands in <pre>, that of 3.5.0 in a table.
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
    # A regular expression that Java cannot read; a percent sign that begins no escape.
    r"|patternsyntaxexception|near index \d|in escape \(%\)|escape \(%\) pattern"
    # What 3.5.0 says of a line of `meta` that it cannot read.
    r"|updating meta: .*(nullpointer|\.metadata\.)",
    re.IGNORECASE,
)
# What a server without this project's macros says of a script that is right.
_UNKNOWN = re.compile(r"unknown (macro|function)", re.IGNORECASE)
_PASSING_STATUS = (429, 502, 503, 504)
_SELECTOR = re.compile(r"[^{]+\{([^=~,]+[=~][^,]*(,[^=~,]+[=~][^,]*)*)?\}")
_PAIRS = r"\{([^=,}]+=[^,}]*(,[^=,}]+=[^,}]*)*)?\}"
_META = re.compile(rf"[^{{]+{_PAIRS}{_PAIRS}")


def reason(response: requests.Response) -> str:
    """Give the server's reason: from its header, its page, or its status line.

    Parameters
    ----------
    response : requests.Response
        An answer that is no success.

    Returns
    -------
    str
        On one line, as the server words it.
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
    """Say what cannot pass, however often it is tried.

    Parameters
    ----------
    where : str
        The server, as the user knows it.
    what : str
        The endpoint that was asked: update, meta, delete, find, fetch or exec.
    status : int
        The answer's status.
    why : str
        The server's `reason`, without a secret.
    own : bool
        Whether the script for exec is the package's own: then it is right, and what fails may pass.

    Returns
    -------
    Warp10Error or None
        The error that the caller raises; None where the same request may succeed later.
    """
    if status in _PASSING_STATUS:
        return None
    # Java's class names say nothing to the reader.
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
    if status < 500 or (what == "exec" and (not own or _UNKNOWN.search(why))):
        return Warp10Error(f"{where} refuses {what} ({status}): {message}")
    return None


def readable(why: str) -> str:
    """Cut Java's class names out of a reason, and what is too long to read."""
    return _JAVA_CLASS.sub("", why).strip()[:300]


def check_selector(selector: str, *, several: bool = True) -> None:
    """Refuse a selector that is none: 2.1.0 answers some with a word that says nothing.

    Parameters
    ----------
    selector : str
        As the client is given it.
    several : bool
        Whether there may be more than one, with blanks between them.

    Raises
    ------
    InputRefusedError
        One is not of the form ``class{label=value}``.
    """
    for part in (selector.split() if several else None) or [selector]:
        if not _SELECTOR.fullmatch(part):
            raise InputRefusedError(
                f"{part[:80]!r} is no selector: it should look like class{{label=value}}, "
                "and class{} where all labels will do."
            )


def check_meta(lines: Iterable[str]) -> list[str]:
    """Refuse lines of attributes that are none: 2.1.0 says only that it failed.

    Returns
    -------
    list of str
        The lines.

    Raises
    ------
    InputRefusedError
        One is not of the form ``class{label=value}{attribute=value}``; it is named.
    """
    lines = list(lines)
    for number, line in enumerate(lines, 1):
        if not _META.fullmatch(line.strip()):
            raise InputRefusedError(
                f"Line {number} for meta, {line[:80]!r}, is no series with attributes: "
                "it should look like class{label=value}{attribute=value}."
            )
    return lines
