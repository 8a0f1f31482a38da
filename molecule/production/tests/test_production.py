"""Hosts that are provisioned over ssh work together and let nobody else in; a worker can leave."""

from __future__ import annotations

import csv
import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
import testinfra
import yaml

PROJECT = Path(__file__).resolve().parents[3]
INVENTORY = Path(__file__).resolve().parents[1] / "inventory/hosts.yml"
# Ports of the inventory, which differ from the roles' defaults.
SETTINGS = yaml.safe_load(INVENTORY.read_text())["all"]["vars"]
SERVER_PORT, SCHEDULER_PORT = SETTINGS["warp10_port"], SETTINGS["fleet_scheduler_port"]
ADDRESSES = {"warp10": "10.87.30.10", "scheduler": "10.87.30.20", "worker1": "10.87.30.31"}
ADDRESSES["worker2"] = "10.87.30.32"
# More than the 64 characters that a certificate's common name may have.
WORKER2 = "worker2.of-a-rack-in-a-room-of-a-building-of-a-laboratory-by-the-sea.example.org"
COMPUTE = """
import json, socket, time
from distributed import Client
def names():
    return sorted(set(client.run(socket.gethostname, on_error="ignore").values()))
with Client("tls://10.87.30.20:{port}", timeout=60) as client:
    deadline = time.monotonic() + 60
    while names() != {names} and time.monotonic() < deadline:
        time.sleep(1)
    print(json.dumps([client.submit(sum, [1, 2, 3]).result(), names()]))
"""


def reach(name: str):
    """Return a host, reached as by its operator: over ssh, as ops, with sudo."""
    config = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "ssh_config"
    return testinfra.get_host(f"ssh://ops@{ADDRESSES[name]}", sudo=True, ssh_config=str(config))


def playbook(*words: str) -> subprocess.CompletedProcess[str]:
    inventory = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
    return subprocess.run(
        ["ansible-playbook", "-i", str(inventory), *words],
        cwd=PROJECT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )


def compute(*names: str) -> None:
    """Wait until the fleet has exactly the hosts `names`, and let it compute a sum."""
    done = reach("scheduler").run(
        "cd / && runuser -u kepler -- env DASK_CONFIG=/etc/kepler-lens/dask.yaml "
        "/opt/kepler-lens/venv/bin/python -c %s",
        COMPUTE.format(names=list(names), port=SCHEDULER_PORT),
    )
    assert done.rc == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [6, list(names)]


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("warp10", "warp10"),
        ("scheduler", "kepler-scheduler"),
        ("worker1", "kepler-worker"),
        ("worker2", "kepler-worker"),
        ("worker1", "helloexoworld-firewall"),
    ],
)
def test_the_units_run_and_start_at_boot(name, unit):
    host = reach(name)
    journal = host.run(f"journalctl -u {unit} -n 20 --no-pager").stdout
    assert host.service(unit).is_running, journal
    assert host.service(unit).is_enabled


def test_the_hosts_know_nothing_of_docker():
    for name in ADDRESSES:
        assert not reach(name).exists("docker"), name


def test_the_fleet_reaches_the_server():
    said = reach("worker1").run(
        "python3 -c %s",
        "import urllib.request as r; "
        f"url = 'http://10.87.30.10:{SERVER_PORT}/api/v0/exec'; "
        "print(r.urlopen(url, b'1 1 +', 20).read().decode())",
    )
    assert said.stdout.strip() == "[2]", said.stderr


def test_the_import_and_the_search_run_over_ssh(tmp_path):
    for name in ("scheduler", "worker1", "worker2"):
        # One seed gives equal files, so each host has the same folder, as with a network share.
        reach(name).check_output(
            "/opt/kepler-lens/venv/bin/kepler-lens simulate /srv/sky --stars 3 --seed 11 "
            "--quarter 1 --quarter 2 --quarter 3 --quarter 4"
        )
    words = ("import.yml", "-e", "import_source=/srv/sky", "-e", "import_cache=")
    # A dry run of a job whose files the host does not have yet.
    dry = playbook(*words, "--tags", "import", "--check")
    assert dry.returncode == 0, dry.stdout[-3000:]
    assert not reach("scheduler").file("/etc/kepler-lens/import.json").exists
    done = playbook(*words, "--tags", "import")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "3 stars, 12 files" in done.stdout, done.stdout[-3000:]
    again = playbook(*words)
    assert again.returncode == 0
    assert "12 unchanged" in again.stdout, again.stdout[-3000:]
    unchanged = re.findall(r"^(\w+)\.\S+ +: .*changed=0 ", again.stdout, re.MULTILINE)
    assert sorted(unchanged) == sorted(ADDRESSES), again.stdout[-1500:]

    words = ("playbooks/transits.yml", "-e", "transits_stars=900000003")
    words += ("-e", f"transits_folder={tmp_path}")
    dry = playbook(*words, "--tags", "transits", "--check")
    assert dry.returncode == 0, dry.stdout[-3000:]
    assert not list(tmp_path.iterdir())
    done = playbook(*words, "--tags", "transits")
    assert done.returncode == 0, done.stdout[-3000:]
    (row,) = csv.DictReader((tmp_path / "catalogue.csv").open())
    assert row["kepid"] == "900000003"
    assert [page.name for page in (tmp_path / "pages/900000003").glob("*.png")] == ["1.png"]


def test_ssh_stays_open_where_it_listens():
    rules = reach("worker2").check_output("cat /etc/helloexoworld.nft")
    assert "tcp dport { 22, 2222 } ip saddr" in rules
    assert not reach("worker2").file("/run/helloexoworld-firewall.before").exists


def test_rules_that_lock_out_are_taken_back():
    rules = "nft list table inet helloexoworld; cat /etc/helloexoworld.nft"
    before = reach("worker2").check_output(rules)
    words = ("playbooks/site.yml", "-l", WORKER2, "--tags", "firewall")
    # This network contains nobody, so these rules let in nobody.
    words += ("-e", '{"base_admin_networks": ["192.0.2.0/24"]}')
    done = playbook(*words, "-e", "base_firewall_trial_seconds=8", "-e", "ansible_ssh_timeout=3")
    assert done.returncode != 0
    assert f"No new connection to {WORKER2} came in" in done.stdout, done.stdout[-3000:]
    socket.create_connection((ADDRESSES["worker2"], 2222), 30).close()
    assert reach("worker2").check_output(rules) == before


@pytest.mark.parametrize(
    ("name", "port"), [("warp10", SERVER_PORT), ("scheduler", SCHEDULER_PORT), ("worker1", 8790)]
)
def test_the_firewall_lets_in_only_the_fleet(name, port):
    with pytest.raises(OSError, match="timed out"):
        socket.create_connection((ADDRESSES[name], port), 3)


def test_a_certificate_of_another_authority_is_refused():
    worker = reach("worker1")
    stranger = worker.check_output("mktemp -d")
    worker.check_output(
        f"cd {stranger} && openssl req -x509 -newkey rsa:2048 -noenc "
        "-subj /O=kepler-lens/CN=worker1.example.org -keyout host.key -out host.pem 2>&1"
    )
    trusted, refused = "Verify return code: 0", "alert unknown ca"
    for folder, answer in (("/etc/kepler-lens/tls", {trusted}), (stranger, {trusted, refused})):
        said = worker.run(
            f"cd {folder} && sleep 2 | openssl s_client -connect 10.87.30.20:{SCHEDULER_PORT} "
            "-CAfile /etc/kepler-lens/tls/ca.pem -cert host.pem -key host.key 2>&1 "
            f"| grep -a -o -E '{trusted}|{refused}'"
        )
        assert set(said.stdout.splitlines()) == answer, folder


def test_a_certificate_about_to_expire_is_renewed():
    serial = "openssl x509 -noout -serial -in /etc/kepler-lens/tls/host.pem"
    before = reach("worker1").check_output(serial)
    done = playbook(
        "playbooks/workers.yml", "-l", "worker1*", "-e", "fleet_certificate_renew_days=398"
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert reach("worker1").check_output(serial) != before
    compute("worker1", "worker2")


def sums(*names: str) -> list[str]:
    """Return the checksums of a host's key, certificate and authority."""
    command = "cd /etc/kepler-lens/tls && sha256sum host.key host.pem ca.pem"
    return [line for name in names for line in reach(name).check_output(command).splitlines()]


def test_a_new_authority_waits_for_jobs_and_leaves_out_no_host():
    fleet = ("scheduler", "worker1", "worker2")
    before = sums(*fleet)
    words = ("playbooks/certificates.yml", "-e", "certificates_authority=true")
    limited = playbook(*words, "-l", "worker1*")
    assert limited.returncode != 0
    assert "a host that is left out would keep the old one" in limited.stdout
    reach("scheduler").check_output("systemd-run --unit kepler-held sleep 600")
    try:
        held = playbook(*words)
    finally:
        reach("scheduler").check_output("systemctl stop kepler-held")
    assert held.returncode != 0
    assert "kepler-held.service would fail, since a job keeps the certificate" in held.stdout
    dry = playbook(*words, "--check", "--diff")
    assert dry.returncode == 0, dry.stdout[-3000:]
    assert sums(*fleet) == before
    done = playbook(*words)
    assert done.returncode == 0, done.stdout[-3000:]
    after = sums(*fleet)
    assert not set(after) & set(before)
    # All hosts trust one authority.
    assert len({line for line in after if line.endswith("ca.pem")}) == 1
    compute("worker1", "worker2")
    again = playbook("playbooks/workers.yml", "--tags", "tls")
    assert again.returncode == 0, again.stdout[-3000:]
    assert len(re.findall(r"changed=0 ", again.stdout)) == len(fleet)
    assert sums(*fleet) == after


def test_only_a_worker_that_is_named_can_retire():
    unnamed = playbook("playbooks/retire.yml")
    assert unnamed.returncode != 0
    assert "Which worker?" in unnamed.stdout
    other = playbook("playbooks/retire.yml", "-l", f"scheduler.example.org,{WORKER2}")
    assert other.returncode != 0
    assert "scheduler.example.org is no worker" in other.stdout
    compute("worker1", "worker2")


def test_a_worker_retires_and_comes_back():
    done = playbook("playbooks/retire.yml", "-l", WORKER2)
    assert done.returncode == 0, done.stdout[-2000:]
    host = reach("worker2")
    for path in (
        "/etc/kepler-lens",
        "/opt/kepler-lens",
        "/etc/systemd/system/kepler-worker.service",
    ):
        assert not host.file(path).exists, path
    compute("worker1")
    again = playbook("playbooks/retire.yml", "-l", WORKER2)
    assert again.returncode == 0
    assert "changed=0" in again.stdout
    back = playbook("playbooks/workers.yml", "-l", WORKER2)
    assert back.returncode == 0, back.stdout[-2000:]
    compute("worker1", "worker2")
