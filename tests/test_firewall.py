"""The firewall opens the port of the current ssh connection, whatever the inventory sets."""

from __future__ import annotations

import json

RULES = "roles/base/templates/helloexoworld.nft.j2"


def test_ssh_is_open_where_it_was_found(render):
    look = {"connection": "", "ports": [2222, 2200]}
    settings = {"base_ssh_look": look, "base_admin_networks": ["192.0.2.0/24"]}
    rules = render("worker1.example.org", ["base"], {"rules": RULES}, **settings)["rules"]
    assert "tcp dport { 22, 2200, 2222 } ip saddr { 192.0.2.0/24 } accept" in rules


def test_ssh_is_open_where_nothing_was_found(render):
    """A connection by Docker has no ssh."""
    rules = render("worker1.example.org", ["base"], {"rules": RULES})["rules"]
    assert "tcp dport { 22 } ip saddr { 0.0.0.0/0 } accept" in rules


def test_the_port_of_what_was_removed_is_closed(render):
    for state, open_ in (("present", True), ("absent", False)):
        settings = {"warp10_port": "9091", "warp10_state": state}
        rules = render("warp10.example.org", ["base"], {"rules": RULES}, **settings)["rules"]
        assert ("tcp dport { 9091 } ip saddr" in rules) == open_


def test_the_users_of_a_host_have_one_order(render):
    """Without it, every other run would write and try new rules."""
    users = [{"name": name, "group": "warp10", "home": "/"} for name in "hcafdbeg"]
    sources = {"users": "{{ base_warp10_users }}"}
    said = render("warp10.example.org", ["base"], sources, base_service_users=users)["users"]
    assert json.loads(said) == ["root", *"abcdefgh"]


def test_the_ports_of_workers_are_those_that_their_unit_names(render):
    unit = "roles/fleet/templates/kepler-worker.service.j2"
    said = render(
        *("worker1.example.org", ["base", "fleet"], {"rules": RULES, "unit": unit}),
        fleet_worker_port="9000",
    )
    assert "tcp dport { 9000-9199 } ip saddr" in said["rules"]
    assert "--worker-port 9000:9099 --nanny-port 9100:9199 " in said["unit"]
    assert "--dashboard-address 127.0.0.1:9200 " in said["unit"]


def test_ports_of_ones_own_are_opened_instead(render):
    own = [{"group": "workers", "ports": "9100", "sources": ["192.0.2.0/24", "2001:db8::/32"]}]
    own += [{"group": "scheduler", "ports": "9101", "sources": ["192.0.2.0/24"]}]
    rules = render("worker1.example.org", ["base"], {"rules": RULES}, base_firewall_ports=own)
    lines = [line.strip() for line in rules["rules"].splitlines() if "dport {" in line]
    assert lines == [
        "tcp dport { 9100 } ip saddr { 192.0.2.0/24 } accept",
        "tcp dport { 9100 } ip6 saddr { 2001:db8::/32 } accept",
    ]
