"""The catalogue in a job's state folder: a row for each candidate, the likeliest planet first.

It is one file, since people fetch and open one. A job reads the rows of its own stars from the
server and merges them with the others in the file. That is one pass over the file (some 10 MB for
all of Kepler and K2) and none over the server.
"""

from __future__ import annotations

import csv
import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kepler_lens.transit_search.report.table import COLUMNS, rank, write_csv
from kepler_lens.transit_search.store.read import Row, every_row, rows_of
from kepler_lens.warp10.client import Token, Warp10

CATALOGUE_FILE = "catalogue.csv"

_TOUCHED_FILE = "catalogue.touched"
_EVERY = "*"

_MOST_STARS = 5_000
"""Stars above which all rows are read anew. Chosen: they take 10 requests of 500 stars each, and
all rows take as many."""


class _UnreadableError(Exception):
    """The file of the catalogue is missing, or no catalogue of this version."""


@dataclass(frozen=True, slots=True)
class Brought:
    """The rows that a job has brought up to date.

    Attributes
    ----------
    rows : list of dict
        Rows of the job's stars, by `transit_search.report.table.COLUMNS`, sorted by `rank`.
    total : int
        Number of rows in the whole catalogue.
    """

    rows: list[Row]
    total: int


class Catalogue:
    """The catalogue of one state folder; its user holds the lock of the folder.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / CATALOGUE_FILE
        self._touched_path = folder / _TOUCHED_FILE

    def touch(self, stars: Collection[int] | None) -> None:
        """Note the stars whose rows may change, before they change.

        If the job dies before `bring`, the next job brings these stars up to date, too.

        Parameters
        ----------
        stars : collection of int or None
            KIC or EPIC numbers; None for all stars.
        """
        known = self._touched()
        if stars is None or known is None or len(known := known | set(stars)) > _MOST_STARS:
            lines: Iterable[object] = [_EVERY]
        else:
            lines = sorted(known)
        part = self._touched_path.with_suffix(".part")
        part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        part.replace(self._touched_path)

    def bring(self, warp10: Warp10, token: Token, stars: Collection[int] | None) -> Brought:
        """Read the rows of all noted stars, and replace the file in one step.

        Parameters
        ----------
        warp10 : Warp10
        token : Token
            A read token.
        stars : collection of int or None
            The job's own stars, whose rows are returned; None for all stars.

        Returns
        -------
        Brought

        Raises
        ------
        Warp10Error
            The server refused or could not be reached.
        """
        touched = self._touched()
        brought = None if touched is None else self._merge(warp10, token, touched)
        if brought is None:
            rows = sorted(every_row(warp10, token), key=rank)
            brought = Brought(rows, self._write(rows))
        self._touched_path.unlink(missing_ok=True)
        if stars is None:
            return brought
        mine = set(stars)
        return Brought([row for row in brought.rows if row["kepid"] in mine], brought.total)

    def _merge(self, warp10: Warp10, token: Token, touched: set[int]) -> Brought | None:
        """Replace the rows of some stars in the file; None where the file cannot be read."""
        rows = sorted(rows_of(warp10, token, touched), key=rank)
        others = (row for row in self._rows() if int(row["kepid"]) not in touched)
        try:
            return Brought(rows, self._write(heapq.merge(others, rows, key=rank)))
        except _UnreadableError:
            return None

    def _touched(self) -> set[int] | None:
        """Return the noted stars, None for all."""
        try:
            lines = self._touched_path.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return set()
        return None if _EVERY in lines else set(map(int, lines))

    def _rows(self) -> Iterator[dict[str, str]]:
        """Yield the rows of the file; raise `_UnreadableError` where it is no catalogue."""
        try:
            with self._path.open(encoding="utf-8", newline="") as file:
                table = csv.DictReader(file, strict=True)
                if tuple(table.fieldnames or ()) != COLUMNS:
                    raise _UnreadableError
                for row in table:
                    if None in row or None in row.values():
                        raise _UnreadableError
                    rank(row)
                    yield row
        except (FileNotFoundError, ValueError, csv.Error):
            raise _UnreadableError from None

    def _write(self, rows: Iterable[Mapping[str, object]]) -> int:
        """Replace the file, and return the number of its rows."""
        total = 0

        def counted() -> Iterator[Mapping[str, object]]:
            nonlocal total
            for total, row in enumerate(rows, start=1):  # noqa: B007 - read after the loop
                yield row

        part = self._path.with_suffix(".part")
        with part.open("w", encoding="utf-8", newline="") as file:
            write_csv(file, counted())
        part.replace(self._path)
        return total
