"""Which series a star has, found without a search of the server's directory.

A server looks for a series by going through all that have its class, and there are as many of them
as stars. Class ``star.curve``, labels MISSION and OBSMODE, has few series, and a point at each
star's number: a percent-encoded JSON text, class name to the labels that its series have besides
KEPLERID, MISSION and OBSMODE::

    {"sap.flux": [{"INSTRUME": "Kepler Photometer", "OBJECT": "KIC 6541920"}], …}

It belongs to the application of the light curves, so that who reads these reads it. Of its ticks:
see `kepler_lens.star_points`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple
from urllib.parse import quote

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import CLASS_OF_COLUMN, series_name
from kepler_lens.ledger.places import has_place
from kepler_lens.star_points import forget, pages, points_of
from kepler_lens.warp10 import Series, Token, Warp10

CLASS = "star.curve"

SLICE = 5_000
"""Found stars that are compared at a time. Chosen: of 550,000 stars, every tenth of which is found
at once, their points and those between them are 12 MB of answer."""

Classes = dict[str, list[dict[str, str]]]
"""Class name to the remaining labels of each series."""


class Place(NamedTuple):
    """Where the series of a star are named."""

    star: int
    mission: str
    obsmode: str


class Register:
    """The register of one server.

    Parameters
    ----------
    warp10 : Warp10
    read, write : Token
        Tokens of the light curves; the second where something is written.
    """

    def __init__(self, warp10: Warp10, read: Token, write: Token | None = None) -> None:
        self._warp10 = warp10
        self._read = read
        self._write = write

    def read(self, stars: Sequence[int]) -> dict[Place, Classes]:
        """Give what is known of some stars (a few hundred at most)."""
        found = points_of(self._warp10, self._read, CLASS, stars)
        return dict(chain.from_iterable(map(_read_points, found)))

    def stars(self, classname: str, obsmode: str) -> Iterator[list[int]]:
        """List the stars that have a class of series, such as ``sap.flux``, piece by piece.

        A star of two missions is in two pieces.
        """
        selector = f"{CLASS}{{OBSMODE={quote(obsmode, safe='')}}}"
        for piece in pages(self._warp10, self._read, selector):
            yield [place.star for place, known in _read_points(piece) if classname in known]

    def every_star(self) -> Iterator[list[int]]:
        """List all stars, piece by piece; a star of two cadences or missions may be in two."""
        for piece in pages(self._warp10, self._read, f"{CLASS}{{}}"):
            yield piece.ticks

    def write(self, series: Iterable[tuple[str, Mapping[str, str]]]) -> int:
        """Note series beside those that are known.

        Two who note other series of one star at the same moment may miss each other's: `rebuild`
        finds what is not noted.

        Parameters
        ----------
        series : iterable of (str, mapping)
            Class name and all labels.

        Returns
        -------
        int
            Points that have changed.
        """
        wanted = _by_place(series)
        return self._unite(wanted, self.read(sorted({place.star for place in wanted})))

    def forget(self, stars: Iterable[int]) -> None:
        """Delete what is known of some stars."""
        forget(self._warp10, self._token(), f"{CLASS}{{}}", stars)

    def rebuild(self) -> int:
        """Note every series of light curves that is there; give the number of changed points."""
        changed = 0
        classes = "|".join(map(re.escape, CLASS_OF_COLUMN.values()))
        # By the last digit of the star: all of Kepler in one answer would be too much.
        for digit in range(10):
            there = self._warp10.find(f"~({classes}){{KEPLERID~.*{digit}}}", self._read)
            wanted = _by_place((series.classname, series.labels) for series in there)
            ordered = sorted(wanted)
            for first in range(0, len(ordered), SLICE):
                places = ordered[first : first + SLICE]
                known = self._range(places[0].star, places[-1].star)
                changed += self._unite({place: wanted[place] for place in places}, known)
        return changed

    def _range(self, first: int, last: int) -> dict[Place, Classes]:
        fetched = self._warp10.fetch(f"{CLASS}{{}}", self._read, first, last)
        return dict(chain.from_iterable(map(_read_points, fetched)))

    def _unite(self, wanted: Mapping[Place, Classes], known: Mapping[Place, Classes]) -> int:
        lines = []
        for place, classes in wanted.items():
            before = known.get(place, {})
            both = _united(before, classes)
            if both != before:
                lines.append(_line(place, both))
        if lines:
            self._warp10.update("".join(lines).encode(), self._token())
        return len(lines)

    def _token(self) -> Token:
        if self._write is None:
            raise Warp10Error("The register was opened for reading: name the write token too.")
        return self._write


def lines(series: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
    """Give the lines of the input format that note series of stars which have none yet.

    Parameters
    ----------
    series : iterable of (str, mapping)
        Class name and all labels.
    """
    return [_line(place, classes) for place, classes in _by_place(series).items()]


def _by_place(series: Iterable[tuple[str, Mapping[str, str]]]) -> dict[Place, Classes]:
    found: dict[Place, Classes] = {}
    for classname, labels in series:
        rest = dict(labels)
        star, mission, obsmode = (rest.pop(name, "") for name in ("KEPLERID", "MISSION", "OBSMODE"))
        # What kepler2warp10 pushed as text may have any labels, and then it has no place here.
        plain = star.isascii() and star.isdecimal() and star == str(int(star))
        if plain and has_place(int(star)) and mission and obsmode:
            place = Place(int(star), mission, obsmode)
            found[place] = _united(found.get(place, {}), {classname: [rest]})
    return found


def _united(before: Classes, more: Classes) -> Classes:
    both = {classname: list(sets) for classname, sets in before.items()}
    for classname, sets in more.items():
        there = both.setdefault(classname, [])
        there += [labels for labels in sets if labels not in there]
    return both


def _line(place: Place, classes: Classes) -> str:
    name = series_name(CLASS, {"MISSION": place.mission, "OBSMODE": place.obsmode})
    text = json.dumps(classes, separators=(",", ":"), sort_keys=True)
    return f"{place.star}// {name} '{quote(text, safe='')}'\n"


def _read_points(series: Series) -> Iterable[tuple[Place, Classes]]:
    for star, value in zip(series.ticks, series.values, strict=True):
        try:
            classes: Classes = json.loads(value)
        except (TypeError, ValueError):
            raise Warp10Error(
                f"What the register has of star {star} makes no sense: remove that star with "
                "`kepler-lens delete` and import it again."
            ) from None
        yield Place(star, series.labels["MISSION"], series.labels["OBSMODE"]), classes
