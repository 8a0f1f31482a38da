"""Keep an entry for each file in the ledger, with the state of its import.

- ``import.file`` has a JSON text with the fields of `Entry`. Its tick follows from the star and the
  file's first cadence number: CADENCENO of the first row, the same after a reprocessing.
- ``import.points`` has, at the same tick, the number of points of a file that is in completely.

An entry is first written as ``pending``: it lists what will be pushed, and which spans of an
earlier version must be deleted. After the server has acknowledged the points, the entry is written
as ``done``. If the import dies in between, a ``pending`` entry stays, and the next attempt knows
from it what to delete and to push again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import series_name
from kepler_lens.ledger.sums import POINTS, SUM, Summary, Sums, Writer
from kepler_lens.missions import STAR_LABEL
from kepler_lens.warp10.client import Series, Token, Warp10, token_to_write
from kepler_lens.warp10.tick_ranges import in_ranges
from kepler_lens.warp10.ticks import (
    CADENCES,
    Ticks,
    buckets_of,
    has_ticks,
    star_of,
    tick_of,
    ticks_of_star,
)

FILES = "import.file"
PENDING = "pending"
DONE = "done"

Span = tuple[int, int, int]
"""First and last tick (µs) and number of points of a column; (0, 0, 0) where it has no points."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The state of one file.

    Attributes
    ----------
    star : int
        KIC or EPIC number.
    mission, obsmode : str
        Labels MISSION and OBSMODE of its series.
    first_cadence : int
        CADENCENO of the first row. Star, mission, obsmode and this number are the key.
    state : str
        'pending' or 'done'.
    segment : int
        Quarter or campaign.
    name, filever, date : str
        File name, and version and date from its header.
    sha256 : str
        Hash of the file's bytes, 64 hexadecimal digits.
    fingerprint : str or None
        Fingerprint by the source; a file with an equal one need not be read.
    columns : dict
        FITS name of each pushed column to its `Span`.
    stale : dict
        FITS name to spans (first and last tick, µs) of earlier versions that must be deleted before
        the push; empty in a done entry.
    run, attempt : str
        Import that wrote the entry, and attempt of a worker.
    """

    star: int
    mission: str
    obsmode: str
    first_cadence: int
    state: str
    segment: int
    name: str
    filever: str
    date: str
    sha256: str
    fingerprint: str | None
    columns: dict[str, Span]
    stale: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    run: str = ""
    attempt: str = ""

    @property
    def key(self) -> tuple[int, str, str, int]:
        """Key of the entry in the ledger."""
        return (self.star, self.mission, self.obsmode, self.first_cadence)

    @property
    def points(self) -> int:
        """Points of all columns."""
        return sum(span[2] for span in self.columns.values())

    @property
    def tick(self) -> int:
        """Tick of the entry in the ledger."""
        return tick_of(self.star, self.first_cadence)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the ledger's series."""
        return {"MISSION": self.mission, "OBSMODE": self.obsmode}

    @property
    def star_labels(self) -> dict[str, str]:
        """Labels that select the star's light curves of this mission and cadence."""
        return {STAR_LABEL: str(self.star), **self.labels}

    def holds(self, columns: Iterable[str]) -> bool:
        """Return whether all these columns are in completely."""
        return self.state == DONE and set(columns) <= set(self.columns)


class Ledger:
    """The ledger of one server.

    Parameters
    ----------
    warp10 : Warp10
    read, write : Token
        Tokens of the ledger's own application.
    writer : Writer, optional
        Run that writes; by default a command that holds no lock.
    """

    def __init__(
        self,
        warp10: Warp10,
        read: Token,
        write: Token | None = None,
        writer: Writer | None = None,
    ) -> None:
        self._warp10 = warp10
        self._read = read
        self._write = write
        self.writer = writer or Writer.new()
        self.sums = Sums(warp10, read, write)

    def check(self) -> None:
        """Use each token once without effect, so that a wrong one is refused."""
        self._warp10.update(b"", self._token())
        self._warp10.fetch(f"{SUM}{{}}", self._read, 0, 0)

    def entries(self, stars: Sequence[int]) -> dict[int, list[Entry]]:
        """Read the entries of some stars (a few hundred at most).

        Returns
        -------
        dict of int to list of Entry
            Number of each star to its entries.
        """
        found: dict[int, list[Entry]] = {star: [] for star in stars}
        ranges = [ticks_of_star(star) for star in found if has_ticks(star)]
        for series in in_ranges(self._warp10, self._read, FILES, ranges):
            for entry in _read_entries(series):
                found[entry.star].append(entry)
        return found

    def write(self, entries: Iterable[Entry]) -> None:
        """Write entries; they replace entries of the same key."""
        entries = list(entries)
        if not entries:
            return
        marks = self.writer.marks(buckets_of(entry.star for entry in entries))
        lines = [line for entry in entries for line in _lines(entry)]
        # The server stores lines in their order; `sums` explains why the marks stand twice.
        self._warp10.update("".join([*marks, *lines, *marks]).encode(), self._token())

    def remove(self, entries: Iterable[Entry]) -> None:
        """Delete single entries."""
        entries = list(entries)
        ranges = [(entry.labels, (entry.tick, entry.tick)) for entry in entries]
        self._delete(ranges, [entry.star for entry in entries])

    def forget(self, stars: Sequence[int]) -> None:
        """Delete all entries of some stars, so that an import pushes them again."""
        self._delete([({}, ticks_of_star(star)) for star in stars], stars)

    def _delete(self, ranges: Iterable[tuple[dict[str, str], Ticks]], stars: Sequence[int]) -> None:
        marks = "".join(self.writer.marks(buckets_of(stars))).encode()
        if not marks:
            return
        self._warp10.update(marks, self._token())
        for labels, ticks in ranges:
            # Entries go first: if the deletion stops here, the next import repairs the rest.
            for classname in (FILES, POINTS):
                self._warp10.delete(series_name(classname, labels), self._token(), *ticks)
        self._warp10.update(marks, self._token())

    def settle(self) -> None:
        """Update the sums of the buckets that this run and older runs of its job have marked.

        So it does with the marks of commands that were interrupted. Call it where a lock proves
        that the older runs are dead, at the end of this run.
        """
        self.sums.settle(lambda other: other.job == self.writer.job or other.given_up, self.writer)

    def settle_own(self) -> None:
        """Update the sums of the buckets that this run, which has no workers, has marked.

        So it does with the marks of commands that were interrupted. Call it at the end of the run.
        """
        self.sums.settle(lambda other: other == self.writer or other.given_up, self.writer)
        self.sums.remove(self.writer)

    def summary(self) -> Summary:
        """Return how much is in completely: stars, files and points."""
        return self.sums.summary()

    def _token(self) -> Token:
        return token_to_write(self._write, "ledger")


def _lines(entry: Entry) -> Iterable[str]:
    text = json.dumps(
        {
            "state": entry.state,
            "segment": entry.segment,
            "name": entry.name,
            "filever": entry.filever,
            "date": entry.date,
            "sha256": entry.sha256,
            "fingerprint": entry.fingerprint,
            "columns": entry.columns,
            "stale": entry.stale,
            "run": entry.run,
            "attempt": entry.attempt,
        },
        separators=(",", ":"),
    )
    yield f"{entry.tick}// {series_name(FILES, entry.labels)} '{quote(text, safe='')}'\n"
    if entry.state == DONE:
        yield f"{entry.tick}// {series_name(POINTS, entry.labels)} {entry.points}\n"


def _read_entries(series: Series) -> Iterable[Entry]:
    for tick, value in zip(series.ticks, series.values, strict=True):
        star, first_cadence = star_of(tick), tick % CADENCES
        try:
            yield entry_of(star, first_cadence, series.labels, json.loads(value))
        except (KeyError, TypeError, ValueError) as error:
            raise Warp10Error(
                f"The ledger's entry of star {star} at {first_cadence} makes no sense ({error!r}): "
                "remove that star with `kepler-lens delete` and import it again"
            ) from None


def entry_of(
    star: int, first_cadence: int, labels: Mapping[str, str], fields: Mapping[str, Any]
) -> Entry:
    """Make an entry from what the ledger holds.

    Parameters
    ----------
    star, first_cadence : int
    labels : mapping
        Labels of the series.
    fields : mapping
        Content of the JSON text.

    Raises
    ------
    KeyError, TypeError, ValueError
        A field is missing or of another kind.
    """
    return Entry(
        star=star,
        mission=labels["MISSION"],
        obsmode=labels["OBSMODE"],
        first_cadence=first_cadence,
        state=fields["state"],
        segment=fields["segment"],
        name=fields["name"],
        filever=fields["filever"],
        date=fields["date"],
        sha256=fields["sha256"],
        fingerprint=fields["fingerprint"],
        columns={c: (s[0], s[1], s[2]) for c, s in fields["columns"].items()},
        stale={c: [(s[0], s[1]) for s in spans] for c, spans in fields["stale"].items()},
        run=fields["run"],
        attempt=fields["attempt"],
    )
