"""What has been imported, kept in Warp 10 itself beside the light curves.

Two bookkeeping series for each star, mission and cadence, in an application of their own that the
public read token does not see:

- ``import.file``: at each file's first cadence number (CADENCENO of its first row: the same after a
  reprocessing) a JSON text, the fields of `Entry`;
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
from kepler_lens.warp10 import Series, Token, Warp10

FILES = "import.file"
POINTS = "import.points"
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
    def labels(self) -> dict[str, str]:
        """Labels of the bookkeeping series."""
        return {"KEPLERID": str(self.star), "MISSION": self.mission, "OBSMODE": self.obsmode}

    def holds(self, columns: Iterable[str]) -> bool:
        """Whether all these columns are in completely."""
        return self.state == DONE and set(columns) <= set(self.columns)


@dataclass(frozen=True, slots=True)
class Summary:
    """How much has been imported completely."""

    stars: int
    files: int
    points: int


class Ledger:
    """The bookkeeping of one server.

    Parameters
    ----------
    warp10 : Warp10
    read, write : Token
        Tokens of the bookkeeping's own application.
    """

    def __init__(self, warp10: Warp10, read: Token, write: Token | None = None) -> None:
        self._warp10 = warp10
        self._read = read
        self._write = write

    def entries(self, stars: Sequence[int]) -> dict[int, list[Entry]]:
        """Give the entries of some stars (a few hundred at most), in one request."""
        found: dict[int, list[Entry]] = {star: [] for star in stars}
        if not found:
            return found
        for series in self._warp10.fetch(_selector(FILES, found), self._read):
            for entry in _entries(series):
                found[entry.star].append(entry)
        return found

    def write(self, entries: Iterable[Entry]) -> None:
        """Write entries over whatever stands at their keys; nothing if there are none."""
        lines = [line for entry in entries for line in _lines(entry)]
        if lines:
            self._warp10.update("".join(lines).encode(), self._writer())

    def remove(self, entries: Iterable[Entry]) -> None:
        """Delete single entries."""
        for entry in entries:
            for classname in (FILES, POINTS):
                selector = series_name(classname, entry.labels)
                tick = entry.first_cadence
                self._warp10.delete(selector, self._writer(), tick, tick)

    def forget(self, stars: Sequence[int]) -> None:
        """Delete all entries of some stars, so that an import takes them anew."""
        for classname in (FILES, POINTS):
            self._warp10.delete(_selector(classname, stars), self._writer())

    def summary(self) -> Summary:
        """Count what is in completely: stars, files and points."""
        stars: set[str] = set()
        files = points = 0
        # By the last digit of the star: all of Kepler in one answer would be too much.
        for digit in range(10):
            for series in self._warp10.fetch(f"{POINTS}{{KEPLERID~.*{digit}}}", self._read):
                stars.add(series.labels["KEPLERID"])
                files += len(series.values)
                points += sum(series.values)
        return Summary(len(stars), files, points)

    def _writer(self) -> Token:
        if self._write is None:
            raise Warp10Error("The ledger was opened for reading: name its write token too.")
        return self._write


def _selector(classname: str, stars: Iterable[int]) -> str:
    return f"{classname}{{KEPLERID~({'|'.join(str(star) for star in stars)})}}"


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
    yield (f"{entry.first_cadence}// {series_name(FILES, entry.labels)} '{quote(text, safe='')}'\n")
    if entry.state == DONE:
        yield f"{entry.first_cadence}// {series_name(POINTS, entry.labels)} {entry.points}\n"


def _entries(series: Series) -> Iterable[Entry]:
    for tick, value in zip(series.ticks, series.values, strict=True):
        try:
            yield _entry(series.labels, tick, json.loads(value))
        except (KeyError, TypeError, ValueError) as error:
            raise Warp10Error(
                f"The ledger's entry of star {series.labels.get('KEPLERID')} at {tick} makes no "
                f"sense ({error!r}): remove that star with `kepler-lens delete` and import it again"
            ) from None


def _entry(labels: Mapping[str, str], tick: int, fields: dict[str, Any]) -> Entry:
    return Entry(
        star=int(labels["KEPLERID"]),
        mission=labels["MISSION"],
        obsmode=labels["OBSMODE"],
        first_cadence=tick,
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
