"""Drive an import: plan it, hand out batches, collect and count their results."""

from __future__ import annotations

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from kepler_lens.archive import Item, Source, open_source
from kepler_lens.errors import KeplerLensError, SourceError
from kepler_lens.jobs.driver import Driver, job_name, lock
from kepler_lens.jobs.fleet import DATA_IN_FLIGHT, Fleet, Killed, Work
from kepler_lens.jobs.importer import estimate
from kepler_lens.jobs.importer.config import Job
from kepler_lens.jobs.importer.decide import PUSHED, QUARANTINED, ImportOptions
from kepler_lens.jobs.importer.plan import Piece, data_bytes, plan
from kepler_lens.jobs.importer.report import Progress
from kepler_lens.jobs.importer.table import render_summary
from kepler_lens.jobs.importer.task import BatchResult, BatchSettings, FileResult, import_batch
from kepler_lens.ledger import Ledger, Writer
from kepler_lens.ledger.earlier import convert
from kepler_lens.run_name import new_run
from kepler_lens.warp10.changes import forget_old
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.directory import TOGETHER, Directory
from kepler_lens.warp10.register import Register

Batch = tuple[Item, ...]

AHEAD_FILES = 20_000
"""Files that are listed before the work begins, so that estimate and progress know them
(chosen)."""
AHEAD_BATCHES = 100
"""Batches that wait at most (chosen)."""
AHEAD_DATA_BYTES = 32_000_000
"""Bytes of content from tarballs that wait at most; the work begins when they are reached
(chosen)."""
AHEAD_S = 20.0
"""Seconds of listing after which the work begins in any case (chosen)."""
DEATHS_A_STAR = 2
"""Deaths of a batch with one star alone, after which its files are rejected (chosen)."""
MOST_REFUSED = 200
"""Files that the source refuses one after the other, with which the import ends (chosen: more than
two full batches, so that a folder that is not public does not end it; a server that wants no more
requests gets no more)."""
MOST_FAILING = 10
"""Files at which the source fails one after the other, with which the import ends (chosen: each one
takes a patience, and a server that fails at everything is dead)."""
BATCHES_A_THREAD = 3
"""Batches under way for each thread of the fleet (chosen)."""


def run_import(job: Job, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Run an import.

    Parameters
    ----------
    job : Job
    say : callable, optional
        Called with a line of progress every ten seconds.

    Returns
    -------
    dict
        The report (see `jobs.importer.report`), with ``exit_status``: 0, 3 if files were
        rejected, or 4 if a signal stopped the import.

    Raises
    ------
    JobRunningError
        Another import holds the lock.
    KeplerLensError
        The import cannot continue; the report has the same sentence.
    """
    with lock(job.state, "import"):
        return _Driver(job, say).run()


def work_of(settings: BatchSettings) -> Work[Batch, BatchResult]:
    """Describe the work of an import's workers."""
    return Work(
        "import",
        settings.run,
        partial(import_batch, settings=settings),
        BATCHES_A_THREAD,
        admits,
        lambda batch: f"{batch[0].name} and its neighbours",
    )


def admits(under_way: Sequence[Batch], batch: Batch) -> bool:
    """Return whether a batch may join the batches under way.

    The content of all batches must fit into memory. No two batches may share a star, because two
    versions of a light curve must not be imported at the same time.

    Parameters
    ----------
    under_way : sequence of Batch
    batch : Batch

    Returns
    -------
    bool
    """
    carried = sum(map(data_bytes, under_way))
    if carried and carried + data_bytes(batch) > DATA_IN_FLIGHT:
        return False
    busy = {item.star for other in under_way for item in other}
    return busy.isdisjoint({item.star for item in batch} - {None})


class _Driver(Driver[Progress]):
    complete = "Every file is in."

    def __init__(self, job: Job, say: Callable[[str], None]) -> None:
        run = new_run()
        super().__init__(
            Progress(run=run, source=job.source, server=job.server, folder=job.state), say
        )
        self.job = job
        self.writer = Writer(run, job_name(job.state))
        self.options = ImportOptions(job.columns, job.force, run, attempt="")
        self.pieces: queue.Queue[Piece | BaseException | None] = queue.Queue(maxsize=2)
        self.waiting: deque[Batch] = deque()
        self.deaths: Counter[int | None] = Counter()
        self.refused = self.failing = 0
        self.pushed: set[int] = set()
        self.new_stars = 0
        self.source: Source | None = None
        # Why the listing ended early.
        self.broken: SourceError | None = None

    def work(self) -> None:
        """Import, then count what is on the server."""
        ledger = self._open_ledger()
        self._import(ledger)
        asked = self.job.selection.stars or ()
        self.progress.absent = sorted(set(asked) - self.progress.present)
        # This includes buckets that earlier runs of the job marked before they died; the lock
        # proves that they are dead.
        ledger.settle()
        self.progress.totals = ledger.summary()

    def rejected(self) -> str:
        """Return the number of rejected files and the missing stars in words; empty for none."""
        count = self.progress.outcomes[QUARANTINED]
        parts = [f"{count} files were rejected."] if count else []
        if absent := self.progress.absent:
            number = f"{len(absent)} stars that were asked for are"
            if len(absent) == 1:
                number = f"Star {absent[0]} is"
            parts.append(f"{number} not in the source.")
        return " ".join(parts)

    def failure(self) -> str:
        """Return why the import failed: a fault of the program, or no file to import."""
        if message := super().failure():
            return message
        progress = self.progress
        if not progress.files_done:
            assert self.source is not None  # noqa: S101 - work() has opened it
            seen = self.source.seen
            return (
                f"{self.job.source}: nothing to import was found; there is {seen.words()}. "
                f"{seen.advice()}"
            )
        if progress.outcomes[QUARANTINED] == progress.files_done:
            first = progress.rejected[0]
            return (
                f"{self.job.source}: not one of {progress.files_done:,} files could be imported; "
                f"the first, {first['name']}: {first['reason']}"
            )
        return ""

    def summary(self, report: dict[str, Any]) -> str:
        """Return the report as text, see `kepler_lens.jobs.importer.table`."""
        return render_summary(report)

    def _open_ledger(self) -> Ledger:
        """Open the ledger; use each token once, so that a wrong one is refused before the work."""
        warp10 = Warp10(self.job.server)
        tokens = self.job.tokens
        ledger_read = Token.from_file(tokens.ledger_read)
        ledger_write = Token.from_file(tokens.ledger_write)
        ledger = Ledger(warp10, ledger_read, ledger_write, self.writer)
        warp10.update(b"", Token.from_file(tokens.write))
        Register(warp10, Token.from_file(tokens.read)).read([0])
        ledger.check()
        convert(warp10, ledger, ledger_read, ledger_write, self.say)
        return ledger

    def _import(self, ledger: Ledger) -> None:
        job = self.job
        source = open_source(job.source, parallel=job.archive.parallel, cache=job.archive.cache)
        self.source = source
        planner = threading.Thread(target=self._plan, args=(source, ledger), daemon=True)
        planner.start()
        self._list_ahead()
        # Where nothing is to be done, no fleet is needed.
        if self.waiting or not self.progress.listing_done:
            self._push(ledger, source)
        if self.broken is not None:
            raise self.broken

    def _push(self, ledger: Ledger, source: Source) -> None:
        """Have the fleet import what is waiting and what is still listed."""
        job = self.job
        volume = self._volume()
        estimate.check(job, volume, ledger.summary().stars)
        self.say(volume.sentence())
        settings = BatchSettings(
            run=self.progress.run,
            server=job.server,
            tokens=job.tokens,
            columns=job.columns,
            force=job.force,
            # The plan has chosen the stars already, so a long list of them need not travel with
            # every batch.
            selection=replace(job.selection, stars=None),
            archive=source.settings,
            job=self.writer.job,
        )
        directory = Directory(
            Warp10(job.server), Token.from_file(job.tokens.read), Token.from_file(job.tokens.write)
        )
        with self.fleet(job.scheduler, job.tls, work_of(settings)) as fleet:
            estimate.check_workers(fleet.memory_limits())
            self._work(fleet, directory)
        self._note(directory, least=1)
        forget_old(Warp10(job.server), Token.from_file(job.tokens.write))

    def _plan(self, source: Source, ledger: Ledger) -> None:
        """List the source and look up its files, in a thread, as far ahead as the queue allows."""
        try:
            items = source.items(self.job.selection)
            for piece in plan(items, ledger, self.job.selection, self.options, source.settings):
                self._offer(piece)
            self._offer(None)
        except BaseException as error:  # raised again where the import runs
            self._offer(error)

    def _offer(self, piece: Piece | BaseException | None) -> None:
        while not self.stop.is_set():
            try:
                self.pieces.put(piece, timeout=0.5)
            except queue.Full:
                continue
            return

    def _list_ahead(self) -> None:
        began = datetime.now(UTC)
        held = 0
        while not self.progress.listing_done:
            self.idle("listing the source")
            held += self._take(timeout=0.5)
            if (
                self.progress.files_listed >= AHEAD_FILES
                or held >= AHEAD_DATA_BYTES
                or (datetime.now(UTC) - began).total_seconds() >= AHEAD_S
            ):
                break

    def _take(self, timeout: float) -> int:
        """Process a piece of the plan, if there is one; return the bytes of its content."""
        try:
            piece = self.pieces.get(timeout=timeout) if timeout else self.pieces.get_nowait()
        except queue.Empty:
            return 0
        if isinstance(piece, SourceError):
            # What was listed is imported before the job ends with this error.
            self.broken = piece
            self.progress.listing_done = True
            return 0
        if isinstance(piece, BaseException):
            raise piece
        if piece is None:
            self.progress.listing_done = True
            return 0
        self.progress.files_listed += piece.items
        if self.job.selection.stars is not None:
            self.progress.present |= piece.stars
        self.progress.add_known(
            len(piece.known), {item.star for item in piece.known if item.star is not None}
        )
        self.new_stars += piece.new_stars
        self.waiting += piece.batches
        return piece.data_bytes

    def _volume(self) -> estimate.Volume:
        return estimate.volume(
            [item for batch in self.waiting for item in batch],
            self.job,
            listing_done=self.progress.listing_done,
            new_stars=self.new_stars,
        )

    def _work(self, fleet: Fleet[Batch, BatchResult], directory: Directory) -> None:
        while self.waiting or fleet.in_flight or not self.progress.listing_done:
            self.idle(fleet.message)
            if self._has_room() and not self.progress.listing_done:
                self._take(timeout=0.0 if fleet.in_flight or self.waiting else 0.5)
            self._hand_out(fleet)
            for outcome in fleet.collect(timeout=0.25):
                if isinstance(outcome, Killed):
                    self._again(outcome.batch)
                else:
                    self._account(outcome)
            self._note(directory, least=TOGETHER)

    def _note(self, directory: Directory, least: int) -> None:
        """Note the series of new stars in the directory, once there are `least` stars."""
        if len(self.pushed) >= least:
            directory.note(sorted(self.pushed))
            self.pushed.clear()

    def _has_room(self) -> bool:
        held = sum(data_bytes(batch) for batch in self.waiting)
        return len(self.waiting) < AHEAD_BATCHES and held < AHEAD_DATA_BYTES

    def _hand_out(self, fleet: Fleet[Batch, BatchResult]) -> None:
        while self.waiting and fleet.takes(self.waiting[0]):
            fleet.submit(self.waiting.popleft())

    def _account(self, result: BatchResult) -> None:
        self.progress.add(result)
        if result.fatal:
            raise KeplerLensError(result.fatal)
        for file in result.files:
            if file.star is not None and file.outcome == PUSHED:
                self.pushed.add(file.star)
            if file.defect:
                self.progress.defects.add(file.defect, file.name)
            self._count_refusal(file)

    def _count_refusal(self, file: FileResult) -> None:
        """Count the files that the source refuses one after the other; end with too many."""
        self.refused = self.refused + 1 if file.refused else 0
        self.failing = self.failing + 1 if file.failing else 0
        if self.refused >= MOST_REFUSED or self.failing >= MOST_FAILING:
            raise SourceError(
                f"The source refuses one file after the other, {self.refused} by now. The last: "
                f"{file.reason}. What is in stays in: import again when the source gives its files."
            )

    def _again(self, items: Batch) -> None:
        """Retry a batch whose workers died, star by star; reject a star whose batch kills again."""
        by_star: dict[int | None, list[Item]] = {}
        for item in items:
            by_star.setdefault(item.star, []).append(item)
        for star, files in by_star.items():
            self.deaths[star] += len(by_star) == 1
            if self.deaths[star] < DEATHS_A_STAR:
                self.waiting.append(tuple(files))
                continue
            reason = "the workers that tried it died again and again: see their journals (memory?)"
            results = [FileResult(f.name, star, QUARANTINED, 0, reason) for f in files]
            self.progress.add(BatchResult("none", results))
