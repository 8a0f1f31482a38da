"""Measure how long guests of the front wait, without a browser; see `benchmarks/explorer.py`."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import python_api
import requests
from lab import SCHEDULER, Lab

GUESTS, ADDRESSES = 200, 50
"""Guests, and their addresses: four guests share one, whose four scripts the front runs at once."""
FIRST_ADDRESS = 101
"""Last number of the first address in the lab's network: no host of a lab has a higher one."""
AGAIN = 3.0
"""Seconds until a script that a limit refused is sent again, as in explorer/src/wait.ts."""
PATIENCE = 180.0
"""Seconds that a guest waits for an answer (chosen)."""
PAIRS = 15
MUST = {"ratio": 1.5, "more": 0.05, "python": 1.0, "answers": 2.0, "part": 0.95}
"""Promised limits: ratio and seconds more, seconds, seconds, and the part of the answers."""

READ = "@HELLOEXOWORLD/GETREADTOKEN"
CURVE = "'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE 1.5 d @HELLOEXOWORLD/DETREND"
Say = Callable[[str, bool, str], bool]


def scripts(star: int) -> dict[str, str]:
    """Return the scripts of guests, by name: those of the page and of the documents."""
    one = f"{{ 'KEPLERID' '{star}' 'OBSMODE' 'long cadence' }}"
    return {
        "find": f"[ {READ} '~(pdcsap|sap)%5C.flux' {{}} ] FIND",
        "fetch": f"[ {READ} 'pdcsap.flux' {one} MAXLONG MAXLONG ] FETCH",
        "CANDIDATES": f"{{ 'KEPLERID' '{star}' }} @HELLOEXOWORLD/CANDIDATES",
        "FOLD": f"{star} {CURVE} 10.3039 131.5 @HELLOEXOWORLD/FOLD",
        "bad script": "1 'a' STORE\n$a $b +",
    }


def fetched(lab: Lab, front: str, authority: str, star: int, say: Say) -> bool:
    """Fetch a star alternately by the front and from the data server, and compare the times."""
    ways = {f"{lab.url}/": [], front: []}
    sessions = {url: requests.Session() for url in ways}
    for _ in range(1 + PAIRS):
        answers = []
        for url, seconds in ways.items():
            began = time.perf_counter()
            answer = sessions[url].post(
                f"{url}api/v0/exec",
                scripts(star)["fetch"].encode(),
                # Without compression, which only the front would do.
                headers={"Accept-Encoding": "identity"},
                verify=authority,
                timeout=60,
            )
            answer.raise_for_status()
            seconds.append(time.perf_counter() - began)
            answers.append(answer.content)
        assert len(answers[0]) == len(answers[1]) > 1_000_000
    direct, through = (np.array(seconds[1:]) for seconds in ways.values())
    usual, here = float(np.median(direct)), float(np.median(through))
    most = MUST["ratio"] * usual + MUST["more"]
    return say(
        "FETCH of one star by the front, against the data server",
        here <= most,
        f"{1000 * here:.0f} ms against {1000 * usual:.0f} ms, medians of {PAIRS} pairs; "
        f"{np.median(through / direct):.2f} times and {1000 * np.median(through - direct):+.0f} ms "
        f"within a pair (at most {MUST['ratio']} times and {1000 * MUST['more']:.0f} ms)",
    )


def python(lab: Lab, front: str, authority: str, star: int, say: Say) -> list[bool]:
    """Measure the light curve in Python, alternately by the front and from the data server."""
    name = "light_curve().to_lightkurve()"
    work = {
        "by the front": python_api.ways(front, str(star), authority)[name],
        "from the data server": python_api.ways(lab.url, str(star))[name],
    }
    best = python_api.best(work)
    return [
        say(
            f"{name} {way}",
            seconds <= MUST["python"],
            f"{seconds:.2f} s, best of {python_api.ROUNDS} (at most {MUST['python']} s)",
        )
        for way, seconds in best.items()
    ]


def guests(lab: Lab, authority: str, star: int, say: Say) -> list[bool]:
    """Send the scripts of all guests at once, from addresses of the lab's network."""
    job = {
        "host": f"{lab.prefix}.10",
        "authority": Path(authority).read_text(),
        "addresses": [f"{lab.prefix}.{FIRST_ADDRESS + n}" for n in range(ADDRESSES)],
        "guests": GUESTS,
        "scripts": scripts(star),
        "again": AGAIN,
        "patience": PATIENCE,
    }
    image = lab.docker("inspect", "-f", "{{.Config.Image}}", f"{lab.name}-{SCHEDULER}").strip()
    last = FIRST_ADDRESS + ADDRESSES - 1
    # Real guests do not use the server's cores, so these have a low priority. With an even lower
    # one they would send too late, and the front would disconnect them as slow guests.
    command = (
        f"for n in $(seq {FIRST_ADDRESS} {last}); do ip address add {lab.prefix}.$n/24 dev eth0; "
        'done; exec nice -n 5 python3 - "$0"'
    )
    done = subprocess.run(
        [
            *("docker", "run", "-i", "--rm", "--init", "--name", f"{lab.name}-guests"),
            *("--network", lab.name, "--ip", f"{lab.prefix}.7", "--cap-add", "NET_ADMIN"),
            *("--label", f"helloexoworld.lab={lab.name}"),
            *(image, "sh", "-ec", command, json.dumps(job)),
        ],
        input=Path(__file__).with_name("guests.py").read_text(),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    times = {name: seconds for name, seconds in found["answered"].items() if seconds}
    every = sorted(second for seconds in times.values() for second in seconds)
    count, failed = GUESTS * len(job["scripts"]), sum(found["failed"].values())
    for name, seconds in times.items():
        print(
            f"  {name}: {len(seconds)} answered, median {statistics.median(seconds):.2f} s, "
            f"95 % within {np.quantile(seconds, MUST['part']):.2f} s"
        )
    for words, times_said in (found["limited"] | found["failed"]).items():
        print(f"  {times_said} times: {words}")
    within = float(np.quantile(every, MUST["part"])) if every else float("inf")
    limited = sum(found["limited"].values())
    what = f"{GUESTS} guests at once, {count} questions"
    return [
        say(
            f"{what}, failed other than by a limit that says so",
            failed == 0 and len(every) == count,
            f"{failed}; {len(every)} answered in {found['seconds']:.0f} s, {limited} times "
            f"told to come again (0 may fail)",
        ),
        say(
            f"{what}, answers",
            within <= MUST["answers"],
            f"95 % within {within:.2f} s of the question that was answered, "
            f"{np.quantile(found['waited'] or [np.inf], MUST['part']):.1f} s of the first try "
            f"(95 % within {MUST['answers']} s)",
        ),
    ]
