"""Runs scripts on a server, or by a front, which lets guests' scripts through and nothing else."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import requests
import tenacity

from kepler_lens.client.errors import CertificateError, LimitError, ScriptError
from kepler_lens.client.script import literal
from kepler_lens.errors import TokenError, Warp10Error
from kepler_lens.refusals import readable, reason
from kepler_lens.warp10 import Token

_PUBLIC_TOKEN = "@HELLOEXOWORLD/GETREADTOKEN"  # noqa: S105 - the macro that gives it
_PASSING_STATUS = (429, 503)
"""The script has not run: the front has no place for it, or the server behind is starting."""
_ENDED_STATUS = 502
"""The server for guests has ended while it ran the script, perhaps by it: not sent again."""
_TOO_MUCH_STATUS = (413, 504)
_AWAY = "The database does not answer"
"""What the server for guests says (macro GUEST/ASK) where the data server is away."""
_LONGEST_PAUSE = 2.0
"""Seconds between two tries; chosen: a person waits."""
_LIMIT = re.compile(r"exceed|\blimit\b", re.IGNORECASE)
# A macro's own sentence stands within a bracket for each function on the way to it, and twice.
_MACRO = re.compile(r"\(MSGFAIL (.*?)\)(?:\)|$| \()")
_TOKEN = re.compile(
    r"\btoken\b.*(invalid|expired|revoked)|(invalid|missing|unknown)[\w ]* token", re.I
)


class _PassingError(Exception):
    """A failure that may pass, in the words of its last cause."""


class Endpoint:
    """Runs scripts on a server.

    Parameters
    ----------
    url : str
        ``https://HOST/`` of a front, or ``http://HOST:8080`` of a server itself.
    token : str or Token, optional
        A read token; by default scripts use the one that the server gives to everybody.
    account : tuple of str, optional
        Name and password, where the front wants them.
    verify : bool or path
        The authorities that may have signed the server's certificate: those of this machine, or
        those in a file (PEM). False checks nothing.
    timeout : float
        Seconds without an answer after which a script is given up.
    patience : float
        Seconds during which a server that does not answer, or is too busy, is asked again.

    Raises
    ------
    Warp10Error
        The address is none.
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
        # As every program of the user: by the proxy that the environment names.
        self._session.auth = account
        if self.url.startswith("http:"):
            # Within the server's own network, packing takes longer than sending: gzip doubles the
            # server's work for a light curve (benchmarks/python_api.py).
            self._session.headers["Accept-Encoding"] = "identity"
        self._verify = verify if isinstance(verify, bool) else os.fspath(verify)

    @property
    def public(self) -> bool:
        """Whether scripts use the token that the server gives to everybody."""
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

        Returns
        -------
        list
            The stack, top first, as JSON gives it.

        Raises
        ------
        ScriptError
            The script is wrong; `LimitError` where it wants too much.
        TokenError
            The token or the account is not accepted.
        CertificateError
            The certificate is not trusted.
        Warp10Error
            The server cannot be reached, or refuses for another reason.
        """
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_PassingError),
            wait=tenacity.wait_exponential_jitter(multiplier=0.25, max=_LONGEST_PAUSE),
            stop=tenacity.stop_after_delay(self.patience),
            reraise=True,
        )
        try:
            for attempt in attempts:
                with attempt:
                    return self._once(script)
        except _PassingError as error:
            raise Warp10Error(str(error)) from None
        raise AssertionError("tenacity ends by an answer or an exception")

    def _once(self, script: str) -> list[Any]:
        try:
            response = self._session.post(
                f"{self.url}/api/v0/exec",
                data=script.encode(),
                timeout=(min(self.timeout, 10.0), self.timeout),
                # Here and not in the session, where the environment's authorities would win.
                verify=self._verify,
                # To follow would make a GET of it, without the script.
                allow_redirects=False,
            )
        except requests.exceptions.SSLError as error:
            raise self._distrust(str(error)) from None
        except requests.exceptions.ReadTimeout:
            raise Warp10Error(
                f"{self.url} gave no answer within {self.timeout:g} s: ask for less at once, or "
                "connect(…, timeout=SECONDS)."
            ) from None
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            raise _PassingError(
                f"{self.url} does not answer ({_cause(error)}): is the address right, and does the "
                "server run?"
            ) from None
        except (requests.RequestException, OSError, ValueError) as error:
            raise Warp10Error(f"{self.url} cannot be asked: {self._hide(str(error))}") from None
        response.encoding = "utf-8"
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

    def _refusal(self, response: requests.Response) -> Exception:
        """Say why an answer is none."""
        status, why = response.status_code, self._hide(_why(response))
        if 300 <= status < 400:
            there = response.headers.get("Location", "elsewhere").split("/api/v0")[0]
            return Warp10Error(f"{self.url} has moved: connect to {there}")
        if status == 401:
            return TokenError(
                f"{self.url} wants an account, or refuses this one ({readable(why)}): "
                "connect(…, account=('NAME', 'PASSWORD'))."
            )
        if status in _PASSING_STATUS or _AWAY in why:
            return _PassingError(f"{self.url} is too busy or not ready ({status}): {readable(why)}")
        if status == _ENDED_STATUS:
            return Warp10Error(f"{self.url} gave no answer to this script (502): {readable(why)}")
        if status in _TOO_MUCH_STATUS:
            return LimitError(f"{self.url} refuses so much at once ({status}): {readable(why)}")
        if _TOKEN.search(why):
            return TokenError(f"{self.url} refuses the token: {readable(why)}")
        if "X-Warp10-Error-Message" in response.headers or status == 500:
            kind = LimitError if _LIMIT.search(why) else ScriptError
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


def _why(response: requests.Response) -> str:
    """Give Warp 10's reason, or the front's sentence, which is JSON."""
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


def _cause(error: BaseException) -> str:
    """Give the system's word, which requests wraps in three layers of its own."""
    text = str(error) or type(error).__name__
    found = re.findall(r"\[Errno -?\d+\] ([^'\")\]]+)", text)
    if found:
        return str(found[-1])
    return "no connection in time" if "timed out" in text else text[:200]
