"""A run of Ansible uses the modules that an earlier run has built while nothing has changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from plays import PROJECT, environment, python_file

PLUGIN = "plugins/callback/built_modules.py"
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.stat: {path: /}
    - own: {}
"""
OWN = """
from ansible.module_utils.basic import AnsibleModule
AnsibleModule({}).exit_json(words="WORDS")
"""


@pytest.fixture
def plugin() -> ModuleType:
    return python_file(PLUGIN)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the plugin, a play, and a module of its own."""
    for folder in ("plugins/callback", "plugins/modules"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / PLUGIN).write_bytes((PROJECT / PLUGIN).read_bytes())
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\nlibrary = plugins/modules\ncallback_plugins = plugins/callback\n"
        f"callbacks_enabled = built_modules\ninterpreter_python = {sys.executable}\n"
    )
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "plugins/modules/own.py").write_text(OWN.replace("WORDS", "first words"))
    return tmp_path


def run(project: Path) -> str:
    """Run the play and return all that Ansible says."""
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    answer = subprocess.run(
        [program, "-i", "localhost,", "-c", "local", "-v", "play.yml"],
        cwd=project,
        env=environment() | {"ANSIBLE_CONFIG": "ansible.cfg", "ANSIBLE_DEBUG": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stdout[-2000:]
    return answer.stdout + answer.stderr


def kept(project: Path) -> list[Path]:
    return list((project / ".cache/ansible-modules").glob("*/*"))


@pytest.mark.long
def test_a_second_run_builds_nothing_and_a_changed_module_is_built_anew(project):
    assert run(project).count("ANSIBALLZ: Creating module") == 2
    assert len(kept(project)) == 2
    said = run(project)
    assert "ANSIBALLZ: using cached module" in said
    assert "ANSIBALLZ: Creating module" not in said
    assert "first words" in said
    (project / "plugins/modules/own.py").write_text(OWN.replace("WORDS", "other words"))
    assert "other words" in run(project)
    # Of what no run can use any more, nothing stays.
    assert len(kept(project)) == 2
    for path in [*kept(project), kept(project)[0].parent]:
        assert path.stat().st_mode & 0o077 == 0


def test_what_is_not_whole_is_not_kept(plugin, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    for name in ("module", "module.lock", "other-part"):
        (source / name).write_text(name)
    plugin.copy(source, target)
    assert [path.name for path in target.iterdir()] == ["module"]
    # Nothing was built yet.
    plugin.copy(tmp_path / "nowhere", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_paths_that_add_nothing_use_the_same_modules(plugin, monkeypatch, tmp_path):
    """Molecule names more paths of collections than a play does."""
    site = str(Path(plugin.ansible.__file__).parents[1])
    digests = set()
    for paths in ([], [str(tmp_path)], [str(tmp_path), site], [site, str(tmp_path)]):
        monkeypatch.setattr(plugin.constants, "COLLECTIONS_PATHS", paths)
        digests.add(plugin.digest())
    assert len(digests) == 1
    own = tmp_path / "ansible_collections" / "own" / "one" / "MANIFEST.json"
    own.parent.mkdir(parents=True)
    own.write_text("{}")
    assert plugin.digest() not in digests
