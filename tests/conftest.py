"""Run playbooks and modules without hosts, and write the files that roles would write."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible import module_utils
from ansible.module_utils.testing import patch_module_args

PROJECT = Path(__file__).resolve().parents[1]
PRODUCTION = PROJECT / "inventories/production"
# On a host, Ansible puts this folder's files beside its own.
module_utils.__path__.append(str(PROJECT / "plugins/module_utils"))


def loaded(name: str) -> Any:
    """Return the Python module of one of the project's Ansible modules."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / f"plugins/modules/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a module with arguments and returns its result."""

    def run(
        name: str, *, check: bool = False, diff: bool = False, **arguments: Any
    ) -> dict[str, Any]:
        given = arguments | {"_ansible_check_mode": check, "_ansible_diff": diff}
        with patch_module_args(given), pytest.raises(SystemExit):
            loaded(name).main()
        return json.loads(capsys.readouterr().out)

    return run


def ansible(*words: str) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs in the project, with only the settings of the project."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(
        [str(Path(sys.executable).with_name(words[0])), *words[1:]],
        cwd=PROJECT,
        env=own | {"ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )


def renderer(folder: Path) -> Callable[..., dict[str, str]]:
    """Return a function that renders templates of roles, or texts, for a host of an inventory.

    The inventory is the example inventory, inventories/production.
    """

    def render(
        host: str, roles: list[str], sources: Mapping[str, str], **settings: Any
    ) -> dict[str, str]:
        tasks = []
        for name, source in sources.items():
            copy = {"dest": str(folder / name), "mode": "0600"}
            kind = "template" if source.endswith(".j2") else "copy"
            copy |= {"src": str(PROJECT / source)} if kind == "template" else {"content": source}
            tasks.append({f"ansible.builtin.{kind}": copy})
        # The play has the defaults and variables of the roles, but runs none of their tasks.
        unwanted = [{"role": role, "tags": ["unwanted"]} for role in roles]
        play = {"hosts": host, "gather_facts": False, "roles": unwanted, "tasks": tasks}
        (folder / "play.yml").write_text(yaml.safe_dump([play]))
        (folder / "settings.yml").write_text(yaml.safe_dump(settings))
        local = {
            "ansible_connection": "local",
            "ansible_become": False,
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "kepler_lens_mark": "mark",
        }
        (folder / "local.yml").write_text(yaml.safe_dump(local))
        done = ansible(
            *("ansible-playbook", "-i", str(PRODUCTION), str(folder / "play.yml")),
            *("--skip-tags", "unwanted"),
            *("-e", f"@{folder}/local.yml", "-e", f"@{folder}/settings.yml"),
        )
        assert done.returncode == 0, done.stdout
        return {name: (folder / name).read_text() for name in sources}

    return render


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """See `renderer`."""
    return renderer(tmp_path)


@pytest.fixture(scope="module")
def module_render(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, str]]:
    """See `renderer`; for files that are written once for several tests."""
    return renderer(tmp_path_factory.mktemp("rendered"))
