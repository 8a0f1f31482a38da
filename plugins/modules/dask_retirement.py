#!/usr/bin/python
from __future__ import annotations

DOCUMENTATION = r"""
module: dask_retirement
short_description: Retire the Dask workers of one host
description:
  - The workers finish their tasks and get no new ones. Waits until none of them executes a task.
  - Runs with the Python of an environment that has the package distributed.
options:
  scheduler:
    description: The scheduler's address.
    type: str
    required: true
  host:
    description: The host's address, as the workers have told it to the scheduler.
    type: str
    required: true
  patience:
    description: Seconds to wait for the running tasks.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Retire the worker and wait for its tasks
  dask_retirement:
    scheduler: tls://192.0.2.11:9001
    host: 192.0.2.12
  vars:
    ansible_python_interpreter: /opt/kepler-lens/venv/bin/python
"""

RETURN = r"""
workers:
  description: The addresses of the workers that are retired, or would be.
  returned: success
  type: list
  elements: str
  sample: [tls://192.0.2.12:9000]
"""

import ipaddress
import time
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule

# Seconds until the scheduler answers: chosen.
ANSWER = 30
# Seconds until a worker has reported its tasks to the scheduler.
HEARTBEAT = 2.0


class RetirementError(Exception):
    """Why the workers are not retired."""


def workers(client: Any, host: str) -> dict[str, Any]:
    """Return the workers on a host with what the scheduler knows of them."""
    known = client.scheduler_info(n_workers=-1)["workers"]
    wanted = plain(host)
    return {at: about for at, about in known.items() if plain(urlsplit(at).hostname) == wanted}


def plain(host: str | None) -> str | None:
    """Return the one way in which an address is written: IPv6 knows several."""
    try:
        return str(ipaddress.ip_address(host or ""))
    except ValueError:
        return host


def busy(client: Any, host: str) -> bool:
    """Return whether a worker on a host executes a task."""
    counts = [one["metrics"]["task_counts"] for one in workers(client, host).values()]
    return any(count.get("executing") for count in counts)


def retire(client: Any, host: str, patience: int) -> None:
    """Retire the workers on `host` and wait until none of them executes a task."""
    addresses = list(workers(client, host))
    # Neither closed nor removed: that would end the running tasks.
    retired = client.retire_workers(addresses, close_workers=False, remove=False)
    if len(retired) < len(addresses):
        raise RetirementError(
            "No other worker can take over the results held there: add one first."
        )
    deadline = time.monotonic() + patience
    time.sleep(HEARTBEAT)
    while busy(client, host):
        if time.monotonic() > deadline:
            raise RetirementError(f"A task still runs on {host} after {patience} s: try again.")
        time.sleep(1.0)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "scheduler": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "patience": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    scheduler, host = module.params["scheduler"], module.params["host"]
    try:
        from distributed import Client
    except ImportError as error:
        module.fail_json(
            msg=f"This Python lacks the package {error.name}: install the fleet first."
        )
    try:
        with Client(scheduler, timeout=ANSWER) as client:
            found = sorted(workers(client, host))
            if found and not module.check_mode:
                retire(client, host, module.params["patience"])
    except RetirementError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"The scheduler at {scheduler} does not answer: {error}")
    module.exit_json(changed=bool(found), workers=found)


if __name__ == "__main__":
    main()
