"""Send scripts of many guests at once, from several addresses; needs only the standard library.

Runs in a container of the lab's network that has the addresses, see `benchmarks/front.py`.
Argument: a JSON object with `host`, `authority` (PEM), `addresses`, `guests`, `scripts` (by name),
`again` and `patience` (seconds). Prints a JSON object: seconds of the answers by the name of the
script, counts of refusals by a limit, and counts of other failures, with their texts.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import threading
import time
from collections import Counter

job = json.loads(sys.argv[1])
context = ssl.create_default_context(cadata=job["authority"])
begin = threading.Barrier(job["guests"])
lock = threading.Lock()
answered: dict[str, list[float]] = {name: [] for name in job["scripts"]}
waited: list[float] = []
limited: Counter[str] = Counter()
failed: Counter[str] = Counter()


def ask(address: str, script: str) -> tuple[int, bool, bytes]:
    """Send a script from an address; return status, whether the script was at fault, and answer."""
    connection = http.client.HTTPSConnection(
        job["host"], context=context, source_address=(address, 0), timeout=job["patience"]
    )
    try:
        connection.request("POST", "/api/v0/exec", script.encode(), {"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        return answer.status, "X-Warp10-Error-Message" in answer.headers, answer.read()
    finally:
        connection.close()


def visit(number: int) -> None:
    """Send every script as one guest; guests begin with different ones. Repeat a limited script."""
    names = list(job["scripts"])
    address = job["addresses"][number % len(job["addresses"])]
    begin.wait()
    for turn in range(len(names)):
        name = names[(number + turn) % len(names)]
        wanted = time.monotonic()
        while True:
            sent = time.monotonic()
            try:
                status, own_fault, body = ask(address, job["scripts"][name])
            except (OSError, http.client.HTTPException) as error:
                with lock:
                    # The front disconnects a guest who sends for ten seconds; this machine may be
                    # the reason.
                    late = "after ten seconds" if time.monotonic() - sent > 10 else "sooner"
                    failed[f"{name}: {error!r}, {late}"] += 1
                break
            now = time.monotonic()
            # As the page does, send a script again that has not run.
            if status in (429, 503) and now - wanted < job["patience"]:
                with lock:
                    limited[json.loads(body)["error"]] += 1
                time.sleep(job["again"])
                continue
            with lock:
                if status == 200 or (status == 500 and own_fault):
                    answered[name].append(now - sent)
                    waited.append(now - wanted)
                else:
                    failed[f"{name}: {status} {body[:150].decode(errors='replace').strip()}"] += 1
            break


began = time.monotonic()
threads = [threading.Thread(target=visit, args=(number,)) for number in range(job["guests"])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
found = {"answered": answered, "waited": waited, "limited": limited, "failed": failed}
print(json.dumps(found | {"seconds": time.monotonic() - began}))
