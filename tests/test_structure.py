"""The package's modules form layers without circles, and its names are words of the field."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
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
