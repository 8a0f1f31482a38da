"""Run scripts on a server, directly or through a front, which forwards guests' scripts only."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import requests

from kepler_lens import retries
from kepler_lens.client.errors import (
    CertificateError,
    LimitError,
    MissingMacroError,
    ScriptError,
)
from kepler_lens.client.script import literal
from kepler_lens.errors import TokenError, Warp10Error
from kepler_lens.warp10.client import Token
from kepler_lens.warp10.refusals import readable, reason, unknown_macro

_PUBLIC_TOKEN = "@HELLOEXOWORLD/GETREADTOKEN"  # noqa: S105 - a macro and no token
_ENDED_STATUS = 502
"""Status code if the server for guests ended while it ran the script, perhaps because of the
script, which is therefore not sent again."""
_TOO_MUCH_STATUS = (413, 504)
"""Status codes of scripts that want more than the server allows."""
_PASSING = ("The database does not answer", "Guests have asked more of the database")
"""Sentences of the server for guests (macro GUEST/ASK) for what passes: the data server does not
answer, or guests have used their share of its time."""
_LIMIT = re.compile(r"exceed|\blimit\b", re.IGNORECASE)
# The reason has a bracket for each function on the way to a macro's own sentence, and has the
# sentence twice.
_MACRO = re.compile(r"\(MSGFAIL (.*?)\)(?:\)|$| \()")
_TOKEN = re.compile(
    r"\btoken\b.*(invalid|expired|revoked)|(invalid|missing|unknown)[\w ]* token", re.I
)


class Endpoint:
    """A server that runs scripts.

    Parameters
    ----------
    url : str
        ``https://HOST/`` of a front, or ``http://HOST:8080`` of a server itself.
    token : str or Token, optional
        A read token; by default scripts use the public one of the server.
    account : tuple of str, optional
        Name and password, if the front wants them.
    verify : bool or path
        Authorities that may have signed the server's certificate: True for those of this machine, a
        path for those in a file (PEM). False checks nothing.
    timeout : float
        Seconds without an answer after which a script has failed.
    patience : float
        Seconds during which a script is sent again if the server does not answer or is too busy.

    Raises
    ------
    Warp10Error
        The address is invalid.
    CertificateError
        There is no file `verify`.
    """

    def __init__(
        self,
        url: str,
        token: str | Token | None = None,
        *,
        account: tuple[str, str] | None = None,
        verify: bool | str | os.PathLike[str] = True,
        timeout: float = 120.0,
        patience: float = 10.0,
    ) -> None:
        self.url = url.rstrip("/").removesuffix("/exec").removesuffix("/api/v0")
        if not re.match(r"https?://[^/]", self.url):
            raise Warp10Error(
                f"{url!r} is no address of a server: it should look like https://HOST/ or "
                "http://HOST:8080."
            )
        if not isinstance(verify, bool) and not os.path.exists(verify):  # noqa: PTH110
            raise CertificateError(
                f"There is no file {os.fspath(verify)}: verify= names the certificates (PEM) of "
                "the authorities to trust."
            )
        self.timeout = timeout
        self.patience = patience
        self._token = Token(token) if isinstance(token, str) else token
        self._session = requests.Session()
        # Other settings come from the environment, such as a proxy.
        self._session.auth = account
        if self.url.startswith("http:"):
            # Within the server's network compression takes longer than sending: gzip doubles the
            # server's work for a light curve (benchmarks/python_api.py).
            self._session.headers["Accept-Encoding"] = "identity"
        self._verify = verify if isinstance(verify, bool) else os.fspath(verify)

    @property
    def public(self) -> bool:
        """Whether scripts use the public token of the server."""
        return self._token is None

    @property
    def token(self) -> str:
        """The read token, as WarpScript that pushes it."""
        return literal(self._token.reveal()) if self._token else _PUBLIC_TOKEN

    def ask(self, script: str) -> list[Any]:
        """Run a script.

        Parameters
        ----------
        script : str
            WarpScript.

        Returns
        -------
        list
            The stack, top first, as JSON gives it.

        Raises
        ------
        ScriptError
            The script is wrong; `LimitError` if it wants too much.
        TokenError
            The token or the account is refused.
        CertificateError
            The certificate is not trusted.
        Warp10Error
            The server cannot be reached, or refuses for another reason.
        """
        try:
            return retries.patiently(lambda: self._once(script), retries.GUESTS, self.patience)
        except retries.PassingError as error:
            raise Warp10Error(str(error)) from None

    def _once(self, script: str) -> list[Any]:
        try:
            response = self._session.post(
                f"{self.url}/api/v0/exec",
                data=script.encode(),
                timeout=(min(self.timeout, 10.0), self.timeout),
                # Given here, because the environment's authorities would override those of the
                # session.
                verify=self._verify,
                # A redirection that is followed becomes a GET request without the script.
                allow_redirects=False,
                # The body is read below: once the status has come, the script has run.
                stream=True,
            )
        except requests.exceptions.SSLError as error:
            raise self._distrust(str(error)) from None
        except requests.exceptions.ReadTimeout:
            raise Warp10Error(
                f"{self.url} gave no answer within {self.timeout:g} s: ask for less at once, or "
                "connect(…, timeout=SECONDS)."
            ) from None
        except (requests.ConnectionError, requests.Timeout) as error:
            raise retries.PassingError(
                f"{self.url} does not answer ({retries.cause(error)}): is the address right, and "
                "does the server run?"
            ) from None
        except (requests.RequestException, OSError, ValueError) as error:
            raise Warp10Error(f"{self.url} cannot be asked: {self._hide(str(error))}") from None
        response.encoding = "utf-8"
        try:
            _ = response.content
        except (requests.RequestException, OSError) as error:
            raise self._broken(response.status_code, retries.cause(error)) from None
        if response.status_code != 200:
            raise self._refusal(response)
        try:
            stack = json.loads(response.text)
        except ValueError:
            stack = None
        if not isinstance(stack, list):
            raise Warp10Error(
                f"{self.url} answers, but not as Warp 10 does: is it the address of the server or "
                "of its front?"
            )
        return stack

    def _broken(self, status: int, why: str) -> Exception:
        """Make the error of an answer whose body broke off."""
        said = f"{self.url} broke off its answer ({status}, {why})"
        if status in retries.GUESTS.statuses:
            return retries.PassingError(said)
        # Whatever the script has done to the server it would do again.
        return Warp10Error(f"{said}: the script is not sent again, ask for less at once.")

    def _refusal(self, response: requests.Response) -> Exception:
        """Make the error that a refusal by the server means."""
        status, why = response.status_code, self._hide(_why(response))
        if 300 <= status < 400:
            there = response.headers.get("Location", "elsewhere").split("/api/v0")[0]
            return Warp10Error(f"{self.url} has moved: connect to {there}")
        if status == 401:
            return TokenError(
                f"{self.url} wants an account, or refuses this one ({readable(why)}): "
                "connect(…, account=('NAME', 'PASSWORD'))."
            )
        if status in retries.GUESTS.statuses or any(words in why for words in _PASSING):
            return retries.PassingError(
                f"{self.url} is too busy or not ready ({status}): {readable(why)}"
            )
        if status == _ENDED_STATUS:
            return Warp10Error(f"{self.url} gave no answer to this script (502): {readable(why)}")
        if status in _TOO_MUCH_STATUS:
            return LimitError(f"{self.url} refuses so much at once ({status}): {readable(why)}")
        if _TOKEN.search(why):
            return TokenError(f"{self.url} refuses the token: {readable(why)}")
        if "X-Warp10-Error-Message" in response.headers or status == 500:
            kind = _kind(why)
            line = _line(response)
            where = f"line {line} of the script" if line else "the script"
            return kind(f"{self.url} stopped at {where}: {readable(why)}", line)
        return Warp10Error(f"{self.url} refuses ({status}): {readable(why)}")

    def _distrust(self, said: str) -> CertificateError:
        expired = "expired" in said
        found = re.search(r"certificate verify failed: ([^(]+)", said)
        why = (found[1] if found else said).strip()
        what = (
            "whoever runs the server has to renew it"
            if expired
            else "name the authority that signed it, connect(…, verify='authority.pem')"
            if found
            else "is it an address for http:// instead?"
        )
        return CertificateError(f"{self.url}: no secure connection ({why}): {what}.")

    def _hide(self, text: str) -> str:
        return text.replace(self._token.reveal(), "…") if self._token else text


def _kind(why: str) -> type[ScriptError]:
    """Return the kind of error of a script that stopped."""
    if _LIMIT.search(why):
        return LimitError
    return MissingMacroError if unknown_macro(why) else ScriptError


def _why(response: requests.Response) -> str:
    """Return Warp 10's reason, or the front's sentence, which is JSON."""
    if "X-Warp10-Error-Message" in response.headers:
        why = reason(response)
        own = _MACRO.search(why)
        return own[1] if own else why
    try:
        said = json.loads(response.text)
    except ValueError:
        return reason(response)
    if isinstance(said, dict) and isinstance(said.get("error"), str):
        return " ".join(said["error"].split())
    return reason(response)


def _line(response: requests.Response) -> int | None:
    text = response.headers.get("X-Warp10-Error-Line", "")
    return int(text) if text.isdigit() else None
