"""Define the types of every source: Selection, Item, Settings, Seen and Source."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from kepler_lens.missions import CADENCES, MISSIONS

from ..errors import SourceError
from . import names


class ItemError(SourceError):
    """One file of the source cannot be used; the source itself answers, and may have others."""


class MissingItemError(ItemError):
    """A file that the source listed does not exist any more, or cannot be read."""


class RefusedItemError(ItemError):
    """The source refuses to give this file."""


class FailingItemError(RefusedItemError):
    """The source fails at this file again and again; it answers, and may give others."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Light curves that are wanted.

    Attributes
    ----------
    stars : tuple of int or None
        KIC, EPIC or simulated numbers; None means every star.
    segments : tuple of int or None
        Quarters (Kepler) or campaigns (K2: 9 means both 91 and 92); None means all.
    mission : str or None
        'Kepler', 'K2' or 'Simulation'; None means any.
    cadence : str
        'long' (29.4 min) or 'short' (58.8 s).
    """

    stars: tuple[int, ...] | None = None
    segments: tuple[int, ...] | None = None
    mission: str | None = None
    cadence: str = "long"
    _stars: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A set, because a list of thousands of stars is searched for each of millions of files.
        object.__setattr__(self, "_stars", frozenset(self.stars or ()))
        if self.cadence not in CADENCES:
            raise SourceError(f"cadence {self.cadence!r} is unknown: choose long or short")
        if self.mission is not None and self.mission not in MISSIONS:
            raise SourceError(f"mission {self.mission!r} is unknown: choose Kepler or K2")

    def admits(
        self, star: int | None, mission: str | None, segment: int | None, cadence: str | None
    ) -> bool:
        """Return whether a light curve is wanted, as far as is known; None excludes nothing.

        A file whose name tells nothing is checked with four None first, and again when its header
        is known.

        Parameters
        ----------
        star : int or None
        mission : str or None
        segment : int or None
        cadence : str or None

        Returns
        -------
        bool
        """
        if self.stars is not None and star is not None and star not in self._stars:
            return False
        if self.mission is not None and mission is not None and mission != self.mission:
            return False
        if cadence is not None and cadence != self.cadence:
            return False
        if self.segments is None or segment is None:
            return True
        if mission is None:
            return segment in self.segments
        numbers = MISSIONS[mission].files.numbers
        return any(segment in (s, *numbers(s)) for s in self.segments)


@dataclass(frozen=True, slots=True)
class Item:
    """One light curve file of a source: small, frozen, picklable.

    Attributes
    ----------
    name : str
        File name without folder; of a tarball, the file name of the member.
    url : str
        Place of the file: file://, http(s)://, s3://, or ``TARBALL#MEMBER``.
    star, mission, segment, cadence : int, str, int, str, or None
        Facts from the name; None where the name does not follow the archive's pattern.
    size : int or None
        Bytes; None where the listing gives no size.
    fingerprint : str or None
        ETag, or modification time and size; equal ones mean that the file has not changed. None
        where the listing gives none; `fingerprint_of` then asks.
    data : bytes or None
        Content; only tarballs and zip files give it with the listing.
    """

    name: str
    url: str
    star: int | None = None
    mission: str | None = None
    segment: int | None = None
    cadence: str | None = None
    size: int | None = None
    fingerprint: str | None = None
    data: bytes | None = None

    @classmethod
    def from_name(
        cls, name: str, url: str, size: int | None = None, fingerprint: str | None = None
    ) -> Item:
        """Make an item with the star, mission, segment and cadence of the file's name."""
        name, url = _printable(name), _printable(url)
        facts = names.facts_of(name)
        return cls(
            name, url, facts.star, facts.mission, facts.segment, facts.cadence, size, fingerprint
        )

    def with_data(self, data: bytes) -> Item:
        """Return the same item with its content."""
        return replace(self, data=data)

    def wanted_by(self, selection: Selection) -> bool:
        """Return whether the name may be that of a light curve that the selection wants."""
        return names.may_be_light_curve(self.name) and selection.admits(
            self.star, self.mission, self.segment, self.cadence
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """How to read from a source; picklable, so that a worker reads as the driver lists.

    Attributes
    ----------
    parallel : int
        Requests at the same time, for each process (default chosen).
    cache : str or None
        Folder of the local cache; None keeps nothing. Local files are never cached.
    cache_limit : int
        Bytes above which the oldest entries of the cache are dropped (default chosen).
    timeout : float
        Seconds without a byte after which a request has failed (default chosen).
    patience : float
        Seconds during which a failed request is tried again, with growing pauses (default chosen).
    s3_endpoint : str or None
        URL of an S3 service other than Amazon's.
    """

    parallel: int = 4
    cache: str | None = None
    cache_limit: int = 20_000_000_000
    timeout: float = 60.0
    patience: float = 120.0
    s3_endpoint: str | None = None


Wanted = Callable[[Item], bool]
"""Returns whether an item is wanted."""


@dataclass(slots=True)
class Seen:
    """Counts of a listing, which explain why nothing was found.

    Attributes
    ----------
    light_curves : int
        Files whose names may be those of light curves.
    others : int
        Other files.
    links : int
        Links to files that do not exist.
    pages : int
        Pages of a server that link to nothing below themselves.
    """

    light_curves: int = 0
    others: int = 0
    links: int = 0
    pages: int = 0
    _examples: dict[str, str] = field(default_factory=dict)

    def file(self, name: str) -> None:
        """Count a file."""
        if names.may_be_light_curve(name):
            self.light_curves += 1
            return
        self.others += 1
        self._examples.setdefault("others", name)

    def dangling_link(self, name: str) -> None:
        """Count a link to a file that does not exist."""
        self.links += 1
        self._examples.setdefault("links", name)

    def empty_page(self, url: str) -> None:
        """Count a page without a link to anything below it."""
        self.pages += 1
        self._examples.setdefault("pages", url)

    def words(self) -> str:
        """Return what the listing has, in words that follow "there is"."""
        example = self._examples
        parts = []
        if self.light_curves:
            parts.append(
                f"{_count(self.light_curves, 'light curve file')}, none of it of the stars, "
                "quarters and cadence that were asked for"
            )
        if self.others:
            parts.append(f"{_count(self.others, 'other file')}, such as {example['others']}")
        if self.links:
            parts.append(
                f"{_count(self.links, 'link')} to a file that is not there, such as "
                f"{example['links']}"
            )
        if self.pages:
            parts.append(
                f"{_count(self.pages, 'page')} that links to nothing below it: {example['pages']}"
            )
        return "; ".join(parts) or "no file"

    def advice(self) -> str:
        """Return a sentence that says what to do."""
        if not self.light_curves and self._examples.get("others", "").endswith(_SCRIPTS):
            return "Run the script, and name the folder that it fills."
        if self.light_curves:
            return "Check the number, and ask for every quarter and cadence that there is."
        return "Name a folder of .fits files, a tarball or a .zip file."


_SCRIPTS = (".sh", ".bat", ".py", ".txt")
"""Ends of names of scripts and lists that download files, as the archive's portals give them."""


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class Source(Protocol):
    """A place with light curve files.

    Attributes
    ----------
    url : str
        As the user named it.
    settings : Settings
        For `read_item` and `fingerprint_of`, on any machine.
    seen : Seen
        Counts of what `items` has listed so far.
    """

    url: str
    settings: Settings
    seen: Seen

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the light curve files that the selection wants.

        Parameters
        ----------
        selection : Selection
            Stars, segments, mission, cadence.
        wanted : callable, optional
            Called with each item before its content is read; False leaves the item out. An import
            that continues leaves out the files that it has done already, by their names.

        Yields
        ------
        Item
            Grouped by star, files without a star in their name last. The members of tarballs and
            zip files follow in their own order, with content.

        Raises
        ------
        SourceError
            The source does not exist or does not answer.
        """
        ...


def _printable(text: str) -> str:
    """Replace bytes of a name that are not UTF-8, which no report or ledger could hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def in_order(items: Iterable[Item]) -> list[Item]:
    """Sort items so that those of one star stand together, in order of time."""
    return sorted(
        items,
        key=lambda item: (
            item.star is None,
            item.star or 0,
            -1 if item.segment is None else item.segment,
            item.name,
            item.url,
        ),
    )


def choose(
    items: Iterable[Item], selection: Selection, wanted: Wanted | None, seen: Seen
) -> Iterator[Item]:
    """Yield the items that the selection and the caller want; count all items."""
    for item in items:
        seen.file(item.name)
        if item.wanted_by(selection) and (wanted is None or wanted(item)):
            yield item


def file_fingerprint(status: os.stat_result) -> str:
    """Return the fingerprint of a local file: modification time (ns) and size (bytes)."""
    return f"{status.st_mtime_ns}-{status.st_size}"
