"""Names of stars become numbers by the tags of a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer.testing

from kepler_lens import cli
from kepler_lens.errors import KeplerLensError
from kepler_lens.stars.lists import StarListError, read
from kepler_lens.stars.names import TagServer, numbers_of_stars, star_wanted, stars_wanted
from kepler_lens.stars.tags import Catalogue, Tags, apply_tags
from kepler_lens.warp10.client import Series, Token, Warp10

TAGS = {
    6541920: Tags("CONFIRMED", ("Kepler-11 b", "Kepler-11 c"), 2, None, None, ("K00157.01",)),
    1: Tags("CONFIRMED", ("Kepler-110 b",), 1, None, None, ("K00158.01", "K00158.02")),
    8866102: Tags("CONFIRMED", ("Kepler-410 A b",), 1, None, None, ("K00042.01",)),
    201912552: Tags("CONFIRMED", ("K2-18 b",), 1, None, None),
    7: Tags("CONFIRMED", ("Kepler-700 A b",), 1, None, None),
    8: Tags("CONFIRMED", ("Kepler-700 B b",), 1, None, None),
    9: Tags("FALSE POSITIVE", (), 0, None, None, ("K09001.01",)),
}
SERVER = TagServer("http://127.0.0.1:9")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A server that answers FIND of tags as Warp 10 does; gives the selectors."""
    selectors: list[str] = []

    def find(self: Warp10, selector: str, token: Token) -> list[Series]:
        selectors.append(selector)
        key, _, value = selector.partition("{")[2].removesuffix("}").partition("~")
        wanted = re.compile(unquote(value))
        return [
            Series(name, {"KEPLERID": str(star)}, tags.attributes(), [], [])
            for star, tags in TAGS.items()
            for name in ("sap.flux", "pdcsap.flux")
            if wanted.fullmatch(tags.attributes().get(key, ""))
        ]

    monkeypatch.setattr(Warp10, "find", find)
    monkeypatch.setattr(Warp10, "public_token", lambda self: Token("public"))
    return selectors


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Kepler-11", (6541920,)),
        ("kepler-11 C", (6541920,)),
        ("Kepler-410", (8866102,)),
        ("Kepler-410 A b", (8866102,)),
        ("KOI-157, koi-157.01, K00157.01", (6541920,)),
        ("KOI-9001", (9,)),
        ("K2-18 b", (201912552,)),
        ("5 Kepler-11, KIC 3, KOI-158.02 5", (5, 6541920, 3, 1)),
        ("Kepler-700 A b", (7,)),
        ("", ()),
    ],
)
def test_names_are_found_among_the_tags(
    asked: list[str], text: str, numbers: tuple[int, ...]
) -> None:
    assert numbers_of_stars(read(text, "STARS"), SERVER) == numbers


def test_numbers_need_no_server_and_many_names_few_queries(asked: list[str]) -> None:
    assert numbers_of_stars(read("1, KIC 2", "STARS"), SERVER) == (1, 2)
    assert asked == []
    text = ",".join(["Kepler-11"] * 500 + [f"kepler-11 {c}" for c in "bc"] + ["KOI-157"])
    assert numbers_of_stars(read(text, "STARS"), SERVER) == (6541920,)
    assert len(asked) == 2


def test_a_long_list_of_names_is_asked_for_in_pieces(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kepler_lens.stars.names._only", lambda name, numbers, server: len(asked))
    numbers_of_stars(read(" ".join(f"Kepler-{n}" for n in range(1, 502)), "STARS"), SERVER)
    assert len(asked) == 3
    assert max(map(len, asked)) < 10_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1, Kepler-12", r"^STARS, entry 2: 'Kepler-12' is the name of no star .*make tag"),
        ("Kepler-11 z", "'Kepler-11 z' is the name of no star that is tagged on http://127"),
        ("KOI-157.02", "'KOI-157.02' is the name of no star"),
        ("Kepler-700", r"'Kepler-700' is the name of several stars, 7 and 8: give a number\.$"),
    ],
)
def test_names_that_are_not_known_are_refused(asked: list[str], text: str, said: str) -> None:
    with pytest.raises(StarListError, match=said):
        numbers_of_stars(read(text, "STARS"), SERVER)


def test_without_a_server_names_are_refused() -> None:
    with pytest.raises(StarListError, match="entry 2: 'Kepler-11' is a name, and only a server"):
        numbers_of_stars(read("1, Kepler-11", "STARS"), None)


def test_typed_stars_and_those_of_a_file(asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "stars").write_text("K2-18\n# x\nKIC 4\n")
    assert stars_wanted(None, None, SERVER, "--star") is None
    assert stars_wanted(["Kepler-11", "4"], tmp_path / "stars", SERVER, "--star") == (
        6541920, 4, 201912552,
    )  # fmt: skip
    assert stars_wanted(None, tmp_path / "stars", SERVER, "--star") == (201912552, 4)


def test_one_star(asked: list[str]) -> None:
    assert star_wanted("Kepler-11 b", SERVER, "STAR") == 6541920
    with pytest.raises(StarListError, match="'1 2' names 2 stars: name one"):
        star_wanted("1 2", SERVER, "STAR")
    with pytest.raises(StarListError, match="STAR names no star"):
        star_wanted("", SERVER, "STAR")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["list", "6541920.0"], "STAR, entry 1: '6541920.0' is no star"),
        (["list", "0"], "numbers begin at 1"),
        (["fetch", "Kepler-11", "-o", "x"], "'Kepler-11' is a name, and only a server"),
        (["search", "1 2", "--server", "http://127.0.0.1:9"], "names 2 stars"),
        (["search", "Kepler-12", "--server", "http://127.0.0.1:9"], "is the name of no star"),
        (["show", "--star", "1-2", "--server", "http://127.0.0.1:9"], "each number by itself"),
        (["delete", "1", "x", "--server", "http://127.0.0.1:9", "--token-file", "x"], "entry 2"),
        (["import", "/x", "--star", "1.0", "--server", "http://127.0.0.1:9"], "--star, entry 1"),
        (["import", "/x", "--stars-file", "nowhere", "--server", "http://x"], "No such file"),
        (["dataset", "x", "--files", ".", "--signals", "none", "--synthetic", "planet", "--star",
          "Kepler-11"], "only a server"),
        (["explain", "x", "--star", "1-2"], "each number by itself"),
    ],
)  # fmt: skip
def test_commands_read_stars_alike(
    asked: list[str],
    words: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = typer.testing.CliRunner().invoke(cli.app, words)
    assert isinstance(done.exception, KeplerLensError), done.output
    assert reason in str(done.exception)


@pytest.fixture
def tagged(real_server: tuple[str, Path]) -> Iterator[TagServer]:
    """Two stars of a mission of their own on a real server, tagged; gone after the test."""
    url, tokens = real_server
    warp10, write = Warp10(url, patience=10), Token.from_file(tokens / "write.token")
    stars = {
        999200001: Tags("CONFIRMED", ("Kepler-99911 b",), 1, None, None, ("K99157.01",)),
        999200002: Tags("CONFIRMED", ("K2-99918 A b", "K2-99918 A c"), 2, None, None),
    }
    warp10.delete("~.*{MISSION=NameTest}", write)
    points = "".join(f"1// sap.flux{{KEPLERID={star},MISSION=NameTest}} 1.5\n" for star in stars)
    warp10.update(points.encode(), write)
    read_token = tokens / "read.token"
    apply_tags(
        warp10,
        Catalogue(stars, {"NameTest"}),
        read_token=Token.from_file(read_token),
        write_token=write,
    )
    yield TagServer(url, read_token)
    warp10.delete("~.*{MISSION=NameTest}", write)


def test_names_on_a_real_server(tagged: TagServer) -> None:
    text = "kepler-99911, KOI-99157.01, k99157, K2-99918 c, k2-99918, Kepler-99911 B"
    assert numbers_of_stars(read(text, "STARS"), tagged) == (999200001, 999200002)
    for name in ("Kepler-9991", "KOI-99157.02", "K2-99918 d", "Kepler-99911 c"):
        with pytest.raises(StarListError, match="is the name of no star"):
            numbers_of_stars(read(name, "STARS"), tagged)


def test_what_a_server_for_guests_refuses_is_not_asked(asked: list[str]) -> None:
    text = "Kepler-11 b, Kepler-110, KOI-157, KOI-158.02, Kepler-410 A b, K2-18"
    assert len(numbers_of_stars(read(text, "STARS"), SERVER)) == 4
    for selector in asked:
        pattern = unquote(selector.partition("~")[2].partition("~")[2].removesuffix("}"))
        assert not re.search(r"\)[*+?{]", pattern), pattern
        assert 0 < len(re.findall(r"[*+?{]", pattern)) <= 6, pattern
