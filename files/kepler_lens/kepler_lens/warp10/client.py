"""A client of Warp 10's HTTP interface (versions 2.1.0 and 3.5.0).

Tokens are sent only in the header ``X-Warp10-Token`` or within a script, never in a URL, and are
removed from every message. Parameters are sent in the body: a selector of some hundred stars is too
long for a URL.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import requests
from numpy.typing import NDArray

from kepler_lens import retries
from kepler_lens.errors import TokenError, Warp10Error
from kepler_lens.warp10.refusals import check_meta, check_selector, readable, reason, refusal

Body = bytes | Callable[[], Iterable[bytes]]

_TOKEN_HEADER = "X-Warp10-Token"  # noqa: S105 - the header's name
_PUBLIC_TOKEN = "@HELLOEXOWORLD/GETREADTOKEN"  # noqa: S105 - the macro that gives it
# 73,000 years before and after 1970: a span over the whole axis would not fit into 64 bits.
_FIRST, _LAST = -(2**61), 2**61

_LINE = re.compile(r"(?:(-?\d+)/[^/]*/\S* |=(-?\d+)/[^/]*/\S* )(.*)")


class Token:
    """A token of Warp 10; ``repr``, ``str`` and ``format`` do not show its text.

    Parameters
    ----------
    value : str
        The token itself.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Token:
        """Read a token from a file that contains only the token.

        Raises
        ------
        TokenError
            The file cannot be read or does not hold one word.
        """
        try:
            words = Path(path).read_text(encoding="ascii").split()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise TokenError(f"Cannot read the token file {os.fspath(path)}: {reason}.") from None
        if len(words) != 1:
            raise TokenError(f"The token file {os.fspath(path)} must hold one token and no more.")
        return cls(words[0])

    def reveal(self) -> str:
        """Return the text of the token, for a request."""
        return self._value

    def __repr__(self) -> str:
        return "Token(…)"


def token_to_write(token: Token | None, what: str) -> Token:
    """Return the write token of a part of the database; `what` names the part in the error.

    Raises
    ------
    Warp10Error
        The part was opened without its write token.
    """
    if token is None:
        raise Warp10Error(f"The {what} was opened for reading: name its write token too.")
    return token


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer of ``fetch`` or ``find``.

    Attributes
    ----------
    classname : str
    labels, attributes : dict
        Decoded, without Warp 10's own ``.app``.
    ticks : list of int
        Microseconds, ascending.
    values : list
        float, int, bool or str, one for each tick.
    """

    classname: str
    labels: dict[str, str]
    attributes: dict[str, str]
    ticks: list[int]
    values: list[Any]

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return ticks (int64[n], µs) and numeric values (float64[n])."""
        return np.array(self.ticks, np.int64), np.array(self.values, np.float64)


class Warp10:
    """A connection to one server.

    Parameters
    ----------
    url : str
        The server, such as ``http://warp10.example:8080``; ``/api/v0`` is added.
    timeout : float
        Seconds without progress after which an attempt fails: the server reads no more of the
        request, or sends no answer.
    patience : float
        Seconds after a first failure during which a request is repeated if the failure may pass, so
        that a restart of the server does no harm.

    Raises
    ------
    TokenError
        Every method: the token is wrong, expired or of the wrong kind. Raised without a retry.
    ServerFullError
        The server's disk is full. Raised without a retry.
    InputRefusedError
        The server cannot read its input, and names the line. Raised without a retry.
    Warp10Error
        The server refused for another reason, or did not recover in time.
    """

    def __init__(self, url: str, *, timeout: float = 120.0, patience: float = 120.0) -> None:
        self.url = url.rstrip("/").removesuffix("/api/v0")
        self.timeout = timeout
        self.patience = patience
        self._session = requests.Session()
        # Neither a proxy nor a ~/.netrc of the environment may see or replace the token.
        self._session.trust_env = False

    def update(self, body: Body, token: Token) -> None:
        """Push points.

        Parameters
        ----------
        body : bytes or callable
            GTS text, or a function that yields it in pieces and is called again for each retry. An
            error of the function is raised as it is.
        token : Token
            A write token.
        """
        self._ask("update", token, body)

    def meta(self, lines: Iterable[str], token: Token) -> None:
        """Replace all attributes of series (lines ``class{labels}{attributes}``)."""
        self._ask("meta", token, "\n".join(check_meta(lines)).encode())

    def delete(
        self,
        selector: str,
        token: Token,
        start: int | None = None,
        end: int | None = None,
        *,
        dry_run: bool = False,
    ) -> list[Series]:
        """Delete points.

        Parameters
        ----------
        selector : str
            ``class{labels}``; ``~`` makes a regular expression of the class or of a label.
        token : Token
            A write token.
        start, end : int, optional
            First and last tick to delete, µs, both included; by default all points and the series
            themselves.
        dry_run : bool
            Whether to delete nothing and only return the series.

        Returns
        -------
        list of Series
            All series that match, without points, whether or not they had points in the span.
        """
        check_selector(selector, several=False)
        fields = {"selector": selector}
        if start is None and end is None:
            fields["deleteall"] = "true"
        else:
            fields["start"] = str(_FIRST if start is None else start)
            fields["end"] = str(_LAST if end is None else end)
        if dry_run:
            fields["dryrun"] = "true"
        return _listed(self._ask("delete", token, _form(fields)))

    def find(self, selector: str, token: Token) -> list[Series]:
        """List the series that match, without points."""
        check_selector(selector)
        return _listed(self._ask("find", token, _form({"selector": selector, "showattr": "true"})))

    def fetch(
        self,
        selector: str,
        token: Token,
        start: int | None = None,
        end: int | None = None,
        *,
        newest: int | None = None,
    ) -> list[Series]:
        """Read points from `start` to `end` (ticks in µs, both included; by default all).

        With `newest` instead of `start`, read of each series at most so many points: the last ones
        up to `end`.
        """
        check_selector(selector)
        first, last = _FIRST if start is None else start, _LAST if end is None else end
        fields = {
            "selector": selector,
            "now": str(last),
            # Warp 10 reads a negative span as a number of points.
            "timespan": str(last - first + 1 if newest is None else -newest),
            "format": "text",
            "showattr": "true",
            # Otherwise an error after the first point would look like the end of the answer.
            "showerrors": "true",
        }
        return list(_parse_fetch(self._ask("fetch", token, _form(fields)).split("\n")))

    def exec(self, script: str, *tokens: Token) -> list[Any]:
        """Run a script in WarpScript and return the stack, top first.

        Parameters
        ----------
        script : str
        *tokens : Token
            Tokens within a script of the package's own. No message shows them. Such a script is
            correct, so it is repeated if it fails.
        """
        stack: list[Any] = json.loads(self._ask("exec", None, script.encode(), tokens))
        return stack

    def public_token(self) -> Token:
        """Read the public read token of the server."""
        (token,) = self.exec(_PUBLIC_TOKEN)
        return Token(token)

    def _ask(self, what: str, token: Token | None, body: Body, within: Sequence[Token] = ()) -> str:
        """Send a request until it is answered or patience ends; `within` are tokens in the body."""
        tries = count()

        def attempt() -> str:
            if next(tries) and what == "update":
                # A server that refuses a body before its end may close the connection before its
                # answer is read; it does answer to an empty body.
                self._once(what, token, b"")
            return self._once(what, token, body, within)

        try:
            return retries.patiently(attempt, retries.SERVER, self.patience)
        except retries.PassingError as error:
            did = "fails in" if error.answered else "did not answer"
            asked = "What does its log say" if error.answered else "Does it run"
            raise Warp10Error(
                f"Warp 10 at {self.url} {did} {what}, tried for {self.patience:.0f} s: {error}. "
                f"{asked}, and has its disk room? Native LevelDB dies of a full one."
            ) from None

    def _once(
        self, what: str, token: Token | None, body: Body, within: Sequence[Token] = ()
    ) -> str:
        secrets = [token, *within] if token else within
        headers = {_TOKEN_HEADER: token.reveal()} if token else {}
        if what in ("find", "fetch", "delete"):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        pieces = _Pieces(body()) if callable(body) else None
        try:
            response = self._session.post(
                f"{self.url}/api/v0/{what}",
                headers=headers,
                # A file is sent in blocks, so that the time limit is for each block, not for all.
                data=pieces or io.BytesIO(body),  # type: ignore[arg-type]
                timeout=self.timeout,
                # A redirection that is followed becomes a GET request without the body, and takes
                # the token to another server.
                allow_redirects=False,
            )
        except (requests.ConnectionError, requests.Timeout, OSError) as error:
            if pieces and pieces.failure:
                raise pieces.failure from None
            if isinstance(error, ValueError):
                raise Warp10Error(
                    f"{self.url} is no address of a server: it should look like http://HOST:PORT."
                ) from None
            why = _hide(retries.cause(error), *secrets)
            if isinstance(error, requests.exceptions.SSLError) and not retries.may_pass(error):
                raise Warp10Error(f"{self.url} cannot be trusted: {why}.") from None
            raise retries.PassingError(why) from None
        if response.is_redirect:
            raise Warp10Error(
                f"{self.url} is not the address of Warp 10: it leads to "
                f"{response.headers['Location']}. Name the address of the server itself."
            )
        if response.ok:
            response.encoding = "utf-8"
            return response.text
        why = _hide(reason(response), *secrets)
        where, status = f"Warp 10 at {self.url}", response.status_code
        refused = refusal(where, what, status, why, own=bool(within))
        if refused is not None:
            raise refused
        raise retries.PassingError(f"{status} {readable(why)}", answered=True)


class _Pieces:
    """The pieces of a body, and the error with which they ended.

    Such an error is not one of the connection, for which requests would take it.

    Parameters
    ----------
    pieces : iterable of bytes
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except Exception as error:
            self.failure = error
            raise


def _form(fields: Mapping[str, str]) -> bytes:
    return "&".join(f"{k}={quote(v, safe='')}" for k, v in fields.items()).encode()


def _hide(text: str, *tokens: Token) -> str:
    for token in tokens:
        text = text.replace(token.reveal(), "…")
    return text


def _parse_fetch(lines: Iterable[str]) -> Iterator[Series]:
    """Read the text of ``fetch``: one series after the other, the newest point first."""
    series: Series | None = None
    for line in lines:
        if not line:
            continue
        if line.startswith("#"):
            raise Warp10Error(f"Warp 10 broke off its answer: {unquote(line.lstrip('# '))}")
        match = _LINE.match(line)
        if match is None:
            raise Warp10Error(f"Warp 10 gave a line that is no point: {line[:80]}")
        first, more, rest = match.groups()
        if first is not None:
            if series is not None:
                yield _ascending(series)
            name, _, rest = rest.rpartition("} ")
            series = _series(name + "}")
        if series is None:
            raise Warp10Error(f"Warp 10 gave a point of no series: {line[:80]}")
        series.ticks.append(int(first or more))
        series.values.append(_value(rest))
    if series is not None:
        yield _ascending(series)


def _ascending(series: Series) -> Series:
    series.ticks.reverse()
    series.values.reverse()
    return series


def _listed(answer: str) -> list[Series]:
    return [_series(line) for line in answer.split("\n") if line]


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels without Warp 10's own ``.app``."""
    return {name: text for name, text in labels.items() if name != ".app"}


def _series(text: str) -> Series:
    """Read ``class{labels}{attributes}``."""
    name, _, rest = text.strip().partition("{")
    labels, _, attributes = rest.partition("}")
    return Series(unquote(name), _pairs(labels), _pairs(attributes.strip("{}")), [], [])


def _pairs(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(",") if pair)
    return own_labels({unquote(k): unquote(v) for k, _, v in pairs})


def _value(text: str) -> Any:
    if text.startswith("'"):
        return unquote(text[1:-1])
    if text in ("T", "F"):
        return text == "T"
    try:
        return int(text)
    except ValueError:
        return float(text)
