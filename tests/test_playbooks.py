"""Promises of the documents about playbooks: tags that choose a part, and error sentences."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from plays import PRODUCTION, PROJECT, ansible

# A task of each documented tag: a tag that ran only the tasks tagged `always` would do nothing.
PARTS = {
    "base": ("playbooks/site.yml", "base : Create the service users"),
    "warp10": ("playbooks/site.yml", "warp10 : Write the configuration of Warp 10"),
    "kepler_lens": ("playbooks/site.yml", "kepler_lens : Install the package"),
    "fleet": ("playbooks/site.yml", "fleet : Configure Dask"),
    "import": ("import.yml", "import : Run the import, or stop it"),
    "transits": ("playbooks/transits.yml", "transits : Run the search, or stop it"),
}
STATUS = "#!/bin/sh\nprintf '%s\\n' warp10_url=http://192.0.2.10:8080 points=5 stars=1\n"


def test_the_documented_tags_are_known_here():
    page = (PROJECT / "docs/operations.md").read_text()
    (row,) = re.findall(r"^\| only one part \|.*$", page, re.MULTILINE)
    assert re.findall(r"`(?:--tags )?(\w+)`", row) == list(PARTS)


@pytest.fixture(scope="module")
def listed() -> dict[str, str]:
    """What Ansible lists of each playbook: its tasks, each with its tags."""
    playbooks = sorted({playbook for playbook, _ in PARTS.values()})
    done = ansible("ansible-playbook", "-i", str(PRODUCTION), *playbooks, "--list-tasks")
    assert done.returncode == 0, done.stdout
    _, *lists = re.split(r"^playbook: ", done.stdout, flags=re.MULTILINE)
    assert [text.splitlines()[0] for text in lists] == playbooks
    return dict(zip(playbooks, lists, strict=True))


@pytest.mark.parametrize("tag", PARTS)
def test_a_documented_tag_does_its_part(listed, tag):
    playbook, task = PARTS[tag]
    said = listed[playbook]
    assert re.search(rf"^ +{task}\tTAGS: \[(.*, )?{tag}[],]", said, re.MULTILINE), said


def names(node: object) -> Iterator[str]:
    """Names of plays, blocks and tasks in a YAML document."""
    for part in node if isinstance(node, list) else []:
        if isinstance(part, dict):
            if "name" in part:
                yield str(part["name"])
            for below in (
                "tasks",
                "pre_tasks",
                "post_tasks",
                "handlers",
                "block",
                "rescue",
                "always",
            ):
                yield from names(part.get(below))


class Loader(yaml.SafeLoader):
    """Reads Ansible's own tags as text."""


Loader.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


@pytest.mark.parametrize("folder", ["roles", "playbooks"])
def test_the_name_of_a_task_begins_with_what_it_does(folder):
    files = [path for path in (PROJECT / folder).rglob("*.yml") if "meta" not in path.parts]
    found = [(path, name) for path in files for name in names(yaml.load(path.read_text(), Loader))]
    assert len(found) > 50
    vague = re.compile(r"(Look|Say|Take|Have|Tell|See|Ask|Do|Make sure)\b")
    assert [(path.name, name) for path, name in found if vague.match(name)] == []


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone: only the playbooks, without generated files."""
    shutil.copytree(PROJECT / "playbooks", tmp_path / "playbooks")
    return tmp_path


def status(clone: Path):
    return ansible(
        *("ansible-playbook", "-i", str(PRODUCTION), str(clone / "playbooks/status.yml")),
        *("-e", "ansible_connection=local", "-e", "ansible_become=false"),
        *("-e", "ansible_python_interpreter={{ansible_playbook_python}}"),
    )


def test_status_is_said_in_a_fresh_clone(clone, monkeypatch):
    program = clone / "bin/runuser"
    program.parent.mkdir()
    program.write_text(STATUS)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    done = status(clone)
    assert done.returncode == 0, done.stdout
    assert "- points=5" in done.stdout
    assert (clone / ".lab/output").read_text().splitlines()[1:] == ["points=5", "stars=1"]


def test_status_without_an_installation_says_what_to_do(clone):
    done = status(clone)
    assert done.returncode != 0
    sentence = "scheduler.example.org does not say what the database holds"
    assert sentence in done.stdout, done.stdout
    assert "import light curves first: ansible-playbook -i INVENTORY import.yml" in done.stdout


def test_authorities_are_trusted_before_anything_else_can_fail():
    """A host that fails loses its pending handlers, and the next run does not notify them again."""
    tasks = yaml.safe_load((PROJECT / "roles/base/tasks/configure.yml").read_text())
    last = max(
        n for n, task in enumerate(tasks) if task.get("notify") == "Update trusted authorities"
    )
    assert tasks[last + 1]["ansible.builtin.meta"] == "flush_handlers"
