"""Roles share by dependencies and filters: none reads a file of another role."""

from __future__ import annotations

import re

import pytest
import yaml
from plays import PROJECT

ROLES = sorted(path.name for path in (PROJECT / "roles").iterdir())
OTHER_FOLDER = re.compile(r"\broles/(\w+)/|\.\./(?=(\w+)/)")
"""The path of a role, from a role beside it or from the project."""


def text_without_comments(role: str) -> str:
    """Return what Ansible reads of a role."""
    paths = [
        path for path in (PROJECT / "roles" / role).rglob("*") if path.suffix in {".yml", ".j2"}
    ]
    lines = [line for path in sorted(paths) for line in path.read_text().splitlines()]
    return "\n".join(line for line in lines if not line.lstrip().startswith(("#", "{#", "//")))


def roles_reached(text: str) -> set[str]:
    """Return the roles whose folders a text names."""
    return {name for found in OTHER_FOLDER.findall(text) for name in found} & set(ROLES)


@pytest.mark.parametrize(
    "text", ["role_path ~ '/../fleet/templates/a.j2'", "file: ../../roles/fleet/vars/main.yml"]
)
def test_a_folder_of_another_role_is_found(text):
    assert roles_reached(text) == {"fleet"}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_no_file_of_another(role):
    assert roles_reached(text_without_comments(role)) <= {role}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_with_units_depends_on_what_confines_them(role):
    units = (PROJECT / "roles" / role / "templates").glob("*.service.j2")
    confined = ["hardening_directives" in unit.read_text() for unit in units]
    assert all(confined)
    meta = PROJECT / "roles" / role / "meta/main.yml"
    needed = yaml.safe_load(meta.read_text())["dependencies"] if meta.exists() else []
    used = "hardening_directives" in text_without_comments(role) and role != "hardening"
    assert needed == ([{"role": "hardening"}] if used else [])
