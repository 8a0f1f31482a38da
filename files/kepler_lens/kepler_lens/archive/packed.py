"""Find tarballs and zip files in a listing by their names, and read one after the other."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from kepler_lens.missions import NameFacts

from ..errors import SourceError
from .base import Item, Seen, Selection, Settings, Source, Wanted, choose, in_order
from .names import facts_of_bundle
from .tarball import TarballSource
from .zipped import ZipSource

# A browser or wget adds .1 to the name of a file that it has downloaded before.
_TARBALL = re.compile(r"\.(?:tar|tgz|tar\.(?:gz|bz2|xz))(?:\.\d+)?$", re.IGNORECASE)
_ZIP = re.compile(r"\.zip(?:\.\d+)?$", re.IGNORECASE)


def is_packed(url: str) -> bool:
    """Return whether the name in a URL or path ends as that of a tarball or zip file."""
    name = _plain(url)
    return bool(_TARBALL.search(name) or _ZIP.search(name))


def open_packed(url: str, settings: Settings, seen: Seen | None = None) -> Source:
    """Open a tarball or zip file whose name `is_packed`, without reading it.

    Parameters
    ----------
    url : str
    settings : Settings
    seen : Seen, optional
        See `PackedFile`.
    """
    kind = ZipSource if _ZIP.search(_plain(url)) else TarballSource
    return kind(url, settings, seen)


def items_of_listing(
    listing: Iterable[Item],
    selection: Selection,
    wanted: Wanted | None,
    *,
    settings: Settings,
    seen: Seen,
) -> Iterator[Item]:
    """Yield the wanted files of a listing, and then those in its tarballs and zip files.

    Parameters
    ----------
    listing : iterable of Item
        Every file, in any order.
    selection, wanted
        See `Source.items`.
    settings : Settings
        How to read the tarballs.
    seen : Seen
        Counts the files and the members of tarballs.

    Yields
    ------
    Item

    Raises
    ------
    SourceError
        A tarball cannot be read; all others have been read.
    """
    packed: list[Item] = []
    loose: dict[tuple[str, int], list[Item]] = defaultdict(list)

    def files() -> Iterator[Item]:
        for item in listing:
            if is_packed(item.name):
                packed.append(item)
                continue
            if item.star is not None:
                loose[_folder(item), item.star].append(item)
            yield item

    yield from in_order(choose(files(), selection, wanted, seen))
    failed: list[str] = []
    for item in sorted(packed, key=lambda one: (one.name, one.url)):
        facts = facts_of_bundle(item.name)
        if not selection.admits(facts.star, facts.mission, facts.segment, facts.cadence):
            continue
        # Beside the files of a star the archive keeps a tarball of the same files.
        beside = [] if facts.star is None else loose.get((_folder(item), facts.star), [])
        if beside and _covered(facts, beside, selection):
            continue
        try:
            inside = open_packed(item.url, settings, seen)
            yield from inside.items(selection, _but(beside, wanted))
        except SourceError as error:
            failed.append(str(error))
    if failed:
        raise SourceError("; ".join(failed))


def _covered(facts: NameFacts, beside: Iterable[Item], selection: Selection) -> bool:
    """Return whether the loose files stand for all wanted files in the tarball of a star."""
    if not facts.counts:
        return False
    there = Counter(item.segment for item in beside if item.cadence == facts.cadence)
    return all(
        there[quarter] >= count
        for quarter, count in facts.counts.items()
        if selection.admits(facts.star, facts.mission, quarter, facts.cadence)
    )


def _but(beside: Iterable[Item], wanted: Wanted | None) -> Wanted | None:
    """Return a choice that leaves out the members whose names the loose files have."""
    names = {_uncompressed(item.name) for item in beside}
    if not names:
        return wanted
    return lambda item: _uncompressed(item.name) not in names and (wanted is None or wanted(item))


def _uncompressed(name: str) -> str:
    return name.lower().removesuffix(".gz")


def _folder(item: Item) -> str:
    return item.url.rpartition("/")[0]


def _plain(url: str) -> str:
    return unquote(url.partition("?")[0].rstrip("/")) if "://" in url else url.rstrip("/")
