"""From a source's stream of files to batches for the workers, a bounded piece at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, groupby

from kepler_lens.archive import (
    Item,
    MissingItemError,
    Selection,
    Settings,
    fingerprint_of,
)
from kepler_lens.archive.headers import with_star
from kepler_lens.importer.decide import Wish, already_in
from kepler_lens.ledger import Entry, Ledger

# A large import has few requests, so that what surrounds them matters little; a small one has
# enough for every worker to get some.
LEAST_FILES, MOST_FILES = 20, 80
BATCHES_A_PIECE = 16
FILE_BYTES = 450_000
# One look into the ledger for so many stars; for items with data, when so many bytes are held.
CHUNK_STARS = 200
CHUNK_FILES = 4_000
CHUNK_DATA_BYTES = 16_000_000


@dataclass(slots=True)
class Piece:
    """Some files of the source, looked up in the ledger.

    Attributes
    ----------
    known : list of Item
        Need nothing.
    batches : list of tuple of Item
        To be imported; all files of a star that need a look are in one of them.
    new_stars : int
        Stars of which nothing is in yet.
    """

    known: list[Item] = field(default_factory=list)
    batches: list[tuple[Item, ...]] = field(default_factory=list)
    new_stars: int = 0

    @property
    def items(self) -> int:
        """How many files there are in it."""
        return len(self.known) + sum(len(batch) for batch in self.batches)

    @property
    def stars(self) -> set[int]:
        """Stars that they are of."""
        files = chain(self.known, *self.batches)
        return {item.star for item in files if item.star is not None}

    @property
    def data_bytes(self) -> int:
        """Bytes of the files that brought their content along."""
        return sum(data_bytes(batch) for batch in self.batches)


def data_bytes(items: Iterable[Item]) -> int:
    """Bytes that a batch carries."""
    return sum(len(item.data) for item in items if item.data is not None)


def plan(
    items: Iterable[Item],
    ledger: Ledger,
    selection: Selection,
    wish: Wish,
    settings: Settings,
) -> Iterator[Piece]:
    """Look a source's files up in the ledger and batch those that need work.

    Parameters
    ----------
    items : iterable of Item
        Grouped by star.
    ledger : Ledger
    selection : Selection
        Held against the headers of the files whose names tell no star.
    wish : Wish
    settings : Settings
        For the requests that ask for a fingerprint where the listing gave none.
    """
    for chunk in _chunks(with_star(items, selection, settings)):
        yield _piece(chunk, ledger, wish, settings)


def batches_of(items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """Put whole stars together as long as the batch stays of a sensible size."""
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
    for _, group in groupby(items, key=lambda item: item.star):
        before = len(chunk)
        chunk += group
        stars += 1
        size += data_bytes(chunk[before:])
        if stars >= CHUNK_STARS or len(chunk) >= CHUNK_FILES or size >= CHUNK_DATA_BYTES:
            yield chunk
            chunk, stars, size = [], 0, 0
    if chunk:
        yield chunk


def _piece(chunk: Sequence[Item], ledger: Ledger, wish: Wish, settings: Settings) -> Piece:
    entries = ledger.entries(sorted({item.star for item in chunk if item.star is not None}))
    asked = _ask_fingerprints(chunk, entries, wish, settings)
    piece = Piece()
    todo: list[Item] = []
    for star, group in groupby(asked, key=lambda item: item.star):
        known = entries.get(star, []) if star is not None else []
        files = list(group)
        # Two files of one name are versions: the loser is never in the ledger, the winner may be.
        open_names = {
            item.name
            for item in files
            if already_in(known, item.name, item.fingerprint, wish) is None
        }
        piece.new_stars += not known and star is not None
        for item in files:
            (todo if item.name in open_names else piece.known).append(item)
    piece.batches = batches_of(todo)
    return piece


def _ask_fingerprints(
    chunk: Sequence[Item],
    entries: dict[int, list[Entry]],
    wish: Wish,
    settings: Settings,
) -> list[Item]:
    """Ask for the fingerprints that decide whether a file can be left out."""
    held: dict[int, set[str]] = defaultdict(set)
    for star, known in entries.items():
        held[star] = {
            e.name
            for e in known
            if e.fingerprint is not None
            and e.holds(wish.columns)
            and (not wish.force or e.run == wish.run)
        }

    def ask(item: Item) -> Item:
        if item.fingerprint is not None or item.star is None or item.name not in held[item.star]:
            return item
        try:
            return replace(item, fingerprint=fingerprint_of(item, settings))
        except MissingItemError:
            return item  # a worker will find the same and put it into quarantine

    with ThreadPoolExecutor(max(1, settings.parallel)) as pool:
        return list(pool.map(ask, chunk))
