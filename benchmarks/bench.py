"""Measure the import on its own lab, each figure against another figure of the same run.

Prints one line for each promise: the measurement, its ratio or size, and the limit. The exit status
is 1 if a promise is not kept. The stars are copies of Kepler-11 under made-up numbers, or simulated
stars if its light curves are missing.
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
"""Enough that the seconds before the first batch are a small part."""
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
        """Return the CPU seconds of a host's processes, with those of ended children."""
        program = (
            "import os, pathlib\n"
            "stats = []\n"
            "for path in pathlib.Path('/proc').glob('[0-9]*/stat'):\n"
            "    try: stats.append(path.read_text().rpartition(')')[2].split()[11:15])\n"
            "    except OSError: pass\n"
            "print(sum(int(x) for stat in stats for x in stat) / os.sysconf('SC_CLK_TCK'))\n"
        )
        # Not every machine that can run the lab has CPU times of control groups.
        return float(self.lab.docker("exec", f"{self.lab.name}-{host}", "python3", "-c", program))

    def quiet(self) -> None:
        """Wait until the server is idle."""
        busy = 1.0
        while busy > 0.1:
            before = self.cpu(SERVER)
            time.sleep(1)
            busy = self.cpu(SERVER) - before

    def java(self, program: str, *arguments: str) -> None:
        """Run a tool of Warp 10 on the database, as the server's user."""
        self.lab.shell(
            SERVER,
            "runuser -u warp10 -- $(ls /usr/lib/jvm/*/bin/java | head -1) "
            "-Dsensision.server.port=0 "
            f"-cp $(ls /opt/warp10/warp10-*/bin/*.jar) io.warp10.standalone.{program} "
            + " ".join(("/var/lib/warp10/leveldb", *arguments)),
        )

    def clear(self, *, warm: bool = True) -> None:
        """Begin with an empty database, because the remains of deleted points cost time.

        A server that has just started is slower. It is warmed up by a push and by an import, which
        run different code, with stars of other numbers.
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
        """Return the command that pushes a text on one connection and prints its seconds."""
        kind = "application/gzip" if name.endswith(".gz") else "text/plain"
        return (
            f"curl -sSf -o /dev/null -w '%{{time_total}}' -H @/srv/header "
            f"-H 'Content-Type: {kind}' -T /srv/{name} -X POST {self.lab.url}/api/v0/update"
        )

    def push(self, name: str) -> tuple[float, float]:
        """Push by one curl; return points per second, and the server's CPU seconds."""
        self.clear()
        before = self.cpu(SERVER)
        seconds = float(self.lab.shell(SCHEDULER, self.curl(name)))
        self.quiet()
        return self.points / seconds, self.cpu(SERVER) - before

    def run_import(
        self, url: str, stars: int = STARS, *, warm: bool = True
    ) -> tuple[dict, float, float]:
        """Run an import; return its report, and the CPU seconds of server and fleet."""
        self.clear(warm=warm)
        server = self.cpu(SERVER)
        fleet = sum(self.cpu(host) for host in (SCHEDULER, *WORKERS))
        report = self.import_stars(url, stars)
        self.quiet()
        fleet = sum(self.cpu(host) for host in (SCHEDULER, *WORKERS)) - fleet
        return report, self.cpu(SERVER) - server, fleet

    def import_stars(self, url: str, stars: int) -> dict:
        """Import all stars and return the report; end the benchmark if a star is missing."""
        # Wait in one command: repeated questions about the progress would use the same cores.
        self.lab.start_import(url, wait=True)
        status, report = self.lab.wait_import()
        whole = url != self.url or report["points"] == self.points
        if status != 0 or report["stars"] != stars or not whole:
            raise SystemExit(f"The import went wrong: {report}\n{self.lab.journal()}")
        return report


def speed(bench: Bench) -> list[Figure]:
    """Compare import and conversion with the faster push of curl, by medians of the rounds."""
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
    """Return the points per second of one core from FITS files to GTS text, on a worker."""
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
    """Measure the bytes per point after LevelDB's compaction."""
    lab = bench.lab
    bench.run_import(bench.url, warm=False)
    lab.shell(SERVER, "systemctl stop warp10")
    bench.java("WarpCompact", "''", "''")
    used = int(lab.shell(SERVER, "du -sb /var/lib/warp10/leveldb | cut -f1"))
    lab.shell(SERVER, "systemctl start warp10")
    return [Figure("(c) disk after compaction", used / bench.points, 16.0, "bytes/point", True)]


def scaling(bench: Bench) -> list[Figure]:
    """Compare two workers with one, on a source that answers late, as over a network."""
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
    """Measure the peak memory of the larger worker's processes since their start."""
    program = (
        "import pathlib, pwd\n"
        "kepler = pwd.getpwnam('kepler').pw_uid\n"
        "mine = [p for p in pathlib.Path('/proc').glob('[0-9]*') if p.stat().st_uid == kepler]\n"
        "lines = [l for p in mine for l in (p / 'status').read_text().splitlines()]\n"
        "print(sum(int(line.split()[1]) for line in lines if line.startswith('VmHWM')))\n"
    )
    # On a worker's host, all processes of the user kepler belong to the worker.
    peaks = [
        int(bench.lab.docker("exec", f"{bench.lab.name}-{worker}", "python3", "-c", program))
        / 976.6
        for worker in WORKERS
    ]
    return [Figure("(e) peak memory of a worker", max(peaks), 500, "MB", True)]


def main() -> int:
    lab = Lab()
    # The scheduled job is off: it would use the server's cores during the import.
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
