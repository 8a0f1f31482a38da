"""Roles share by dependencies and filters: none reads a file of another role."""

from __future__ import annotations

import re
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def tasks_in(value: object) -> Iterator[dict[str, Any]]:
    """Yield all tasks of a playbook or of a file of tasks, those of blocks too."""
    if isinstance(value, list):
        for one in value:
            yield from tasks_in(one)
    elif isinstance(value, dict):
        yield value
        for part in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from tasks_in(value.get(part, []))


def test_what_runs_without_become_does_so_in_any_inventory() -> None:
    """A variable ansible_become of all hosts wins over the keyword, on the controller too."""
    files = [*PROJECT.glob("playbooks/**/*.yml"), *PROJECT.glob("roles/*/tasks/*.yml")]
    found = [
        (path, task)
        for path in files
        for task in tasks_in(yaml.safe_load(path.read_text()))
        if task.get("become") is False
    ]
    assert len(found) > 5
    for path, task in found:
        assert task.get("vars", {}).get("ansible_become") is False, f"{path}: {task.get('name')}"


def test_a_package_that_was_copied_in_part_is_not_taken_for_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = runpy.run_path(str(PROJECT / "roles/kepler_lens/files/stage.py"))["kept"]
    folder, cache = tmp_path / "built", tmp_path / "cache"
    folder.mkdir()
    cache.mkdir()
    for name in ("package.txt", "requirements.txt"):
        (folder / name).write_text(name)
    copytree = shutil.copytree

    def broken(source: Path, target: Path) -> None:
        target.mkdir()
        shutil.copy(source / "package.txt", target)
        raise OSError("No space left on device")

    monkeypatch.setattr(shutil, "copytree", broken)
    with pytest.raises(OSError, match="No space left"):
        kept(folder, cache)
    assert list(cache.iterdir()) == []
    monkeypatch.setattr(shutil, "copytree", copytree)
    assert len(list(kept(folder, cache).iterdir())) == 2
    assert len(list(cache.iterdir())) == 1
