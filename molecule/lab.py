"""A lab for tests and benchmarks: its hosts, its server, its import, the playbooks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import testinfra
import yaml
from astropy.io import fits

PROJECT = Path(__file__).resolve().parents[1]
LAB_INVENTORY = str(PROJECT / "inventories/lab")
DATA = Path(os.environ.get("HELLOEXOWORLD_DATA", PROJECT.parent / "shared" / "data"))
SERVER, SCHEDULER, WORKERS = "warp10-server", "dask-scheduler", ("worker1", "worker2")
CLASSES = {"SAP_FLUX": "sap.flux", "PDCSAP_FLUX": "pdcsap.flux"}
EVER = "'2000-01-01T00:00:00Z' '2100-01-01T00:00:00Z'"


def default(role: str, name: str) -> object:
    """Return the default of a role's variable."""
    return yaml.safe_load((PROJECT / f"roles/{role}/defaults/main.yml").read_text())[name]


SERVER_PORT = default("warp10", "warp10_port")
SCHEDULER_PORT = default("fleet", "fleet_scheduler_port")


@dataclass
class Run:
    """Result of a playbook's run."""

    rc: int
    output: str
    seconds: float
    changed: dict[str, int] = field(default_factory=dict)

    @property
    def tasks_changed(self) -> set[str]:
        """Names of the tasks and handlers that changed a host."""
        parts = re.split(
            r"^(?:TASK|RUNNING HANDLER) \[(.+?)\] \*+$", self.output, flags=re.MULTILINE
        )
        return {
            name
            for name, said in zip(parts[1::2], parts[2::2], strict=True)
            if re.search(r"^changed: \[", said, re.MULTILINE)
        }


class Lab:
    """The hosts of a lab, reached through Docker, and its Warp 10 server through HTTP."""

    def __init__(self, port: object = SERVER_PORT) -> None:
        self.name = os.environ["LAB_NAME"]
        self.prefix = os.environ["LAB_PREFIX"]
        self.url = f"http://{self.prefix}.10:{port}"

    def host(self, name: str):
        return testinfra.get_host(f"docker://{self.name}-{name}")

    @property
    def hosts(self) -> dict[str, object]:
        return {name: self.host(name) for name in (SERVER, SCHEDULER, *WORKERS)}

    def shell(self, name: str, command: str) -> str:
        """Run a command on a host and return its output; fail if the command fails."""
        done = self.host(name).run(command)
        assert done.rc == 0, f"{name}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def docker(self, *words: str) -> str:
        return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout

    def execute(self, script: str) -> list:
        answer = requests.post(f"{self.url}/api/v0/exec", data=script.encode(), timeout=120)
        assert answer.ok, answer.headers.get("X-Warp10-Error-Message", answer.text[:500])
        return answer.json()

    def series(self, selector: str) -> list[dict]:
        """Fetch whole series as a guest does, with the token of the public macro."""
        return self.execute(f"[ @HELLOEXOWORLD/GETREADTOKEN {selector} {EVER} ] FETCH")[0]

    def counts(self) -> dict[tuple[str, str, str], int]:
        """Return the server's own count of points by class, star and OBSMODE."""
        rows = self.execute(
            f"[ @HELLOEXOWORLD/GETREADTOKEN '~.*flux.*' {{}} {EVER} ] FETCH "
            "<% DROP [ SWAP DUP NAME SWAP DUP LABELS SWAP SIZE ] %> LMAP"
        )[0]
        return {(name, labels["KEPLERID"], labels["OBSMODE"]): size for name, labels, size in rows}

    def import_playbook(self, *arguments: str) -> Run:
        """Run the import as a user does."""
        return playbook("import.yml", *arguments)

    def publish(self, folder: Path, delay_ms: int = 0) -> str:
        """Publish a folder to the lab as its role does; each answer is delayed by `delay_ms`."""
        fields = "{{.Config.Image}} {{.HostConfig.CpuShares}}"
        image, shares = self.docker("inspect", "-f", fields, f"{self.name}-{SCHEDULER}").split()
        name, address = f"{self.name}-archive", f"{self.prefix}.6"
        self.docker("rm", "-f", name)
        self.docker(
            *("run", "-d", "--init", "--name", name, "--network", self.name, "--ip", address),
            *("--label", f"helloexoworld.lab={self.name}", "-v", f"{folder}:/srv/source:ro"),
            *("--cpu-shares", shares),
            *("-v", f"{PROJECT / 'roles/lab/files/publish.py'}:/publish.py:ro", image),
            *("python3", "/publish.py", address, "80", "/srv/source", str(delay_ms)),
        )
        return f"http://{address}/"

    def clear(self) -> None:
        """Delete every light curve and the whole ledger."""
        for token in ("write", "ledger-write"):
            self.shell(
                SERVER,
                'python3 -c "import urllib.request as u; '
                f"t = open('/etc/warp10/tokens/{token}.token').read().strip(); "
                f"u.urlopen(u.Request('{self.url}/api/v0/delete?deleteall&selector=~.*%7B%7D', "
                f"headers={{'X-Warp10-Token': t}})).read()\"",
            )
        assert self.counts() == {}

    def start_import(self, source: str, *, wait: bool = False, **changes: object) -> None:
        """Start the import's unit on another source, without the playbook."""
        job = json.loads(self.shell(SCHEDULER, "cat /etc/kepler-lens/import.json"))
        text = json.dumps(job | {"source": source} | changes).replace("'", "")
        # Ignore the exit status of the import here; `wait_import` returns it.
        start = "start --wait kepler-import || true" if wait else "start --no-block kepler-import"
        self.shell(
            SCHEDULER,
            f"printf '%s' '{text}' > /etc/kepler-lens/import.json && "
            "rm -f /run/kepler-lens-import.env /var/lib/kepler-lens/import/*.json && "
            "(systemctl reset-failed kepler-import 2>/dev/null || true) && "
            f"systemctl {start}",
        )

    def import_state(self, name: str = "status") -> dict:
        """Return the import's status.json or report.json, empty if it does not exist."""
        done = self.host(SCHEDULER).run(f"cat /var/lib/kepler-lens/import/{name}.json")
        return json.loads(done.stdout) if done.rc == 0 else {}

    def wait_until(self, what: str, true, timeout: float = 120) -> None:
        """Wait until `true` returns true; after `timeout` fail with the import's journal."""
        end = time.monotonic() + timeout
        while not true():
            if time.monotonic() > end:
                log = (
                    self.host(SCHEDULER).run("journalctl -u kepler-import -n 30 --no-pager").stdout
                )
                pytest.fail(f"{what}: not within {timeout} s; {self.import_state()}\n{log}")
            time.sleep(0.3)

    def wait_import(self, timeout: float = 240) -> tuple[int, dict]:
        """Wait for the import's end, and return its exit status and its report."""

        def unit() -> dict[str, str]:
            names = "ActiveState,Job,ExecMainStatus,InvocationID"
            said = self.shell(SCHEDULER, f"systemctl show -p {names} kepler-import").splitlines()
            return dict(line.split("=", 1) for line in said)

        self.wait_until(
            "the end of the import",
            lambda: unit()["ActiveState"] in ("inactive", "failed") and not unit().get("Job"),
            timeout,
        )
        report = self.import_state("report")
        # systemd forgets the exit status of a unit that ended well; the report keeps it.
        status = int(unit()["ExecMainStatus"])
        return status or report.get("exit_status", 0), report

    def journal(self) -> str:
        """Return the journal of the last run of the import's unit."""
        invocation = self.shell(
            SCHEDULER, "systemctl show -p InvocationID --value kepler-import"
        ).strip()
        command = f"journalctl -q -o cat --no-pager _SYSTEMD_INVOCATION_ID={invocation}"
        return self.shell(SCHEDULER, command)


def finite_points(*folders: Path) -> dict[tuple[str, str, str], int]:
    """Count finite points by class, star and OBSMODE in FITS files, with astropy's reader.

    astropy is independent of the package's own reader, which is tested here.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for path in sorted(file for folder in folders for file in folder.rglob("*.fits")):
        with fits.open(path) as units:
            rows, header = units[1].data, units[0].header
            for column, classname in CLASSES.items():
                finite = np.isfinite(rows["TIME"]) & np.isfinite(rows[column])
                if finite.any():
                    key = (classname, str(header["KEPLERID"]), header["OBSMODE"])
                    counts[key] += int(finite.sum())
    return dict(counts)


def playbook(name: str, *arguments: str) -> Run:
    """Run a playbook against the scenario's lab."""
    return ansible("ansible-playbook", name, *arguments)


def module(host: str, name: str, **arguments: Any) -> Run:
    """Run one of the project's modules on a host of the lab."""
    return ansible("ansible", host, "-b", "-m", name, "-a", json.dumps(arguments))


def ansible(program: str, *words: str) -> Run:
    """Run one of Ansible's programs against the scenario's lab."""
    began = time.monotonic()
    done = subprocess.run(
        [program, "-i", os.environ.get("LAB_INVENTORY", LAB_INVENTORY), *words],
        cwd=PROJECT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "PWD": str(PROJECT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    recap = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", done.stdout, re.MULTILINE)
    changed = {host: int(count) for host, count in recap}
    return Run(done.returncode, done.stdout, time.monotonic() - began, changed)
