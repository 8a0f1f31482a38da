"""Functions that the tests of the search share: jobs, results on the server, made-up stars."""

from __future__ import annotations

import json
import time

import numpy as np
from kepler_lens.missions.kepler import bkjd_to_us
from kepler_lens.warp10.changes import tell
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.register import Register
from kepler_lens.warp10.star_points import SEARCH, WATCH_CLASSES
from lab import PROJECT, SCHEDULER, SERVER, Lab

FOLDER = PROJECT / ".lab" / "transits"
STATES = "/var/lib/kepler-lens"
CADENCE = 0.0204336
CONVERGED = ("-e", "warp10_transits=true", "-e", "macros_watch_period=15")
"""Values with which converge.yml provisioned the lab: a play with other values would change it."""


def warp10(lab: Lab) -> Warp10:
    return Warp10(lab.url, patience=30)


def token(lab: Lab, name: str) -> Token:
    return Token(lab.shell(SERVER, f"cat /etc/warp10/tokens/{name}.token").strip())


def put_star(lab: Lab, star: int, time_bkjd: np.ndarray, flux: np.ndarray) -> None:
    """Write a light curve as an import does."""
    labels = f"KEPLERID={star},OBJECT=made%20up,MISSION=Kepler,OBSMODE=long%20cadence"
    name = f"pdcsap.flux{{{labels},INSTRUME=none}}"
    ticks = bkjd_to_us(time_bkjd).tolist()
    lines = [f"{t}// {name} {f!r}" for t, f in zip(ticks, flux.tolist(), strict=True)]
    server, write = warp10(lab), token(lab, "write")
    server.update("\n".join(lines).encode() + b"\n", write)
    made_up = {"OBJECT": "made up", "INSTRUME": "none", "MISSION": "Kepler"}
    series = made_up | {"KEPLERID": str(star), "OBSMODE": "long cadence"}
    Register(server, token(lab, "read"), write).write([("pdcsap.flux", series)])
    tell(server, write, [star])


def remove_stars(lab: Lab, first: int, last: int) -> None:
    """Delete the light curves of stars and the results of their searches."""
    chosen = f"{{KEPLERID~({'|'.join(map(str, range(first, last + 1)))})}}"
    server, write, results = warp10(lab), token(lab, "write"), token(lab, "results-write")
    server.delete(f"pdcsap.flux{chosen}", write)
    server.delete("star.curve{}", write, first, last)
    server.delete(f"~transit.*{chosen}", results)
    for name in (SEARCH, *WATCH_CLASSES):
        server.delete(f"{name}{{}}", results, first, last)


def planet(days: float = 90.0, *more: float) -> tuple[np.ndarray, np.ndarray]:
    """Return time (BKJD) and flux of a quarter, or more days, with a clear planet of 4.321 d.

    There is another planet for each of the other periods.
    """
    when = 540.0 + np.arange(0, days, CADENCE)
    flux = 10_000 * (1 + 1e-4 * np.random.default_rng(11).standard_normal(len(when)))
    for period in (4.321, *more):
        phase = np.abs((when - 541.0 + period / 2) % period - period / 2)
        flux[phase < 0.08] *= 1 - 2e-3
    return when, flux


def start(lab: Lab, stars: list[int] | None, *, force: bool = False, job: str = "transits") -> None:
    """Start a job's unit on some stars, without the playbook."""
    settings = json.loads(lab.shell(SCHEDULER, f"cat /etc/kepler-lens/{job}.json"))
    text = json.dumps(settings | {"stars": stars, "force": force})
    lab.shell(
        SCHEDULER,
        f"printf '%s' '{text}' > /etc/kepler-lens/{job}.json && rm -f {STATES}/{job}/*.json && "
        f"(systemctl reset-failed kepler-{job} 2>/dev/null || true) && "
        f"systemctl start --no-block kepler-{job}",
    )


def state(lab: Lab, name: str = "status", job: str = "transits") -> dict:
    done = lab.host(SCHEDULER).run(f"cat {STATES}/{job}/{name}.json")
    return json.loads(done.stdout) if done.rc == 0 else {}


def wait_until(lab: Lab, what: str, true, timeout: float = 240, job: str = "transits") -> None:
    end = time.monotonic() + timeout
    while not true():
        journal = f"journalctl -u kepler-{job} -n 20 -o cat --no-pager"
        assert time.monotonic() < end, f"{what}: {lab.host(SCHEDULER).run(journal).stdout}"
        time.sleep(0.3)


def ended(lab: Lab, job: str = "transits") -> bool:
    lines = lab.shell(SCHEDULER, f"systemctl show -p ActiveState,Job kepler-{job}").splitlines()
    unit = dict(line.split("=", 1) for line in lines)
    return unit["ActiveState"] in ("inactive", "failed") and unit.get("Job", "") in ("", "0")


def finish(lab: Lab, job: str = "transits") -> dict:
    """Wait for the end of a job, and return its report."""
    wait_until(lab, "the end of the job", lambda: ended(lab, job), job=job)
    return state(lab, "report", job)


def search(lab: Lab, stars: list[int], *, force: bool = False) -> dict:
    start(lab, stars, force=force)
    return finish(lab)


def candidates(lab: Lab, star: int) -> list[dict]:
    """Return labels and attributes of a star's candidates of every run, as a guest sees them."""
    script = f"[ @HELLOEXOWORLD/GETREADTOKEN 'transit.candidate' {{ 'KEPLERID' '{star}' }} ] FIND"
    return [series["l"] | series["a"] for series in lab.execute(script)[0]]


def scores(lab: Lab, star: int) -> list[dict]:
    """Return labels and attributes of a star's scores of every run and model, as a guest does."""
    script = f"[ @HELLOEXOWORLD/GETREADTOKEN 'transit.score' {{ 'KEPLERID' '{star}' }} ] FIND"
    return [series["l"] | series["a"] for series in lab.execute(script)[0]]


def newest(lab: Lab, star: int) -> dict | None:
    """Return the star's last search, or None."""
    read = "@HELLOEXOWORLD/GETREADTOKEN"
    (found,) = lab.execute(f"[ {read} 'star.search' {{}} {star} 1 ] FETCH NONEMPTY")
    return json.loads(found[0]["v"][0][-1]) if found else None


def assert_whole(lab: Lab, star: int, models: int = 1) -> list[dict]:
    """Check that a star has all candidates of its last search, once, and no others; return them.

    Each candidate has one score of each model, and no score belongs to an earlier search.
    """
    found, about = candidates(lab, star), newest(lab, star)
    assert about is not None
    assert {c["RUN"] for c in found} <= {about["run"]}
    numbers = sorted(int(c["CANDIDATE"]) for c in found)
    assert numbers == list(range(1, about["candidates"] + 1))
    scored = scores(lab, star)
    assert {s["RUN"] for s in scored} <= {about["run"]}
    assert sorted(int(s["CANDIDATE"]) for s in scored) == sorted(models * numbers)
    return found
