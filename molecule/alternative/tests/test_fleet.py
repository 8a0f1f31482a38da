"""The fleet on Debian 12: its programs, processes, memory and certificates."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from lab import SCHEDULER, WORKERS, Lab, default

WORKER = WORKERS[0]
ASK = """
import json
from distributed import Client
with Client("tls://{address}:{port}", timeout=60) as client:
    client.wait_for_workers({wanted}, timeout=60)
    workers = client.scheduler_info(n_workers=-1)["workers"]
    said = [w["memory_limit"] for w in workers.values()]
    print(json.dumps([client.submit(sum, [1, 2, 3]).result(), said]))
"""


@pytest.mark.parametrize(
    ("name", "unit"), [(SCHEDULER, "kepler-scheduler"), (WORKER, "kepler-worker")]
)
def test_the_services_run_from_the_folder_that_was_chosen(lab: Lab, choices, name, unit):
    host, home = lab.host(name), choices["kepler_lens_home"]
    assert host.system_info.release.split(".")[0] == "12"
    journal = host.run(f"journalctl -u {unit} -n 20 --no-pager").stdout
    assert host.service(unit).is_running, journal
    assert host.service(unit).is_enabled
    process = lab.shell(name, f"systemctl show -p MainPID --value {unit}").strip()
    assert f"{home}/venv/bin/" in host.file(f"/proc/{process}/cmdline").content_string
    assert not host.file(default("kepler_lens", "kepler_lens_home")).exists


@pytest.mark.parametrize("name", [SCHEDULER, WORKER])
def test_the_package_that_the_host_lacked_came_from_the_index(lab: Lab, choices, name):
    """No other index is reachable, see prepare.yml."""
    home = choices["kepler_lens_home"]
    lab.shell(name, f"{home}/venv/bin/python -c 'import toolz'")
    assert "127.0.0.1:9/" in lab.shell(name, "cat /etc/uv/uv.toml")


def test_as_many_processes_compute_as_were_chosen_each_with_its_memory(lab: Lab, choices):
    wanted = choices["fleet_worker_processes"]
    script = ASK.format(
        address=f"{lab.prefix}.20", port=choices["fleet_scheduler_port"], wanted=wanted
    )
    done = lab.host(SCHEDULER).run(
        "cd / && runuser -u kepler -- env DASK_CONFIG=/etc/kepler-lens/dask.yaml "
        f"{choices['kepler_lens_home']}/venv/bin/python -c %s",
        script,
    )
    assert done.rc == 0, done.stderr
    mebibytes = int(choices["fleet_worker_memory"].removesuffix("MiB"))
    assert json.loads(done.stdout.splitlines()[-1]) == [6, [mebibytes * 1024**2] * wanted]


@pytest.mark.parametrize("name", [SCHEDULER, WORKER])
def test_certificates_last_as_long_as_was_chosen(lab: Lab, choices, name):
    command = "openssl x509 -noout -dates -in /etc/kepler-lens/tls/host.pem"
    begin, end = (
        datetime.strptime(line.partition("=")[2], "%b %d %H:%M:%S %Y GMT")
        for line in lab.shell(name, command).splitlines()
    )
    assert end - begin == timedelta(days=choices["fleet_certificate_days"])
