#!/usr/bin/env python3
"""Run a playbook, and hand it what was typed for the Makefile's variables, as it was typed.

.ci/play.py PLAYBOOK [ANSIBLE_VARIABLE=MAKEFILE_VARIABLE …]

The Makefile exports its variables untouched; here they become JSON, which no shell and no splitting
at blanks comes near. INVENTORY and VARS are taken by every playbook.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main(playbook: str, *pairs: str) -> None:
    """Become ansible-playbook."""
    words = ["ansible-playbook", playbook]
    if inventory := os.environ.get("INVENTORY"):
        words += ["-i", inventory]
    given = {}
    for pair in pairs:
        variable, _, name = pair.partition("=")
        if value := os.environ.get(name):
            given[variable] = as_typed(value)
    if given:
        words += ["-e", json.dumps(given)]
    # Last, so that it outweighs the others.
    if typed := os.environ.get("VARS", "").strip():
        words += ["-e", extra(typed)]
    os.execvp(words[0], words)  # noqa: S606 - no shell, so that nothing is read anew


def as_typed(value: str) -> Any:
    """Mark a text with braces, in which Ansible would look for a template."""
    return {"__ansible_unsafe": value} if "{" in value else value


def extra(typed: str) -> str:
    """Give VARS as Ansible takes it: a file, JSON or YAML as they are, pairs as JSON."""
    if typed.startswith("@"):
        return typed
    if typed.startswith(("{", "[")):
        return checked(typed)
    from ansible.errors import AnsibleError
    from ansible.parsing.splitter import parse_kv

    try:
        pairs = parse_kv(typed)
    except AnsibleError:
        refuse(f"a quote or a brace has no other half in {typed!r}")
    # Ansible itself leaves out without a word what is no pair.
    if left := pairs.pop("_raw_params", None):
        refuse(f"{left!r} is no name=value")
    return json.dumps(pairs)


def checked(typed: str) -> str:
    """Give JSON or YAML as it is, where it is a map."""
    import yaml

    try:
        known = yaml.safe_load(typed)
    except yaml.YAMLError as error:
        where = (
            f" (at character {error.problem_mark.index + 1})"
            if hasattr(error, "problem_mark")
            else ""
        )
        refuse(f"{typed!r} is no JSON{where}")
    if not isinstance(known, dict):
        refuse(f"{typed!r} is no map of names to values")
    return typed


def refuse(why: str) -> None:
    """End with a sentence."""
    sys.exit(
        f"VARS cannot be read: {why}. Write VARS='name=value name=value', a value with blanks in "
        """quotes of its own (VARS='name="a value"'), or JSON: VARS='{"name": "a value"}'."""
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
