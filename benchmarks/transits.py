"""Measure the search on the fleet: two workers against one, and the part of the server's FETCH.

In each round both workers of the benchmark's own lab search copies of one star under other numbers,
then one worker does. Prints one line for each promise; the exit status is 1 if a promise is not
kept. The gain of two processes without a fleet is measured too, because no fleet on the same cores
gains more.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from kepler_lens.lightcurve import read_light_curve
from kepler_lens.transit_search.preparation.observations import observations_of
from kepler_lens.transit_search.report.page import pages
from kepler_lens.transit_search.search import search_and_vet
from kepler_lens.transit_search.store.light_curve import fetch_curve
from kepler_lens.warp10.client import Token, Warp10
from lab import DATA, PROJECT, SCHEDULER, SERVER, WORKERS, Lab, playbook

COPIES, ROUNDS = 6, 2
FIRST = 900_000_201
STATE = "/var/lib/kepler-lens/transits"
LEAST_GAIN, MOST_FETCH = 1.8, 0.1


def copies(lab: Lab) -> list[int]:
    """Write copies of a star under other numbers, and return the numbers."""
    token = Token(lab.shell(SERVER, "cat /etc/warp10/tokens/write.token").strip())
    warp10 = Warp10(lab.url)
    curve = fetch_curve(warp10, warp10.public_token(), 6541920, "PDCSAP_FLUX")
    points = list(zip(curve.time_us.tolist(), curve.value.tolist(), strict=True))
    stars = list(range(FIRST, FIRST + COPIES))
    for star in stars:
        name = f"pdcsap.flux{{KEPLERID={star},OBJECT=copy,MISSION=Kepler,OBSMODE=long%20cadence}}"
        warp10.update("".join(f"{t}// {name} {v!r}\n" for t, v in points).encode(), token)
    return stars


def plain(path: str) -> int:
    """Search a star from its files and draw its pages, as a worker does; return their number."""
    curves = [read_light_curve(f, ("PDCSAP_FLUX",)) for f in sorted(Path(path).glob("*.fits"))]
    return len(pages(search_and_vet(observations_of(curves))))


def gain_of_processes() -> float:
    """Return the speed of two processes over that of one, after a first round; two stars each."""
    path = str(DATA / "kepler/006541920")
    with ProcessPoolExecutor(1) as first, ProcessPoolExecutor(1) as second:
        seconds = []
        for pools in ([first, second], [first], [first, second]):
            began = time.monotonic()
            searches = [pool.submit(plain, path) for pool in pools for _ in range(2)]
            assert all(search.result() for search in searches)
            seconds.append(time.monotonic() - began)
    _, one, two = seconds
    return 2 * one / two


def search(lab: Lab, stars: list[int]) -> dict:
    """Search stars again, and return the report."""
    job = json.loads(lab.shell(SCHEDULER, "cat /etc/kepler-lens/transits.json"))
    text = json.dumps(job | {"stars": stars, "force": True})
    lab.shell(
        SCHEDULER,
        f"printf '%s' '{text}' > /etc/kepler-lens/transits.json && "
        "systemctl start --wait kepler-transits",
    )
    report = json.loads(lab.shell(SCHEDULER, f"cat {STATE}/report.json"))
    assert report["searched"] == len(stars), report
    return report


def main() -> int:
    """Provision a lab, measure, print, and remove the lab; return the exit status."""
    print(f"two processes without a fleet against one: {gain_of_processes():.2f} times", flush=True)
    lab = Lab()
    source = ["-e", f"import_source={DATA / 'kepler'}", "-e", "import_stars=6541920"]
    # The scheduled job is off: it would use the server's cores during the search.
    quiet = ["-e", "macros_watch=false"]
    # The play searches a star that does not exist; the measured searches come afterwards.
    nothing = ["-e", "transits_stars=1", "-e", f"transits_folder={PROJECT / '.lab' / lab.name}"]
    try:
        for name, words in (("import.yml", source), ("playbooks/transits.yml", nothing)):
            run = playbook(name, *words, "-e", "lab_distribution_wanted=wheel", *quiet)
            assert run.rc == 0, run.output[-3000:]
        stars = copies(lab)
        one, two = [], []
        for _ in range(ROUNDS):
            search(lab, stars[:4])  # afterwards both workers are there and have compiled
            two.append(search(lab, stars))
            lab.shell(WORKERS[1], "systemctl stop kepler-worker")
            one.append(search(lab, stars))
            lab.shell(WORKERS[1], "systemctl start kepler-worker")
    finally:
        playbook("playbooks/lab_down.yml", "-e", "lab_image_keep=true")
    return 0 if all(figures(one, two)) else 1


def figures(one: list[dict], two: list[dict]) -> tuple[bool, bool]:
    """Print the measurements; return whether each promise was kept."""
    rates = [[report["stars_per_minute"] for report in reports] for reports in (one, two)]
    gain = sum(rates[1]) / sum(rates[0])
    stages = {
        name: sum(report["seconds"][name] for report in two) / COPIES / ROUNDS
        for name in two[0]["seconds"]
    }
    part = stages["fetch"] / sum(stages.values())
    kept = gain >= LEAST_GAIN, part <= MOST_FETCH
    print(
        f"two workers against one: {gain:.2f} times ({rates[1]} and {rates[0]} stars a minute; "
        f"at least {LEAST_GAIN}: {verdict(kept[0])})"
    )
    print(
        f"FETCH: {part:.1%} of a star's seconds (at most {MOST_FETCH:.0%}: {verdict(kept[1])}): "
        + ", ".join(f"{name} {seconds:.2f}" for name, seconds in stages.items())
    )
    return kept


def verdict(kept: bool) -> str:
    return "kept" if kept else "NOT KEPT"


if __name__ == "__main__":
    sys.exit(main())
