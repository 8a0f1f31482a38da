"""Which numbers the names of stars stand for, asked of a server whose stars are tagged."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.starlist import Name, Star, StarListError, read_file, stars_of
from kepler_lens.warp10 import Series, Token, Warp10

_NAMES_A_QUERY = 200
_PATIENCE = 30.0


class NameServer(Protocol):
    """Whoever may know names."""

    @property
    def url(self) -> str:
        """What messages call it."""

    def numbers(self, names: Sequence[Name]) -> dict[Name, set[int]]:
        """Ask for the stars whose tags have the names; a name may be that of none."""


@dataclass(frozen=True, slots=True)
class TagServer:
    """A server that may know names.

    Attributes
    ----------
    url : str
    token_file : Path or None
        The read token's file; None for the token that the server makes public.
    """

    url: str
    token_file: Path | None = None

    def numbers(self, names: Sequence[Name]) -> dict[Name, set[int]]:
        """Ask for the stars whose tags have the names; a name may be that of none.

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
    """Ask for the stars whose tags have the names; a name may be that of none.

    Parameters
    ----------
    names : sequence of Name
    find : callable
        Gives the series that a selector matches, without points.
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
                star = int(series.labels["KEPLERID"])
                for name, pattern in meant:
                    if any(map(pattern.fullmatch, tags)):
                        found[name].add(star)
    return found


def numbers_of_stars(stars: Iterable[Star], server: NameServer | None) -> tuple[int, ...]:
    """Give the number of each star, each once and in order; ask the server for those with names.

    Raises
    ------
    StarListError
        There is no server, or it knows a name not at all, or as that of several stars.
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
    """Read the stars that were typed and those in a file; see `starlist.stars_of`.

    Returns
    -------
    tuple of int, or None
        None where neither names any, which stands for every star.

    Raises
    ------
    StarListError
        Something is no star, or has a name that is not known.
    """
    typed = stars_of(value, where)
    if typed is None and file is None:
        return None
    return numbers_of_stars([*(typed or ()), *(read_file(file) if file else ())], server)


def star_wanted(text: str, server: NameServer | None, where: str) -> int:
    """Read the one star that was typed.

    Raises
    ------
    StarListError
        It is no star, or several, or has a name that is not known.
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
    """Select the series whose tag has one of the names, and some more: the caller looks closer."""
    classes = "|".join(re.escape(name) for name in CLASS_OF_COLUMN.values())
    meant = "|".join(dict.fromkeys(_beginning(name) for name in names))
    # The tag is a list, with commas. A server for guests takes no repetition after a bracket.
    return f"~({classes}){{{attribute}~{quote(f'(?i).*({meant})([^0-9].*|)', safe='')}}}"


def _beginning(name: Name) -> str:
    """Give what a name's pattern has before its first choice: the star, or the whole KOI."""
    match = re.match(r"[a-z0-9-]+(\\\.[0-9]+)?", name.pattern)
    assert match is not None  # noqa: S101 - every pattern begins with a star's name
    return match[0]
