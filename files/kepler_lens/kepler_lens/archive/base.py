"""The words that every kind of source speaks: Selection, Item, Settings, Source."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..errors import SourceError
from . import names


class MissingItemError(SourceError):
    """One file that the source listed is not there any more; the source itself answers."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which light curves are wanted.

    Parameters
    ----------
    stars
        KIC, EPIC or simulated numbers; None means every star.
    segments
        Quarters (Kepler) or campaigns (K2: 9 means both 91 and 92); None means all.
    mission
        'Kepler', 'K2' or 'Simulation'; None means any.
    cadence
        'long' or 'short'.
    """

    stars: tuple[int, ...] | None = None
    segments: tuple[int, ...] | None = None
    mission: str | None = None
    cadence: str = "long"
    _stars: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A list of thousands of stars is asked for each of millions of files.
        object.__setattr__(self, "_stars", frozenset(self.stars or ()))
        if self.cadence not in ("long", "short"):
            raise SourceError(f"cadence {self.cadence!r} is unknown: choose long or short")
        if self.mission not in (None, "Kepler", "K2", "Simulation"):
            raise SourceError(f"mission {self.mission!r} is unknown: choose Kepler or K2")

    def admits(
        self, star: int | None, mission: str | None, segment: int | None, cadence: str | None
    ) -> bool:
        """Whether a light curve is wanted, as far as is known: None never excludes.

        A file whose name says nothing is offered with four None; ask again with the facts of
        its header.
        """
        if self.stars is not None and star is not None and star not in self._stars:
            return False
        if self.mission is not None and mission is not None and mission != self.mission:
            return False
        if cadence is not None and cadence != self.cadence:
            return False
        if self.segments is None or segment is None:
            return True
        if mission == "K2":
            return any(segment in (s, *names.campaign_numbers(s)) for s in self.segments)
        return segment in self.segments


@dataclass(frozen=True, slots=True)
class Item:
    """One light curve file of a source: small, frozen, picklable.

    Attributes
    ----------
    name
        File name without folder (member's file name in a tarball).
    url
        Where it is: file://, http(s)://, s3://, or ``TARBALL#MEMBER``.
    star, mission, segment, cadence
        What the name says; None where it does not follow the archive's pattern.
    size
        Bytes, where the listing says so.
    fingerprint
        ETag, or modification time and size: equal means unchanged. None where the listing does
        not tell; `fingerprint_of` then asks.
    data
        Content; only the readers of tarballs and zip files fill it.
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
        """Make an item whose star, mission, segment and cadence come from the name."""
        name, url = _printable(name), _printable(url)
        facts = names.facts_of(name)
        return cls(
            name, url, facts.star, facts.mission, facts.segment, facts.cadence, size, fingerprint
        )

    def with_data(self, data: bytes) -> Item:
        """Return the same item with its content."""
        return replace(self, data=data)

    def wanted_by(self, selection: Selection) -> bool:
        """Whether the name allows for a light curve that the selection wants."""
        return names.may_be_light_curve(self.name) and selection.admits(
            self.star, self.mission, self.segment, self.cadence
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """How to read from a source; picklable, so that a worker reads as the driver listed.

    Parameters
    ----------
    parallel
        Requests at the same time, per process.
    cache
        Folder of the local cache; None keeps nothing. Local files are never cached.
    cache_limit
        Bytes above which the oldest entries of the cache are dropped.
    timeout
        Seconds without a byte before a request counts as failed.
    patience
        Seconds during which a request is tried again, with back-off.
    s3_endpoint
        URL of an S3 service other than Amazon's.
    """

    parallel: int = 4
    cache: str | None = None
    cache_limit: int = 20_000_000_000
    timeout: float = 60.0
    patience: float = 120.0
    s3_endpoint: str | None = None


Wanted = Callable[[Item], bool]


@dataclass(slots=True)
class Seen:
    """What a listing has come across: it says why nothing that was asked for was found.

    Attributes
    ----------
    light_curves : int
        Files whose names allow for a light curve.
    others : int
        Files that are something else.
    links : int
        Links to files that are not there.
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
        """Count a link to a file that is not there."""
        self.links += 1
        self._examples.setdefault("links", name)

    def empty_page(self, url: str) -> None:
        """Count a page without a link to anything below it."""
        self.pages += 1
        self._examples.setdefault("pages", url)

    def words(self) -> str:
        """Say what there was, in words that follow "there is"."""
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
        """Say what to do, in a sentence."""
        if not self.light_curves and self._examples.get("others", "").endswith(_SCRIPTS):
            return "Run the script, and name the folder that it fills."
        if self.light_curves:
            return "Check the number, and ask for every quarter and cadence that there is."
        return "Name a folder of .fits files, a tarball or a .zip file."


_SCRIPTS = (".sh", ".bat", ".py", ".txt")
"""Lists of downloads, as the archive's portals hand them out."""


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class Source(Protocol):
    """Where light curve files come from.

    Attributes
    ----------
    url
        As the user named it.
    settings
        To be handed to `read_item` and `fingerprint_of`, on whatever machine they run.
    seen
        What `items` has come across so far.
    """

    url: str
    settings: Settings
    seen: Seen

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the light curve files that the selection wants.

        Parameters
        ----------
        selection
            Stars, segments, mission, cadence.
        wanted
            Asked with each item before its content is read; False leaves it out. A resumed
            import leaves out by name what it has already done.

        Yields
        ------
        Item
            Grouped by star, names without a star last; then what tarballs and zip files hold, in
            their own order and with content.

        Raises
        ------
        SourceError
            The source is not there or does not answer.
        """
        ...


def _printable(text: str) -> str:
    """Replace bytes of a name that are no UTF-8: they could be written to no report or ledger."""
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
    """Keep the items that the selection and the caller want; count all."""
    for item in items:
        seen.file(item.name)
        if item.wanted_by(selection) and (wanted is None or wanted(item)):
            yield item


def file_fingerprint(status: os.stat_result) -> str:
    """Fingerprint of a local file: modification time in nanoseconds and size in bytes."""
    return f"{status.st_mtime_ns}-{status.st_size}"
