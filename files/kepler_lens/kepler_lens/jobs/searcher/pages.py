"""The pages of candidates on the scheduler's host: a folder for each star."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

_RUN = "run"


class Pages:
    """Pages of all stars.

    Parameters
    ----------
    folder : Path
        Made if needed. It gets a folder for each star with candidates, with 1.png … and a file
        ``run`` with the name of their search.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob("*.part"):
            shutil.rmtree(part)

    def run_of(self, star: int) -> str:
        """Return the run whose pages of a star are there; empty if there are none."""
        try:
            return (self._folder / str(star) / _RUN).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def put(self, star: int, run: str, pages: Mapping[int, bytes]) -> None:
        """Replace a star's pages.

        If the process dies meanwhile, pages may be missing, but the folder never has pages of two
        searches.

        Parameters
        ----------
        star : int
            KIC or EPIC number.
        run : str
            Run of the pages.
        pages : mapping of int to bytes
            Number of each candidate to its page (PNG).
        """
        final, part = self._folder / str(star), self._folder / f"{star}.part"
        if pages:
            part.mkdir()
            for number, picture in pages.items():
                (part / f"{number}.png").write_bytes(picture)
            (part / _RUN).write_text(f"{run}\n", encoding="utf-8")
        # Moved away as a whole: a folder that is half deleted could still name its run.
        old = self._folder / f"{star}.old.part"
        shutil.rmtree(old, ignore_errors=True)
        if final.exists():
            final.rename(old)
        if pages:
            part.rename(final)
        shutil.rmtree(old, ignore_errors=True)
