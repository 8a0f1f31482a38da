"""Import a batch of files, within a Dask worker; this module knows nothing of the driver.

The order of the steps makes it safe to kill a worker at any moment and to run the batch again.
First the entries are written as ``pending``, before anything else changes. Then the points are
pushed in one request. Then the register gets the new series, and `warp10.changes` gets the
changed stars. Last the entries are written as ``done``, after the server has acknowledged all of
that. Writing a point twice equals writing it once. ``kepler-lens delete`` may run beside: it
deletes the entries before the points and after them, and without its entry no file is ``done``.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from kepler_lens.archive import (
    FailingItemError,
    Item,
    ItemError,
    RefusedItemError,
    Selection,
    Settings,
    fingerprint_of,
    read_with_fingerprint,
)
from kepler_lens.errors import KeplerLensError, LightCurveError
from kepler_lens.gts import CLASS_OF_COLUMN, series_name, to_gts
from kepler_lens.jobs import defects
from kepler_lens.jobs.importer.config import Tokens
from kepler_lens.jobs.importer.decide import (
    PUSHED,
    QUARANTINED,
    UNCHANGED,
    Decision,
    ImportOptions,
    SourceFile,
    already_in,
    decide,
)
from kepler_lens.jobs.worker import fleet_lock, worker_name
from kepler_lens.ledger import DONE, Entry, Ledger, Writer
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.retries import after_pauses
from kepler_lens.warp10.changes import tell
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.register import Register
from kepler_lens.warp10.ticks import NoTickError, tick_of

_PUSH = "kepler-lens push"
"""Name of the lock under which workers push points."""
_MADE_AHEAD = 1_000_000
"""Points whose text may be made before this worker has the lock (chosen: limits memory). The text
of more points is made while it is sent."""
_PAUSES_S = (1, 4, 16)
"""Pauses, seconds (chosen). A batch that another attempt works on is tried again after each."""


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Settings that are the same for all batches of an import; small, and without secrets.

    Attributes
    ----------
    run : str
        Identifies the import.
    server : str
        URL of Warp 10.
    tokens : Tokens
    columns : tuple of str
        FITS names.
    force : bool
        Whether to push again what is in already.
    selection : Selection
        Compared with the headers. It has no list of stars, since the plan has chosen them.
    archive : Settings
        How to read from the source.
    job : str
        Job whose marks are set in the ledger, see `kepler_lens.ledger.Writer`.
    """

    run: str
    server: str
    tokens: Tokens
    columns: tuple[str, ...]
    force: bool
    selection: Selection
    archive: Settings
    job: str


@dataclass(frozen=True, slots=True)
class FileResult:
    """Result of one file.

    Attributes
    ----------
    name : str
        File name.
    star : int or None
        None where the star is not known.
    outcome : str
        One of `kepler_lens.jobs.importer.decide.OUTCOMES`.
    points : int
        Points that were pushed.
    reason : str
        Why, for people; empty where the outcome needs no reason.
    defect : str
        Kind of the program's own error (`kepler_lens.jobs.defects`); empty if there was none.
    refused : bool
        Whether the source refused to give the file.
    failing : bool
        Whether the source failed at the file again and again.
    """

    name: str
    star: int | None
    outcome: str
    points: int = 0
    reason: str = ""
    defect: str = ""
    refused: bool = False
    failing: bool = False


@dataclass(slots=True)
class BatchResult:
    """Result of a batch.

    Attributes
    ----------
    worker : str
        Name of the worker.
    files : list of FileResult
        Files that turned out not to be wanted are left out.
    seconds : float
        Time that the batch took, seconds.
    fatal : str
        Why the whole import must stop; empty if it need not.
    """

    worker: str
    files: list[FileResult] = field(default_factory=list)
    seconds: float = 0.0
    fatal: str = ""


def import_batch(
    items: Sequence[Item], settings: BatchSettings, *, worker: str = ""
) -> BatchResult:
    """Import a batch: all files of its stars that need work.

    Parameters
    ----------
    items : sequence of Item
    settings : BatchSettings
    worker : str, optional
        Name in the report; by default that of the Dask worker.

    Returns
    -------
    BatchResult
        ``fatal`` has a failure that all other batches would have too (token, server, source).
    """
    began = time.monotonic()
    result = BatchResult(worker or worker_name())
    try:
        result.files = after_pauses(lambda: Batch(settings).run(items), TakenOverError, _PAUSES_S)
    except KeplerLensError as error:
        result.fatal = str(error)
    result.seconds = time.monotonic() - began
    return result


class TakenOverError(KeplerLensError):
    """Another worker has the same files too, or a command has deleted them meanwhile."""


class Batch:
    """One attempt at a batch of files.

    Parameters
    ----------
    settings : BatchSettings
    """

    def __init__(self, settings: BatchSettings) -> None:
        self.settings = settings
        self.results: list[FileResult] = []
        self.warp10 = Warp10(settings.server)
        self.token = Token.from_file(settings.tokens.write)
        self.register = Register(self.warp10, Token.from_file(settings.tokens.read), self.token)
        self.ledger = Ledger(
            self.warp10,
            Token.from_file(settings.tokens.ledger_read),
            Token.from_file(settings.tokens.ledger_write),
            Writer(settings.run, settings.job),
        )
        self.options = ImportOptions(
            settings.columns, settings.force, settings.run, attempt=uuid.uuid4().hex
        )
        self.entries: dict[int, list[Entry]] = {}

    def run(self, items: Sequence[Item]) -> list[FileResult]:
        """Import the files, and return the result of each.

        Raises
        ------
        TakenOverError
            Not all of the batch is in, and it can be tried again later.
        """
        self._know({item.star for item in items if item.star is not None})
        files = [file for item in items if (file := self._read(item, items)) is not None]
        self._know({file.curve.star for file in files})
        entries = [entry for known in self.entries.values() for entry in known]
        decisions = decide(files, entries, self.options)
        pushes = [d for d in decisions if d.push]
        self.ledger.write(d.entry for d in decisions if d.entry)
        self.clear([d.entry for d in pushes if d.entry and d.entry.stale])
        if points := sum(d.points for d in pushes):
            made = list(_text(pushes)) if points <= _MADE_AHEAD else None
            # LevelDB compacts with one thread, and has less to do the fewer series arrive at a
            # time.
            with fleet_lock(_PUSH):
                self.warp10.update(lambda: iter(made or _text(pushes)), self.token)
            # Before the entries: a worker that dies in between repeats this step too.
            self.register.write(_series(pushes))
        tell(self.warp10, self.token, (d.file.curve.star for d in pushes if _changes(d)))
        written = [d.entry for d in pushes if d.entry]
        self._still_there(written)
        self.ledger.write(replace(entry, state=DONE, stale={}) for entry in written)
        return self.results + [_result(d) for d in decisions]

    def _know(self, stars: set[int]) -> None:
        self.entries |= self.ledger.entries(sorted(stars - self.entries.keys()))

    def _read(self, item: Item, items: Sequence[Item]) -> SourceFile | None:
        """Read a file; note its result at once where nothing has to be decided."""
        known = self.entries.get(item.star, []) if item.star is not None else []
        try:
            # A file of the same name beside it may be a newer version: then both must be read.
            alone = sum(other.name == item.name for other in items) == 1
            if alone and any(e.name == item.name and e.holds(self.options.columns) for e in known):
                fingerprint = fingerprint_of(item, self.settings.archive)
                if entry := already_in(known, item.name, fingerprint, self.options):
                    self._note_known(item, entry)
                    return None
            data, fingerprint = read_with_fingerprint(item, self.settings.archive)
            held = {column for entry in known for column in entry.columns}
            columns = [c for c in CLASS_OF_COLUMN if c in held or c in self.settings.columns]
            curve = read_light_curve(data, columns, name=item.name)
            tick_of(curve.star, curve.first_cadence)
        except LightCurveError as error:
            self.results.append(FileResult(item.name, item.star, QUARANTINED, 0, error.reason))
            return None
        except (ItemError, NoTickError) as error:
            result = FileResult(item.name, item.star, QUARANTINED, 0, str(error))
            refused = isinstance(error, RefusedItemError)
            failing = isinstance(error, FailingItemError)
            self.results.append(replace(result, refused=refused, failing=failing))
            return None
        except KeplerLensError:
            raise
        except Exception as error:
            kind = defects.defect(error, item.name)
            why = defects.reason(kind)
            self.results.append(FileResult(item.name, item.star, QUARANTINED, 0, why, kind))
            return None
        if not self.settings.selection.admits(
            curve.star, curve.mission, curve.segment, curve.cadence
        ):
            return None
        return SourceFile(item, curve, hashlib.sha256(data).hexdigest(), fingerprint)

    def _note_known(self, item: Item, entry: Entry) -> None:
        # An earlier attempt of this import has done it, and its report was lost with its worker.
        ours = entry.run == self.settings.run
        outcome, points = (PUSHED, entry.points) if ours else (UNCHANGED, 0)
        self.results.append(FileResult(item.name, item.star, outcome, points))

    def clear(self, entries: Sequence[Entry]) -> None:
        """Delete the points of earlier versions of the files.

        Parameters
        ----------
        entries : sequence of Entry
            Entries with ``stale`` spans, which this attempt has written.

        Raises
        ------
        TakenOverError
            The ledger has entries of another attempt in their place.
        """
        if not entries:
            return
        attempts = self._attempts(entries)
        for entry in entries:
            # An attempt that was thought to be dead must not delete what its successor has pushed.
            if attempts.get(entry.key) != self.options.attempt:
                raise TakenOverError(f"{entry.name} is being imported by another worker.")
            for column, spans in entry.stale.items():
                selector = series_name(CLASS_OF_COLUMN[column], entry.star_labels)
                for first, last in spans:
                    self.warp10.delete(selector, self.token, first, last)

    def _still_there(self, entries: Sequence[Entry]) -> None:
        """Raise TakenOverError if an entry has been deleted: its points may be gone, too."""
        if not entries:
            return
        attempts = self._attempts(entries)
        for entry in entries:
            if entry.key not in attempts:
                raise TakenOverError(f"{entry.name} was deleted while it was imported.")

    def _attempts(self, entries: Sequence[Entry]) -> dict[tuple[int, str, str, int], str]:
        """Read the key and attempt of all entries that the stars of some entries have now."""
        now = self.ledger.entries(sorted({entry.star for entry in entries}))
        return {entry.key: entry.attempt for known in now.values() for entry in known}


def _text(pushes: Sequence[Decision]) -> Iterator[bytes]:
    """Yield the points in Warp 10's input format, series after series."""
    parts = [(d.file.curve.star, column, d) for d in pushes for column in d.push]
    for _, column, decision in sorted(parts, key=lambda part: part[:2]):
        text = to_gts(decision.file.curve, (column,))
        if text:  # an empty chunk would end the request
            yield text


def _changes(decision: Decision) -> bool:
    """Return whether points were added or deleted."""
    return bool(decision.points or (decision.entry and decision.entry.stale))


def _series(pushes: Sequence[Decision]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield class and labels of each series that points were pushed to."""
    for decision in pushes:
        for column in decision.push:
            if len(decision.file.curve.series(column)[0]):
                yield CLASS_OF_COLUMN[column], decision.file.curve.labels


def _result(decision: Decision) -> FileResult:
    item = decision.file.item
    return FileResult(
        item.name,
        decision.file.curve.star,
        decision.outcome,
        decision.points,
        decision.reason,
    )
