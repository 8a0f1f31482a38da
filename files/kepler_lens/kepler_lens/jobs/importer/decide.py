"""Decide what to do with each file of a star, from the ledger's entries, without any request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kepler_lens.archive import Item
from kepler_lens.ledger import DONE, PENDING, Entry, Span
from kepler_lens.lightcurve import LightCurve, version

PUSHED = "pushed"
REPLACED = "replaced"
UNCHANGED = "unchanged"
SUPERSEDED = "superseded"
QUARANTINED = "quarantined"
OUTCOMES = (PUSHED, REPLACED, UNCHANGED, SUPERSEDED, QUARANTINED)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read and is intact.

    Attributes
    ----------
    item : Item
    curve : LightCurve
    sha256 : str
        Hash of the file's bytes, 64 hexadecimal digits.
    fingerprint : str or None
        As the source gives it; None where it gives none.
    """

    item: Item
    curve: LightCurve
    sha256: str
    fingerprint: str | None

    @property
    def key(self) -> tuple[int, str, str, int]:
        """Key of the file in the ledger."""
        curve = self.curve
        return (curve.star, curve.mission, curve.labels["OBSMODE"], curve.first_cadence)


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one file.

    Attributes
    ----------
    file : SourceFile
    outcome : str
        One of `OUTCOMES`.
    reason : str
        Why, for people; empty where the outcome needs no reason.
    push : tuple of str
        Columns to push.
    entry : Entry or None
        Entry to write to the ledger: ``pending`` if there is something to push, else ``done``.
    points : int
        Points of the file that this import has pushed or will push.
    """

    file: SourceFile
    outcome: str
    reason: str = ""
    push: tuple[str, ...] = ()
    entry: Entry | None = None
    points: int = 0


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What an import wants of every file.

    Attributes
    ----------
    columns : tuple of str
        FITS names.
    force : bool
        Whether to push again what is in already.
    run, attempt : str
        Identify the import, and the attempt of a worker.
    """

    columns: tuple[str, ...]
    force: bool
    run: str
    attempt: str


def decide(
    files: Sequence[SourceFile], entries: Iterable[Entry], options: ImportOptions
) -> list[Decision]:
    """Decide for all files of some stars that need work.

    Files with the same key are versions of one light curve, and only the newest of them is
    imported. It replaces the version in the ledger if it has the same file name, or if it is newer.
    A version whose import was interrupted is replaced by any that is not older.

    Parameters
    ----------
    files : sequence of SourceFile
    entries : iterable of Entry
        Entries of the same stars.
    options : ImportOptions

    Returns
    -------
    list of Decision
        One for each file.
    """
    ledger = {entry.key: entry for entry in entries}
    rivals: dict[tuple[int, str, str, int], list[SourceFile]] = defaultdict(list)
    for file in files:
        rivals[file.key].append(file)
    decisions = []
    for key, group in rivals.items():
        prior = ledger.get(key)
        best = max(group, key=lambda c: _rank(c, prior))
        decisions.append(_against_ledger(best, prior, options))
        decisions += [_loser(c, best) for c in group if c is not best]
    return decisions


def already_in(
    entries: Iterable[Entry], name: str, fingerprint: str | None, options: ImportOptions
) -> Entry | None:
    """Return the entry of a file that need not be read, because its fingerprint is in the ledger.

    Parameters
    ----------
    entries : iterable of Entry
        Entries of the file's star.
    name : str
        File name.
    fingerprint : str or None
    options : ImportOptions

    Returns
    -------
    Entry or None
        None where the file must be read.
    """
    for entry in entries:
        if (
            fingerprint is not None
            and (entry.name, entry.fingerprint) == (name, fingerprint)
            and entry.holds(options.columns)
            and (not options.force or entry.run == options.run)
        ):
            return entry
    return None


def _rank(file: SourceFile, prior: Entry | None) -> tuple[tuple[tuple[int, ...], str], bool]:
    curve = file.curve
    known = prior is not None and prior.sha256 == file.sha256
    return version(curve.filever, curve.date), known


def _loser(file: SourceFile, best: SourceFile) -> Decision:
    if file.sha256 == best.sha256:
        return Decision(file, UNCHANGED)
    return _superseded(file, best.item.name, best.curve.filever, best.curve.date)


def _superseded(file: SourceFile, name: str, filever: str, date: str) -> Decision:
    reason = f"{name} of version {filever} ({date}) is the newer file of the same cadences"
    return Decision(file, SUPERSEDED, reason)


def _interrupted(file: SourceFile, prior: Entry) -> Decision:
    decision = _superseded(file, prior.name, prior.filever, prior.date)
    advice = "its import was interrupted: import that file again, or this one with --force"
    return replace(decision, reason=f"{decision.reason}; {advice}")


def _against_ledger(file: SourceFile, prior: Entry | None, options: ImportOptions) -> Decision:
    if prior is None:
        return _push(file, options.columns, options, PUSHED)
    both = (*options.columns, *(c for c in prior.columns if c not in options.columns))
    curve = file.curve
    mine, theirs = version(curve.filever, curve.date), version(prior.filever, prior.date)
    # The archive gives a reprocessed file its old name: an old copy does not replace a newer one.
    older = mine < theirs and not options.force
    if prior.state == PENDING:
        if older:
            return _interrupted(file, prior)
        stale = {column: list(spans) for column, spans in prior.stale.items()}
        if prior.sha256 != file.sha256:
            _add_spans(stale, prior.columns)
        return _push(file, both, options, REPLACED if stale else PUSHED, stale=stale)
    if prior.sha256 == file.sha256:
        return _same_content(file, prior, options)
    if older or (prior.name != file.item.name and mine <= theirs):
        return _superseded(file, prior.name, prior.filever, prior.date)
    stale = {}
    _add_spans(stale, prior.columns)
    return _push(file, both, options, REPLACED, stale=stale)


def _same_content(file: SourceFile, prior: Entry, options: ImportOptions) -> Decision:
    if prior.run == options.run and prior.holds(options.columns):
        # An earlier attempt of this import has pushed the file before its worker died.
        return Decision(file, PUSHED, points=prior.points)
    if options.force:
        return _push(file, options.columns, options, PUSHED, kept=prior.columns)
    missing = tuple(c for c in options.columns if c not in prior.columns)
    if missing:
        return _push(file, missing, options, PUSHED, kept=prior.columns)
    entry = None
    if prior.fingerprint != file.fingerprint and prior.name == file.item.name:
        # The same file with a new fingerprint: with that in the ledger, the next import need not
        # read it.
        entry = _entry(file, DONE, prior.columns, {}, options)
    return Decision(file, UNCHANGED, entry=entry)


def _push(
    file: SourceFile,
    columns: tuple[str, ...],
    options: ImportOptions,
    outcome: str,
    *,
    stale: dict[str, list[tuple[int, int]]] | None = None,
    kept: dict[str, Span] | None = None,
) -> Decision:
    spans = {column: span_of(file.curve, column) for column in columns}
    points = sum(span[2] for span in spans.values())
    entry = _entry(file, PENDING, {**(kept or {}), **spans}, stale or {}, options)
    return Decision(file, outcome, push=columns, entry=entry, points=points)


def span_of(curve: LightCurve, column: str) -> Span:
    """Return first tick, last tick (both µs) and number of a column's finite points."""
    time_us, _ = curve.series(column)
    if not len(time_us):
        return (0, 0, 0)
    return int(time_us.min()), int(time_us.max()), len(time_us)


def _add_spans(stale: dict[str, list[tuple[int, int]]], columns: dict[str, Span]) -> None:
    for column, (first, last, points) in columns.items():
        if points and (first, last) not in stale.setdefault(column, []):
            stale[column].append((first, last))


def _entry(
    file: SourceFile,
    state: str,
    columns: dict[str, Span],
    stale: dict[str, list[tuple[int, int]]],
    options: ImportOptions,
) -> Entry:
    curve = file.curve
    return Entry(
        star=curve.star,
        mission=curve.mission,
        obsmode=curve.labels["OBSMODE"],
        first_cadence=curve.first_cadence,
        state=state,
        segment=curve.segment,
        name=file.item.name,
        filever=curve.filever,
        date=curve.date,
        sha256=file.sha256,
        fingerprint=file.fingerprint,
        columns=columns,
        stale=stale,
        run=options.run,
        attempt=options.attempt,
    )
