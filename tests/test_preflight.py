"""Settings that cannot work are refused beforehand, in a sentence that says what to do."""

from __future__ import annotations

import re

import pytest
import yaml
from plays import PROJECT, ansible

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
    """The output of an import's preflight for each host, without a connection to any host."""
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


def asked(tmp_path, **settings: object) -> str:
    """Return the output of a Warp 10 server's preflight on one line, without a connection."""
    host = "warp10.example.org"
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
    (tmp_path / "settings.yml").write_text(yaml.safe_dump(LOCAL | settings))
    done = ansible(
        *("ansible-playbook", "-i", str(PROJECT / "inventories/production")),
        *("-e", f"@{tmp_path}/settings.yml", str(tmp_path / "play.yml")),
    )
    return " ".join(done.stdout.split())


def debian(version: str) -> dict[str, str]:
    return {
        "distribution": "Debian",
        "distribution_major_version": version,
        "architecture": "x86_64",
    }


def test_the_wheel_on_debian_12_says_what_to_do(tmp_path):
    said = asked(tmp_path, ansible_facts=debian("12"), warp10_distribution="wheel")
    assert (
        "from the wheel needs Debian 13: take such a host, or warp10_distribution=archive" in said
    )
    # No other refusal: the operator named no package of Java.
    assert "warp10_java_package" not in said


@pytest.mark.parametrize("folder", ["/home/ops/database", "/homes/database"])
def test_a_database_that_the_servers_unit_hides_is_refused(tmp_path, folder):
    said = asked(tmp_path, ansible_facts=debian("13"), warp10_data_dir=folder)
    refused = f"warp10_data_dir is {folder}, which the server cannot see" in said
    assert refused is (folder != "/homes/database"), said
    unit = (PROJECT / "roles/warp10/templates/warp10.service.j2").read_text().splitlines()
    assert {"ProtectHome=true", "PrivateTmp=true"} <= set(unit)
