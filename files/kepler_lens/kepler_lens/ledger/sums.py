"""How much is in the server, by sums that are kept where it is written and cannot drift.

``import.sum`` has for each bucket of stars what is in completely: a JSON text with stars, files and
points. ``import.open`` (labels RUN and JOB) has a mark at each bucket that a run has written into:
the sum there may be an old one, and whoever reads the sums counts that bucket itself.

What keeps the sums right, whoever is killed when, and however many jobs write at once:

- a mark is there before what it speaks of, and is written once more after it;
- marks are taken away before a bucket is counted, not after it: the one who counts has first put
  marks of its own, under a run by whose name nobody else writes. So what was written before the
  marks went is counted, and what comes later brings a mark along;
- of a run that may still write only marks are deleted that were seen, and not their series: a
  request under way has had the series entered into the server's directory and stores its points a
  moment later, where nobody would see them. The series goes when the job's next run finds it empty;
- a sum is held against the entries once more after it was written, and only then do the marks of
  the one who counted go. Of two who count one bucket, the second finds what the first missed.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import series_name
from kepler_lens.jobs.run import new_run
from kepler_lens.ledger.places import (
    BUCKET_STARS,
    STARS,
    bucket_of,
    runs_of,
    star_of,
    ticks_of_buckets,
)
from kepler_lens.warp10 import Series, Token, Warp10

POINTS = "import.points"
SUM = "import.sum"
OPEN = "import.open"

TOGETHER = 64
"""Buckets that one request counts. Chosen: of Kepler 300,000 files, some 12 MB of answer."""

LIVE_MOST = 64
"""Marked buckets that are counted for whoever only asks. Chosen: as many as one request counts,
which is less than a second; an import of a whole mission marks all buckets there are."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: by its marks it is known what may not have been counted yet.

    Attributes
    ----------
    run : str
        Never used before.
    job : str
        Host and state folder, whose lock proves that older runs of it are dead.
    """

    run: str
    job: str

    @classmethod
    def new(cls, job: str | None = None) -> Writer:
        """Name a run of a job; without one, of a command that holds no lock."""
        return cls(new_run(), f"{socket.gethostname()}:command" if job is None else job)

    def marks(self, buckets: Iterable[int]) -> list[str]:
        """Give the lines that mark buckets."""
        name = self.series
        return [f"{bucket}// {name} T\n" for bucket in buckets]

    @property
    def series(self) -> str:
        """Name and selector of its marks."""
        return series_name(OPEN, {"RUN": self.run, "JOB": self.job})


@dataclass(frozen=True, slots=True)
class Summary:
    """How much has been imported completely.

    Attributes
    ----------
    stars, files, points : int
    whole : bool
        False where more was being written than is counted for whoever asks: then it is what was
        there when the sums were kept.
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
    """By how much kept sums were wrong: the differences of all buckets, none of them negative."""

    stars: int = 0
    files: int = 0
    points: int = 0


@dataclass(slots=True)
class _Tally:
    stars: set[int] = field(default_factory=set)
    files: int = 0
    points: int = 0


class Sums:
    """The sums of one server's ledger.

    Parameters
    ----------
    warp10 : Warp10
    read, write : Token
        Of the ledger's own application; the second where sums are kept.
    """

    def __init__(self, warp10: Warp10, read: Token, write: Token | None = None) -> None:
        self._warp10 = warp10
        self._read = read
        self._write = write

    def summary(self) -> Summary:
        """Say how much is in: the kept sums, and a count of the few buckets that are marked."""
        # The marks first: a bucket that is counted and freed in between has its new sum then.
        live = _all(self.marks())
        sums = self._kept()
        if whole := len(live) <= LIVE_MOST:
            sums |= self.count(live)
        return Summary(*_total(one.counts for one in sums.values()), whole=whole)

    def settle(self, mine: Callable[[Writer], bool], writer: Writer) -> None:
        """Keep the sums of the buckets that some runs have marked, and take those marks away.

        Parameters
        ----------
        mine : callable
            Says of a run whether it has ended, or is the caller's own. Marks of a run that is
            alive somewhere must stay: it may die before it has put the next.
        writer : Writer
            The caller's run.
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
        """Count every bucket, keep all sums, take all marks away, and say what was wrong."""
        own = Writer.new()
        taken = self._take_over(lambda _: True, own)
        before = self._kept()
        counted = self._count_all()
        kept = self._kept()
        # Where somebody writes, nobody takes the sum for what is there; or it was kept just now.
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
        """Give the buckets that each run has marked."""
        fetched = self._warp10.fetch(f"{OPEN}{{}}", self._read)
        return {_writer(series): set(series.ticks) for series in fetched}

    def count(self, buckets: Iterable[int]) -> dict[int, Summary]:
        """Count what is in completely in some buckets, by the entries themselves."""
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
            # There are few numbers that stars have, and much between them.
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
            # Marks again: another one who counts may have taken away those that were there.
            sums = (_line(bucket, one) for bucket, one in counted.items())
            self._update([*own.marks(counted), *sums])
            # Another one may have kept an older sum meanwhile, or this one did.
            again = self.count(counted)
            counted = {b: one for b, one in again.items() if one != counted[b]}

    def _take_over(self, mine: Callable[[Writer], bool], own: Writer) -> dict[Writer, set[int]]:
        """Put marks of a run of its own in the place of others, and say which these were."""
        taken = {writer: marked for writer, marked in self.marks().items() if mine(writer)}
        self._update(own.marks(sorted(_all(taken))))
        for writer, marked in taken.items():
            for first, last in runs_of(marked, len(marked)):
                self._warp10.delete(writer.series, self._token(), first, last)
        return taken

    def remove(self, writer: Writer) -> None:
        """Delete the series of a run's marks: nobody writes under its name any more."""
        self._warp10.delete(writer.series, self._token())

    def _update(self, lines: Iterable[str]) -> None:
        if text := "".join(lines):
            self._warp10.update(text.encode(), self._token())

    def _token(self) -> Token:
        if self._write is None:
            raise Warp10Error("The ledger was opened for reading: name its write token too.")
        return self._write


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
