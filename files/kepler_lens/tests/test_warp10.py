"""The client: on a real server where one is named, and on scripted answers for what is rare.

``WARP10_URL`` names a server's URL and ``WARP10_TOKENS`` a folder with
``read.token``, ``write.token`` and perhaps ``write-expired.token``. The scripted answers are those
of Warp 10 2.1.0, word for word.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from scripted_server import Answer, Scripted

from kepler_lens.errors import InputRefusedError, ServerFullError, TokenError, Warp10Error
from kepler_lens.gts import series_name
from kepler_lens.warp10.client import Token, Warp10

SECRET = "s3cret.t0ken_of.someb0dy"
TOKEN = Token(SECRET)
PAGE = """<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<title>Error 500 {0}</title>
</head>
<body><h2>HTTP ERROR 500</h2>
<p>Problem accessing /api/v0/update. Reason:
<pre>    {0}</pre></p>
</body>
</html>"""


def reason(text: str) -> Answer:
    return (500, PAGE.format(text))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reason("io.warp10.script.WarpScriptException: Invalid token."), TokenError),
        (reason("io.warp10.script.WarpScriptException: Token Expired."), TokenError),
        (reason("Parse error at &apos;5// t.b{KEPLERID=990000001 6&apos;"), InputRefusedError),
        (reason("java.io.IOException: No space left on device"), ServerFullError),
        ((404, "not here"), Warp10Error),
    ],
)
def test_what_cannot_pass_is_not_tried_again(
    scripted: Callable[..., Scripted], answer: Answer, error: type[Warp10Error]
) -> None:
    server = scripted(answer)
    with pytest.raises(Warp10Error) as caught:
        Warp10(server.url).update(b"0// a{} 1", TOKEN)
    assert type(caught.value) is error
    assert len(server.requests) == 1


def test_a_bad_line_is_quoted(scripted: Callable[..., Scripted]) -> None:
    server = scripted(reason("Parse error at &apos;5// &lt;b&gt; x&apos;"))
    with pytest.raises(InputRefusedError, match="Parse error at '5// <b> x'"):
        Warp10(server.url).update(b"5// <b> x", TOKEN)


@pytest.mark.parametrize(
    "failure",
    [None, (503, "starting"), (502, "proxy"), reason("org.iq80.leveldb.DBException: Closed")],
)
def test_what_may_pass_is_ridden_out(scripted: Callable[..., Scripted], failure: Answer) -> None:
    server = scripted(failure, failure, (200, ""))
    built = []

    def body() -> Iterator[bytes]:
        built.append(1)
        yield b"0// a{} 1\n"
        yield b"=1// 2\n"

    Warp10(server.url, patience=30).update(body, TOKEN)
    assert server.requests[-1] == ("/api/v0/update", SECRET, b"0// a{} 1\n=1// 2\n")
    # The body is built anew for each full attempt; the others asked with an empty one.
    assert len(built) == sum(1 for r in server.requests if r[2])


def test_a_token_refused_behind_a_cut_connection_is_seen(
    scripted: Callable[..., Scripted],
) -> None:
    server = scripted(None, reason("Token Expired."))
    with pytest.raises(TokenError):
        Warp10(server.url, patience=30).update(b"0// a{} 1\n", TOKEN)
    assert [body for _, _, body in server.requests] == [b"0// a{} 1\n", b""]


def test_patience_ends(scripted: Callable[..., Scripted]) -> None:
    server = scripted((503, f"no {SECRET}"))
    start = time.monotonic()
    with pytest.raises(Warp10Error, match="fails in update, tried for 2 s: 503"):
        Warp10(server.url, patience=2).update(b"0// a{} 1\n", TOKEN)
    assert time.monotonic() - start < 4
    assert len(server.requests) >= 2


def test_patience_counts_from_the_first_failure(scripted: Callable[..., Scripted]) -> None:
    server = scripted(None, (200, ""))

    def slow() -> Iterator[bytes]:
        yield b"0// a{} 1\n"
        time.sleep(0.7)

    Warp10(server.url, patience=0.5).update(slow, TOKEN)
    assert len(server.requests) == 3


def test_a_redirection_is_not_followed(scripted: Callable[..., Scripted]) -> None:
    """Followed, it would be a GET request without points, and the token would go with it."""
    other = scripted((200, ""))
    server = scripted((301, "", "Moved", {"Location": f"{other.url}/api/v0/update"}))
    with pytest.raises(Warp10Error, match=f"leads to {other.url}/api/v0/update. Name the address"):
        Warp10(server.url).update(b"0// a{} 1", TOKEN)
    assert len(server.requests) == 1
    assert other.requests == []


def test_a_certificate_that_nobody_trusts_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Warp10("https://example.org")
    asked = []

    def post(*_: object, **__: object) -> None:
        asked.append(1)
        raise requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")

    monkeypatch.setattr(server._session, "post", post)
    with pytest.raises(Warp10Error, match=r"example\.org cannot be trusted"):
        server.update(b"0// a{} 1", TOKEN)
    assert len(asked) == 1


def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Warp10Error, match="Connection refused"):
            Warp10(url, patience=0.5).exec("1")
    with pytest.raises(Warp10Error, match="is no address of a server"):
        Warp10("warp10.example").exec("1")


@pytest.mark.parametrize("status", [200, 400, 500, 503])
def test_the_token_is_nowhere_but_in_its_header(
    scripted: Callable[..., Scripted], status: int
) -> None:
    server = scripted((status, PAGE.format(f"# ERROR with {SECRET}") if status > 200 else ""))
    client = Warp10(server.url, patience=0.3)
    said = [repr(TOKEN), str(TOKEN), f"{TOKEN}", repr(vars(client))]
    for ask in (
        lambda: client.update(b"0// a{} 1\n", TOKEN),
        lambda: client.meta(["a{}{}"], TOKEN),
        lambda: client.delete("a{}", TOKEN),
        lambda: client.find("a{}", TOKEN),
        lambda: client.fetch("a{}", TOKEN),
    ):
        try:
            ask()
        except Warp10Error as error:
            said += [str(error), repr(error), repr(error.__cause__)]
    assert len(server.requests) >= 5
    assert all(token == SECRET for _, token, _ in server.requests)
    assert SECRET not in "".join(said + [path for path, _, _ in server.requests])
    assert SECRET.encode() not in b"".join(body for _, _, body in server.requests)


def test_token_files(tmp_path: Path) -> None:
    file = tmp_path / "write.token"
    file.write_text("abc\n")
    assert Token.from_file(file).reveal() == "abc"
    file.write_text("abc def\n")
    with pytest.raises(TokenError, match="must hold one token"):
        Token.from_file(file)
    with pytest.raises(TokenError, match="No such file"):
        Token.from_file(tmp_path / "nothing")


def test_fetch_reads_every_kind_of_value(scripted: Callable[..., Scripted]) -> None:
    text = (
        "7// t{.app=x,KEPLERID=99,O=long%20c}{a=b%2Cc} 'a%20b%22%7B'\n"
        "=6// 304537.84\n=-5// -1.5E-45\n"
        "=-6/48.0:-4.5/10 16777216\r\n\n3// u{.app=x}{} T\n"
    )
    first, second = Warp10(scripted((200, text)).url).fetch("~.*{}", TOKEN)
    assert (first.classname, first.labels) == ("t", {"KEPLERID": "99", "O": "long c"})
    assert first.attributes == {"a": "b,c"}
    assert first.ticks == [-6, -5, 6, 7]
    assert first.values == [16777216, -1.5e-45, 304537.84, 'a b"{']
    assert (second.classname, second.labels, second.values) == ("u", {}, [True])


def test_a_broken_answer_is_no_end(scripted: Callable[..., Scripted]) -> None:
    server = scripted((200, "7// t{}{} 1\n# ERROR: Read%20timeout\n"))
    with pytest.raises(Warp10Error, match="broke off"):
        Warp10(server.url).fetch("t{}", TOKEN)


STAR = "990000011"


@pytest.fixture
def real(real_server: tuple[str, Path]) -> Iterator[tuple[Warp10, Token, Token]]:
    url, folder = real_server
    client = Warp10(url, patience=30)
    read, write = (Token.from_file(folder / f"{n}.token") for n in ("read", "write"))
    client.delete(f"~.*{{KEPLERID={STAR}}}", write)
    yield client, read, write
    client.delete(f"~.*{{KEPLERID={STAR}}}", write)


def test_real_points_come_and_go(real: tuple[Warp10, Token, Token]) -> None:
    client, read, write = real
    name = series_name("t.flux", {"KEPLERID": STAR, "OBJECT": "KIC 1,2=3}é%"})
    # The newest value is whole: stored as a long, it would cut the others down to whole numbers.
    texts = ["1e+10", "1.2e-7", "0.00001", "3.4028235e+38", "-1.5e-45", "304537.84", "16777216.0"]
    lines = [f"{i}// {name} {t}" if i == -2 else f"={i}// {t}" for i, t in enumerate(texts, -2)]
    client.update("\n".join(lines).encode(), write)
    (series,) = client.fetch(f"~t\\..*{{KEPLERID={STAR}}}", read)
    assert series.labels == {"KEPLERID": STAR, "OBJECT": "KIC 1,2=3}é%"}
    assert series.ticks == [-2, -1, 0, 1, 2, 3, 4]
    assert series.values == [float(t) for t in texts]
    client.meta([f"{name}{{planet=Kepler-11%20b}}"], write)
    assert client.find(name, read)[0].attributes == {"planet": "Kepler-11 b"}
    assert [s.ticks for s in client.fetch(name, read, -1, 1)] == [[-1, 0, 1]]
    assert len(client.delete(name, write, -1, 1)) == 1
    assert [s.ticks for s in client.fetch(name, read)] == [[-2, 2, 3, 4]]
    assert len(client.delete(name, write, dry_run=True)) == 1
    assert len(client.delete(name, write)) == 1
    assert client.find(name, read) == client.fetch(name, read) == []


def test_real_selector_of_many_stars(real: tuple[Warp10, Token, Token]) -> None:
    client, read, write = real
    client.update(f"0// t{{KEPLERID={STAR}}} 1.5\n".encode(), write)
    many = "|".join(str(990000000 + i) for i in range(3000))
    assert len(client.find(f"t{{KEPLERID~({many})}}", read)) == 1
    assert len(client.fetch(f"t{{KEPLERID~({many})}}", read)) == 1


def test_real_refusals(real: tuple[Warp10, Token, Token]) -> None:
    client, read, write = real
    # A body larger than what the sockets hold: the server refuses while it is on its way.
    long = b"0// t{KEPLERID=990000011} 1.5\n" + b"".join(
        b"=%d// 1.5\n" % i for i in range(2_000_000)
    )
    bad = [read, Token("nonsense")]
    expired = Path(os.environ["WARP10_TOKENS"]) / "write-expired.token"
    if expired.exists():
        bad.append(Token.from_file(expired))
    for token in bad:
        start = time.monotonic()
        with pytest.raises(TokenError):
            client.update(lambda: (long[i : i + 2**20] for i in range(0, len(long), 2**20)), token)
        assert time.monotonic() - start < 15
    with pytest.raises(InputRefusedError, match="broken"):
        client.update(b"0// t{KEPLERID=990000011} 1.5\nbroken\n" + long, write)
    assert client.exec("1 1 +") == [2]
    assert client.find(f"t{{KEPLERID={STAR}}}", client.public_token())
