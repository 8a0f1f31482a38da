"""Render templates of roles: one process of Ansible serves all tests, by a line for each request.

To start Ansible takes a core one to two seconds, and to render takes a twentieth of that. The
process is one of its own, since Ansible changes how the process that imports it imports modules.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from plays import PRODUCTION, PROJECT, environment


class Renderer:
    """The process that renders."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=PROJECT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(
        self, host: str, roles: list[str], sources: Mapping[str, str], **settings: Any
    ) -> dict[str, str]:
        """Render templates of roles, or texts, for a host of the example inventory.

        Parameters
        ----------
        host
            Name of the host.
        roles
            Roles whose defaults and variables are known.
        sources
            Names to the paths of templates in the project, or to texts.
        settings
            Variables that are set, as by ``-e``.

        Returns
        -------
        dict
            Names to what was rendered; what is no text as JSON.
        """
        asked = {"host": host, "roles": roles, "sources": dict(sources), "settings": settings}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        rendered: dict[str, str] = answer["rendered"]
        return rendered

    def close(self) -> None:
        """End the process."""
        with self.process:
            assert self.process.stdin is not None
            self.process.stdin.close()


def serve() -> None:
    """Answer the requests of the standard input on the standard output."""
    from ansible import context
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.playbook.play import Play
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar, trust_as_template
    from ansible.utils.context_objects import CLIArgs
    from ansible.vars.hostvars import HostVars
    from ansible.vars.manager import VariableManager

    context.CLIARGS = CLIArgs({})
    init_plugin_loader()
    loader = DataLoader()
    loader.set_basedir(str(PROJECT))
    inventory = InventoryManager(loader, sources=[str(PRODUCTION)])
    local = {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
        "kepler_lens_mark": "mark",
    }

    def render(asked: dict[str, Any]) -> dict[str, str]:
        variables = VariableManager(loader=loader, inventory=inventory)
        # As -e @file: texts in it may be templates.
        given = trust_as_template(json.dumps(local | asked["settings"]))
        variables._extra_vars = loader.load(given)
        HostVars(inventory, variables, loader)
        play = Play.load(
            {"hosts": asked["host"], "gather_facts": False, "roles": asked["roles"]},
            variable_manager=variables,
            loader=loader,
        )
        known = variables.get_vars(play=play, host=inventory.get_host(asked["host"]))
        templar = Templar(loader=loader, variables=known)
        rendered = {}
        for name, source in asked["sources"].items():
            if source.endswith(".j2"):
                source = f"{{{{ lookup('ansible.builtin.template', '{PROJECT / source}') }}}}"
            said = templar.template(trust_as_template(source))
            rendered[name] = said if isinstance(said, str) else json.dumps(said)
        return rendered

    # Only answers go to the standard output: Ansible's warnings go to the other one.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"rendered": render(json.loads(line))}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve()
