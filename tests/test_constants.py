"""Every constant of the search and of the missions says its meaning, its unit and its origin."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "files" / "kepler_lens" / "kepler_lens"
MODULES = [
    path
    for room in ("transit_search", "missions")
    for path in sorted((PACKAGE / room).rglob("*.py"))
]
assert len(MODULES) > 20


def without_reason(text):
    """Return the names of a module's constants with numbers that no docstring follows.

    One docstring may follow several lines of constants.
    """
    waiting, silent = [], []
    for node in ast.parse(text).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            waiting.clear()
        elif isinstance(node, ast.Assign) and has_number(node.value):
            waiting.append(ast.unparse(node.targets[0]))
        else:
            silent += waiting
            waiting.clear()
    return silent + waiting


def has_number(value):
    return any(
        isinstance(part, ast.Constant) and type(part.value) in (int, float)
        for part in ast.walk(value)
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_number_says_what_it_is_and_why(path):
    assert without_reason(path.read_text(encoding="utf-8")) == []


def test_a_number_without_a_reason_is_noticed():
    assert without_reason('A = 1\n"""Days (chosen)."""\nB = 2\nC = (3, 4.0)\ndef f(): pass') == [
        "B",
        "C",
    ]
    assert without_reason('A = 1\nB = 2\n"""Days, of two things (chosen)."""\n') == []
