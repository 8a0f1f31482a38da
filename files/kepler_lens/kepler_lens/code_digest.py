"""Hash the source code that decides a result: the hash changes with that code only.

From the given functions on, the module looks up each function, class and constant of this package
that the code names, then what those name, and so on. What is found is numbered in the order in
which it is named, and its number is hashed in place of its name. So the hash stays where a function
moves to another module, or gets another name, and where a local variable gets another name. Names
of parameters, fields and methods count, because a caller may use them.

Comments, docstrings, annotations, imports and the sentences of errors do not count. Other packages
do not count either, since the lock files pin their versions. The module does not see a method of a
value whose class occurs in annotations only.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_PACKAGE = __name__.partition(".")[0]
_SILENT = ("annotation", "returns", "type_comment", "type_params", "kind", "ctx")
"""Fields of a syntax node that do not change a result."""

Symbol = tuple[str, str]
"""A module and a name at its top level."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Scope = _Function | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
"""Nodes that have variables of their own."""
_Named = (
    ast.FunctionDef
    | ast.AsyncFunctionDef
    | ast.ClassDef
    | ast.ExceptHandler
    | ast.MatchAs
    | ast.MatchStar
)
"""Nodes that bind their own name."""


def digest(roots: Sequence[Symbol]) -> str:
    """Hash all code that some functions depend on.

    Parameters
    ----------
    roots : sequence of (str, str)
        Modules of this package, and functions of these modules. Their order counts.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits; the same in every version of Python.

    Raises
    ------
    LookupError
        There is no such function.
    """
    total = hashlib.sha256()
    for number, text in enumerate(_code(roots)):
        total.update(f"{number}: {text}\n".encode())
    return total.hexdigest()


def _code(roots: Sequence[Symbol]) -> Iterator[str]:
    """Yield the code of each symbol that counts, in the order in which symbols are named."""
    numbers = {root: number for number, root in enumerate(roots)}
    waiting = list(roots)
    for symbol in waiting:
        text = "".join(_Writer(symbol[0], numbers).text(_definition(symbol)))
        waiting.extend(list(numbers)[len(waiting) :])
        yield text


def _source(module: str) -> str:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise LookupError(f"There is no module {module}.")
    return Path(spec.origin).read_text(encoding="utf-8")


@cache
def _names(module: str) -> dict[str, ast.AST]:
    """Return the syntax nodes at the top level of a module, by name."""
    return _bindings(ast.parse(_source(module)).body)


def _bindings(body: Sequence[ast.stmt]) -> dict[str, ast.AST]:
    names: dict[str, ast.AST] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                names.update({n.id: node for n in ast.walk(target) if isinstance(n, ast.Name)})
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names.update({alias.asname or alias.name: node for alias in node.names})
    return names


def _definition(symbol: Symbol) -> ast.AST:
    module, name = symbol
    if name not in _names(module):
        raise LookupError(f"{module} has no {name}.")
    return _names(module)[name]


def _origin(node: ast.Import | ast.ImportFrom, name: str) -> str:
    """Return the full name of what an import gives a name to."""
    (original,) = (a.name for a in node.names if (a.asname or a.name) == name)
    return f"{node.module}.{original}" if isinstance(node, ast.ImportFrom) else original


@cache
def _symbol(full: str) -> Symbol | None:
    """Return the symbol of a full name; None for a module, and for other packages."""
    module, _, name = full.rpartition(".")
    if not full.startswith(f"{_PACKAGE}.") or not _is_module(module) or name not in _names(module):
        return None
    node = _names(module)[name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return _symbol(_origin(node, name))
    return module, name


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        # The parent is a module and not a package, so the name stands for an object in that module.
        return False


class _Writer:
    """Write out the code of one symbol, in the same way in every version of Python.

    Parameters
    ----------
    module : str
        Module of the symbol.
    numbers : dict of (str, str) to int
        Numbers of symbols; a symbol that is named for the first time is added.
    """

    def __init__(self, module: str, numbers: dict[Symbol, int]) -> None:
        self._module = module
        self._numbers = numbers
        self._names = _names(module)
        self._literal: frozenset[str] = frozenset()
        """Names that are written as they are: parameters, and what the body of a class defines."""
        self._variables: dict[str, int] | None = None
        """Numbers of local variables, -1 for one that was not written yet; None outside of a
        function."""

    def text(self, node: object) -> Iterator[str]:
        if isinstance(node, ast.Name):
            yield f"Name({self._name(node.id)})"
        elif isinstance(node, ast.Attribute) and (number := self._of_module(node)):
            yield f"Name({number})"
        elif isinstance(node, _Scope) and self._variables is None:
            yield from self._scope(node)
        elif isinstance(node, ast.ClassDef) and self._variables is None:
            before = self._literal
            self._literal = frozenset(_bindings(node.body))
            yield from self._fields(node)
            self._literal = before
        elif isinstance(node, ast.AST):
            yield from self._fields(node)
        elif isinstance(node, list):
            yield "["
            for child in node:
                # Where an imported name is used, its origin is written.
                if not isinstance(child, ast.Import | ast.ImportFrom):
                    yield from self.text(child)
            yield "]"
        else:
            yield f"{node!r},"

    def _scope(self, node: ast.AST) -> Iterator[str]:
        before = self._literal, self._names
        parts = [part for part in ast.walk(node) if part is not node]
        imports = [part for part in parts if isinstance(part, ast.Import | ast.ImportFrom)]
        self._literal = frozenset(part.arg for part in parts if isinstance(part, ast.arg))
        bound = [name for part in parts for name in _bound(part)]
        self._variables = dict.fromkeys(bound, -1)
        self._names = {**self._names, **_bindings(imports)}
        yield from self._fields(node)
        self._variables = None
        self._literal, self._names = before

    def _fields(self, node: ast.AST) -> Iterator[str]:
        yield f"{type(node).__name__}("
        for name, value in _fields(node):
            yield f"{name}="
            if name == "name" and isinstance(value, str):
                yield self._name(value)
            else:
                yield from self.text(value)
        yield ")"

    def _name(self, name: str) -> str:
        """Return what is written for a name."""
        if name in self._literal:
            return repr(name)
        if self._variables is not None and name in self._variables:
            if self._variables[name] < 0:
                self._variables[name] = 1 + max(self._variables.values())
            return f"%{self._variables[name]}"
        node = self._names.get(name)
        if node is None:
            return repr(name)
        if isinstance(node, ast.Import | ast.ImportFrom):
            origin = _origin(node, name)
            symbol = _symbol(origin)
            return self._number(symbol) if symbol else repr(origin)
        return self._number((self._module, name))

    def _of_module(self, node: ast.Attribute) -> str | None:
        """Return what is written for a name of one of the package's modules, ``module.name``."""
        if not isinstance(node.value, ast.Name) or self._name_is_own(node.value.id):
            return None
        module = self._names.get(node.value.id)
        if not isinstance(module, ast.Import | ast.ImportFrom):
            return None
        symbol = _symbol(f"{_origin(module, node.value.id)}.{node.attr}")
        return self._number(symbol) if symbol else None

    def _name_is_own(self, name: str) -> bool:
        return name in self._literal or name in (self._variables or ())

    def _number(self, symbol: Symbol) -> str:
        return f"@{self._numbers.setdefault(symbol, len(self._numbers))}"


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the variables that a node binds."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, _Named) and node.name:
        yield node.name


def _fields(node: ast.AST) -> Iterator[tuple[str, object]]:
    """Yield the fields of a node that count."""
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
