"""Resolve names of stars to numbers, by a server whose stars are tagged."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from kepler_lens.gts import class_pattern
from kepler_lens.missions import STAR_LABEL
from kepler_lens.stars.lists import Name, Star, StarListError, read_file, stars_of
from kepler_lens.warp10.client import Series, Token, Warp10

_NAMES_A_QUERY = 200
_PATIENCE = 30.0


class NameServer(Protocol):
    """A source that resolves names."""

    @property
    def url(self) -> str:
        """Name of the source in messages."""

    def numbers(self, names: Sequence[Name]) -> dict[Name, set[int]]:
        """Return for each name the numbers of the stars whose tags have it; possibly none."""


@dataclass(frozen=True, slots=True)
class TagServer:
    """A Warp 10 server that resolves names by its tags.

    Attributes
    ----------
    url : str
    token_file : Path or None
        File of the read token; None for the public token of the server.
    """

    url: str
    token_file: Path | None = None

    def numbers(self, names: Sequence[Name]) -> dict[Name, set[int]]:
        """Return for each name the numbers of the stars whose tags have it; possibly none.

        Raises
        ------
        Warp10Error
            The server cannot be reached or refuses.
        """
        warp10 = Warp10(self.url, patience=_PATIENCE)
        token = Token.from_file(self.token_file) if self.token_file else warp10.public_token()
        return numbers_tagged(names, lambda selector: warp10.find(selector, token))


def numbers_tagged(
    names: Sequence[Name], find: Callable[[str], Iterable[Series]]
) -> dict[Name, set[int]]:
    """Return for each name the numbers of the stars whose tags have it; possibly none.

    Parameters
    ----------
    names : sequence of Name
    find : callable
        Returns the series that a selector matches, without points.
    """
    found: dict[Name, set[int]] = {name: set() for name in names}
    of_attribute: defaultdict[str, list[Name]] = defaultdict(list)
    for name in names:
        of_attribute[name.attribute].append(name)
    for attribute, those in of_attribute.items():
        for first in range(0, len(those), _NAMES_A_QUERY):
            batch = those[first : first + _NAMES_A_QUERY]
            meant = [(name, re.compile(name.pattern)) for name in batch]
            for series in find(_selector(attribute, batch)):
                tags = series.attributes.get(attribute, "").lower().split(",")
                star = int(series.labels[STAR_LABEL])
                for name, pattern in meant:
                    if any(map(pattern.fullmatch, tags)):
                        found[name].add(star)
    return found


def numbers_of_stars(stars: Iterable[Star], server: NameServer | None) -> tuple[int, ...]:
    """Return the numbers of the stars, each once and in order; the server resolves the names.

    Raises
    ------
    StarListError
        There is a name but no server, or a name is that of no star or of several stars.
    """
    stars = list(stars)
    names = [star for star in stars if isinstance(star, Name)]
    if names and server is None:
        name = names[0]
        raise StarListError(
            f"{name.where}: {name.text!r} is a name, and only a server with tags knows names: give "
            "the KIC or EPIC number."
        )
    known = server.numbers(names) if names and server else {}
    return tuple(
        dict.fromkeys(
            star if isinstance(star, int) else _only(star, known[star], server) for star in stars
        )
    )


def stars_wanted(
    value: Any, file: Path | None, server: NameServer | None, where: str
) -> tuple[int, ...] | None:
    """Read the stars that were typed and those of a file; see `lists.stars_of`.

    Parameters
    ----------
    value : str, int, list of them, or None
    file : Path or None
        A list of stars.
    server : NameServer or None
        Resolves names.
    where : str
        Option for which the stars were typed, for messages.

    Returns
    -------
    tuple of int, or None
        None, which means every star, if nothing was typed and there is no file.

    Raises
    ------
    StarListError
        An entry is no star, or its name is not known.
    """
    typed = stars_of(value, where)
    if typed is None and file is None:
        return None
    return numbers_of_stars([*(typed or ()), *(read_file(file) if file else ())], server)


def star_wanted(text: str, server: NameServer | None, where: str) -> int:
    """Read the one star that was typed, and return its number.

    Raises
    ------
    StarListError
        The text is no star or names several stars, or its name is not known.
    """
    stars = stars_of(text or " ", where) or []
    if len(stars) > 1:
        raise StarListError(f"{where}: {text!r} names {len(stars)} stars: name one.")
    return numbers_of_stars(stars, server)[0]


def _only(name: Name, numbers: set[int], server: NameServer | None) -> int:
    at = f"{name.where}: {name.text!r}"
    url = server.url if server else ""
    if not numbers:
        raise StarListError(
            f"{at} is the name of no star that is tagged on {url}: give its KIC or EPIC number, or "
            "tag the stars first (make tag), which names those that are imported."
        )
    if len(numbers) > 1:
        several = " and ".join(map(str, sorted(numbers)))
        raise StarListError(f"{at} is the name of several stars, {several}: give a number.")
    return min(numbers)


def _selector(attribute: str, names: Iterable[Name]) -> str:
    """Return a selector of the series whose tag has one of the names; it may match some more."""
    meant = "|".join(dict.fromkeys(_beginning(name) for name in names))
    # The tag is a comma-separated list. A guest server allows no repetition after a bracket.
    return f"~({class_pattern()}){{{attribute}~{quote(f'(?i).*({meant})([^0-9].*|)', safe='')}}}"


def _beginning(name: Name) -> str:
    """Return the fixed beginning of a name's pattern: the star, or the whole KOI."""
    match = re.match(r"[a-z0-9-]+(\\\.[0-9]+)?", name.pattern)
    assert match is not None  # noqa: S101 - every pattern begins with a star's name
    return match[0]
