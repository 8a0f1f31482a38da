"""The project's Ansible modules: their documents are those of their arguments."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic
from ansible_modules import loaded
from plays import PROJECT
from test_playbooks import Loader

MODULES = sorted(path.stem for path in (PROJECT / "plugins/modules").glob("*.py"))
# What an option's document and its argument both say.
SAID = ("type", "required", "default", "choices", "elements")


class StoppedError(Exception):
    """Raised instead of reading the arguments."""


def spec_of(python: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the keywords with which a module makes its AnsibleModule."""
    found = {}

    def stop(**keywords: Any) -> None:
        found.update(keywords)
        raise StoppedError

    monkeypatch.setattr(python, "AnsibleModule", stop)
    with pytest.raises(StoppedError):
        python.main()
    return found


def said(options: dict[str, Any], below: str) -> dict[str, Any]:
    """Return options without their descriptions, and likewise what is below them."""
    return {
        name: {
            **{key: option[key] for key in SAID if option.get(key) not in (None, False)},
            **({"below": said(option[below], below)} if below in option else {}),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_documented_and_has_a_check_mode(name, monkeypatch):
    python = loaded(name)
    spec = spec_of(python, monkeypatch)
    known = yaml.safe_load(python.DOCUMENTATION)
    assert known["module"] == name
    assert said(known["options"], "suboptions") == said(spec["argument_spec"], "options")
    assert spec["supports_check_mode"] is True
    (example, *_) = yaml.safe_load(python.EXAMPLES)
    assert name in example
    assert set(example[name] or {}) <= set(known["options"])
    assert all("description" in value for value in yaml.safe_load(python.RETURN).values())


def test_nothing_but_the_standard_library_is_needed_on_a_host():
    names = [PROJECT / f"plugins/{kind}" for kind in ("modules", "module_utils")]
    imported = {
        line.split()[1].split(".")[0]
        for folder in names
        for path in folder.glob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported - {"ansible"} <= sys.stdlib_module_names


def unmarked(options: dict[str, Any]) -> list[str]:
    """Return options that sound like secrets without a mark whether they are."""
    found = [
        name
        for name, about in options.items()
        if basic.PASSWORD_MATCH.search(name) and "no_log" not in about
    ]
    return found + [
        name for about in options.values() for name in unmarked(about.get("options", {}))
    ]


@pytest.mark.parametrize("name", MODULES)
def test_a_secret_is_in_no_log(name, monkeypatch):
    """Ansible hides an argument that is marked, and only warns of one that sounds like a secret."""
    assert unmarked(spec_of(loaded(name), monkeypatch)["argument_spec"]) == []


def uses(node: object, name: str) -> Iterator[dict[str, Any]]:
    """The arguments of each task of a module in a YAML document."""
    for part in node if isinstance(node, list) else []:
        if isinstance(part, dict):
            if name in part:
                yield part[name] or {}
            for below in ("tasks", "block", "rescue", "always"):
                yield from uses(part.get(below), name)


@pytest.mark.parametrize("name", MODULES)
def test_a_task_gives_the_arguments_that_there_are(name):
    """The linter compares only arguments of Ansible's own modules."""
    folders = [PROJECT / "roles", PROJECT / "playbooks"]
    files = [path for folder in folders for path in folder.rglob("*.yml")]
    found = [one for path in files for one in uses(yaml.load(path.read_text(), Loader), name)]
    options = yaml.safe_load(loaded(name).DOCUMENTATION)["options"]
    # An action calls the module job, and its test compares the arguments.
    called = [path.read_text() for path in (PROJECT / "plugins/action").glob("*.py")]
    assert found or any(f'_execute_module("{name}"' in text for text in called)
    for arguments in found:
        assert set(arguments) <= set(options)
        assert {key for key, about in options.items() if about.get("required")} <= set(arguments)
