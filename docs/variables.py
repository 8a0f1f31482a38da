"""Compare each role's argument_specs with its defaults, and write its README and docs/variables.md.

With --check nothing is written. The exit status is 1 if something differs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[1]


def specs_of(role: Path) -> dict[str, Any]:
    """Read the main entry point of a role's argument_specs."""
    return yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]


def differences(role: Path) -> list[str]:
    """Return the differences between a role's argument_specs and defaults, one sentence each."""
    options = specs_of(role).get("options", {})
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text()) or {}
    found = [
        f"{role.name}: {name} has a default but no spec"
        for name in defaults.keys() - options.keys()
    ]
    for name, option in options.items():
        if "default" not in option and not option.get("required"):
            found.append(f"{role.name}: {name} is neither required nor has a default in its spec")
        elif "default" in option and name not in defaults:
            found.append(
                f"{role.name}: {name} has a default in its spec but not in defaults/main.yml"
            )
        elif "default" in option and option["default"] != defaults[name]:
            found.append(
                f"{role.name}: {name} is {option['default']!r} in its spec, "
                f"{defaults[name]!r} in its defaults"
            )
        elif option.get("required") and name in defaults:
            found.append(f"{role.name}: {name} is required and yet has a default")
        if not option.get("description"):
            found.append(f"{role.name}: {name} has no description")
    return sorted(found)


def table(specs: dict[str, Any]) -> str:
    """Return a role's variables as a Markdown table."""
    lines = ["| variable | type | default | what it is |", "|---|---|---|---|"]
    for name, option in specs.get("options", {}).items():
        default = "required" if option.get("required") else f"`{shown(option.get('default'))}`"
        kind = option.get("type", "str")
        if kind == "list":
            kind = f"list of {option.get('elements', 'any')}"
        words = " ".join(sentences(option["description"]))
        if choices := option.get("choices"):
            words += " One of " + ", ".join(f"`{shown(choice)}`" for choice in choices) + "."
        lines.append(
            "| " + " | ".join(cell(part) for part in (f"`{name}`", kind, default, words)) + " |"
        )
    return "\n".join(lines)


def sentences(description: str | list[str]) -> list[str]:
    """Return a description's sentences in Markdown instead of the markup of Ansible's documents."""
    parts = [description] if isinstance(description, str) else description
    return [code(part) for part in parts]


def code(text: str) -> str:
    """Replace C(word) by `word`."""
    out, rest = "", text.strip()
    while "C(" in rest:
        before, rest = rest.split("C(", 1)
        word, rest = rest.split(")", 1)
        out += f"{before}`{word}`"
    return out + rest


def shown(value: object) -> str:
    """Return a value in YAML."""
    if value == "":
        return '""'
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).replace("\n...", "").strip()


def cell(text: str) -> str:
    """Escape a text for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def readme(role: Path) -> str:
    """Return the text of a role's README."""
    specs = specs_of(role)
    parts = [f"# {role.name}", specs["short_description"] + "."]
    parts += sentences(specs.get("description", []))
    return "\n\n".join(
        [*parts, table(specs), "Written by `make docs` from `meta/argument_specs.yml`.\n"]
    )


def main() -> int:
    """Check or write all pages, and return the exit status."""
    check = "--check" in sys.argv[1:]
    roles = sorted(
        path.parents[1] for path in (PROJECT / "roles").glob("*/meta/argument_specs.yml")
    )
    without = {path.name for path in (PROJECT / "roles").iterdir() if path.is_dir()} - {
        r.name for r in roles
    }
    problems = [f"{name}: has no meta/argument_specs.yml" for name in sorted(without)]
    pages = {role / "README.md": readme(role) for role in roles}
    whole = ["# Variables", "What an operator may set, by role. Written by `make docs`."]
    for role in roles:
        problems += differences(role)
        whole += [
            f"## {role.name}",
            specs_of(role)["short_description"] + ".",
            table(specs_of(role)),
        ]
    pages[PROJECT / "docs/variables.md"] = "\n\n".join(whole) + "\n"
    for page, text in pages.items():
        if check and (not page.exists() or page.read_text() != text):
            problems.append(f"{page.relative_to(PROJECT)} is not what `make docs` writes")
        elif not check:
            page.write_text(text)
    print("\n".join(problems) or f"{len(roles)} roles agree with their argument_specs")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
