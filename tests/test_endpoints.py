"""One file names each port, and URLs work with addresses of IPv4 and IPv6."""

from __future__ import annotations

import json
import re
import runpy

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from plays import PROJECT

SERVER, SCHEDULER, WORKER = (f"{name}.example.org" for name in ("warp10", "scheduler", "worker1"))
FIREWALL = "roles/base/templates/helloexoworld.nft.j2"
UNITS = {
    "scheduler": "roles/fleet/templates/kepler-scheduler.service.j2",
    "worker": "roles/fleet/templates/kepler-worker.service.j2",
}
JOBS = ["import", "transits", "scores", "dataset"]
OTHERS = {"warp10_port": 9091, "fleet_scheduler_port": 9092}


def test_the_firewall_opens_the_ports_that_the_inventory_names(render):
    for host, port in ((SERVER, 9091), (SCHEDULER, 9092)):
        rules = render(host, ["base"], {"rules": FIREWALL}, **OTHERS)["rules"]
        assert f"tcp dport {{ {port} }} ip saddr" in rules
        assert not re.search("8080|8786", rules)


def test_each_server_is_asked_by_itself_whether_it_refuses_a_token(render):
    (task,) = [
        task
        for task in yaml.safe_load((PROJECT / "playbooks/revoke.yml").read_text())[0]["tasks"]
        if "warp10_revocations" in task
    ]
    asked = {"url": task["warp10_revocations"]["url"]}
    others = {"private_address": "{{ '192.0.2.' ~ (10 + inventory_hostname | length) }}"}
    for host in (SERVER, WORKER):
        said = render(host, ["warp10"], asked, **others)["url"]
        assert said == f"http://192.0.2.{10 + len(host)}:8080"


def test_the_firewall_needs_no_names_of_protocols(render):
    """Without the package netbase, Debian 12 knows no names and refuses the rules."""
    rules = render(SERVER, ["base"], {"rules": FIREWALL})["rules"]
    (names,) = re.findall(r"^ *meta l4proto {(.*)}", rules, re.MULTILINE)
    assert re.fullmatch(r"[\d, ]+", names)


def test_the_fleet_goes_to_the_ports_that_the_inventory_names(render):
    names = [f"{job}_{end}" for job in JOBS for end in ("server", "scheduler")]
    urls = {name: "{{ " + name + " }}" for name in names}
    said = render(SCHEDULER, ["fleet", *JOBS], UNITS | urls, **OTHERS)
    assert "--port 9092 " in said["scheduler"]
    assert '":2384 0*:0000 0A"' in said["scheduler"]
    assert "tls://192.0.2.20:9092 " in said["worker"]
    for job in JOBS:
        assert said[f"{job}_server"] == "http://192.0.2.10:9091"
        assert said[f"{job}_scheduler"] == "tls://192.0.2.20:9092"


def test_the_server_is_asked_where_it_listens(render):
    wanted = {"import": "{{ import_server }}", "macros": "{{ macros_warp10_url }}"}
    said = render(SERVER, ["import", "macros"], wanted, warp10_listen_address="192.0.2.11")
    assert set(said.values()) == {"http://192.0.2.11:8080"}


def test_addresses_of_ipv6_are_in_brackets_in_urls(render):
    numbers = {SERVER: 10, SCHEDULER: 20, WORKER: 31, "worker2.example.org": 32}
    of_hosts = {host: f"2001:db8::{number}" for host, number in numbers.items()}
    settings = {"private_address": "{{ " + json.dumps(of_hosts) + "[inventory_hostname] }}"}
    wanted = UNITS | {"server": "{{ import_server }}"}
    said = render(SCHEDULER, ["fleet", "import"], wanted, **settings)
    assert said["server"] == "http://[2001:db8::10]:8080"
    assert "--host [2001:db8::20] --port 8786" in said["scheduler"]
    assert "dask worker tls://[2001:db8::20]:8786 " in said["worker"]
    source = "roles/warp10/templates/common.conf.j2"
    settings |= {"warp10_version": "1"}
    said = render(SERVER, ["warp10", "base"], {"conf": source, "rules": FIREWALL}, **settings)
    assert "update.endpoint = http://[2001:db8::10]:8080/api" in said["conf"]
    assert "tcp dport { 8080 } ip6 saddr { 2001:db8::20, 2001:db8::31" in said["rules"]


def test_a_port_stands_in_one_file():
    """Only the defaults of the role and their description name the port."""
    homes = {"8080": ("warp10", "lab"), "8786": ("fleet",), "2252": (), "1F90": ()}
    folders = ("roles", "playbooks", "plugins", "molecule")
    for path in (path for folder in folders for path in (PROJECT / folder).rglob("*")):
        if path.is_dir() or path.suffix in (".md", ".pyc"):
            continue
        text = path.read_text(errors="replace")
        for port, roles in homes.items():
            own = [PROJECT / f"roles/{role}" for role in roles]
            home = path.name in ("main.yml", "argument_specs.yml") and path.parents[1] in own
            assert home or not re.search(rf"\b{port}\b", text), f"{path} names {port}"


def test_one_filter_finds_the_server_s_host():
    """An inventory has one server; which host that is, roles and plays ask `endpoint_host`."""
    asking = re.compile(r"groups(\.warp10|\[['\"]warp10['\"]\])\s*(\[0\]|\|\s*first)")
    assert asking.search("{{ groups['warp10'] | first }}")
    for folder in ("roles", "playbooks", "molecule", "inventories"):
        files = [path for path in (PROJECT / folder).rglob("*") if path.suffix in (".yml", ".j2")]
        assert files
        assert [str(path) for path in files if asking.search(path.read_text())] == []


def test_an_empty_group_is_named():
    filters = runpy.run_path(str(PROJECT / "plugins/filter/endpoints.py"))
    find = filters["FilterModule"]().filters()["endpoint_host"]
    assert find("warp10", {"warp10": ["one", "two"]}) == "one"
    for groups in ({}, {"warp10": []}):
        with pytest.raises(AnsibleFilterError, match="group warp10 is empty: name a host in it"):
            find("warp10", groups)


def test_one_host_of_the_scheduler_serves_the_fleet():
    filters = runpy.run_path(str(PROJECT / "plugins/filter/endpoints.py"))
    known = filters["FilterModule"]().filters()
    two = {"scheduler": ["one", "two"]}
    for name, given in (("endpoint_host", [two]), ("endpoint_port", [{}, two])):
        with pytest.raises(AnsibleFilterError, match=r"scheduler has 2 hosts \(one, two\)"):
            known[name]("scheduler", *given)


def test_a_host_s_own_users_reach_the_server_where_it_listens(render):
    """The rules of the front's host name the address on which the server listens."""
    settings = {"warp10_listen_address": "192.0.2.11", "front": True}
    wanted = {"servers": "{{ base_warp10_servers }}"}
    said = render(SERVER, ["base"], wanted, **settings)
    assert json.loads(said["servers"]) == ["192.0.2.11"]


def test_roles_ask_the_server_s_host(render):
    wanted = {"host": "{{ fleet_warp10 }}", "folder": "{{ import_server_data_dir }}"}
    said = render(SCHEDULER, ["fleet", "import"], wanted)
    assert said["host"] == SERVER
    assert said["folder"].startswith("/")
