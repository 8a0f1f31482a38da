"""Ports, packages, time, users, and the hosts that the firewall lets in."""

from __future__ import annotations

import pytest
from lab import SCHEDULER, SERVER, WORKERS, Lab, default

WORKER = WORKERS[0]
FRONT = "front1"
SSH = 22
CONNECT = "import socket as s; s.create_connection(('{0}', {1}), 3).close()"


def listening(lab: Lab, name: str) -> set[tuple[str, int]]:
    """Return addresses and ports on which a host's services listen, without Docker's resolver."""
    rows = lab.shell(name, "cat /proc/net/tcp").splitlines()[1:]
    found = set()
    for words in (row.split() for row in rows):
        if words[3] == "0A":
            address, port = words[1].split(":")
            numbers = ".".join(str(b) for b in reversed(bytes.fromhex(address)))
            found.add((numbers, int(port, 16)))
    return {(address, port) for address, port in found if address != "127.0.0.11"}


def reaches(lab: Lab, name: str, address: str, port: int) -> bool:
    return lab.host(name).run("python3 -c %s", CONNECT.format(address, port)).rc == 0


def test_the_server_listens_on_its_other_port_alone(lab, choices):
    own = f"{lab.prefix}.10"
    found = {(a, p) for a, p in listening(lab, SERVER) if a != "127.0.0.1" and p != SSH}
    assert found == {(own, choices["warp10_port"])}
    assert reaches(lab, WORKER, own, choices["warp10_port"])
    assert not reaches(lab, SERVER, own, default("warp10", "warp10_port"))


def test_the_scheduler_listens_on_its_other_ports_alone(lab, choices):
    found = {(a, p) for a, p in listening(lab, SCHEDULER) if p != SSH}
    ports = choices["fleet_scheduler_port"], choices["fleet_dashboard_port"]
    assert found == {(f"{lab.prefix}.20", ports[0]), ("127.0.0.1", ports[1])}
    assert reaches(lab, WORKER, f"{lab.prefix}.20", ports[0])


def test_the_workers_listen_on_their_other_ports_alone(lab, choices):
    first, own = choices["fleet_worker_port"], f"{lab.prefix}.31"
    found = listening(lab, WORKER)
    ports = {port for address, port in found if address == own}
    # Each process may use any port of a range of one hundred.
    assert len({port for port in ports if port in range(first, first + 100)}) == 2
    assert len({port for port in ports if port in range(first + 100, first + 200)}) == 2
    assert len(ports) == 4
    assert ("127.0.0.1", first + 200) in found
    for port in ports:
        assert reaches(lab, SCHEDULER, own, port)


def test_the_firewall_lets_in_the_clients_that_were_named(lab, choices, source):
    """The container that publishes the sky is a client of the server, not of the fleet."""
    for address, port, open_to_it in (
        (f"{lab.prefix}.10", choices["warp10_port"], True),
        (f"{lab.prefix}.20", choices["fleet_scheduler_port"], False),
        (f"{lab.prefix}.31", choices["fleet_worker_port"], False),
        (f"{lab.prefix}.10", SSH, False),
    ):
        assert reaches(lab, "archive", address, port) == open_to_it, (address, port)


@pytest.mark.parametrize("name", [SERVER, SCHEDULER, WORKER, FRONT])
def test_ssh_is_open_to_the_network_that_was_chosen(lab, choices, name):
    rules = lab.shell(name, "nft list table inet helloexoworld")
    wanted = f"tcp dport {{ {SSH}, {choices['base_ssh_port']} }} ip saddr {lab.prefix}.1 accept"
    assert wanted in rules, rules
    assert rules.split("chain output")[0].count("tcp dport") == 2


@pytest.mark.parametrize("name", [SERVER, SCHEDULER, WORKER])
def test_packages_time_servers_and_users_are_those_that_were_chosen(lab, choices, name):
    host = lab.host(name)
    for package in choices["base_packages"]:
        assert host.package(package).is_installed, package
    time = lab.shell(name, "systemd-analyze cat-config systemd/timesyncd.conf").splitlines()
    servers = [line for line in time if line.startswith("NTP=")]
    assert servers == ["NTP=" + " ".join(choices["base_ntp_servers"])]
    user = host.user("stargazer")
    assert user.exists == (name == WORKER)
    if user.exists:
        assert (user.home, user.shell) == ("/srv/stargazer", "/usr/sbin/nologin")


def test_a_container_has_the_memory_that_the_lab_was_given(lab):
    assert lab.docker(
        "inspect", "-f", "{{.HostConfig.Memory}}", f"{lab.name}-{SERVER}"
    ).strip() == str(3 * 1024**3)
