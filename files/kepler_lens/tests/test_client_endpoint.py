"""How a server answers a guest, and how it refuses: each a sentence that says what to do."""

from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scripted_server import Answer, Scripted
from tls_files import certificate

from kepler_lens import connect
from kepler_lens.client.errors import CertificateError, LimitError, ScriptError
from kepler_lens.errors import TokenError, Warp10Error
from kepler_lens.warp10.client import Series

SECRET = "s3cret.t0ken_of.someb0dy"


def failed(why: str, line: int | None = None, page: str = "<html><pre>  no  </pre>") -> Answer:
    headers = {"X-Warp10-Error-Message": why}
    return (500, page, None, headers | ({"X-Warp10-Error-Line": str(line)} if line else {}))


def refused(status: int, sentence: str) -> Answer:
    return (status, json.dumps({"error": sentence}))


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (
            failed("Unknown function 'FOO'", 3),
            ScriptError,
            r" stopped at line 3 of the script: Unknown function 'FOO'$",
        ),
        (
            failed("FETCH exceeded limit of 1000 datapoints, current count is 1001", 2),
            LimitError,
            r" stopped at line 2 of the script: FETCH exceeded limit of 1000 datapoints",
        ),
        (failed("io.warp10.WarpScriptException: Invalid token."), TokenError, "refuses the token"),
        (refused(403, "Only scripts are run here."), Warp10Error, r"refuses \(403\): Only scripts"),
        (refused(413, "A script has 64 kB at most."), LimitError, "A script has 64 kB at most."),
        (refused(504, "A script may run 30 s."), LimitError, r"so much at once \(504\): A script"),
        (
            refused(502, "The server for guests has ended while it ran this script."),
            Warp10Error,
            r"no answer to this script \(502\): The server for guests has ended",
        ),
        (refused(401, "Who are you?"), TokenError, r"Who are you\?.*account=\('NAME'"),
        ((404, "<html>not here"), Warp10Error, r"refuses \(404\): Not Found$"),
        ((200, "<html>hello"), Warp10Error, "not as Warp 10 does: is it the address of the server"),
        ((200, '{"a": 1}'), Warp10Error, "not as Warp 10 does"),
        (
            (301, "", None, {"Location": "https://stars.example/api/v0/exec"}),
            Warp10Error,
            "has moved: connect to https://stars.example$",
        ),
    ],
)
def test_a_refusal_is_a_sentence_and_not_tried_again(
    scripted: Callable[..., Scripted], answer: Answer, error: type[Warp10Error], said: str
) -> None:
    server = scripted(answer)
    with pytest.raises(Warp10Error, match=said) as caught:
        connect(server.url).execute("1 2\nFOO")
    assert type(caught.value) is error
    assert server.url in str(caught.value)
    assert len(server.requests) == 1


def test_the_reason_counts_more_than_what_the_front_makes_of_it(
    scripted: Callable[..., Scripted],
) -> None:
    headers = {"X-Warp10-Error-Message": 'Unknown "FOO"', "X-Warp10-Error-Line": "1"}
    answer = (500, '{"error": "The header says why."}', None, headers)
    with pytest.raises(ScriptError, match=r'line 1 of the script: Unknown "FOO"$'):
        connect(scripted(answer).url).execute("FOO")


def test_the_sentence_of_a_macro_stands_alone(scripted: Callable[..., Scripted]) -> None:
    within = (
        "(Exception at statement 'IFT' in section '[TOP]' (Exception at statement 'MSGFAIL' in "
        "section '[TOP]' (MSGFAIL The server has no long cadence (KIC 5) of it.)))"
    )
    why = (
        f"in section '[TOP]': Exception at statement 'RETHROW' in section '[TOP]' {within} {within}"
    )
    with pytest.raises(
        ScriptError, match=r"script: The server has no long cadence \(KIC 5\) of it\.$"
    ):
        connect(scripted(failed(why, 1)).url).execute("…")


def test_a_script_that_is_wrong_says_its_line(scripted: Callable[..., Scripted]) -> None:
    with pytest.raises(ScriptError) as caught:
        connect(scripted(failed("no", 7)).url).execute("FOO")
    assert caught.value.line == 7
    with pytest.raises(ScriptError, match="stopped at the script") as caught:
        connect(scripted(failed("no")).url).execute("FOO")
    assert caught.value.line is None


AWAY = failed("(MSGFAIL The database does not answer: try again in a minute. (ConnectException))")
SHARE = failed(
    "(MSGFAIL Guests have asked more of the database than their share: try again in ten seconds.)"
)


@pytest.mark.parametrize(
    "answer", [None, refused(429, "Twenty a second."), refused(503, "Later."), AWAY, SHARE]
)
def test_what_may_pass_is_tried_again(scripted: Callable[..., Scripted], answer: Answer) -> None:
    server = scripted(answer, answer, (200, "[2]"))
    assert connect(server.url).execute("1 1 +") == [2]
    assert [body for _, _, body in server.requests] == [b"1 1 +"] * 3


def cut(status: int) -> Answer:
    """Announce 255 bytes of a body, and close the connection after two."""
    return (status, "ff\r\n[1", None, {"Transfer-Encoding": "chunked", "Connection": "close"})


def test_a_script_whose_answer_breaks_off_is_not_sent_again(
    scripted: Callable[..., Scripted],
) -> None:
    server = scripted(cut(200), (200, "[2]"))
    with pytest.raises(Warp10Error, match=r"broke off its answer \(200, .*is not sent again"):
        connect(server.url).execute("1 1 +")
    assert len(server.requests) == 1


def test_a_refusal_that_breaks_off_is_tried_again(scripted: Callable[..., Scripted]) -> None:
    server = scripted(cut(429), (200, "[2]"))
    assert connect(server.url).execute("1 1 +") == [2]
    assert len(server.requests) == 2


def test_a_limit_that_stays_is_said(scripted: Callable[..., Scripted]) -> None:
    server = scripted(refused(429, "An address may ask 20 times a second."))
    with pytest.raises(Warp10Error, match=r"busy .*\(429\): An address may ask 20 times a second."):
        connect(server.url, patience=0.5).execute("1")
    assert len(server.requests) > 1


def test_no_server(scripted: Callable[..., Scripted]) -> None:
    server = scripted((200, "[]"))
    server.shutdown()
    server.server_close()
    with pytest.raises(Warp10Error, match=r"does not answer \(Connection refused\): is the addr"):
        connect(server.url, patience=0.3).execute("1")


def test_no_address() -> None:
    for url in ("stars.example", "ftp://stars.example", "https:///", ""):
        with pytest.raises(Warp10Error, match=r"is no address of a server: it should look like"):
            connect(url)


def test_a_silent_server_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(Warp10Error, match=r"no answer within 0\.5 s: ask for less at once"):
            # Not in halves, each of which would be waited for as long.
            connect(url, timeout=0.5, patience=5).light_curve(5)
    assert time.monotonic() - began < 4


def test_the_address_may_be_that_of_exec(scripted: Callable[..., Scripted]) -> None:
    server = scripted((200, "[1]"))
    for tail in ("", "/", "/api/v0", "/api/v0/exec"):
        assert connect(server.url + tail).execute("1") == [1]
    assert {path for path, _, _ in server.requests} == {"/api/v0/exec"}


def test_a_token_is_in_no_message(scripted: Callable[..., Scripted]) -> None:
    server = scripted(failed(f"Invalid token {SECRET}."))
    ours = connect(server.url, SECRET)
    with pytest.raises(TokenError, match="Invalid token …") as caught:
        ours.light_curve(1)
    assert SECRET not in str(caught.value) + repr(ours) + repr(vars(ours))
    assert SECRET.encode() in server.requests[0][2]
    assert b"GETREADTOKEN" not in server.requests[0][2]


def test_an_account_is_sent(scripted: Callable[..., Scripted]) -> None:
    server = scripted((200, "[]"))
    connect(server.url, account=("me", "word")).execute("1")
    assert server.headers[0]["Authorization"] == "Basic bWU6d29yZA=="
    connect(server.url).execute("1")
    assert "Authorization" not in server.headers[1]


def test_series_become_objects(scripted: Callable[..., Scripted]) -> None:
    answer = """[[{"c": "a", "l": {"k": "v", ".app": "x"}, "a": {"b": "c"}, "la": 0,
                   "v": [[3, 1.5, 2.5, "last"], [1, "first"], [2, 7, "middle"]]}],
                 {"deep": {"c": "d", "l": {}, "a": {}, "v": []}}, 4, null, NaN]"""
    (first,), held, four, none, nan = connect(scripted((200, answer)).url).execute("…")
    assert first == Series("a", {"k": "v"}, {"b": "c"}, [1, 2, 3], ["first", "middle", "last"])
    assert held == {"deep": Series("d", {}, {}, [], [])}
    assert (four, none, nan != nan) == (4, None, True)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Callable[[int], tuple[str, Path]]]:
    """Start servers whose certificate, of their own authority, is good for some hours."""
    started: list[Scripted] = []

    def start(hours: int) -> tuple[str, Path]:
        cert, key = certificate(tmp_path, dt.timedelta(hours=hours))
        server = Scripted([(200, "[3]")])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        started.append(server)
        return server.url.replace("http://", "https://"), cert

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


class TestCertificates:
    def test_the_named_authority_counts(
        self,
        secure: Callable[[int], tuple[str, Path]],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        url, authority = secure(1)
        (tmp_path / "none.pem").write_text(authority.read_text())
        # What is named counts more than what the environment names.
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
        assert connect(url, verify=authority).execute("1 2 +") == [3]

    def test_an_unknown_one_is_refused_at_once(
        self, secure: Callable[[int], tuple[str, Path]]
    ) -> None:
        url, _ = secure(1)
        began = time.monotonic()
        with pytest.raises(CertificateError, match=r"self-signed.*name the authority .* verify='"):
            connect(url, patience=30).execute("1")
        assert time.monotonic() - began < 10
        assert connect(url, verify=False).execute("1") == [3]

    def test_one_past_its_date_is_said(self, secure: Callable[[int], tuple[str, Path]]) -> None:
        url, authority = secure(-1)
        with pytest.raises(CertificateError, match=r"has expired.*runs the server has to renew it"):
            connect(url, verify=authority).execute("1")

    def test_https_where_there_is_none(self, scripted: Callable[..., Scripted]) -> None:
        url = scripted((200, "[]")).url.replace("http://", "https://")
        with pytest.raises(CertificateError, match="is it an address for http:// instead"):
            connect(url).execute("1")

    def test_a_file_that_is_not_there(self) -> None:
        with pytest.raises(CertificateError, match=r"no file /nowhere/ca\.pem: verify= names"):
            connect("https://stars.example", verify="/nowhere/ca.pem")


@pytest.mark.parametrize(
    ("line", "heavy"),
    [
        ("import kepler_lens", ("numpy", "requests", "astropy", "importlib.metadata")),
        (
            "from kepler_lens import connect; connect('http://127.0.0.1:9')",
            ("astropy", "lightkurve", "pandas", "matplotlib", "scipy", "numba", "distributed"),
        ),
    ],
)
def test_what_an_import_waits_for(line: str, heavy: tuple[str, ...]) -> None:
    script = f"import sys; {line}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == "[]"
