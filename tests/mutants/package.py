"""Break the package one way at a time; its unit tests fail, with the real data and without.

package.toml lists the mutants and the tests that should fail. A mutant counts as noticed if a test
fails. The same tests must first pass on the correct project.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core import PROJECT, Mutant, StaleError, broken, noticed, run

DATA = Path(os.environ.get("HELLOEXOWORLD_DATA", PROJECT.parent / "shared" / "data"))
TABLE = Path(__file__).with_suffix(".toml")
LIMIT_S = 600
"""Chosen: ten times the seconds of the slowest test on a busy machine."""
WHOLE_S = 3600
"""Seconds for the tests of all mutants together (chosen: six times what a busy machine took)."""

_PACKAGE = "files/kepler_lens/kepler_lens"
_TESTS = "files/kepler_lens/tests"
_SERVER = ("WARP10_URL", "WARP10_TOKENS")


def mutants() -> list[Mutant]:
    """Read the table, whose paths are relative to the package and to its tests."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return [
        Mutant(
            kind,
            row["broken"],
            row["file"] if row["file"].startswith("roles/") else f"{_PACKAGE}/{row['file']}",
            row["right"],
            row["wrong"],
            tuple(f"{_TESTS}/{name}" for name in row["tests"]),
            server=kind == "macros",
        )
        for kind, of_kind in rows.items()
        for row in of_kind
    ]


class Runs:
    """The package's tests in a copy of the project.

    Parameters
    ----------
    folder
        The copy.
    data
        Folder of real files; a folder that does not exist for a run without them.
    cache
        Folder for compiled code.
    """

    def __init__(self, folder: Path, data: Path, cache: Path) -> None:
        self.folder = folder
        self.cache = cache
        self.environment = os.environ | {
            "HELLOEXOWORLD_DATA": str(data),
            # One core: the tests are small, and other processes may need the other cores.
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
        }

    def tests(self, names: Iterable[str], cache: Path, *, server: bool, first: bool) -> str:
        """Run tests and return their output; with `first`, stop at the first failure."""
        without = {} if server else dict.fromkeys(_SERVER, "")
        words = [sys.executable, "-m", "pytest", "-q", *(["-x"] if first else []), *names]
        environment = self.environment | without | {"NUMBA_CACHE_DIR": str(cache)}
        return run(words, self.folder, environment, timeout=LIMIT_S if first else WHOLE_S).stdout

    def passing(self, chosen: Sequence[Mutant]) -> str:
        """Run the tests of the mutants on the correct project; return the output of a failure."""
        for server in (False, True):
            names = sorted({name for m in chosen if m.server == server for name in m.tests})
            if not names:
                continue
            said = self.tests(names, self.cache, server=server, first=False)
            if noticed(said) or " passed" not in said:
                return said
        return ""

    def caught_by(self, mutant: Mutant) -> str:
        """Return the first test that fails; empty if none does."""
        cache = self.cache
        if "numba.njit" in (self.folder / mutant.file).read_text(encoding="utf-8"):
            # Code compiled from one file may contain code of the broken file.
            cache = self.cache / mutant.broken
        with broken(mutant, self.folder):
            try:
                said = self.tests(mutant.tests, cache, server=mutant.server, first=True)
            except subprocess.TimeoutExpired:
                return ""
        return next(iter(noticed(said)), "")


def main(
    folder: Path,
    cache: Path,
    *,
    kinds: Sequence[str] = (),
    data: Mapping[str, Path] | None = None,
    server: bool = False,
) -> int:
    """Break the copy in `folder` and print which tests fail.

    Parameters
    ----------
    folder
        A copy of the project.
    cache
        A folder for compiled code.
    kinds
        Kinds of mutants to try; by default all.
    data
        Ways to run the tests: description to a folder of real files, which may not exist.
    server
        Whether the environment names a real server, which mutants of macros need.

    Returns
    -------
    int
        How many mutants no test noticed.
    """
    chosen = [m for m in mutants() if not kinds or m.kind in kinds]
    ways = data or ways_of("both")
    if left := [m for m in chosen if m.server and not server]:
        print(f"{len(left)} mutants of macros are left out: {' and '.join(_SERVER)} name no server")
        chosen = [m for m in chosen if not m.server]
    for mutant in chosen:
        mutant.applied((folder / mutant.file).read_text(encoding="utf-8"))
    survived = 0
    for way, place in ways.items():
        runs = Runs(folder, place, cache)
        if said := runs.passing(chosen):
            print(said[-6000:])
            raise StaleError(f"{way}: the tests fail on the project as it is.")
        print(f"\n{way}:")
        for mutant in chosen:
            began = time.monotonic()
            test = runs.caught_by(mutant)
            survived += not test
            name = mutant.file.removeprefix(f"{_PACKAGE}/")
            row = (f"{mutant.kind:8}", f"{name:26}", f"{mutant.broken:62}", test or "NOTHING")
            print(*row, f"{time.monotonic() - began:.0f} s", sep="  ", flush=True)
    print(f"\n{len(chosen) * len(ways) - survived} of {len(chosen)} x {len(ways)} were noticed")
    return survived


def ways_of(word: str) -> dict[str, Path]:
    """Return the ways to run the tests: with the real data, without them, or both if they exist."""
    ways = {"without the real data": Path("/nowhere"), "with the real data": DATA}
    if word == "both":
        return ways if DATA.is_dir() else {"without the real data": Path("/nowhere")}
    return {way: place for way, place in ways.items() if way.split()[0] == word}
