"""What is known of each file, and what has become of it.

- ``import.file``: at the place of each file's first cadence number (CADENCENO of its first row: the
  same after a reprocessing) a JSON text, the fields of `Entry`;
- ``import.points``: at the same place the number of points of a file that is in completely.

An entry is first written as ``pending`` (what is about to be pushed, and which spans of an earlier
version must go), then, once the server has acknowledged the points, as ``done``. Whatever dies in
between leaves a ``pending`` entry from which the next attempt knows what to clear and push again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import series_name
from kepler_lens.ledger.places import (
    CADENCES,
    Ticks,
    buckets_of,
    has_place,
    star_of,
    tick_of,
    ticks_of_star,
)
from kepler_lens.ledger.sums import POINTS, SUM, Summary, Sums, Writer
from kepler_lens.tick_ranges import in_ranges
from kepler_lens.warp10 import Series, Token, Warp10

FILES = "import.file"
PENDING = "pending"
DONE = "done"

Span = tuple[int, int, int]
"""First and last tick (µs) and number of points of a column; (0, 0, 0) where it has none."""


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
        CADENCENO of the first row; with star, mission and obsmode the key.
    state : str
        'pending' or 'done'.
    segment : int
        Quarter or campaign.
    name, filever, date : str
        File name, and version and day from its header.
    sha256 : str
        Of the file's bytes.
    fingerprint : str or None
        What the source gave for the file; an equal one spares reading it.
    columns : dict
        FITS name to `Span`, of what is pushed.
    stale : dict
        FITS name to spans (first, last; µs) of earlier versions that must be deleted before the
        push; empty once done.
    run, attempt : str
        Which import wrote it, and which attempt of a worker.
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
        """Where the entry stands in the ledger."""
        return (self.star, self.mission, self.obsmode, self.first_cadence)

    @property
    def points(self) -> int:
        """Points of all columns."""
        return sum(span[2] for span in self.columns.values())

    @property
    def tick(self) -> int:
        """The tick at which it stands."""
        return tick_of(self.star, self.first_cadence)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the bookkeeping series."""
        return {"MISSION": self.mission, "OBSMODE": self.obsmode}

    @property
    def star_labels(self) -> dict[str, str]:
        """Labels that select the star's light curves of this mission and cadence."""
        return {"KEPLERID": str(self.star), **self.labels}

    def holds(self, columns: Iterable[str]) -> bool:
        """Whether all these columns are in completely."""
        return self.state == DONE and set(columns) <= set(self.columns)


class Ledger:
    """The bookkeeping of one server.

    Parameters
    ----------
    warp10 : Warp10
    read, write : Token
        Tokens of the bookkeeping's own application.
    writer : Writer, optional
        Who writes; by default a command that holds no lock.
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
        """Ask for nothing with each token: a wrong one is refused."""
        self._warp10.update(b"", self._token())
        self._warp10.fetch(f"{SUM}{{}}", self._read, 0, 0)

    def entries(self, stars: Sequence[int]) -> dict[int, list[Entry]]:
        """Give the entries of some stars (a few hundred at most)."""
        found: dict[int, list[Entry]] = {star: [] for star in stars}
        ranges = [ticks_of_star(star) for star in found if has_place(star)]
        for series in in_ranges(self._warp10, self._read, FILES, ranges):
            for entry in _read_entries(series):
                found[entry.star].append(entry)
        return found

    def write(self, entries: Iterable[Entry]) -> None:
        """Write entries over whatever stands at their places; nothing if there are none."""
        entries = list(entries)
        if not entries:
            return
        marks = self.writer.marks(buckets_of(entry.star for entry in entries))
        lines = [line for entry in entries for line in _lines(entry)]
        # The server stores lines in their order; why the marks come twice: see `sums`.
        self._warp10.update("".join([*marks, *lines, *marks]).encode(), self._token())

    def remove(self, entries: Iterable[Entry]) -> None:
        """Delete single entries."""
        entries = list(entries)
        ranges = [(entry.labels, (entry.tick, entry.tick)) for entry in entries]
        self._delete(ranges, [entry.star for entry in entries])

    def forget(self, stars: Sequence[int]) -> None:
        """Delete all entries of some stars, so that an import takes them anew."""
        self._delete([({}, ticks_of_star(star)) for star in stars], stars)

    def _delete(self, ranges: Iterable[tuple[dict[str, str], Ticks]], stars: Sequence[int]) -> None:
        marks = "".join(self.writer.marks(buckets_of(stars))).encode()
        if not marks:
            return
        self._warp10.update(marks, self._token())
        for labels, ticks in ranges:
            # First what says that they are in: if this is cut short, an import repairs it.
            for classname in (FILES, POINTS):
                self._warp10.delete(series_name(classname, labels), self._token(), *ticks)
        self._warp10.update(marks, self._token())

    def settle(self) -> None:
        """Keep the sums of what this run and older ones of its job have touched.

        To be called where a lock proves that the older runs are dead, and at the end of this one.
        """
        self.sums.settle(lambda other: other.job == self.writer.job, self.writer)

    def settle_own(self) -> None:
        """Keep the sums of what this run has touched, which has no workers and ends here."""
        self.sums.settle(lambda other: other == self.writer, self.writer)
        self.sums.remove(self.writer)

    def summary(self) -> Summary:
        """Say how much is in completely: stars, files and points."""
        return self.sums.summary()

    def _token(self) -> Token:
        if self._write is None:
            raise Warp10Error("The ledger was opened for reading: name its write token too.")
        return self._write


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
    """Make an entry of what the ledger has; KeyError, TypeError, ValueError where it has not."""
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
