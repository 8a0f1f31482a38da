"""Turn a source's stream of files into batches for the workers, a bounded piece at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby

from kepler_lens.archive import (
    Item,
    ItemError,
    Selection,
    Settings,
    fingerprint_of,
)
from kepler_lens.archive.headers import with_star
from kepler_lens.archive.together import Together
from kepler_lens.errors import SourceError
from kepler_lens.jobs.importer.decide import ImportOptions, already_in
from kepler_lens.ledger import Entry, Ledger

LEAST_FILES, MOST_FILES = 20, 80
"""Files of a full batch, least and most (chosen). A large import has few requests, so that their
overhead is small; a small import has enough batches for every worker."""
BATCHES_A_PIECE = 16
"""Batches that a piece is divided into, within the limits above (chosen)."""
FILE_BYTES = 450_000
"""Greatest mean size of the files of a batch, bytes (chosen)."""
CHUNK_STARS = 200
"""Stars of a piece, about which the ledger is asked at once (chosen)."""
CHUNK_FILES = 4_000
"""A piece ends when it has this many files (chosen)."""
CHUNK_DATA_BYTES = 16_000_000
"""A piece ends when its content has this many bytes (chosen)."""


@dataclass(slots=True)
class Piece:
    """Some files of the source, after a look into the ledger.

    Attributes
    ----------
    known : list of Item
        Files that need no work.
    batches : list of tuple of Item
        Files to import. All files of a star that need work are in one batch.
    new_stars : int
        Stars of which the ledger has nothing.
    """

    known: list[Item] = field(default_factory=list)
    batches: list[tuple[Item, ...]] = field(default_factory=list)
    new_stars: int = 0

    @property
    def items(self) -> int:
        """Number of files in the piece."""
        return len(self.known) + sum(len(batch) for batch in self.batches)

    @property
    def stars(self) -> set[int]:
        """Stars of the files whose star is known."""
        files = chain(self.known, *self.batches)
        return {item.star for item in files if item.star is not None}

    @property
    def data_bytes(self) -> int:
        """Bytes of the content that came with the files."""
        return sum(data_bytes(batch) for batch in self.batches)


def data_bytes(items: Iterable[Item]) -> int:
    """Count the bytes of content that came with a batch's files."""
    return sum(len(item.data) for item in items if item.data is not None)


def plan(
    items: Iterable[Item],
    ledger: Ledger,
    selection: Selection,
    options: ImportOptions,
    settings: Settings,
) -> Iterator[Piece]:
    """Look up the files of a source in the ledger, and batch those that need work.

    Parameters
    ----------
    items : iterable of Item
        Grouped by star.
    ledger : Ledger
    selection : Selection
        Compared with the headers of files whose names tell no star.
    options : ImportOptions
    settings : Settings
        For requests of fingerprints that the listing does not give.

    Yields
    ------
    Piece
    """
    for chunk in _chunks(with_star(items, selection, settings)):
        yield _piece(chunk, ledger, options, settings)


def batches_of(items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """Put whole stars together into batches, up to a limit of files and of bytes.

    Parameters
    ----------
    items : sequence of Item
        Grouped by star.

    Returns
    -------
    list of tuple of Item
    """
    most = min(max(len(items) // BATCHES_A_PIECE, LEAST_FILES), MOST_FILES)
    batches: list[tuple[Item, ...]] = []
    batch: list[Item] = []
    size = 0
    for _, group in groupby(items, key=lambda item: item.star):
        files = list(group)
        more = sum(item.size or 0 for item in files)
        if batch and (len(batch) + len(files) > most or size + more > most * FILE_BYTES):
            batches.append(tuple(batch))
            batch, size = [], 0
        batch += files
        size += more
    if batch:
        batches.append(tuple(batch))
    return batches


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    stars = size = 0
    broken: SourceError | None = None
    try:
        for _, group in groupby(items, key=lambda item: item.star):
            before = len(chunk)
            chunk += group
            stars += 1
            size += data_bytes(chunk[before:])
            if stars >= CHUNK_STARS or len(chunk) >= CHUNK_FILES or size >= CHUNK_DATA_BYTES:
                yield chunk
                chunk, stars, size = [], 0, 0
    except SourceError as error:
        # What was listed before it is imported.
        broken = error
    if chunk:
        yield chunk
    if broken is not None:
        raise broken


def _piece(
    chunk: Sequence[Item], ledger: Ledger, options: ImportOptions, settings: Settings
) -> Piece:
    entries = ledger.entries(sorted({item.star for item in chunk if item.star is not None}))
    asked = _ask_fingerprints(chunk, entries, options, settings)
    piece = Piece()
    todo: list[Item] = []
    for star, group in groupby(asked, key=lambda item: item.star):
        known = entries.get(star, []) if star is not None else []
        files = list(group)
        # Two files of one name are versions; the ledger can hold the newer one only.
        open_names = {
            item.name
            for item in files
            if already_in(known, item.name, item.fingerprint, options) is None
        }
        piece.new_stars += not known and star is not None
        for item in files:
            (todo if item.name in open_names else piece.known).append(item)
    piece.batches = batches_of(todo)
    return piece


def _ask_fingerprints(
    chunk: Sequence[Item],
    entries: dict[int, list[Entry]],
    options: ImportOptions,
    settings: Settings,
) -> list[Item]:
    """Ask for the fingerprints that decide whether a file needs no work."""
    held: dict[int, set[str]] = defaultdict(set)
    for star, known in entries.items():
        held[star] = {
            e.name
            for e in known
            if e.fingerprint is not None
            and e.holds(options.columns)
            and (not options.force or e.run == options.run)
        }

    def ask(item: Item) -> Item:
        if item.fingerprint is not None or item.star is None or item.name not in held[item.star]:
            return item
        try:
            return replace(item, fingerprint=fingerprint_of(item, settings))
        except ItemError:
            return item  # a worker finds the same and quarantines the file

    with Together(settings.parallel) as requests:
        asked = [requests.submit(ask, item) for item in chunk]
        return [answer.result() for answer in asked]
