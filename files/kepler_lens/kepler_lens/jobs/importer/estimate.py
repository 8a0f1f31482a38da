"""Estimate what an import needs by measured constants, and refuse an import that does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kepler_lens.archive import Item
from kepler_lens.archive.sizes import too_large
from kepler_lens.errors import KeplerLensError
from kepler_lens.jobs.importer.config import Job

# Bytes on the disk for each point, after compaction by LevelDB: measured on Warp 10 2.1.0 and 3.5.0
# (`make bench`, figure c).
BYTES_A_POINT = 15.9
# Disk during compaction over disk after it, no unit: old and new tables exist side by side
# (chosen).
COMPACTION_ROOM = 1.3
# Share of the disk that must stay free (chosen): the server stops when its disk is full.
KEPT_FREE = 0.05
# Points per second: measured on two cores that the server and the workers share (`make bench`
# repeats the measurement).
POINTS_A_SECOND = 400_000
# Bytes of a row of the LIGHTCURVE table (20 columns), and of all else in a file (chosen).
ROW_BYTES = 100
OTHER_BYTES = 40_000
# Rows of a file whose listing gives no size (chosen: 90 days of 29.4 min, 30 days of 58.8 s).
TYPICAL_ROWS = {"long": 4_400, "short": 44_000}
# Share of the rows that have a finite value in a column (chosen).
FINITE = 0.95
# Files of a star of which only the number is known: 17 quarters; short cadence has months (chosen).
TYPICAL_FILES_A_STAR = {"long": 17, "short": 6}
# Bytes of the heap without series, bytes for each series, seconds of a start without series, and
# series per second of a start. The smallest heap that held 21,000 series was 128 MiB; 209,000
# series took 192 MiB, and 1.14 million took 1,024 MiB. After SIGKILL these servers answered after
# 6, 8 and 36 s (`make bench-sky`; the next smaller heap that it tries is three quarters of each).
HEAP_BYTES = 128 * 2**20
HEAP_BYTES_A_SERIES = 850
START_S = 5
SERIES_A_SECOND = 34_000
# Series of candidates and scores for each light curve (chosen: one star in 20 has one of each).
RESULTS = 0.05
# Bytes of a worker's interpreter with its libraries, and bytes of each thread's batch: measured
# (`make bench`, figure e, has their sum).
WORKER_BYTES = 230_000_000
THREAD_BYTES = 120_000_000


class NoRoomError(KeplerLensError):
    """The import would not fit into the server's disk or heap, or into a worker's memory."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What an import would add to the server.

    Attributes
    ----------
    files, points : int
    whole : bool
        Whether that is all, and not only what is known so far.
    series : int
        New series.
    """

    files: int
    points: int
    whole: bool
    series: int = 0

    @property
    def disk_bytes(self) -> int:
        """Bytes on the server's disk, while LevelDB compacts."""
        return int(self.points * BYTES_A_POINT * COMPACTION_ROOM)

    @property
    def seconds(self) -> float:
        """Time of the push, seconds."""
        return self.points / POINTS_A_SECOND

    def sentence(self) -> str:
        """Describe the volume in a sentence for people."""
        minutes = self.seconds / 60
        duration = f"{self.seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min"
        least = "" if self.whole else "At least "
        return (
            f"{least}{self.files} files to import, some {self.points:,} points: about "
            f"{gib(self.disk_bytes)} on the server's disk, {duration}."
        )


def volume(items: Iterable[Item], job: Job, *, listing_done: bool, new_stars: int = 0) -> Volume:
    """Estimate the points of files that are not imported yet.

    Parameters
    ----------
    items : iterable of Item
        All files, or those listed so far.
    job : Job
        If it has a list of stars, the listed files stand for those of all these stars.
    listing_done : bool
        Whether `items` are all files.
    new_stars : int
        Stars among the files of which the server has nothing.

    Returns
    -------
    Volume
    """
    rows = files = 0
    stars = set()
    typical = TYPICAL_ROWS[job.selection.cadence]
    for item in items:
        # Such a file is rejected, and would pass for millions of rows.
        if too_large(item.size):
            continue
        files += 1
        stars.add(item.star)
        rows += typical if item.size is None else max(0, item.size - OTHER_BYTES) // ROW_BYTES
    whole = listing_done
    if not listing_done and job.selection.stars is not None and stars:
        factor = max(1.0, len(job.selection.stars) / len(stars))
        rows, files, whole = int(rows * factor), int(files * factor), True
        new_stars = int(new_stars * factor)
    columns = len(job.columns)
    return Volume(files, int(rows * columns * FINITE), whole, new_stars * columns)


def heap_bytes(series: int) -> int:
    """Estimate the heap, bytes, for a server's series and the candidates and scores of them."""
    return int(HEAP_BYTES + series * (1 + RESULTS) * HEAP_BYTES_A_SERIES)


def start_seconds(series: int) -> float:
    """Estimate the time, seconds, in which a server reads its series at its start."""
    return START_S + series * (1 + RESULTS) / SERIES_A_SECOND


def check(job: Job, wanted: Volume, stars_there: int = 0) -> None:
    """Refuse an import that the server's disk or heap cannot hold.

    Parameters
    ----------
    job : Job
    wanted : Volume
    stars_there : int
        Stars that the server has already.

    Raises
    ------
    NoRoomError
        The disk or the heap is too small.
    """
    if job.server_free_bytes is not None:
        _check_disk(job, job.server_free_bytes, wanted)
    if job.server_heap_bytes is not None:
        needed = heap_bytes(wanted.series + stars_there * len(job.columns))
        if needed > job.server_heap_bytes:
            raise NoRoomError(
                f"With these stars {job.server} will need a heap of {gib(needed)} for the names of "
                f"its series, and it has {gib(job.server_heap_bytes)}: give its host more memory, "
                "or it a larger part (warp10_heap_percent), and restart it; or choose fewer stars."
            )


def _check_disk(job: Job, free_bytes: int, wanted: Volume) -> None:
    kept = int((job.server_total_bytes or 0) * KEPT_FREE)
    room = free_bytes - kept
    if wanted.disk_bytes > room:
        at_least = "" if wanted.whole else "at least "
        raise NoRoomError(
            f"{wanted.files} files will need {at_least}{gib(wanted.disk_bytes)} on the disk of "
            f"{job.server} ({wanted.points} points) and {gib(max(0, room))} can be used there "
            f"({gib(free_bytes)} free, {gib(kept)} of them must stay so): "
            f"make room or choose fewer stars."
        )


def check_workers(limits: Mapping[str, tuple[int, int]]) -> None:
    """Refuse workers whose memory limit is too low.

    Parameters
    ----------
    limits : mapping
        Name of each worker to its memory limit (bytes, 0 if none) and number of threads.

    Raises
    ------
    NoRoomError
        A limit is too low.
    """
    for name, (limit, threads) in limits.items():
        needed = WORKER_BYTES + threads * THREAD_BYTES
        if 0 < limit < needed:
            raise NoRoomError(
                f"Worker {name} may use {gib(limit)} of memory and needs {gib(needed)} for its "
                f"{threads} threads: raise its limit or give it fewer threads."
            )


def gib(size: int) -> str:
    """Return bytes as a text in GiB."""
    return f"{size / 2**30:.2f} GiB"
