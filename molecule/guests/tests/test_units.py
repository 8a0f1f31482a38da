"""The front's units are hardened; a second run and a dry run change nothing; it can be removed."""

from __future__ import annotations

import re

import pytest
from lab import SERVER, SERVER_PORT, playbook

UNITS = ["warp10-guest.service", "kepler-front.service", "warp10.service"]
OURS = (
    "/etc/warp10-guest",
    "/opt/warp10-guest",
    "/etc/kepler-front",
    "/opt/kepler-front",
    "/etc/systemd/system/warp10-guest.service",
    "/etc/systemd/system/kepler-front.service",
)


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_hardened(front, unit):
    words = front.lab.shell(SERVER, f"systemd-analyze security --no-pager {unit} | tail -1")
    exposure = float(re.search(r"([0-9.]+)\s+(OK|MEDIUM|EXPOSED|UNSAFE|SAFE|PERFECT)", words)[1])
    assert exposure <= 2.0, words


def test_only_the_ports_of_the_inventory_are_open(front):
    lines = front.lab.shell(SERVER, "ss -Hltn").splitlines()
    sockets = [line.split()[3].rsplit(":", 1) for line in lines]
    outside = {
        (a.removeprefix("[::ffff:").rstrip("]"), int(p))
        for a, p in sockets
        if not re.match(r"(127\.|\[::1\]|\[::ffff:127)", a)
    }
    address = f"{front.lab.prefix}.10"
    assert outside - {("0.0.0.0", 22), ("[::", 22)} == {(address, SERVER_PORT), (address, 443)}


def test_the_service_of_the_package_does_not_run(front):
    assert front.lab.host(SERVER).run("systemctl is-active nginx").stdout.strip() == "inactive"


def test_memory_of_guests_is_bounded(front):
    said = front.lab.shell(SERVER, "systemctl show -p MemoryMax --value warp10-guest")
    assert int(said) == 2048 * 1024**2


def test_it_is_removed_seen_beforehand_and_comes_back(front):
    def there() -> set[str]:
        return {path for path in OURS if front.lab.host(SERVER).file(path).exists}

    def open_() -> bool:
        return "dport 443 " in front.lab.shell(SERVER, "nft list table inet helloexoworld")

    assert open_()
    run = playbook("playbooks/front.yml", "-e", "front_state=absent")
    assert run.rc == 0, run.output[-3000:]
    assert there() == set()
    assert not open_()
    assert playbook("playbooks/front.yml", "-e", "front_state=absent").changed[SERVER] == 0
    # The database still runs.
    assert front.lab.execute("1 1 +") == [2]
    dry = playbook("playbooks/front.yml", "--check", "--diff")
    assert dry.rc == 0, dry.output[-3000:]
    assert there() == set()
    run = playbook("playbooks/front.yml")
    assert run.rc == 0, run.output[-3000:]
    assert there() == set(OURS)
    assert open_()
    front.wait_health(30)
