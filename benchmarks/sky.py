"""What everyday commands cost in a database of many stars: 1,000, 10,000, 100,000, then STARS.

A lab of its own is filled step by step (`sky_stars`), and the same things are asked of it at each
step. It goes on where it was stopped: the lab stays until the last step is measured, and what was
measured is in `.lab/bench-sky.json`. Prints a table against the number of stars and, for the last
step, each figure beside its promise; the exit status is 1 where one is not kept.
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
from kepler_lens.simulate import simulate
from kepler_lens.warp10 import Token, Warp10
from lab import DATA, PROJECT, SCHEDULER, SERVER, Lab, playbook
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
    "FETCH of Kepler-11 [s]": 0.5,
    "FIND of a star [s]": 0.3,
    "CANDIDATES of a star [s]": 0.5,
    "CANDIDATES of all by a range [s]": 30.0,
}
"""The most that each may be at 550,000 stars."""
SEARCH, SEARCH_MORE = "search of a named star [s]", 10.0
"""It may take so many seconds more than at the first step."""


class Sky:
    """The lab, and what is asked of it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.warp10 = Warp10(lab.url, timeout=600)
        self.tokens = {name: Token(self.secret(name)) for name in TOKENS}

    def secret(self, name: str) -> str:
        return self.lab.shell(SERVER, f"cat /etc/warp10/tokens/{name}.token").strip()

    def command(self, words: str) -> tuple[float, str]:
        """Run a command of the package on the scheduler's host: seconds, and what it said."""
        began = time.monotonic()
        said = self.lab.shell(
            SCHEDULER, f"runuser -u kepler -- /opt/kepler-lens/venv/bin/kepler-lens {words}"
        )
        return time.monotonic() - began, said

    def status(self) -> float:
        """Seconds until it is known what is there; right, and not counted anew."""
        words = "status --job /etc/kepler-lens/import.json"
        seconds, said = zip(*(self.command(words) for _ in range(3)), strict=True)
        assert all("sums=right" in text for text in said), said[0]
        return statistics.median(seconds)

    def job_seconds(self, job: str, settings: dict[str, object]) -> float:
        """Run a job's unit with other settings: seconds that it took by its own report."""
        path = f"/etc/kepler-lens/{job}.json"
        told = json.loads(self.lab.shell(SCHEDULER, f"cat {path}")) | settings
        self.lab.shell(
            SCHEDULER,
            f"printf '%s' '{json.dumps(told)}' > {path} && rm -f {STATES}/{job}/*.json && "
            f"systemctl start --wait kepler-{job}",
        )
        report = json.loads(self.lab.shell(SCHEDULER, f"cat {STATES}/{job}/report.json"))
        assert report["exit_status"] == 0, report
        return float(report["elapsed_s"])

    def import_known(self) -> float:
        url = self.lab.publish(self.folder)
        return self.job_seconds("import", {"source": f"{url}known/", "selection": {}})

    def import_new(self) -> float:
        star = 900_500_000 + int(time.time()) % 100_000
        simulate(self.folder / f"new{star}", stars=[star], quarters=range(1, 6))
        url = self.lab.publish(self.folder)
        return self.job_seconds("import", {"source": f"{url}new{star}/", "selection": {}})

    def search(self) -> float:
        return self.job_seconds("transits", {"stars": [KEPLER_11], "force": True})

    def seconds(self, script: str, rounds: int = ROUNDS) -> float:
        """The median time of a script's answer."""
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
        """Resident memory of the server's process, GB."""
        text = self.lab.shell(SERVER, f"cat /proc/{self.unit('MainPID')}/status")
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1e6

    def series(self) -> int:
        stats = self.lab.execute(f"[ {READ} '~.*' {{}} ] FINDSTATS")[0]
        return int(stats["gts.estimate"])

    def back(self) -> float:
        """Seconds from SIGKILL until the server answers again."""
        self.lab.shell(SERVER, "systemctl kill --signal KILL warp10")
        began = time.monotonic()
        while True:
            time.sleep(0.2)
            try:
                if requests.post(f"{self.lab.url}/api/v0/exec", data="1 1 +", timeout=5).ok:
                    return time.monotonic() - began
            except requests.RequestException:
                assert time.monotonic() - began < 1200

    def figures(self) -> dict[str, Callable[[], float]]:
        """What is measured, in its order."""
        own = f"'KEPLERID' '{KEPLER_11}'"
        whole = "MAXLONG MAXLONG"
        return {
            "back after SIGKILL [s]": self.back,
            "memory of the process [GB]": self.memory,
            "series, estimated by the server": lambda: float(self.series()),
            "recount [s]": lambda: self.command(
                "status --recount --job /etc/kepler-lens/import.json"
            )[0],
            "status [s]": self.status,
            "import of eleven stars that are there [s]": self.import_known,
            "import of a new star [s]": self.import_new,
            SEARCH: self.search,
            "FETCH of Kepler-11 [s]": lambda: self.seconds(
                f"[ {READ} 'pdcsap.flux' {{ {own} }} {whole} ] FETCH SIZE"
            ),
            "FIND of a star [s]": lambda: self.seconds(f"[ {READ} 'sap.flux' {{ {own} }} ] FIND"),
            "CANDIDATES of a star [s]": lambda: self.seconds(
                f"{{ {own} }} @HELLOEXOWORLD/CANDIDATES SIZE"
            ),
            "CANDIDATES of all by a range [s]": lambda: self.seconds(
                "{ 'period' [ 10 11 ] } @HELLOEXOWORLD/CANDIDATES SIZE", rounds=3
            ),
        }


def provisioned(lab: Lab) -> None:
    """Make the lab, with Kepler-11 and ten other stars; the search is set up, and has run."""
    words = ["-e", "lab_distribution_wanted=wheel", "-e", f"import_source={DATA / 'kepler'}"]
    words += ["-e", f"transits_stars={KEPLER_11}", "-e", "macros_watch=false"]
    words += ["-e", f"transits_folder={PROJECT / '.lab' / lab.name}"]
    for name in ("import.yml", "playbooks/transits.yml"):
        run = playbook(name, *words)
        assert run.rc == 0, run.output[-3000:]


def known_attributes(lab: Lab) -> dict[str, str]:
    """Give the attributes of a candidate that a search has found."""
    script = f"{{ 'KEPLERID' '{KEPLER_11}' }} @HELLOEXOWORLD/CANDIDATES"
    attributes = lab.execute(script)[0][0]["a"]
    return {name: text for name, text in attributes.items() if not name.startswith("score")}


def steps() -> list[int]:
    """How many stars there are at each step."""
    most = int(os.environ.get("STARS") or STEPS[-1])
    return [*(step for step in STEPS if step < most), most]


def table(measured: dict[str, dict[str, float]]) -> str:
    """Write the figures against the number of stars."""
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
    """Print each promise of the last step; whether all were kept."""
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
    """Fill, ask, say."""
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
            for name, measure in sky.figures().items():
                if name not in figures:
                    figures[name] = measure()
                    print(f"  {name}: {figures[name]:.3g}", flush=True)
                    STATE.write_text(json.dumps(state))
    print(table(state["measured"]))
    kept = verdicts(state["measured"])
    playbook("playbooks/lab_down.yml", "-e", "lab_image_keep=true")
    STATE.unlink()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
