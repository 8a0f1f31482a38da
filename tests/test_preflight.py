"""What cannot work is refused before it starts, in a sentence that says what to do."""

from __future__ import annotations

import re

import pytest
import yaml
from conftest import PROJECT, ansible

HIDDEN = {
    "warp10.example.org": ("/home/ops/sky", ""),
    "scheduler.example.org": ("file:///var/tmp/sky.tar", ""),
    "worker1.example.org": ("https://example.org/sky/", "/root/cache"),
}
LOCAL = {
    "ansible_connection": "local",
    "ansible_become": False,
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
}
SEEN = {"worker2.example.org": ("/homes/sky", "/var/lib/kepler-lens/cache")}


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> str:
    """What the preflight of an import says on each host, none of which is asked."""
    folder = tmp_path_factory.mktemp("preflight")
    play = {
        "hosts": "all:!training",
        "gather_facts": False,
        "roles": [{"role": "import", "tags": ["unwanted"]}],
        "tasks": [
            {"ansible.builtin.import_tasks": str(PROJECT / "roles/import/tasks/preflight.yml")}
        ],
    }
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    given = HIDDEN | SEEN
    settings = LOCAL | {
        "import_source": f"{{{{ {given}[inventory_hostname][0] }}}}",
        "import_cache": f"{{{{ {given}[inventory_hostname][1] }}}}",
    }
    (folder / "settings.yml").write_text(yaml.safe_dump(settings))
    done = ansible(
        *("ansible-playbook", "-i", str(PROJECT / "inventories/production")),
        *("-e", f"@{folder}/settings.yml", "--skip-tags", "unwanted", str(folder / "play.yml")),
    )
    return done.stdout


@pytest.mark.parametrize("host", HIDDEN)
def test_a_folder_that_the_units_hide_is_refused(said, host):
    source, cache = HIDDEN[host]
    path = cache or source.removeprefix("file://")
    assert f"{path} cannot be seen by the services of the fleet" in said
    assert re.search(rf"^{host} .* failed=1 ", said, re.MULTILINE), said


def test_other_folders_are_accepted(said):
    (host,) = SEEN
    assert re.search(rf"^{host} .* failed=0 ", said, re.MULTILINE), said


def test_what_is_refused_is_what_the_units_hide():
    unit = (PROJECT / "roles/fleet/templates/unit_security.j2").read_text().splitlines()
    assert {"ProtectHome=true", "PrivateTmp=true"} <= set(unit)


def test_the_wheel_on_debian_12_says_what_to_do(tmp_path):
    host = "warp10.example.org"
    facts = {"distribution": "Debian", "distribution_major_version": "12", "architecture": "x86_64"}
    play = {
        "hosts": host,
        "gather_facts": False,
        "tasks": [
            {
                "ansible.builtin.include_role": {
                    "name": "warp10",
                    "tasks_from": "preflight.yml",
                    "rolespec_validate": False,
                }
            }
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    settings = LOCAL | {"ansible_facts": facts, "warp10_distribution": "wheel"}
    (tmp_path / "settings.yml").write_text(yaml.safe_dump(settings))
    done = ansible(
        *("ansible-playbook", "-i", str(PROJECT / "inventories/production")),
        *("-e", f"@{tmp_path}/settings.yml", str(tmp_path / "play.yml")),
    )
    assert "from the wheel needs Debian 13: take such a host, or warp10_distribution=archive" in (
        " ".join(done.stdout.split())
    )
    # Nothing else is wrong: no Java was named.
    assert "warp10_java_package" not in done.stdout
