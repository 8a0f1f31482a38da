#!/usr/bin/python3
"""Wait until Warp 10 answers `1 1 +` with [2].

Arguments: URL of exec, seconds to wait, log file. MAINPID is in the environment.
"""

import os
import sys
import time
import urllib.request
from collections import deque
from pathlib import Path

url, seconds, log = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
process = Path("/proc", os.environ["MAINPID"])
# Without the proxies of the environment: the server is this host.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
until = time.monotonic() + seconds
# Lines that are in the log already belong to an earlier start.
begin = log.stat().st_size if log.exists() else 0
answer = "no answer"
while time.monotonic() < until:
    try:
        with opener.open(urllib.request.Request(url, b"1 1 +"), timeout=10) as reply:
            answer = reply.read(1000).decode(errors="replace").strip()
        if answer == "[2]":
            sys.exit()
    except OSError as error:
        answer = str(error)
    if not process.exists():
        answer = "its process has ended"
        break
    time.sleep(0.25)

print(f"Warp 10 is not ready at {url}: {answer}. What it wrote to {log}:", file=sys.stderr)
if log.exists():
    with log.open("rb") as file:
        file.seek(begin)
        for line in deque(file, 15):
            print(line.decode(errors="replace").rstrip(), file=sys.stderr)
sys.exit(1)
