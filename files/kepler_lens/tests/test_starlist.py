"""Lists of stars: what may be written, and what is refused with place and remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kepler_lens.stars.lists import (
    Name,
    StarListError,
    numbers_of,
    read,
    read_file,
    stars_of,
    stars_or_file,
    words_of,
    written,
)


def short(stars: list[int | Name] | None) -> list[int | str]:
    """Numbers, and names as they were written."""
    return [star.text if isinstance(star, Name) else star for star in stars or []]


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ("6541920", [6541920]),
        ("006541920", [6541920]),
        ("100000925, 100000926", [100000925, 100000926]),
        ("1,2 3\t4\n5\r\n6\r7", [1, 2, 3, 4, 5, 6, 7]),
        (" ,1,, 2 ,\n,", [1, 2]),
        ("2 1 2", [2, 1]),
        ("KIC 6541920", [6541920]),
        ("kic6541920", [6541920]),
        ("KIC-006541920,EPIC_201912552", [6541920, 201912552]),
        ("EPIC-200001049 EPIC 200001049", [200001049]),
        ("KIC 1 KIC 2, EPIC\t3", [1, 2, 3]),
        ("# two\n1 # one\n2# two\n#3", [1, 2]),
        ("\ufeff1\n\ufeff2", [1, 2]),
        ("1\xa02", [1, 2]),
        ("Kepler-11", ["Kepler-11"]),
        ("Kepler-11 b", ["Kepler-11 b"]),
        ("Kepler-11   b, kepler-11", ["Kepler-11 b", "kepler-11"]),
        ("Kepler-11 6541920 Kepler-10", ["Kepler-11", 6541920, "Kepler-10"]),
        ("Kepler-11 KIC 5 Kepler-10 c 7", ["Kepler-11", 5, "Kepler-10 c", 7]),
        ("Kepler-410 A b", ["Kepler-410 A b"]),
        ("Kepler-11b", ["Kepler-11b"]),
        ("KEPLER 11", ["KEPLER 11"]),
        ("KOI-157, koi 157.01 K00157.02 K00157", ["KOI-157", "koi 157.01", "K00157.02", "K00157"]),
        ("K2-18\nK2-18 b", ["K2-18", "K2-18 b"]),
        ("TRAPPIST-1 HAT-P-11 b", ["TRAPPIST-1", "HAT-P-11 b"]),
        ("", []),
        (" \n# nothing\n,", []),
    ],
)
def test_what_may_be_written(text: str, stars: list[int | str]) -> None:
    assert short(read(text, "list")) == stars


@pytest.mark.parametrize(
    ("text", "place", "word", "remedy"),
    [
        ("1\n6541920.0", "line 2", "6541920.0", "write 6541920"),
        ("KIC 6541920.0", "line 1", "KIC 6541920.0", "write 6541920"),
        ("757076-757218", "line 1", "757076-757218", "each number by itself"),
        ("1\r\n\r\n1..9", "line 3", "1..9", "each number by itself"),
        ("# a\n0", "line 2", "0", "begin at 1"),
        ("KIC 000", "line 1", "KIC 000", "begin at 1"),
        ("-5", "line 1", "-5", "KIC or EPIC numbers, or names"),
        ("+5", "line 1", "+5", "KIC or EPIC numbers, or names"),
        ("9" * 5000, "line 1", "9" * 5000, "9 digits"),
        ("2101486923385239808", "line 1", "2101486923385239808", "9 digits"),
        ("1, Tabby", "line 1", "Tabby", "KIC or EPIC numbers, or names"),
        ("1;2", "line 1", "1;2", "KIC or EPIC numbers, or names"),
        ("KIC", "line 1", "KIC", "KIC or EPIC numbers, or names"),
        ("KIC, 1", "line 1", "KIC", "KIC or EPIC numbers, or names"),
        ("KIC-6541920b", "line 1", "KIC-6541920b", "KIC or EPIC numbers, or names"),
        ("KOI-157.1", "line 1", "KOI-157.1", "KIC or EPIC numbers, or names"),
        ("Kepler-11.0", "line 1", "Kepler-11.0", "KIC or EPIC numbers, or names"),
        ("Kepler-11 b c d", "line 1", "d", "KIC or EPIC numbers, or names"),
        ("[6541920]", "line 1", "[6541920]", "KIC or EPIC numbers, or names"),
        ("'6541920'", "line 1", "'6541920'", "KIC or EPIC numbers, or names"),
        ("١٢٣", "line 1", "١٢٣", "KIC or EPIC numbers, or names"),
        ("1e6", "line 1", "1e6", "KIC or EPIC numbers, or names"),
        ("$(stars)", "line 1", "$(stars)", "KIC or EPIC numbers, or names"),
    ],
)
def test_what_is_refused(text: str, place: str, word: str, remedy: str) -> None:
    with pytest.raises(StarListError) as caught:
        read(text, "my list", by_line=True)
    said = str(caught.value)
    assert said.startswith(f"my list, {place}: {word!r} is no star: ")
    assert remedy in said
    assert said.endswith(".")
    assert "\n" not in said


def test_what_was_typed_is_counted_by_entries() -> None:
    with pytest.raises(StarListError, match=r"^STARS, entry 3: 'x' is no star"):
        read("1, KIC 2, x", "STARS")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be with mark"]
)
def test_files_of_every_editor(tmp_path: Path, encoding: str) -> None:
    text = "# étoiles\r\nKIC 6541920\r\nKepler-10 b, 11442793\r\n"
    if encoding == "utf-16-be with mark":
        text, encoding = "\ufeff" + text, "utf-16-be"
    path = tmp_path / "my stars.txt"
    path.write_bytes(text.encode(encoding))
    assert short(read_file(path)) == [6541920, "Kepler-10 b", 11442793]
    path.write_bytes((text + "6541920.0").encode(encoding))
    with pytest.raises(StarListError, match=r"my stars\.txt, line 4: '6541920\.0' is no star"):
        read_file(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty: write KIC"),
        (b"# all\n", "is empty: write KIC"),
        ("# étoile\n1".encode("latin-1"), "no text in UTF-8 or UTF-16"),
        (b"SIMPLE  =\0\0", "line 1: 'SIMPLE' is no star"),
    ],
)
def test_files_that_are_no_list(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "stars").write_bytes(content)
    with pytest.raises(StarListError, match=reason):
        read_file(tmp_path / "stars")
    with pytest.raises(StarListError, match="nowhere: No such file"):
        read_file(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("value", "stars"),
    [
        (None, None),
        ("", None),
        ([], None),
        (6541920, [6541920]),
        ([6541920, 11442793], [6541920, 11442793]),
        (["KIC 6541920", "1, 2", "Kepler-11 b"], [6541920, 1, 2, "Kepler-11 b"]),
        (["1 # one", 2], [1, 2]),
        ("1, 2", [1, 2]),
    ],
)
def test_values_of_inventories_and_job_files(value: object, stars: list[int | str] | None) -> None:
    found = stars_of(value, "stars")
    assert (None if found is None else short(found)) == stars


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (" ", "names no star"),
        (",", "names no star"),
        ([""], "names no star"),
        (6541920.0, "entry 1: '6541920.0' is no star: .* write 6541920"),
        (True, "entry 1: 'True' is no star"),
        ([1, 0], "entry 2: '0' is no star"),
        ([1, None], "entry 2: 'None' is no star"),
        (["Kepler-11", "b"], "entry 2: 'b' is no star"),
        ([[1]], r"entry 1: '\[1\]' is no star"),
    ],
)
def test_values_that_are_none(value: object, said: str) -> None:
    with pytest.raises(StarListError, match=f"^stars(,)? {said}"):
        stars_of(value, "stars")


def test_a_file_of_this_machine_may_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my lists"
    folder.mkdir()
    (folder / "stars.txt").write_text("6541920\nKepler-11\n")
    (tmp_path / "list").write_text("1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (f"{folder}/stars.txt", "my lists/stars.txt", "~/my lists/stars.txt"):
        assert short(stars_or_file(path, "STARS")) == [6541920, "Kepler-11"]
    assert stars_or_file("list", "STARS") == [1]
    assert stars_or_file("", "STARS") is None
    assert stars_or_file([6541920], "STARS") == [6541920]
    assert stars_or_file(",".join(["6541920"] * 2000), "STARS") == [6541920]
    for path in ("stars.txt", "my lists/star.txt", "/nowhere/stars", "~/stars", "./1", "a b.csv"):
        with pytest.raises(StarListError, match=f"^STARS: the file {path} is not there, on the"):
            stars_or_file(path, "STARS")
    with pytest.raises(StarListError, match="is a folder"):
        stars_or_file(str(folder), "STARS")


@pytest.mark.parametrize(
    ("typed", "meant", "others"),
    [
        (
            "Kepler-11",
            ["Kepler-11 b", "Kepler-11", "Kepler-11 A b"],
            ["Kepler-110 b", "1Kepler-11"],
        ),
        ("kepler 11 B", ["Kepler-11 b", "Kepler-11 A b"], ["Kepler-11 c", "Kepler-11"]),
        ("Kepler-11b", ["Kepler-11 b"], ["Kepler-11 c"]),
        ("Kepler-410 A b", ["Kepler-410 A b"], ["Kepler-410 A c", "Kepler-410 b"]),
        ("Kepler-410 A", ["Kepler-410 A b"], ["Kepler-410 B b"]),
        ("K2-18 b", ["K2-18 b"], ["K2-180 b", "K2-18 c"]),
        ("KOI-157", ["K00157.01", "K00157.06"], ["K01157.01", "K00157"]),
        ("koi-0157.01", ["K00157.01"], ["K00157.02", "K00157x01"]),
        ("K00157.01", ["K00157.01"], ["K00157.02"]),
    ],
)
def test_names_mean_tags(typed: str, meant: list[str], others: list[str]) -> None:
    (name,) = read(typed, "STARS")
    assert isinstance(name, Name)
    assert name.attribute == ("kois" if meant[0].startswith("K00") else "planets")
    assert [tag for tag in meant + others if re.fullmatch(name.pattern, tag.lower())] == meant


def test_a_job_file_has_numbers_then_names() -> None:
    stars = read("Kepler-11, 3, KIC 1, K2-18 b, Kepler-11", "STARS")
    assert written(stars) == [1, 3, "K2-18 b", "Kepler-11"]
    assert written(stars_of(written(stars), "stars") or []) == written(stars)


@pytest.mark.parametrize(
    ("value", "numbers"),
    [([1, 2], [1, 2]), ("1,2", [1, 2]), ("1 2\n3", [1, 2, 3]), (0, [0]), ("", []), (None, [])],
)
def test_quarters_are_whole_numbers(value: object, numbers: list[int]) -> None:
    assert numbers_of(value, "segments") == numbers


@pytest.mark.parametrize("value", ["1-3", "Q1", "1.0", -1, 1.0, [1, "x"], "1;2", True])
def test_other_quarters_are_refused(value: object) -> None:
    with pytest.raises(StarListError, match=r"^segments, entry \d: '.*' is no whole number"):
        numbers_of(value, "segments")


def test_words() -> None:
    assert words_of("SAP_FLUX, PDCSAP_FLUX", "columns") == ["SAP_FLUX", "PDCSAP_FLUX"]
    assert words_of(["SAP_FLUX"], "columns") == ["SAP_FLUX"]
    assert words_of([], "columns") == []
    with pytest.raises(StarListError, match="columns is blank"):
        words_of(" , ", "columns")
