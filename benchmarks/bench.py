"""Measure the import on a lab of its own, each figure against another of the same run.

Prints one line for each promise: what was measured, the ratio or size, what it must reach. The exit
status is 1 where a promise is not kept. Real light curves of Kepler-11 are taken where they are,
under made-up numbers so that there are many stars; simulated ones otherwise.
"""

from __future__ import annotations

import gzip
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kepler_lens.gts import to_gts
from kepler_lens.lightcurve import LightCurve, read_light_curve
from lab import DATA, SCHEDULER, SERVER, WORKERS, Lab, playbook
from stars import FIRST, make_stars

STARS = 192
"""So many that the seconds before the first batch is ready are a small part."""
LATE_STARS = 24
ROUNDS = 3
WARMING, WARMING_FIRST = 4, 950_100_001
PUSHES = ("by_series", "by_series.gz")
COLUMNS = ("SAP_FLUX", "PDCSAP_FLUX")


@dataclass
class Figure:
    """One measured promise."""

    name: str
    value: float
    promise: float
    unit: str
    at_most: bool = False

    @property
    def kept(self) -> bool:
        return self.value <= self.promise if self.at_most else self.value >= self.promise

    def __str__(self) -> str:
        bound = "at most" if self.at_most else "at least"
        verdict = "kept" if self.kept else "NOT KEPT"
        return f"{self.name}: {self.value:.2f} {self.unit} ({bound} {self.promise:g}: {verdict})"


def star_folders(folder: Path) -> list[Path]:
    return sorted({path.parent for path in folder.rglob("*.fits")})


def read(star: Path) -> list[LightCurve]:
    return [read_light_curve(path, COLUMNS) for path in sorted(star.glob("*.fits"))]


class Bench:
    """A lab with a source of many stars."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder / "stars"
        for name, count, first in (("stars", STARS, FIRST), ("warm", WARMING, WARMING_FIRST)):
            (folder / name).mkdir()
            make_stars(folder / name, DATA / "kepler/006541920", count, first)
        published = lab.publish(folder)
        self.url, self.warm_url = published + "stars/", published + "warm/"
        stars = [read(star) for star in star_folders(self.folder)]
        by_series = b"".join(
            to_gts(curve, (column,)) for curves in stars for column in COLUMNS for curve in curves
        )
        self.points = by_series.count(b"\n")
        warm = b"".join(
            to_gts(curve, COLUMNS) for star in star_folders(folder / "warm") for curve in read(star)
        )
        texts = {
            "by_series": by_series,
            "by_series.gz": gzip.compress(by_series, 1),
            "warm": warm,
        }
        for name, content in texts.items():
            text = folder / "text"
            text.write_bytes(content)
            lab.docker("cp", str(text), f"{lab.name}-{SCHEDULER}:/srv/{name}")
            text.unlink()
        lab.shell(SCHEDULER, "apt-get -qq update && apt-get -qq install -y curl >/dev/null")
        lab.shell(
            SCHEDULER,
            "(printf 'X-Warp10-Token: '; cat /etc/kepler-lens/tokens/write.token) > /srv/header",
        )

    def cpu(self, host: str) -> float:
        """CPU seconds of a host's processes, those that have ended too (their parent has them)."""
        program = (
            "import os, pathlib\n"
            "stats = []\n"
            "for path in pathlib.Path('/proc').glob('[0-9]*/stat'):\n"
            "    try: stats.append(path.read_text().rpartition(')')[2].split()[11:15])\n"
            "    except OSError: pass\n"
            "print(sum(int(x) for stat in stats for x in stat) / os.sysconf('SC_CLK_TCK'))\n"
        )
        # Control groups do not tell it on every machine that can run the lab.
        return float(self.lab.docker("exec", f"{self.lab.name}-{host}", "python3", "-c", program))

    def quiet(self) -> None:
        """Wait until the server has nothing left to do."""
        busy = 1.0
        while busy > 0.1:
            before = self.cpu(SERVER)
            time.sleep(1)
            busy = self.cpu(SERVER) - before

    def java(self, program: str, *arguments: str) -> None:
        """Run a tool of Warp 10 on its database, as its user."""
        self.lab.shell(
            SERVER,
            "runuser -u warp10 -- $(ls /usr/lib/jvm/*/bin/java | head -1) "
            "-Dsensision.server.port=0 "
            f"-cp $(ls /opt/warp10/warp10-*/bin/*.jar) io.warp10.standalone.{program} "
            + " ".join(("/var/lib/warp10/leveldb", *arguments)),
        )

    def clear(self, *, warm: bool = True) -> None:
        """Begin with an empty database: what points leave behind when they are deleted costs time.

        A server that has just started is slower: it is warmed in both ways, each of which runs code
        of its own, with stars of other numbers.
        """
        self.lab.shell(SERVER, "systemctl stop warp10 && rm -rf /var/lib/warp10/leveldb/*")
        self.java("WarpInit")
        self.lab.shell(SERVER, "systemctl start warp10")
        if warm:
            self.lab.shell(SCHEDULER, self.curl("warm"))
            self.import_stars(self.warm_url, WARMING)
            self.lab.shell(SCHEDULER, self.curl("warm"))
        self.quiet()

    def curl(self, name: str) -> str:
        """Give the command that pushes a text on one connection, and prints how long it took."""
        kind = "application/gzip" if name.endswith(".gz") else "text/plain"
        return (
            f"curl -sSf -o /dev/null -w '%{{time_total}}' -H @/srv/header "
            f"-H 'Content-Type: {kind}' -T /srv/{name} -X POST {self.lab.url}/api/v0/update"
        )

    def push(self, name: str) -> tuple[float, float]:
        """One curl on one connection: points a second, and the server's CPU seconds."""
        self.clear()
        before = self.cpu(SERVER)
        seconds = float(self.lab.shell(SCHEDULER, self.curl(name)))
        self.quiet()
        return self.points / seconds, self.cpu(SERVER) - before

    def run_import(
        self, url: str, stars: int = STARS, *, warm: bool = True
    ) -> tuple[dict, float, float]:
        """One import: its report, the server's and the import's CPU seconds."""
        self.clear(warm=warm)
        server = self.cpu(SERVER)
        fleet = sum(self.cpu(host) for host in (SCHEDULER, *WORKERS))
        report = self.import_stars(url, stars)
        self.quiet()
        fleet = sum(self.cpu(host) for host in (SCHEDULER, *WORKERS)) - fleet
        return report, self.cpu(SERVER) - server, fleet

    def import_stars(self, url: str, stars: int) -> dict:
        """Import them all, give the report; the benchmark ends where one is missing."""
        # Asking again and again how far it is would take a part of the cores that it runs on.
        self.lab.start_import(url, wait=True)
        status, report = self.lab.wait_import()
        whole = url != self.url or report["points"] == self.points
        if status != 0 or report["stars"] != stars or not whole:
            raise SystemExit(f"The import went wrong: {report}\n{self.lab.journal()}")
        return report


def speed(bench: Bench) -> list[Figure]:
    """Import and conversion against the text that curl pushes fastest; rounds in turn, medians."""
    million = bench.points / 1e6
    pushed: dict[str, list[float]] = {name: [] for name in PUSHES}
    imported, converted = [], []
    for number in range(ROUNDS):
        server_cpu = 0.0
        for name in PUSHES:
            rate, cpu = bench.push(name)
            pushed[name].append(rate)
            server_cpu += cpu / len(PUSHES)
        report, under_import, import_cpu = bench.run_import(bench.url)
        imported.append(report["points_per_s"])
        converted.append(conversion(bench))
        print(
            f"round {number + 1}: points/s of curl, "
            + ", ".join(f"{name} {rates[-1]:,.0f}" for name, rates in pushed.items())
            + f"; import {imported[-1]:,}; conversion {converted[-1]:,.0f} a core; "
            f"CPU s a million points: server {server_cpu / million:.2f} under curl, "
            f"{under_import / million:.2f} under the import, import {import_cpu / million:.2f}",
            flush=True,
        )
    best = max(map(statistics.median, pushed.values()))
    return [
        Figure("(a) import over one curl", statistics.median(imported) / best, 0.8, "times"),
        Figure(
            "(b) conversion on one core over one curl",
            statistics.median(converted) / best,
            1.0,
            "times",
        ),
    ]


def conversion(bench: Bench) -> float:
    """Points a second of one core from FITS files to GTS text, in a worker's environment."""
    host = bench.lab.name + "-" + WORKERS[0]
    bench.lab.docker("exec", host, "mkdir", "-p", "/srv/fits")
    for path in sorted(bench.folder.rglob("*.fits"))[:60]:
        bench.lab.docker("cp", str(path), f"{host}:/srv/fits/")
    program = (
        "import pathlib, time\n"
        "from kepler_lens.gts import to_gts\n"
        "from kepler_lens.lightcurve import read_light_curve\n"
        "paths = sorted(pathlib.Path('/srv/fits').iterdir())\n"
        f"columns = {COLUMNS}\n"
        "best = 0\n"
        "for _ in range(3):\n"
        "    began = time.process_time()\n"
        "    texts = (to_gts(read_light_curve(path, columns), columns) for path in paths)\n"
        "    points = sum(text.count(b'\\n') for text in texts)\n"
        "    best = max(best, points / (time.process_time() - began))\n"
        "print(best)\n"
    )
    return float(bench.lab.docker("exec", host, "/opt/kepler-lens/venv/bin/python", "-c", program))


def size(bench: Bench) -> list[Figure]:
    """Bytes a point once LevelDB has compacted."""
    lab = bench.lab
    bench.run_import(bench.url, warm=False)
    lab.shell(SERVER, "systemctl stop warp10")
    bench.java("WarpCompact", "''", "''")
    used = int(lab.shell(SERVER, "du -sb /var/lib/warp10/leveldb | cut -f1"))
    lab.shell(SERVER, "systemctl start warp10")
    return [Figure("(c) disk after compaction", used / bench.points, 16.0, "bytes/point", True)]


def scaling(bench: Bench) -> list[Figure]:
    """One worker against two, on a source that answers late, as over a network."""
    late = bench.folder.parent / "late"
    late.mkdir()
    for star in star_folders(bench.folder)[:LATE_STARS]:
        star.rename(late / star.name)
    url = bench.lab.publish(bench.folder.parent, delay_ms=400) + "late/"
    bench.lab.shell(WORKERS[1], "systemctl stop kepler-worker")
    one = bench.run_import(url, LATE_STARS)[0]["points_per_s"]
    bench.lab.shell(WORKERS[1], "systemctl start kepler-worker")
    time.sleep(5)
    two = bench.run_import(url, LATE_STARS)[0]["points_per_s"]
    print(f"late source: one worker {one:,} points/s, two {two:,}", flush=True)
    return [Figure("(d) two workers over one on a late source", two / one, 1.8, "times")]


def memory(bench: Bench) -> list[Figure]:
    """Peak of all processes of the hungrier worker's unit, over everything before."""
    program = (
        "import pathlib, pwd\n"
        "kepler = pwd.getpwnam('kepler').pw_uid\n"
        "mine = [p for p in pathlib.Path('/proc').glob('[0-9]*') if p.stat().st_uid == kepler]\n"
        "lines = [l for p in mine for l in (p / 'status').read_text().splitlines()]\n"
        "print(sum(int(line.split()[1]) for line in lines if line.startswith('VmHWM')))\n"
    )
    # On a worker's host all of kepler's processes are the worker's.
    peaks = [
        int(bench.lab.docker("exec", f"{bench.lab.name}-{worker}", "python3", "-c", program))
        / 976.6
        for worker in WORKERS
    ]
    return [Figure("(e) peak memory of a worker", max(peaks), 500, "MB", True)]


def main() -> int:
    lab = Lab()
    # The server's own look at new stars is work beside the import.
    made = playbook(
        "molecule/shared/provision.yml",
        *("-e", "lab_distribution_wanted=wheel", "-e", "macros_watch=false"),
    )
    if made.rc != 0:
        print(made.output[-4000:])
        return 1
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o755)
            bench = Bench(lab, folder)
            print(f"{STARS} stars, {bench.points:,} points; {os.cpu_count()} cores", flush=True)
            figures = size(bench) + speed(bench) + scaling(bench) + memory(bench)
    finally:
        playbook("playbooks/lab_down.yml", "-e", "lab_image_keep=true")
    print(*sorted(figures, key=lambda figure: figure.name), sep="\n")
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
