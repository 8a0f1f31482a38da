"""The package's modules form layers, its names are words of the field, and a mission has one home.

An import never leads back to where it came from. What is true of one mission alone stands in
`kepler_lens.missions`.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from kepler_lens.missions import MISSIONS
from kepler_lens.missions.kepler import BKJD, QUARTER_STARTS
from plays import PROJECT

PACKAGE = PROJECT / "files/kepler_lens/kepler_lens"


@cache
def modules() -> dict[str, Path]:
    """Return the package's modules by name, without the name of the package."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(module: str) -> Iterator[str]:
    """Yield the modules that a module imports, wherever it does so."""
    path = modules()[module]
    here = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            parts = here.split(".")[: len(here.split(".")) - node.level + 1]
            base = ".".join([*parts, *((node.module or "").split(".") if node.module else ())])
        elif (node.module or "").partition(".")[0] == "kepler_lens":
            base = (node.module or "").removeprefix("kepler_lens").strip(".")
        else:
            continue
        for alias in node.names:
            inner = f"{base}.{alias.name}".strip(".")
            yield inner if inner in modules() else base


def graph(depth: int) -> dict[str, set[str]]:
    """Return which folder or module imports which: of the first `depth` folders, as one node each.

    The package's own ``__init__`` is left out, since it offers what lies below it.
    """

    def node(module: str) -> str:
        return ".".join(module.split(".")[:depth])

    edges = defaultdict(set)
    for module in modules():
        for other in imported(module):
            if module and other and node(module) != node(other):
                edges[node(module)].add(node(other))
    return dict(edges)


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """Return the nodes of one circle, in order; none where there is no circle."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for other in sorted(edges.get(node, ())):
            if found := walk(other, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(edges) if (found := walk(node, []))), [])


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


@pytest.mark.parametrize("depth", [1, 2, 9], ids=["folders", "folders in them", "modules"])
def test_imports_make_no_circle(depth):
    edges = graph(depth)
    assert len(edges) > 5
    assert " -> ".join(circle(edges)) == ""


def rooms() -> list[set[str]]:
    """Return the rows of the table of rooms, from the top down."""
    page = (PROJECT / "docs/structure.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    return [set(re.findall(r"`(\w+)`", row)) for row in rows]


def test_a_room_imports_from_those_below_it():
    floor = {room: -number for number, row in enumerate(rooms()) for room in row}
    edges = graph(1)
    del edges["__main__"]
    assert set(floor) == set(edges) | {other for others in edges.values() for other in others}
    for room, others in edges.items():
        assert not {other for other in others if floor[other] > floor[room]}, room


PRIVATE = {"wish", "orders", "place", "places", "turn", "turns", "drawn", "figure", "figures"} | {
    "look",
    "looks",
    "looked",
}
"""Words that mean something to their author only; docs/glossary.md has the words of the field."""


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Yield each name of a class, function, variable, parameter, field or module."""
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if name in ("id", "attr", "arg", "name", "asname", "module", "rest"):
                yield from [value] if isinstance(value, str) else []
            elif name in ("names", "kwd_attrs"):
                yield from (part for part in value if isinstance(part, str))


def words(identifier: str) -> list[str]:
    """Split ``_a_name.ofMore`` into its words, in small letters."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)]


def private_words(text: str) -> set[str]:
    """Return the identifiers of a module that have a private word."""
    found = {name for name in identifiers(ast.parse(text)) if PRIVATE.intersection(words(name))}
    # Matplotlib calls its picture a figure.
    of_matplotlib = {"Figure", "figure", "FigureCanvasAgg", "matplotlib.figure"}
    return found - of_matplotlib if "matplotlib.figure" in found else found


def test_a_private_word_is_found():
    text = (
        "def has_place(x): return Turns(look_at=x.drawn)\nfrom a import Wish as b\nORDERS = order"
    )
    assert private_words(text) == {"has_place", "Turns", "look_at", "drawn", "Wish", "ORDERS"}
    assert private_words("from matplotlib.figure import Figure\nfigure = Figure()") == set()
    assert private_words("figure = 1") == {"figure"}


@pytest.mark.parametrize("module", sorted(modules()))
def test_names_are_words_of_the_field(module):
    assert private_words(modules()[module].read_text()) == set()


OF_MISSIONS = re.compile(r"14_?245\.5|2_?454_?833|KEPLERID|kplr|ktwo")
"""What only a mission's module says: its time zero, its label of stars, its names of files."""
EXAMPLE = re.compile(r"(kplr|ktwo)\d{9}-c?\d+_[ls]lc\.fits")
"""A whole name of a file: a docstring or a comment may have one as an example, code never."""
OTHER_HOMES = {
    "explorer/src/": "the page cannot import Python",
    "explorer/dist/": "built of explorer/src",
    "roles/macros/": "WarpScript cannot import Python",
}
"""Where else these words stand, besides documents, tests and benchmarks, and why."""
READERS_OF_HEADERS = {"lightcurve"}
"""Modules that may compare with the name of a mission: they read the headers of each."""


def prose(tree: ast.AST) -> set[tuple[int, int]]:
    """Return where docstrings begin, line and column."""
    return {
        (node.lineno, node.col_offset)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def words_of_missions(text: str) -> list[str]:
    """Return what a module's text says that only a mission's module may say."""
    docstrings = prose(ast.parse(text))
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        said = token.string
        if token.type == tokenize.COMMENT or token.start in docstrings:
            said = EXAMPLE.sub("", said)
        found += [f"line {token.start[0]}: {match[0]}" for match in OF_MISSIONS.finditer(said)]
    return found


def lists_of_segments(text: str) -> list[str]:
    """Return the places of a module's text that list quarters, campaigns or their time stamps."""
    quarters, parts = set(range(1, 18)), {91, 92}
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Dict):
            listed = node.keys
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            listed = node.elts
        else:
            continue
        values = {part.value for part in listed if isinstance(part, ast.Constant)}
        stamps = [value for value in values if re.fullmatch(r"20\d{11}", str(value))]
        starts = values & set(QUARTER_STARTS)
        if values >= quarters or values >= parts or stamps or len(starts) > 2:
            found.append(f"line {node.lineno}")
    ranges = re.finditer(r"\brange\((0, |1, )?18\)", text)
    return found + [match[0] for match in ranges]


def compared_missions(text: str) -> list[str]:
    """Return the places of a module's text that ask whether something is one of the missions."""
    return [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Compare)
        and any(
            isinstance(part, ast.Constant) and part.value in MISSIONS
            for side in (node.left, *node.comparators)
            for part in ast.walk(side)
        )
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('"""Such as kplr006541920-2009166043257_llc.fits."""', 0),
        ("# ktwo200001049-c01_llc.fits", 0),
        ('def f():\n    """Read kplr files."""', 1),
        ('"""Less 2454833."""', 1),
        ('name = "kplr006541920-2009166043257_llc.fits"', 1),
        ('f"{{KEPLERID={star}}}"', 1),
        ("days = 14_245.5", 1),
        ("x = [1, 2]", 0),
    ],
)
def test_words_of_a_mission_are_found(text, count):
    assert len(words_of_missions(text)) == count


def test_lists_of_segments_and_comparisons_are_found():
    assert lists_of_segments("C = (9, 91, 92)") == ["line 1"]
    assert lists_of_segments(f"Q = {dict.fromkeys(range(18))}") == ["line 1"]
    assert lists_of_segments("Q = range(1, 18)") == ["range(1, 18)"]
    assert lists_of_segments("S = ['2009131105131']") == ["line 1"]
    assert lists_of_segments("S = [131.5, 169.5, 260.2, 7]") == ["line 1"]
    assert lists_of_segments("x = (1, 2, 3)\nrange(17)") == []
    assert compared_missions("x = 'C' if mission == 'K2' else 'Q'") == ["line 1"]
    assert compared_missions("x = mission in ('Kepler', None)") == ["line 1"]
    assert compared_missions("x = {'K2': 1}") == []


@pytest.mark.parametrize(
    ("name", "path"),
    [pair for pair in sorted(modules().items()) if not pair[0].startswith("missions")],
)
def test_only_missions_say_what_is_true_of_one(name, path):
    text = path.read_text()
    assert words_of_missions(text) == []
    assert lists_of_segments(text) == []
    assert name in READERS_OF_HEADERS or compared_missions(text) == []


def test_scripts_and_templates_of_the_package_do_not_say_it_either():
    others = [
        path
        for path in PACKAGE.rglob("*.*")
        if path.suffix in (".mc2", ".txt", ".md", ".json", ".html") and path.is_file()
    ]
    assert others
    saying = [path for path in others if OF_MISSIONS.search(path.read_text())]
    assert {path.parent for path in saying} == {PACKAGE / "missions"}


def test_who_cannot_import_the_package_says_it_where_it_is_known():
    kept = ("files", "tests", "molecule", "benchmarks", "docs")
    found = set()
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=PROJECT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in listed.splitlines():
        path = PROJECT / name
        if name.startswith(kept) or path.suffix in (".md", ".png") or not path.is_file():
            continue
        if OF_MISSIONS.search(path.read_text(encoding="utf-8", errors="replace")):
            homes = [home for home in OTHER_HOMES if name.startswith(home)]
            assert homes, f"{name}: say it by kepler_lens.missions, or name this home above"
            found.update(homes)
    assert found == set(OTHER_HOMES)


def test_the_other_homes_count_from_the_same_time_zero():
    script = (PROJECT / "roles/macros/files/FOLD.mc2").read_text()
    page = (PROJECT / "explorer/src/time.ts").read_text()
    assert re.search(rf"^ *{BKJD.days_after_1970} \+ 86400000000\.0 \*", script, re.MULTILINE)
    assert f"REFERENCE_DAYS = {BKJD.days_after_1970};" in page
    for text in (script, page):
        assert set(re.findall(r"\b2\d{6}\b", text)) == {str(BKJD.reference_jd)}
