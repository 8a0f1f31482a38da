"""Hash the source code that decides a result: the hash changes with that code only.

From the given functions on, the module looks up each function, class and constant of this package
that the code names, then what those name, and so on. Comments, docstrings, annotations and the
sentences of errors do not count. Other packages do not count either, since the lock files pin their
versions. The module does not see a method of a value whose class occurs in annotations only.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_PACKAGE = __name__.partition(".")[0]
_SILENT = ("annotation", "returns", "type_comment", "type_params", "kind", "ctx", "lineno")
"""Fields of a syntax node that do not change a result."""

Place = tuple[str, str]
"""A module and a name at its top level; an empty name stands for the module itself."""


def digest(roots: Sequence[Place]) -> str:
    """Hash all code that some functions depend on.

    Parameters
    ----------
    roots : sequence of (str, str)
        Modules of this package, and functions of these modules.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits; the same in every version of Python.

    Raises
    ------
    LookupError
        There is no such function.
    """
    found: dict[Place, str] = {}
    left = list(roots)
    while left:
        place = left.pop()
        if place in found:
            continue
        node = _names(place[0])[place[1]]
        found[place] = "".join(_text(node))
        left.extend(_named(place[0], node))
    total = hashlib.sha256()
    for (module, name), text in sorted(found.items()):
        total.update(f"{module}.{name}: {text}\n".encode())
    return total.hexdigest()


@cache
def _names(module: str) -> dict[str, ast.AST]:
    """Return the syntax nodes at the top level of a module, by name."""
    names: dict[str, ast.AST] = {}
    for node in ast.parse(_source(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                names.update({n.id: node for n in ast.walk(target) if isinstance(n, ast.Name)})
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names.update({alias.asname or alias.name: node for alias in node.names})
    return names


def _source(module: str) -> str:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise LookupError(f"There is no module {module}.")
    return Path(spec.origin).read_text(encoding="utf-8")


def _named(module: str, node: ast.AST) -> Iterator[Place]:
    """Yield the places that a piece of code names."""
    names = _names(module)
    for part in _parts(node):
        if isinstance(part, ast.Name) and part.id in names:
            yield from _resolved(module, part.id)
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            for place in _imported(names.get(part.value.id), part.value.id):
                if _is_module(".".join(place)):
                    yield ".".join(place), part.attr


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        # The parent is a module and not a package, so the name stands for an object in that module.
        return False


def _resolved(module: str, name: str) -> Iterator[Place]:
    node = _names(module)[name]
    if not isinstance(node, ast.ImportFrom | ast.Import):
        yield module, name
        return
    for place in _imported(node, name):
        if place[1] in _names(place[0]):
            yield place


def _imported(node: ast.AST | None, name: str) -> Iterator[Place]:
    """Yield the place from which a name is imported, if it is of this package."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE):
        (original,) = (a.name for a in node.names if (a.asname or a.name) == name)
        yield str(node.module), original


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all nodes below it that count."""
    yield node
    for _, value in _fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _parts(child)


def _text(node: object) -> Iterator[str]:
    """Write out a node, in the same way in every version of Python."""
    if isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for name, value in _fields(node):
            yield f"{name}="
            yield from _text(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for child in node:
            yield from _text(child)
        yield "]"
    else:
        yield f"{node!r},"


def _fields(node: ast.AST) -> Iterator[tuple[str, object]]:
    if isinstance(node, ast.Raise):
        return
    for name, value in ast.iter_fields(node):
        if name in _SILENT or value is None or value == []:
            continue
        if name == "body" and isinstance(value, list):
            yield name, [child for child in value if not _says_only(child)]
        else:
            yield name, value


def _says_only(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
