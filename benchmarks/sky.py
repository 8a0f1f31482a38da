"""Measure everyday commands in a database of many stars: 1,000, 10,000, 100,000, then STARS.

The benchmark fills its own lab step by step (`sky_stars`), and measures the same commands at each
step. A stopped run goes on where it stopped: the lab stays until the last step is measured, and the
figures are in `.lab/bench-sky.json`. Prints a table against the number of stars and, for the last
step, each figure with its promise; the exit status is 1 if a promise is not kept.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import requests
from kepler_lens.simulation.simulate import simulate
from kepler_lens.warp10.client import Token, Warp10
from lab import DATA, PROJECT, SCHEDULER, SERVER, Lab, default, playbook
from sky_stars import fill

STATE = PROJECT / ".lab" / "bench-sky.json"
STATES = "/var/lib/kepler-lens"
STEPS = (1_000, 10_000, 100_000, 550_000)
KEPLER_11 = 6541920
ROUNDS = 7
READ = "@HELLOEXOWORLD/GETREADTOKEN"
TOKENS = ("write", "ledger-read", "ledger-write", "results-write")
PROMISES = {
    "status [s]": 3.0,
    "import of eleven stars that are there [s]": 10.0,
    "import of a new star [s]": 10.0,
    "CURVE of Kepler-11 [s]": 0.5,
    "SERIES of Kepler-11 [s]": 0.3,
    "FETCH of Kepler-11 [s]": 0.5,
    "FIND of a star [s]": 0.3,
    "CANDIDATES of a star [s]": 0.5,
    "CANDIDATES of all by a range [s]": 30.0,
    "search of all, until the first star is done [s]": 60.0,
    "search of all, memory of its driver [MB]": 500.0,
    "watch, share of a core [%]": 2.0,
    "dips of a new star, after its import [s]": 120.0,
}
"""The largest allowed values at 550,000 stars."""
DAY_S = 86_400
ROUND_S = 60
"""Seconds between two rounds of the watch, `macros_watch_period`."""
HEAPS = (128, 192, 256, 384, 512, 768, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 4096, 6144)
"""MiB of the server's heap that are tried, the smallest first."""
HEAP = "smallest heap of those tried [MiB]"
SEARCH, SEARCH_MORE = "search of a named star [s]", 10.0
"""Allowed seconds more than at the first step."""


class Sky:
    """The lab, and the measurements on it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.warp10 = Warp10(lab.url, timeout=600)
        self.tokens = {name: Token(self.secret(name)) for name in TOKENS}
        self.new = 0
        self.driver_mb = 0.0
        own = f"{{ 'KEPLERID' '{KEPLER_11}' }}"
        self.fetch = f"[ {READ} 'pdcsap.flux' {own} MAXLONG MAXLONG ] FETCH SIZE"

    def secret(self, name: str) -> str:
        return self.lab.shell(SERVER, f"cat /etc/warp10/tokens/{name}.token").strip()

    def command(self, words: str) -> tuple[float, str]:
        """Run a command of the package on the scheduler's host; return seconds and output."""
        began = time.monotonic()
        said = self.lab.shell(
            SCHEDULER, f"runuser -u kepler -- /opt/kepler-lens/venv/bin/kepler-lens {words}"
        )
        return time.monotonic() - began, said

    def status(self) -> float:
        """Return the seconds of `status`, whose sums must be right without a new count."""
        words = "status --job /etc/kepler-lens/import.json"
        seconds, said = zip(*(self.command(words) for _ in range(3)), strict=True)
        assert all("sums=right" in text for text in said), said[0]
        return statistics.median(seconds)

    def job_seconds(self, job: str, settings: dict[str, object]) -> float:
        """Run a job's unit with other settings; return the seconds of its own report."""
        path = f"/etc/kepler-lens/{job}.json"
        told = json.loads(self.lab.shell(SCHEDULER, f"cat {path}")) | settings
        self.tell(job, told)
        self.lab.shell(SCHEDULER, f"systemctl start --wait kepler-{job}")
        report = json.loads(self.lab.shell(SCHEDULER, f"cat {STATES}/{job}/report.json"))
        assert report["exit_status"] == 0, report
        return float(report["elapsed_s"])

    def import_known(self) -> float:
        url = self.lab.publish(self.folder)
        return self.job_seconds("import", {"source": f"{url}known/", "selection": {}})

    def import_new(self) -> float:
        star = 900_500_000 + int(time.time()) % 100_000
        self.new = star
        simulate(self.folder / f"new{star}", stars=[star], quarters=range(1, 6))
        url = self.lab.publish(self.folder)
        return self.job_seconds("import", {"source": f"{url}new{star}/", "selection": {}})

    def dips(self) -> float:
        """Return the seconds from the end of a new star's import until the watch's look at it."""
        if not self.new:
            self.import_new()
        began = time.monotonic()
        script = f"[ {READ} 'star.look' {{}} {self.new} 1 ] FETCH NONEMPTY SIZE"
        while self.lab.execute(script) != [1]:
            assert time.monotonic() - began < 600
            time.sleep(0.5)
        return time.monotonic() - began

    def watched(self) -> dict[str, object]:
        """Return the watch's note of its last round."""
        (found,) = self.lab.execute(f"[ {READ} 'transit.watch' {{}} MAXLONG -1 ] FETCH NONEMPTY")
        return json.loads(found[0]["v"][0][1]) if found else {"round": ""}

    def rounds(self, until: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        """Wait for a round of the watch whose note satisfies `until`, and return the note."""
        began, last = time.monotonic(), self.watched()["round"]
        while True:
            time.sleep(1)
            said = self.watched()
            if said["round"] not in ("", last) and until(said):
                return said
            assert time.monotonic() - began < 1800, said

    def full_round(self) -> float:
        """Return the seconds of a round through all light curves, which runs once a day."""
        before = int(time.time() * 1e6)
        token = self.tokens["results-write"]
        self.warp10.delete("transit.watch{}", token)
        said = self.rounds(lambda said: said["full"] > before)
        assert not said["error"], said
        return float(said["seconds"])

    def quiet_round(self) -> float:
        """Return the seconds of a round without new light curves."""
        return float(self.rounds(lambda said: not said["looked"] and not said["left"])["seconds"])

    def answers(self) -> bool:
        """Return whether the server answers everyday requests."""
        try:
            self.status()
            self.seconds(self.fetch)
            self.seconds("{ 'period' [ 10 11 ] } @HELLOEXOWORLD/CANDIDATES SIZE", rounds=1)
        except (AssertionError, requests.RequestException):
            return False
        return True

    def smallest(self, least: float) -> float:
        """Return the smallest of `HEAPS` with which the server does its work, MiB.

        `least` is the first heap to try. The memory of the unit is set so that the start script
        computes the heap from it.
        """
        percent = int(default("warp10", "warp10_heap_percent"))
        unit = self.lab.host(SERVER)
        try:
            for heap in (heap for heap in HEAPS if heap >= least):
                memory = f"MemoryMax={1 + heap * 100 // percent}M"
                self.lab.shell(SERVER, f"systemctl set-property --runtime warp10 {memory}")
                done = unit.run("timeout 240 systemctl restart warp10")
                before = self.unit("NRestarts")
                if done.rc == 0 and self.answers() and self.unit("NRestarts") == before:
                    return float(heap)
                unit.run("systemctl stop warp10; systemctl reset-failed warp10")
        finally:
            self.lab.shell(
                SERVER,
                "rm -rf /run/systemd/system.control/warp10.service.d && "
                "systemctl daemon-reload && systemctl restart warp10",
            )
        return float("nan")

    def planned(self) -> tuple[float, float]:
        """Begin a search of all stars; return the seconds to the first, and its driver's peak, MB.

        Every star must be searched, because the fingerprints of the stored searches are made up.
        The search is stopped 30 s after its first star.
        """
        status = f"{STATES}/transits/status.json"
        told = json.loads(self.lab.shell(SCHEDULER, "cat /etc/kepler-lens/transits.json"))
        told = {name: value for name, value in told.items() if name not in ("stars", "force")}
        self.tell("transits", told)
        began = time.monotonic()
        self.lab.shell(SCHEDULER, "systemctl start kepler-transits")
        while True:
            done = self.lab.host(SCHEDULER).run(f"cat {status}")
            if done.rc == 0 and json.loads(done.stdout)["stars_done"] > 0:
                break
            assert time.monotonic() - began < 900, done.stdout
            time.sleep(0.5)
        seconds = time.monotonic() - began
        time.sleep(30)
        pid = self.lab.shell(SCHEDULER, "systemctl show -p MainPID --value kepler-transits").strip()
        text = self.lab.shell(SCHEDULER, f"cat /proc/{pid}/status")
        self.lab.shell(SCHEDULER, "systemctl stop kepler-transits")
        # This search does the work that the stopped one left, so that later searches do not.
        self.search()
        return seconds, int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1e3

    def first_star(self) -> float:
        seconds, self.driver_mb = self.planned()
        return seconds

    def driver_memory(self) -> float:
        if not self.driver_mb:
            self.first_star()
        return self.driver_mb

    def tell(self, job: str, told: dict[str, object]) -> None:
        """Write a job's settings, and delete the status and report of its last run."""
        self.lab.shell(
            SCHEDULER,
            f"printf '%s' '{json.dumps(told)}' > /etc/kepler-lens/{job}.json && "
            f"rm -f {STATES}/{job}/*.json",
        )

    def search(self) -> float:
        return self.job_seconds("transits", {"stars": [KEPLER_11], "force": True})

    def seconds(self, script: str, rounds: int = ROUNDS) -> float:
        """Return the median time of a script's answer, seconds."""
        times = []
        for _ in range(rounds):
            began = time.monotonic()
            answer = requests.post(f"{self.lab.url}/api/v0/exec", data=script, timeout=600)
            times.append(time.monotonic() - began)
            assert answer.ok, answer.text[:500]
        return statistics.median(times)

    def unit(self, field: str) -> str:
        return self.lab.shell(SERVER, f"systemctl show -p {field} --value warp10").strip()

    def memory(self) -> float:
        """Return the resident memory of the server's process, GB."""
        text = self.lab.shell(SERVER, f"cat /proc/{self.unit('MainPID')}/status")
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1e6

    def series(self) -> int:
        stats = self.lab.execute(f"[ {READ} '~.*' {{}} ] FINDSTATS")[0]
        return int(stats["gts.estimate"])

    def back(self) -> float:
        """Return the seconds from SIGKILL until the server answers again."""
        self.lab.shell(SERVER, "systemctl kill --signal KILL warp10")
        began = time.monotonic()
        while True:
            time.sleep(0.2)
            try:
                if requests.post(f"{self.lab.url}/api/v0/exec", data="1 1 +", timeout=5).ok:
                    return time.monotonic() - began
            except requests.RequestException:
                assert time.monotonic() - began < 1200

    def figures(self, least: float) -> dict[str, Callable[[], float]]:
        """Return all measurements in order; `least` is the smallest heap with fewer stars, MiB."""
        own, whole = f"'KEPLERID' '{KEPLER_11}'", "MAXLONG MAXLONG"
        return {
            "back after SIGKILL [s]": self.back,
            "series, estimated by the server": lambda: float(self.series()),
            "recount [s]": lambda: self.command(
                "status --recount --job /etc/kepler-lens/import.json"
            )[0],
            "status [s]": self.status,
            "import of eleven stars that are there [s]": self.import_known,
            "import of a new star [s]": self.import_new,
            "dips of a new star, after its import [s]": self.dips,
            SEARCH: self.search,
            "CURVE of Kepler-11 [s]": lambda: self.seconds(
                f"{KEPLER_11} 'pdcsap.flux' 'long cadence' {whole} @HELLOEXOWORLD/CURVE SIZE"
            ),
            "SERIES of Kepler-11 [s]": lambda: self.seconds(
                f"{KEPLER_11} @HELLOEXOWORLD/SERIES SIZE"
            ),
            "FETCH of Kepler-11 [s]": lambda: self.seconds(self.fetch),
            "FIND of a star [s]": lambda: self.seconds(f"[ {READ} 'sap.flux' {{ {own} }} ] FIND"),
            "CANDIDATES of a star [s]": lambda: self.seconds(
                f"{{ {own} }} @HELLOEXOWORLD/CANDIDATES SIZE"
            ),
            "CANDIDATES of all by a range [s]": lambda: self.seconds(
                "{ 'period' [ 10 11 ] } @HELLOEXOWORLD/CANDIDATES SIZE", rounds=3
            ),
            "watch, a round in which nothing is new [s]": self.quiet_round,
            "watch, a round through all light curves [s]": self.full_round,
            "search of all, until the first star is done [s]": self.first_star,
            "search of all, memory of its driver [MB]": self.driver_memory,
            "memory of the process [GB]": self.memory,
            HEAP: lambda: self.smallest(least),
        }


def provisioned(lab: Lab) -> None:
    """Create the lab with Kepler-11 and ten other stars, and run a search."""
    words = ["-e", "lab_distribution_wanted=wheel", "-e", f"import_source={DATA / 'kepler'}"]
    words += ["-e", f"transits_stars={KEPLER_11}"]
    words += ["-e", f"transits_folder={PROJECT / '.lab' / lab.name}"]
    for name in ("import.yml", "playbooks/transits.yml"):
        run = playbook(name, *words)
        assert run.rc == 0, run.output[-3000:]


def known_attributes(lab: Lab) -> dict[str, str]:
    """Return the attributes of a candidate that a search has found."""
    script = f"{{ 'KEPLERID' '{KEPLER_11}' }} @HELLOEXOWORLD/CANDIDATES"
    attributes = lab.execute(script)[0][0]["a"]
    return {name: text for name, text in attributes.items() if not name.startswith("score")}


def share(figures: dict[str, float]) -> float:
    """Return the part of a day in which the watch uses a core, percent."""
    quiet = figures["watch, a round in which nothing is new [s]"]
    full = figures["watch, a round through all light curves [s]"]
    return 100 * (quiet / ROUND_S + full / DAY_S)


def steps() -> list[int]:
    """Return the number of stars at each step."""
    most = int(os.environ.get("STARS") or STEPS[-1])
    return [*(step for step in STEPS if step < most), most]


def table(measured: dict[str, dict[str, float]]) -> str:
    """Return a table of the figures against the number of stars."""
    columns = sorted(measured, key=int)
    names = list(measured[columns[-1]])
    lines = ["| | " + " | ".join(f"{int(stars):,}" for stars in columns) + " |"]
    lines.append("|---" * (1 + len(columns)) + "|")
    for name in names:
        values = (measured[stars].get(name) for stars in columns)
        cells = ("" if value is None else f"{value:,.3g}" for value in values)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdicts(measured: dict[str, dict[str, float]]) -> bool:
    """Print each promise of the last step; return whether all were kept."""
    columns = sorted(measured, key=int)
    first, last = measured[columns[0]], measured[columns[-1]]
    promises = PROMISES | {SEARCH: first[SEARCH] + SEARCH_MORE}
    kept = True
    for name, most in promises.items():
        if name in last:
            good = last[name] <= most
            kept &= good
            print(f"{name}: {last[name]:.3g}, at most {most:.3g}: {'kept' if good else 'NOT KEPT'}")
    return kept


def main() -> int:
    """Fill the database, measure, print, and return the exit status."""
    lab = Lab()
    STATE.parent.mkdir(exist_ok=True)
    state = {"filled": 0, "measured": {}}
    try:
        requests.post(f"{lab.url}/api/v0/exec", data="1", timeout=5).raise_for_status()
        state = json.loads(STATE.read_text())
    except (requests.RequestException, FileNotFoundError):
        provisioned(lab)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shutil.copytree(DATA / "kepler", Path(folder) / "known")
        sky = Sky(lab, Path(folder))
        known = known_attributes(lab)
        for stars in steps():
            began, before = time.monotonic(), state["filled"]
            for filled in fill(sky.warp10, sky.tokens, before, stars, known):
                state["filled"] = filled
                STATE.write_text(json.dumps(state))
            print(f"{stars:,} stars: filled in {time.monotonic() - began:.0f} s", flush=True)
            figures = state["measured"].setdefault(str(stars), {})
            least = max((one.get(HEAP, 0) for one in state["measured"].values()), default=0)
            for name, measure in sky.figures(least).items():
                # After a restart, the database may already have more stars than this step.
                if name not in figures and state["filled"] == stars:
                    figures[name] = measure()
                    print(f"  {name}: {figures[name]:.3g}", flush=True)
                    STATE.write_text(json.dumps(state))
            if state["filled"] == stars:
                figures["watch, share of a core [%]"] = share(figures)
    print(table(state["measured"]))
    kept = verdicts(state["measured"])
    playbook("playbooks/lab_down.yml", "-e", "lab_image_keep=true")
    STATE.unlink()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
