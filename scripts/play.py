#!/usr/bin/env python3
"""Run a playbook with the values that were typed for the Makefile's variables, unchanged.

scripts/play.py PLAYBOOK [ANSIBLE_VARIABLE=MAKEFILE_VARIABLE …]

The Makefile exports its variables without a change. This program passes them on as JSON, so that no
shell reads them and nothing splits them at blanks. Every playbook accepts INVENTORY and VARS.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main(playbook: str, *pairs: str) -> None:
    """Replace this process by ansible-playbook."""
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
    # Last, so that it takes precedence.
    if typed := os.environ.get("VARS", "").strip():
        words += ["-e", extra(typed)]
    os.execvp(words[0], words)  # noqa: S606 - no shell, so that nothing is read anew


def as_typed(value: str) -> Any:
    """Mark a text with braces as unsafe: otherwise Ansible reads it as a template."""
    return {"__ansible_unsafe": value} if "{" in value else value


def extra(typed: str) -> str:
    """Return VARS for Ansible: a file, JSON or YAML unchanged, pairs as JSON."""
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
    # Ansible itself ignores words that are not pairs.
    if left := pairs.pop("_raw_params", None):
        refuse(f"{left!r} is no name=value")
    return json.dumps(pairs)


def checked(typed: str) -> str:
    """Return JSON or YAML unchanged, or end if it is not a map."""
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
    """End with a sentence that gives the reason."""
    sys.exit(
        f"VARS cannot be read: {why}. Write VARS='name=value name=value', a value with blanks in "
        """quotes of its own (VARS='name="a value"'), or JSON: VARS='{"name": "a value"}'."""
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
