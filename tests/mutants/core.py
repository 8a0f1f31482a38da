"""A copy of the project that is broken one way at a time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
_NOTICED = re.compile(r"^(?:FAILED|ERROR) (?:\S+?\.py::)?(.+?)(?: - .*)?$", re.MULTILINE)


class StaleError(Exception):
    """A mutant does not fit the project any more: the text that it replaces has changed."""


@dataclass(frozen=True)
class Mutant:
    """One way to break the project.

    Attributes
    ----------
    kind
        Part of the project, such as import.
    broken
        Description of the fault.
    file
        Path in the project.
    right, wrong
        The correct text, which is once in the file, and the text that replaces it.
    tests
        Files, or single tests, that should fail.
    provision
        Whether the hosts of a lab are provisioned first.
    server
        Whether the tests need a real server.
    """

    kind: str
    broken: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]
    provision: bool = False
    server: bool = False

    def applied(self, text: str) -> str:
        """Return the broken text of the file.

        Raises
        ------
        StaleError
            The file does not have the correct text once.
        """
        times = text.count(self.right)
        if times != 1 or self.right == self.wrong:
            raise StaleError(
                f"{self.broken}: {self.file} has the text {self.right!r} {times} times and not "
                "once: mend the table of mutants."
            )
        return text.replace(self.right, self.wrong)


def copy_project(target: Path) -> None:
    """Copy the files of the project that git tracks or would track."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name)


@contextmanager
def broken(mutant: Mutant, folder: Path) -> Iterator[None]:
    """Break the copy, and restore it afterwards."""
    file = folder / mutant.file
    text, before = file.read_text(encoding="utf-8"), file.stat()
    file.write_text(mutant.applied(text), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(text, encoding="utf-8")
        # Restore the date too, so that code compiled from the file stays valid.
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def run(
    words: list[str], folder: Path, environment: Mapping[str, str], timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in the copy; both its streams are in ``stdout``."""
    return subprocess.run(
        words,
        cwd=folder,
        env=dict(environment)
        | {
            "PWD": str(folder),
            "PYTHONPATH": str(folder / "files/kepler_lens"),
            # Two mutants of equal size may have the same second as date.
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )


def noticed(said: str) -> list[str]:
    """Return the names of the failed tests in the output of pytest."""
    return _NOTICED.findall(said)
