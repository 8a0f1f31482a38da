"""Settings that cannot work are refused beforehand, in a sentence that says what to do."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml
from plays import PRODUCTION, PROJECT, ansible

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


def directives() -> set[str]:
    """Return the lines that every unit has."""
    variables = yaml.safe_load((PROJECT / "roles/hardening/vars/main.yml").read_text())
    return set(variables["hardening_directives"].splitlines())


def test_what_is_refused_is_what_the_units_hide():
    assert {"ProtectHome=true", "PrivateTmp=true"} <= directives()


def debian(version: str) -> dict[str, str]:
    return {
        "distribution": "Debian",
        "distribution_major_version": version,
        "architecture": "x86_64",
    }


ASKED = {
    "wheel": {"ansible_facts": debian("12"), "warp10_distribution": "wheel"},
    "hidden": {"ansible_facts": debian("13"), "warp10_data_dir": "/home/ops/database"},
    "seen": {"ansible_facts": debian("13"), "warp10_data_dir": "/homes/database"},
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> dict[str, str]:
    """What a Warp 10 server says to settings before anything is done, on one line each."""
    folder = tmp_path_factory.mktemp("asked")
    role = {"name": "warp10", "tasks_from": "preflight.yml", "rolespec_validate": False}
    tasks = [
        {
            "vars": settings,
            "block": [
                {"name": f"Ask {name}", "ansible.builtin.debug": {"msg": ""}},
                {"ansible.builtin.include_role": role},
            ],
            "rescue": [{"ansible.builtin.debug": {"msg": "That was refused."}}],
        }
        for name, settings in ASKED.items()
    ]
    play = {"hosts": "warp10.example.org", "gather_facts": False, "tasks": tasks}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    (folder / "settings.yml").write_text(yaml.safe_dump(LOCAL))
    done = ansible(
        *("ansible-playbook", "-i", str(PRODUCTION)),
        *("-e", f"@{folder}/settings.yml", str(folder / "play.yml")),
    )
    _, *said = re.split(r"^TASK \[Ask ", done.stdout, flags=re.MULTILINE)
    assert len(said) == len(ASKED), done.stdout
    return {text.partition("]")[0]: " ".join(text.split()) for text in said}


def test_the_wheel_on_debian_12_says_what_to_do(asked):
    assert (
        "from the wheel needs Debian 13: take such a host, or warp10_distribution=archive"
        in asked["wheel"]
    )
    # No other refusal: the operator named no package of Java.
    assert "warp10_java_package" not in asked["wheel"]


@pytest.mark.parametrize("name", ["hidden", "seen"])
def test_a_database_that_the_servers_unit_hides_is_refused(asked, name):
    folder = ASKED[name]["warp10_data_dir"]
    refused = f"warp10_data_dir is {folder}, which the server cannot see" in asked[name]
    assert refused is (name == "hidden"), asked[name]
    assert {"ProtectHome=true", "PrivateTmp=true"} <= directives()


@pytest.mark.parametrize(
    ("databases", "left"), [(["old"], True), (["old", "new"], False), ([], False), (["new"], False)]
)
def test_a_database_that_the_settings_leave_behind_is_found(tmp_path, render, databases, left):
    """Another folder of data would start the server without any series."""
    for name in databases:
        (tmp_path / name / "leveldb").mkdir(parents=True)
        (tmp_path / name / "leveldb" / "CURRENT").touch()
    conf = tmp_path / "warp10.conf"
    conf.write_text(f"leveldb.home = {tmp_path}/old/leveldb\nleveldb.cache.size = 1\n")
    tasks = yaml.safe_load((PROJECT / "roles/warp10/tasks/preflight.yml").read_text())
    (script,) = [task["ansible.builtin.shell"] for task in tasks if "ansible.builtin.shell" in task]
    settings = {"ansible_facts": debian("13"), "warp10_data_dir": f"{tmp_path}/new"}
    settings |= {"warp10_home": "/nowhere", "warp10_packages": []}
    said = render("warp10.example.org", ["warp10"], {"script": script}, **settings)["script"]
    lines = subprocess.run(
        ["sh", "-c", said.replace("/etc/warp10/warp10.conf", str(conf))],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    assert lines[2] == (f"{tmp_path}/old/leveldb" if left else "none")


def test_a_training_on_two_hosts_is_refused(tmp_path):
    """Where one is named, the role has its turn: it asks for a data set."""
    (tmp_path / "settings.yml").write_text(yaml.safe_dump(LOCAL))
    (tmp_path / "hosts.yml").write_text(
        yaml.safe_dump({"training": {"hosts": {"one": {}, "two": {}}}})
    )
    words = [
        *("ansible-playbook", "-i", str(tmp_path / "hosts.yml"), "-e", f"@{tmp_path}/settings.yml"),
        *("--tags", "training", str(PROJECT / "playbooks/training.yml")),
    ]
    assert "2 hosts to train on, one, two: name one of them" in ansible(*words).stdout
    alone = ansible(*words, "-l", "one").stdout
    assert "hosts to train on" not in alone
    assert "TASK [training : " in alone
