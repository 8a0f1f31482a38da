"""Both releases of Warp 10 know every key and function that the project uses."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from plays import PROJECT

LISTS = Path(__file__).parent / "data"
ROLE = PROJECT / "roles/warp10"
VERSIONS = {"wheel": "2.1.0", "archive": "3.5.0"}


def listed(name: str) -> set[str]:
    """Read a stored list of names; its comments describe how the list was made."""
    lines = (LISTS / name).read_text().splitlines()
    return {line for line in lines if not line.startswith("#")}


@pytest.fixture(params=VERSIONS)
def configuration(request, render) -> tuple[str, dict[str, str]]:
    """A version, and the keys that the role writes for it, including the names of secrets."""
    template = f"roles/warp10/templates/{request.param}.conf.j2"
    text = render("warp10.example.org", ["warp10"], {"conf": template}, warp10_transits=True)
    lines = [line for line in text["conf"].splitlines() if line and not line.startswith("//")]
    secrets = yaml.safe_load((ROLE / f"vars/{request.param}.yml").read_text())["warp10_secrets"]
    written = dict.fromkeys(secrets, "") | dict(line.split(" = ", 1) for line in lines)
    return VERSIONS[request.param], written


def test_every_key_of_the_configuration_is_known(configuration) -> None:
    version, written = configuration
    unknown = written.keys() - listed(f"keys-{version}.txt")
    assert not unknown, f"Warp 10 {version} does not know {', '.join(sorted(unknown))}"


def test_no_macro_is_fetched_from_elsewhere(configuration) -> None:
    assert configuration[1]["warpfleet.macros.repos"] == "none"


# A string, a comment, a multi-line string, or any other word between blanks.
_WORD = re.compile(r"""'[^'\n]*'|"[^"\n]*"|//[^\n]*|/\*.*?\*/|<'.*?'>|(?P<word>\S+)""", re.DOTALL)
# Words of the syntax: brackets of macros, numbers, booleans, variables and calls of macros.
_SYNTAX = re.compile(r"<%|%>|<S|S>|[-+]?\d[\d.eE+-]*|0x[0-9a-fA-F]+|true|false|T|F|[$@!]\S+")


def functions(text: str) -> set[str]:
    """Return the functions that a script names."""
    words = {match["word"] for match in _WORD.finditer(text) if match["word"]}
    return {word for word in words if not _SYNTAX.fullmatch(word)}


def test_functions_are_told_from_all_else() -> None:
    text = "'a DOC' \"b\" // UDF\n/* CUDF */ <% $x !$y -3 s 1.5e3 @A/B T %> <'\n DOC '> 0 + 'c' DUP"
    assert functions(text) == {"s", "+", "DUP"}


def python_scripts(source: str) -> Iterator[str]:
    """Yield the scripts within Python code; a text that Python fills in counts as a variable."""

    def text(node: ast.AST) -> str:
        if isinstance(node, ast.Constant):
            # Fill in fields and brackets as str.format does.
            filled = re.sub(r"-?(?<!\{)\{\w+\}(?!\})", "$filled_in", str(node.value))
            return filled.replace("{{", "{").replace("}}", "}")
        if isinstance(node, ast.JoinedStr):
            return "".join(text(value) for value in node.values)
        if isinstance(node, ast.BinOp):
            return text(node.left) + text(node.right)
        return "$filled_in"

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("execute", "exec", "series", "flat"):
                yield text(node.args[0])
        elif isinstance(node, ast.Assign) and isinstance(
            node.value, ast.Constant | ast.JoinedStr | ast.BinOp
        ):
            script = text(node.value)
            if any(sign in script for sign in ("%>", "FETCH", "] FIND", "@HELLOEXOWORLD/")):
                yield script


def blocks(path: Path) -> str:
    """Return the examples of a document that call the project's macros, even within commands."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)
    shell = re.compile(r"<<'END'\n(.*?)^END$", re.DOTALL | re.MULTILINE)
    return "\n".join(
        "\n".join(python_scripts(block) if language == "python" else shell.findall(block)) or block
        for language, block in found
        if "@HELLOEXOWORLD/" in block
    )


@functools.cache
def scripts() -> dict[str, str]:
    """Return all WarpScript of the project by file."""
    template = re.compile(r"\{\{.*?\}\}")
    found = {path: path.read_text() for path in PROJECT.glob("roles/*/files/*.mc2")}
    for path in PROJECT.glob("roles/*/templates/*.mc2.j2"):
        found[path] = template.sub("1", path.read_text())
    for path in PROJECT.glob("files/kepler_lens/kepler_lens/**/*.mc2"):
        found[path] = re.sub("@[A-Z]+@", "1", path.read_text())
    for path in (PROJECT / "README.md", *PROJECT.glob("docs/*.md")):
        found[path] = blocks(path)
    for folder in ("files/kepler_lens/kepler_lens", "molecule", "benchmarks"):
        for path in (PROJECT / folder).rglob("*.py"):
            found[path] = "\n".join(python_scripts(path.read_text()))
    return {str(path.relative_to(PROJECT)): text for path, text in found.items() if text.strip()}


def test_scripts_are_found_where_they_stand() -> None:
    assert {
        "README.md",
        "docs/warpscript.md",
        "files/kepler_lens/kepler_lens/warp10/directory.mc2",
        "molecule/lab.py",
        "molecule/transits/tests/test_macros.py",
        "roles/macros/files/DIPS.mc2",
        "roles/macros/templates/watch.mc2.j2",
    } <= scripts().keys()


@pytest.mark.parametrize(
    ("version", "refused"),
    [
        ("2.1.0", lambda used: used - listed("functions-2.1.0.txt")),
        ("3", lambda used: used & listed("functions-gone-in-3.txt")),
    ],
)
def test_every_function_is_known_to_both_releases(
    version: str, refused: Callable[[set[str]], set[str]]
) -> None:
    unknown = {file: refused(functions(text)) for file, text in scripts().items()}
    assert {file: words for file, words in unknown.items() if words} == {}, version


def test_only_meanat_says_map_by_which_name_it_takes_ticks() -> None:
    named = [
        path.name
        for path in PROJECT.glob("roles/*/files/*.mc2")
        if re.search(r"'(ticks|occurrences)'(?! STORE)", path.read_text())
        and re.search(r"'mapper'", path.read_text())
    ]
    assert named == ["MEANAT.mc2"]
