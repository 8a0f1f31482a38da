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
        Gets a folder for each star with candidates: 1.png …, and a file ``run`` with the search
        that they are of.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob("*.part"):
            shutil.rmtree(part)

    def run_of(self, star: int) -> str:
        """Give the search whose pages are there; empty if there are none."""
        try:
            return (self._folder / str(star) / _RUN).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def put(self, star: int, run: str, pages: Mapping[int, bytes]) -> None:
        """Replace a star's pages; what is cut short in between leaves none, and no part of two."""
        final, part = self._folder / str(star), self._folder / f"{star}.part"
        if pages:
            part.mkdir()
            for number, picture in pages.items():
                (part / f"{number}.png").write_bytes(picture)
            (part / _RUN).write_text(f"{run}\n", encoding="utf-8")
        if final.exists():
            shutil.rmtree(final)
        if pages:
            part.rename(final)
