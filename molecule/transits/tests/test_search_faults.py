"""A search is killed or stopped, or a star cannot be searched: guests see results of one run."""

from __future__ import annotations

import numpy as np
import pytest
from lab import SCHEDULER, WORKERS
from searches import (
    CADENCE,
    assert_whole,
    candidates,
    finish,
    newest,
    planet,
    put_star,
    remove_stars,
    search,
    start,
    state,
    wait_until,
)

GOOD, THREE, FLAT, GAP, NOTHING, LONG, ABSENT = range(900_000_101, 900_000_108)
# A search whose process is killed before it writes its last point.
DIES = """
import os, signal
from pathlib import Path
from kepler_lens.transit_search.search import search_and_vet
from kepler_lens.transit_search.store.write import push
from kepler_lens.transit_search.store.light_curve import curve_from_server
from kepler_lens.warp10.star_points import SEARCH
from kepler_lens.warp10.client import Token, Warp10

class Dies(Warp10):
    def update(self, body, token):
        if SEARCH.encode() in body:
            os.kill(os.getpid(), signal.SIGKILL)
        super().update(body, token)

folder = Path("/etc/kepler-lens/tokens")
curve = curve_from_server(STAR, "URL", folder / "read.token", "PDCSAP_FLUX")
push(Dies("URL"), Token.from_file(folder / "results-write.token"),
     search_and_vet(curve.observations()), "dead", curve.fingerprint)
"""


@pytest.fixture(scope="module", autouse=True)
def stars(lab):
    """Made-up stars; they and the results of their searches are deleted afterwards."""
    when, flux = planet()
    put_star(lab, GOOD, when, flux)
    put_star(lab, THREE, when[:3], flux[:3])
    put_star(lab, FLAT, when, np.full(len(when), 1234.5))
    late = when + 85 * 4.321 * (when > when.mean())
    put_star(lab, GAP, late, flux)
    # Its search takes some seconds of a core, so that there is a middle of it.
    put_star(lab, LONG, *planet(600.0, 7.9))
    yield
    remove_stars(lab, GOOD, ABSENT)


def dies_before_its_point(lab, star: int) -> None:
    script = DIES.replace("STAR", str(star)).replace("URL", lab.url)
    lab.shell(SCHEDULER, f"cat > /run/dies.py <<'END'\n{script}END")
    python = "/opt/kepler-lens/venv/bin/python"
    done = lab.host(SCHEDULER).run(
        f"cd / && NUMBA_CACHE_DIR=/var/lib/kepler-lens/numba runuser -u kepler -- {python} - "
        "< /run/dies.py"
    )
    assert done.rc in (-9, 137), done.stderr


def test_a_search_that_dies_before_its_point_leaves_nothing_that_counts(lab):
    dies_before_its_point(lab, GOOD)
    assert {c["RUN"] for c in candidates(lab, GOOD)} == {"dead"}
    assert newest(lab, GOOD) is None
    report = search(lab, [GOOD])
    assert (report["exit_status"], report["searched"]) == (0, 1)
    (found,) = assert_whole(lab, GOOD)
    assert float(found["period"]) == pytest.approx(4.321, rel=1e-3)

    # A search dies beside a complete one: the next run searches nothing and deletes the rest.
    dies_before_its_point(lab, GOOD)
    assert len(candidates(lab, GOOD)) == 2
    report = search(lab, [GOOD])
    assert (report["searched"], report["skipped"]) == (0, 1)
    assert_whole(lab, GOOD)


def test_stars_that_cannot_be_searched_are_named_and_stop_nothing(lab):
    report = search(lab, [GOOD, THREE, FLAT, GAP, NOTHING, ABSENT])
    assert report["exit_status"] == 3
    reasons = {star["star"]: star["reason"] for star in report["quarantined_stars"]}
    assert reasons.keys() == {THREE, FLAT, NOTHING, ABSENT}
    assert "3 usable points" in reasons[THREE]
    assert "one flux throughout" in reasons[FLAT]
    assert "has no long cadence" in reasons[NOTHING]
    assert_whole(lab, GOOD)
    # Two half quarters a year apart are searched like any light curve.
    assert any(float(c["period"]) == pytest.approx(4.321, rel=1e-3) for c in assert_whole(lab, GAP))
    table = lab.shell(SCHEDULER, "cat /var/lib/kepler-lens/transits/report.txt")
    assert str(ABSENT) in table


def test_a_star_that_changed_is_searched_again(lab):
    search(lab, [GOOD])
    before = newest(lab, GOOD)["run"]
    when, flux = planet()
    put_star(lab, GOOD, when[-1:] + CADENCE, flux[-1:])
    assert search(lab, [GOOD])["searched"] == 1
    assert newest(lab, GOOD)["run"] != before
    assert search(lab, [GOOD])["skipped"] == 1
    assert search(lab, [GOOD], force=True)["searched"] == 1
    assert_whole(lab, GOOD)


def middle_of_a_search(lab, star: int) -> str:
    """Start a search of a star, and return the host that works on it."""
    start(lab, [star], force=True)
    wait_until(lab, "the start", lambda: state(lab).get("state") == "running")
    began = {name: cpu_seconds(lab, name) for name in WORKERS}

    def busy() -> list[str]:
        return [name for name in WORKERS if cpu_seconds(lab, name) - began[name] > 2]

    wait_until(lab, "its middle", busy)
    return busy()[0]


def cpu_seconds(lab, name: str) -> float:
    """Return the CPU seconds of a host's processes; not every kernel counts them for each unit."""
    lines = lab.shell(name, "cat /proc/[0-9]*/stat 2>/dev/null || true").splitlines()
    # The name in brackets may have blanks; after it, fields 12 and 13 are user and system time.
    fields = [line.rpartition(") ")[2].split() for line in lines]
    return sum(int(f[11]) + int(f[12]) for f in fields) / 100


@pytest.fixture
def found(lab) -> list[dict]:
    """The candidates of the star whose search is interrupted, from a search before that."""
    if newest(lab, LONG) is None:
        search(lab, [LONG])
    return assert_whole(lab, LONG)


def test_a_worker_killed_in_the_middle_of_a_search(lab, found):
    before = newest(lab, LONG)["run"]
    name = middle_of_a_search(lab, LONG)
    assert state(lab)["searched"] == 0
    lab.shell(name, "systemctl kill --signal KILL kepler-worker")
    report = finish(lab)
    assert (report["exit_status"], report["searched"]) == (0, 1)
    assert newest(lab, LONG)["run"] != before
    assert len(assert_whole(lab, LONG)) == len(found) == 2


def test_a_search_that_is_stopped_goes_on_later(lab, found):
    before = newest(lab, LONG)["run"]
    middle_of_a_search(lab, LONG)
    lab.shell(SCHEDULER, "systemctl stop kepler-transits")
    assert state(lab)["state"] == "stopped"
    assert newest(lab, LONG)["run"] == before
    assert_whole(lab, LONG)
    # The worker goes on with its task, so its results meet those of the next search.
    report = search(lab, [LONG], force=True)
    assert (report["exit_status"], report["searched"]) == (0, 1)
    assert newest(lab, LONG)["run"] != before
    assert len(assert_whole(lab, LONG)) == len(found) == 2
