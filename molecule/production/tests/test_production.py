"""Hosts provisioned over ssh work together, let nobody else in, and a worker can leave."""

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

PROJECT = Path(__file__).resolve().parents[3]
ADDRESSES = {"warp10": "10.87.30.10", "scheduler": "10.87.30.20", "worker1": "10.87.30.31"}
ADDRESSES["worker2"] = "10.87.30.32"
COMPUTE = """
import json, socket, time
from distributed import Client
def names():
    return sorted(set(client.run(socket.gethostname, on_error="ignore").values()))
with Client("tls://10.87.30.20:8786", timeout=60) as client:
    deadline = time.monotonic() + 60
    while names() != {names} and time.monotonic() < deadline:
        time.sleep(1)
    print(json.dumps([client.submit(sum, [1, 2, 3]).result(), names()]))
"""


def reach(name: str):
    """Return a host as its operator reaches it: over ssh, as ops, with sudo."""
    key = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "id_ed25519"
    return testinfra.get_host(
        f"ssh://ops@{ADDRESSES[name]}",
        sudo=True,
        ssh_identity_file=str(key),
        ssh_extra_args="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
        "-o LogLevel=ERROR",
    )


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
    """Let the fleet compute, once exactly the hosts `names` are in it."""
    done = reach("scheduler").run(
        "cd / && runuser -u kepler -- env DASK_CONFIG=/etc/kepler-lens/dask.yaml "
        "/opt/kepler-lens/venv/bin/python -c %s",
        COMPUTE.format(names=list(names)),
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
        "print(r.urlopen('http://10.87.30.10:8080/api/v0/exec', b'1 1 +', 20).read().decode())",
    )
    assert said.stdout.strip() == "[2]", said.stderr


def test_the_import_and_the_search_run_over_ssh(tmp_path):
    for name in ("scheduler", "worker1", "worker2"):
        # Files of one seed: each host has the same folder, as a share would give it.
        reach(name).check_output(
            "/opt/kepler-lens/venv/bin/kepler-lens simulate /srv/sky --stars 3 --seed 11 "
            "--quarter 1 --quarter 2 --quarter 3 --quarter 4"
        )
    words = ("import.yml", "-e", "import_source=/srv/sky", "-e", "import_cache=")
    # A dry run of a job that the host has not seen yet.
    dry = playbook(*words, "--tags", "import", "--check")
    assert dry.returncode == 0, dry.stdout[-3000:]
    assert not reach("scheduler").file("/etc/kepler-lens/import.json").exists
    done = playbook(*words, "--tags", "import")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "3 stars, 12 files" in done.stdout, done.stdout[-3000:]
    again = playbook(*words)
    assert again.returncode == 0
    assert "12 unchanged" in again.stdout, again.stdout[-3000:]
    unchanged = re.findall(r"(\w+)\.example\.org +: .*changed=0 ", again.stdout)
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
    assert [page.name for page in (tmp_path / "pages/900000003").iterdir()] == ["1.png"]


@pytest.mark.parametrize(
    ("name", "port"), [("warp10", 8080), ("scheduler", 8786), ("worker1", 8790)]
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
            f"cd {folder} && sleep 2 | openssl s_client -connect 10.87.30.20:8786 -CAfile "
            "/etc/kepler-lens/tls/ca.pem -cert host.pem -key host.key 2>&1 "
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


def test_only_a_worker_that_is_named_can_retire():
    unnamed = playbook("playbooks/retire.yml")
    assert unnamed.returncode != 0
    assert "Which worker?" in unnamed.stdout
    other = playbook("playbooks/retire.yml", "-l", "scheduler.example.org,worker2.example.org")
    assert other.returncode != 0
    assert "scheduler.example.org is no worker" in other.stdout
    compute("worker1", "worker2")


def test_a_worker_retires_and_comes_back():
    done = playbook("playbooks/retire.yml", "-l", "worker2.example.org")
    assert done.returncode == 0, done.stdout[-2000:]
    host = reach("worker2")
    for path in (
        "/etc/kepler-lens",
        "/opt/kepler-lens",
        "/etc/systemd/system/kepler-worker.service",
    ):
        assert not host.file(path).exists, path
    compute("worker1")
    again = playbook("playbooks/retire.yml", "-l", "worker2.example.org")
    assert again.returncode == 0
    assert "changed=0" in again.stdout
    back = playbook("playbooks/workers.yml", "-l", "worker2.example.org")
    assert back.returncode == 0, back.stdout[-2000:]
    compute("worker1", "worker2")
