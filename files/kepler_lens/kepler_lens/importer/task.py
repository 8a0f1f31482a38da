"""What a worker does with a batch of files; runs in a Dask worker, knows nothing of Dask's driver.

The order is what makes it safe to be killed at any moment and run again: intents (``pending``) are
written before anything is touched, points are pushed in one request, the register is told which
series there are and `kepler_lens.changes` which stars, and ``done`` is written after the server has
acknowledged all of them. Writing a point twice is the same as once.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from kepler_lens.archive import (
    Item,
    MissingItemError,
    Selection,
    Settings,
    fingerprint_of,
    read_with_fingerprint,
)
from kepler_lens.changes import tell
from kepler_lens.errors import KeplerLensError, LightCurveError
from kepler_lens.gts import CLASS_OF_COLUMN, series_name, to_gts
from kepler_lens.importer.config import Tokens
from kepler_lens.importer.decide import (
    PUSHED,
    QUARANTINED,
    UNCHANGED,
    Candidate,
    Decision,
    Wish,
    already_in,
    decide,
)
from kepler_lens.jobs import defects
from kepler_lens.jobs.worker import turn, worker_name
from kepler_lens.ledger import DONE, Entry, Ledger, Writer
from kepler_lens.ledger.places import NoPlaceError, tick_of
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.register import Register
from kepler_lens.warp10 import Token, Warp10

_PUSH = "kepler-lens push"
_MADE_AHEAD = 1_000_000
"""Points whose text may wait for its turn in memory; of more it is made while it is sent."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What is the same for all batches of an import; small, and without secrets.

    Attributes
    ----------
    run : str
        Identifies the import.
    server : str
    tokens : Tokens
    columns : tuple of str
    force : bool
    selection : Selection
        To be held against the headers; its stars have been taken care of.
    settings : Settings
        How to read from the source.
    job : str
        Under whose name the ledger is marked, see `kepler_lens.ledger.Writer`.
    """

    run: str
    server: str
    tokens: Tokens
    columns: tuple[str, ...]
    force: bool
    selection: Selection
    settings: Settings
    job: str


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file; `defect` names the kind of the program's own error, if any."""

    name: str
    star: int | None
    outcome: str
    points: int = 0
    reason: str = ""
    defect: str = ""


@dataclass(slots=True)
class BatchResult:
    """What became of a batch.

    Attributes
    ----------
    worker : str
        Name of the worker.
    files : list of FileResult
        Files that turned out not to be wanted are left out.
    seconds : float
    fatal : str
        Why the whole import must stop; empty if it need not.
    """

    worker: str
    files: list[FileResult] = field(default_factory=list)
    seconds: float = 0.0
    fatal: str = ""


def import_batch(items: Sequence[Item], orders: Orders, *, worker: str = "") -> BatchResult:
    """Import some files: all those of their stars that need a look.

    Parameters
    ----------
    items : sequence of Item
    orders : Orders
    worker : str, optional
        Name to report; by default that of the Dask worker this runs in.

    Returns
    -------
    BatchResult
        A failure that no other batch would escape (token, server, source) is in ``fatal``.
    """
    began = time.monotonic()
    result = BatchResult(worker or worker_name())
    try:
        result.files = _patiently(items, orders)
    except KeplerLensError as error:
        result.fatal = str(error)
    result.seconds = time.monotonic() - began
    return result


def _patiently(items: Sequence[Item], orders: Orders) -> list[FileResult]:
    for pause in (1, 4, 16):
        with contextlib.suppress(TakenOverError):
            return Batch(orders).run(items)
        time.sleep(pause)
    return Batch(orders).run(items)


class TakenOverError(KeplerLensError):
    """Another attempt at the same files is under way, of a worker that was taken for dead."""


class Batch:
    """One attempt at some files.

    Parameters
    ----------
    orders : Orders
    """

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.results: list[FileResult] = []
        self.warp10 = Warp10(orders.server)
        self.token = Token.from_file(orders.tokens.write)
        self.register = Register(self.warp10, Token.from_file(orders.tokens.read), self.token)
        self.ledger = Ledger(
            self.warp10,
            Token.from_file(orders.tokens.ledger_read),
            Token.from_file(orders.tokens.ledger_write),
            Writer(orders.run, orders.job),
        )
        self.wish = Wish(orders.columns, orders.force, orders.run, attempt=uuid.uuid4().hex)
        self.entries: dict[int, list[Entry]] = {}

    def run(self, items: Sequence[Item]) -> list[FileResult]:
        """Do it, and say what became of each file.

        Raises
        ------
        TakenOverError
            Nothing was pushed yet; trying again later is safe.
        """
        self._know({item.star for item in items if item.star is not None})
        candidates = [c for item in items if (c := self._candidate(item, items)) is not None]
        self._know({c.curve.star for c in candidates})
        entries = [entry for known in self.entries.values() for entry in known]
        decisions = decide(candidates, entries, self.wish)
        pushes = [d for d in decisions if d.push]
        self.ledger.write(d.entry for d in decisions if d.entry)
        self.clear([d.entry for d in pushes if d.entry and d.entry.stale])
        if points := sum(d.points for d in pushes):
            made = list(_text(pushes)) if points <= _MADE_AHEAD else None
            # LevelDB compacts with one thread, the less the fewer series arrive at a time.
            with turn(_PUSH):
                self.warp10.update(lambda: iter(made or _text(pushes)), self.token)
            # Before the entries: who dies in between does this once more, too.
            self.register.write(_series(pushes))
        tell(self.warp10, self.token, (d.candidate.curve.star for d in pushes if _changes(d)))
        self.ledger.write(replace(d.entry, state=DONE, stale={}) for d in pushes if d.entry)
        return self.results + [_result(d) for d in decisions]

    def _know(self, stars: set[int]) -> None:
        self.entries |= self.ledger.entries(sorted(stars - self.entries.keys()))

    def _candidate(self, item: Item, items: Sequence[Item]) -> Candidate | None:
        """Read a file, or note at once what is to be said of it."""
        known = self.entries.get(item.star, []) if item.star is not None else []
        try:
            # A file of the same name beside it may be a newer version: then both must be read.
            alone = sum(other.name == item.name for other in items) == 1
            if alone and any(e.name == item.name and e.holds(self.wish.columns) for e in known):
                fingerprint = fingerprint_of(item, self.orders.settings)
                if entry := already_in(known, item.name, fingerprint, self.wish):
                    self._note_known(item, entry)
                    return None
            data, fingerprint = read_with_fingerprint(item, self.orders.settings)
            held = {column for entry in known for column in entry.columns}
            columns = [c for c in CLASS_OF_COLUMN if c in held or c in self.orders.columns]
            curve = read_light_curve(data, columns, name=item.name)
            tick_of(curve.star, curve.first_cadence)
        except LightCurveError as error:
            self.results.append(FileResult(item.name, item.star, QUARANTINED, 0, error.reason))
            return None
        except (MissingItemError, NoPlaceError) as error:
            self.results.append(FileResult(item.name, item.star, QUARANTINED, 0, str(error)))
            return None
        except KeplerLensError:
            raise
        except Exception as error:
            kind = defects.defect(error, item.name)
            why = defects.reason(kind)
            self.results.append(FileResult(item.name, item.star, QUARANTINED, 0, why, kind))
            return None
        if not self.orders.selection.admits(
            curve.star, curve.mission, curve.segment, curve.cadence
        ):
            return None
        return Candidate(item, curve, hashlib.sha256(data).hexdigest(), fingerprint)

    def _note_known(self, item: Item, entry: Entry) -> None:
        # Done by an earlier attempt of this very import, whose report was lost with its worker.
        ours = entry.run == self.orders.run
        outcome, points = (PUSHED, entry.points) if ours else (UNCHANGED, 0)
        self.results.append(FileResult(item.name, item.star, outcome, points))

    def clear(self, entries: Sequence[Entry]) -> None:
        """Delete what earlier versions of the files left, if their intents are this attempt's."""
        if not entries:
            return
        now = self.ledger.entries(sorted({entry.star for entry in entries}))
        attempts = {entry.key: entry.attempt for known in now.values() for entry in known}
        for entry in entries:
            # An attempt taken for dead must not delete what its successor has pushed meanwhile.
            if attempts.get(entry.key) != self.wish.attempt:
                raise TakenOverError(f"{entry.name} is being imported by another worker.")
            for column, spans in entry.stale.items():
                selector = series_name(CLASS_OF_COLUMN[column], entry.star_labels)
                for first, last in spans:
                    self.warp10.delete(selector, self.token, first, last)


def _text(pushes: Sequence[Decision]) -> Iterator[bytes]:
    """Give the points of series after series."""
    parts = [(d.candidate.curve.star, column, d) for d in pushes for column in d.push]
    for _, column, decision in sorted(parts, key=lambda part: part[:2]):
        text = to_gts(decision.candidate.curve, (column,))
        if text:  # an empty chunk would end the request
            yield text


def _changes(decision: Decision) -> bool:
    """Whether points came or went."""
    return bool(decision.points or (decision.entry and decision.entry.stale))


def _series(pushes: Sequence[Decision]) -> Iterator[tuple[str, dict[str, str]]]:
    """Give class and labels of the series that points were pushed to."""
    for decision in pushes:
        for column in decision.push:
            if len(decision.candidate.curve.series(column)[0]):
                yield CLASS_OF_COLUMN[column], decision.candidate.curve.labels


def _result(decision: Decision) -> FileResult:
    item = decision.candidate.item
    return FileResult(
        item.name,
        decision.candidate.curve.star,
        decision.outcome,
        decision.points,
        decision.reason,
    )
