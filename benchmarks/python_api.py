"""Compare the time of `connect(URL).light_curve(STAR)` with other ways to read the same points.

    python benchmarks/python_api.py http://127.0.0.1:8080 [STAR]

One run measures all ways in turn, several times. It prints the shortest time of each way, and its
ratio to FETCH alone, which every way needs.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import requests
from kepler_lens import connect

ROUNDS = 9
FETCH = (
    "[ @HELLOEXOWORLD/GETREADTOKEN '~(sap|pdcsap).flux' "
    "{{ 'KEPLERID' '{star}' 'OBSMODE' 'long cadence' }} MAXLONG MAXLONG ] FETCH "
)
WAYS = {
    "FETCH alone": ("<% DROP SIZE %> LMAP", json.loads),
    "points as JSON": ("", json.loads),
    "ticks and values as JSON": ("<% DROP 's' STORE [ $s TICKLIST $s VALUES ] %> LMAP", json.loads),
    "ticks and values as text": (
        "<% DROP 's' STORE [ $s TICKLIST ' ' JOIN $s VALUES ' ' JOIN ] %> LMAP",
        lambda text: [
            (np.fromstring(ticks, np.int64, sep=" "), np.fromstring(values, sep=" "))
            for ticks, values in json.loads(text)[0]
        ],
    ),
}


def ways(url: str, star: str, verify: bool | str = True) -> dict[str, Callable[[], object]]:
    """Return each way to read the points of a star from a server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lightkurve  # noqa: F401 - its import is not what is measured
    session, server = requests.Session(), connect(url, verify=verify)

    def post(script: str, read: Callable[[str], object], encoding: str) -> None:
        answer = session.post(
            f"{url.rstrip('/')}/api/v0/exec",
            data=FETCH.format(star=star) + script,
            headers={"Accept-Encoding": encoding},
            verify=verify,
        )
        answer.raise_for_status()
        read(answer.text)

    work: dict[str, Callable[[], object]] = {
        f"{way}{packed}": lambda s=script, r=read, e=encoding: post(s, r, e)  # type: ignore[misc]
        for way, (script, read) in WAYS.items()
        for packed, encoding in ((", gzip", "gzip"), ("", "identity"))
    }
    work["light_curve()"] = lambda: server.light_curve(star)
    work["light_curve().to_lightkurve()"] = lambda: server.light_curve(star).to_lightkurve()
    return work


def best(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Run all ways in turn, several times; return the shortest time of each, seconds."""
    found = dict.fromkeys(work, float("inf"))
    for _ in range(ROUNDS):
        for name, run in work.items():
            began = time.perf_counter()
            run()
            found[name] = min(found[name], time.perf_counter() - began)
    return found


def main(url: str, star: str = "6541920") -> None:
    """Print a table."""
    found = best(ways(url, star))
    for name, seconds in found.items():
        print(f"{name:32} {seconds:6.2f} s  {seconds / found['FETCH alone']:5.1f} times FETCH")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
