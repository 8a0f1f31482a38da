"""Keep sums of what is in the server, updated where it is written, so that they cannot drift.

``import.sum`` has for each bucket of stars what is in completely: a JSON text with stars, files and
points. ``import.open`` (labels RUN and JOB) has a mark at each bucket into which a run has written.
The sum of a marked bucket may be old, so a reader of the sums counts that bucket itself.

These rules keep the sums right, no matter which process is killed when, and how many jobs write at
the same time:

- A writer marks a bucket before it writes entries there, and marks it again afterwards.
- A process that counts buckets first marks them under a new run name that no other writer uses. It
  then deletes the old marks, and only then does it count. What was written before the deletion is
  counted, and what is written later has a mark of its own.
- Of a run that may still write, only the marks that were read are deleted, not their series. A
  request under way has already registered the series in the server's directory and stores its
  points a moment later. If the series were deleted, nobody would see these points. The next run of
  the job deletes the series when it is empty.
- A job's lock proves that its older runs are dead. A command holds no lock: its marks are given up
  a day after it began.
- After a sum is written, the process counts the bucket again. It deletes its own marks only when
  the sum agrees with that count. If two processes count one bucket, the second one finds what the
  first one missed.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import series_name
from kepler_lens.run_name import began_of, new_run
from kepler_lens.warp10.client import Series, Token, Warp10, token_to_write
from kepler_lens.warp10.ticks import (
    BUCKET_STARS,
    STARS,
    bucket_of,
    runs_of,
    star_of,
    ticks_of_buckets,
)

POINTS = "import.points"
SUM = "import.sum"
OPEN = "import.open"

TOGETHER = 64
"""Buckets that one request counts (chosen: of Kepler 300,000 files, some 12 MB of answer)."""

LIVE_MOST = 64
"""Marked buckets that are counted for a reader of the sums (chosen: as many as one request counts
in less than a second; an import of a whole mission marks all buckets)."""

_COMMAND = ":command"
"""End of the job's name of a command that holds no lock."""
_COMMAND_LASTS = timedelta(days=1)
"""Time after which a command is taken to have ended (chosen: commands take minutes; until then, a
reader of the sums counts what is marked)."""


@dataclass(frozen=True, slots=True)
class Writer:
    """A run that writes entries; its marks show which buckets may not have been counted yet.

    Attributes
    ----------
    run : str
        Name of the run, never used before.
    job : str
        Host and state folder, whose lock proves that older runs of the job are dead.
    """

    run: str
    job: str

    @classmethod
    def new(cls, job: str | None = None) -> Writer:
        """Name a new run of a job; without a job, of a command that holds no lock."""
        return cls(new_run(), f"{socket.gethostname()}{_COMMAND}" if job is None else job)

    @property
    def given_up(self) -> bool:
        """Whether this is a command that began so long ago that it has ended, in whatever way.

        No lock tells of a command whether it is alive. Without this, the marks of one that was
        killed would stay for ever.
        """
        began = began_of(self.run)
        # A job's name has the path of its folder.
        is_command = self.job.endswith(_COMMAND) and "/" not in self.job
        return is_command and began is not None and datetime.now(UTC) - began > _COMMAND_LASTS

    def marks(self, buckets: Iterable[int]) -> list[str]:
        """Return the lines, in Warp 10's input format, that mark some buckets."""
        name = self.series
        return [f"{bucket}// {name} T\n" for bucket in buckets]

    @property
    def series(self) -> str:
        """Name and selector of the series of its marks."""
        return series_name(OPEN, {"RUN": self.run, "JOB": self.job})


@dataclass(frozen=True, slots=True)
class Summary:
    """How much has been imported completely.

    Attributes
    ----------
    stars, files, points : int
    whole : bool
        False where so many buckets are marked that they were not counted; the numbers are then
        those of the last sums.
    """

    stars: int = 0
    files: int = 0
    points: int = 0
    whole: bool = True

    @property
    def counts(self) -> tuple[int, int, int]:
        """Stars, files and points."""
        return self.stars, self.files, self.points


@dataclass(frozen=True, slots=True)
class Off:
    """Errors of the kept sums: absolute differences, added up over all buckets.

    Attributes
    ----------
    stars, files, points : int
    """

    stars: int = 0
    files: int = 0
    points: int = 0


@dataclass(slots=True)
class _Tally:
    """Stars, files and points of a bucket that were counted so far.

    Attributes
    ----------
    stars : set of int
    files, points : int
    """

    stars: set[int] = field(default_factory=set)
    files: int = 0
    points: int = 0


class Sums:
    """The sums of one server's ledger.

    Parameters
    ----------
    warp10 : Warp10
    read, write : Token
        Tokens of the ledger's own application; `write` is needed to keep sums.
    """

    def __init__(self, warp10: Warp10, read: Token, write: Token | None = None) -> None:
        self._warp10 = warp10
        self._read = read
        self._write = write

    def summary(self) -> Summary:
        """Return how much is in: the kept sums, with a count of the few buckets that are marked."""
        # Marks are read before sums: a bucket whose mark is deleted in between has its new sum by
        # then.
        live = _all(self.marks())
        sums = self._kept()
        if whole := len(live) <= LIVE_MOST:
            sums |= self.count(live)
        return Summary(*_total(one.counts for one in sums.values()), whole=whole)

    def settle(self, mine: Callable[[Writer], bool], writer: Writer) -> None:
        """Update the sums of the buckets that some runs have marked, and delete their marks.

        Parameters
        ----------
        mine : callable
            Returns whether a run has ended or is the caller's own. The marks of a run that is alive
            elsewhere must stay: it may die before it sets the next mark.
        writer : Writer
            Run of the caller.
        """
        known = self._warp10.find(f"{OPEN}{{}}", self._read)
        runs = {_writer(series) for series in known} - {writer}
        own = Writer.new(writer.job)
        if taken := self._take_over(mine, own):
            self._keep(self.count(_all(taken)), own)
            self.remove(own)
        for run in filter(mine, runs - taken.keys()):
            self.remove(run)

    def recount(self) -> Off:
        """Count every bucket, correct all sums, delete all marks, and return the errors.

        Returns
        -------
        Off
            Errors of buckets into which nobody was writing.
        """
        own = Writer.new()
        taken = self._take_over(lambda _: True, own)
        before = self._kept()
        counted = self._count_all()
        kept = self._kept()
        # A bucket with a mark, or whose sum has just changed, has a writer: a difference is no
        # error.
        busy = _all(taken) | _all(self.marks()) | {b for b in kept if kept[b] != before.get(b)}
        wrong = {
            bucket: (counted.get(bucket, Summary()), kept.get(bucket, Summary()))
            for bucket in counted.keys() | kept.keys()
        }
        wrong = {bucket: pair for bucket, pair in wrong.items() if pair[0] != pair[1]}
        self._keep({bucket: pair[0] for bucket, pair in wrong.items()}, own)
        self.remove(own)
        differences = (
            tuple(abs(a - b) for a, b in zip(pair[0].counts, pair[1].counts, strict=True))
            for bucket, pair in wrong.items()
            if bucket not in busy
        )
        return Off(*_total(differences))

    def marks(self) -> dict[Writer, set[int]]:
        """Read the buckets that each run has marked."""
        fetched = self._warp10.fetch(f"{OPEN}{{}}", self._read)
        return {_writer(series): set(series.ticks) for series in fetched}

    def count(self, buckets: Iterable[int]) -> dict[int, Summary]:
        """Count what is in completely in some buckets, from the entries themselves.

        Returns
        -------
        dict of int to Summary
            Each bucket to its count.
        """
        buckets = set(buckets)
        counted = dict.fromkeys(buckets, Summary())
        for first, last in runs_of(buckets, TOGETHER):
            counted |= self._count(first, last)
        return counted

    def _count(self, first: int, last: int) -> dict[int, Summary]:
        tallies: dict[int, _Tally] = {}
        ticks = ticks_of_buckets(first, last)
        for series in self._warp10.fetch(f"{POINTS}{{}}", self._read, *ticks):
            for tick, points in zip(series.ticks, series.values, strict=True):
                star = star_of(tick)
                tally = tallies.setdefault(bucket_of(star), _Tally())
                tally.stars.add(star)
                tally.files += 1
                tally.points += points
        return {b: Summary(len(t.stars), t.files, t.points) for b, t in tallies.items()}

    def _count_all(self) -> dict[int, Summary]:
        counted: dict[int, Summary] = {}
        first, width, last = 0, TOGETHER, bucket_of(STARS - 1)
        while first <= last:
            found = self._count(first, min(first + width - 1, last))
            counted |= found
            first += width
            # Few of the numbers belong to stars, and the gaps between them are wide.
            width = TOGETHER if found else 2 * width
        return counted

    def _kept(self) -> dict[int, Summary]:
        kept: dict[int, Summary] = {}
        for series in self._warp10.fetch(f"{SUM}{{}}", self._read):
            for bucket, value in zip(series.ticks, series.values, strict=True):
                try:
                    kept[bucket] = Summary(**json.loads(value))
                except (TypeError, ValueError) as error:
                    stars = f"{bucket * BUCKET_STARS} to {(bucket + 1) * BUCKET_STARS - 1}"
                    raise Warp10Error(
                        f"The ledger's sum for the stars {stars} makes no sense ({error!r}): "
                        f"delete the series {SUM}, then run `kepler-lens status --recount`."
                    ) from None
        return kept

    def _keep(self, counted: Mapping[int, Summary], own: Writer) -> None:
        while counted:
            # The marks are set again, because another process that counts may have deleted them.
            sums = (_line(bucket, one) for bucket, one in counted.items())
            self._update([*own.marks(counted), *sums])
            # This process or another one may have written an older sum meanwhile.
            again = self.count(counted)
            counted = {b: one for b, one in again.items() if one != counted[b]}

    def _take_over(self, mine: Callable[[Writer], bool], own: Writer) -> dict[Writer, set[int]]:
        """Replace the marks of some runs by marks of `own`, and return the replaced ones."""
        taken = {writer: marked for writer, marked in self.marks().items() if mine(writer)}
        self._update(own.marks(sorted(_all(taken))))
        for writer, marked in taken.items():
            for first, last in runs_of(marked, len(marked)):
                self._warp10.delete(writer.series, self._token(), first, last)
        return taken

    def remove(self, writer: Writer) -> None:
        """Delete the series of a run's marks, once nobody writes under its name any more."""
        self._warp10.delete(writer.series, self._token())

    def _update(self, lines: Iterable[str]) -> None:
        if text := "".join(lines):
            self._warp10.update(text.encode(), self._token())

    def _token(self) -> Token:
        return token_to_write(self._write, "ledger")


def _writer(series: Series) -> Writer:
    return Writer(series.labels["RUN"], series.labels["JOB"])


def _all(marks: Mapping[Writer, set[int]]) -> set[int]:
    return {bucket for marked in marks.values() for bucket in marked}


def _line(bucket: int, one: Summary) -> str:
    text = json.dumps(
        {"stars": one.stars, "files": one.files, "points": one.points}, separators=(",", ":")
    )
    return f"{bucket}// {SUM}{{}} '{quote(text, safe='')}'\n"


def _total(counts: Iterable[tuple[int, ...]]) -> tuple[int, int, int]:
    stars = files = points = 0
    for one in counts:
        stars, files, points = stars + one[0], files + one[1], points + one[2]
    return stars, files, points
