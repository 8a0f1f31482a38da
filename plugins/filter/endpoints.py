"""Hosts, ports, URLs and defaults of the inventory's services, for jobs, units and firewalls alike.

The defaults of a role name its port or folder, and an inventory may set another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

ROLES = Path(__file__).resolve().parents[2] / "roles"


@dataclass(frozen=True)
class Service:
    """Variables that locate the service of a group.

    Attributes
    ----------
    role
        Role with the default of the port.
    scheme
        Scheme of the URL.
    port
        Variable of the port.
    addresses
        Variables of the address; the first that a host has is used.
    lone
        Whether one host of the group runs the service.
    """

    role: str
    scheme: str
    port: str
    addresses: tuple[str, ...]
    lone: bool = False


SERVICES = {
    "warp10": Service(
        "warp10", "http", "warp10_port", ("warp10_listen_address", "private_address")
    ),
    "scheduler": Service("fleet", "tls", "fleet_scheduler_port", ("private_address",), lone=True),
    "workers": Service("fleet", "tls", "fleet_worker_port", ("private_address",)),
}


def url_host(address: str) -> str:
    """Return an address for a URL: an IPv6 address in brackets."""
    return f"[{address}]" if ":" in address and not address.startswith("[") else address


def role_default(name: str, role: str) -> Any:
    """Return the default of a role's variable, also in plays without the role."""
    defaults = (ROLES / role / "defaults/main.yml").read_text(encoding="utf-8")
    return yaml.safe_load(defaults)[name]


def endpoint_host(group: str, groups: Mapping[str, list[str]]) -> str:
    """Return the host of a group's service in the inventory: the group's first."""
    hosts = hosts_of(group, groups)
    if not hosts:
        raise AnsibleFilterError(f"The inventory's group {group} is empty: name a host in it.")
    return hosts[0]


def hosts_of(group: str, groups: Mapping[str, list[str]]) -> list[str]:
    """Return the hosts of a group; refuse more than one where one runs the service."""
    hosts = list(groups.get(group, []))
    if SERVICES[group].lone and len(hosts) > 1:
        raise AnsibleFilterError(
            f"The inventory's group {group} has {len(hosts)} hosts ({', '.join(hosts)}), and one "
            "serves the whole fleet: keep one of them in the group."
        )
    return hosts


def endpoint_port(group: str, hostvars: Mapping[str, Any], groups: Mapping[str, list[str]]) -> int:
    """Return the port of a group's service, from the group's first host or the role's default."""
    service = SERVICES[group]
    for host in hosts_of(group, groups)[:1]:
        if service.port in hostvars[host]:
            return int(hostvars[host][service.port])
    return int(role_default(service.port, service.role))


def endpoint_url(group: str, hostvars: Mapping[str, Any], groups: Mapping[str, list[str]]) -> str:
    """Return the URL of a group's service on the group's first host."""
    address = address_of(group, endpoint_host(group, groups), hostvars)
    port = endpoint_port(group, hostvars, groups)
    return f"{SERVICES[group].scheme}://{url_host(address)}:{port}"


def endpoint_addresses(
    group: str, hostvars: Mapping[str, Any], groups: Mapping[str, list[str]]
) -> list[str]:
    """Return the addresses on which the hosts of a group listen, sorted."""
    return sorted({address_of(group, host, hostvars) for host in hosts_of(group, groups)})


def address_of(group: str, host: str, hostvars: Mapping[str, Any]) -> str:
    """Return the address on which a host's service of a group listens."""
    for name in SERVICES[group].addresses:
        if name in hostvars[host]:
            return str(hostvars[host][name])
    raise AnsibleFilterError(
        f"{host} has no private_address in the inventory: set it to where its services "
        "listen, on the network that the hosts share."
    )


class FilterModule:
    """The filters of this module."""

    def filters(self) -> dict[str, Any]:
        return {
            "url_host": url_host,
            "role_default": role_default,
            "endpoint_host": endpoint_host,
            "endpoint_port": endpoint_port,
            "endpoint_url": endpoint_url,
            "endpoint_addresses": endpoint_addresses,
        }
