"""Retire the Dask workers of one host: they finish their tasks and get no new ones.

Arguments: the scheduler's address, the host's address. Prints the number of retired workers.
"""

import sys
import time
from urllib.parse import urlsplit

from distributed import Client

PATIENCE = 600.0  # seconds for the running tasks
HEARTBEAT = 2.0  # seconds until a worker has reported its tasks to the scheduler


def retire(scheduler: str, host: str) -> int:
    """Retire the workers on `host` and wait until none of them executes a task."""
    with Client(scheduler, timeout=30) as client:

        def on_host() -> dict:
            workers = client.scheduler_info(n_workers=-1)["workers"]
            return {at: info for at, info in workers.items() if urlsplit(at).hostname == host}

        addresses = list(on_host())
        if not addresses:
            return 0
        # Neither closed nor removed: that would end the running tasks.
        retired = client.retire_workers(addresses, close_workers=False, remove=False)
        if len(retired) < len(addresses):
            raise SystemExit("No other worker can take over the results held there: add one first.")
        deadline = time.monotonic() + PATIENCE
        time.sleep(HEARTBEAT)
        while any(info["metrics"]["task_counts"].get("executing") for info in on_host().values()):
            if time.monotonic() > deadline:
                raise SystemExit(f"A task still runs on {host} after {PATIENCE:.0f} s: try again.")
            time.sleep(1.0)
        return len(addresses)


if __name__ == "__main__":
    print(retire(*sys.argv[1:]))
