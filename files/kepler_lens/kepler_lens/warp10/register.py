"""The register: which series a star has, found without a search of the server's directory.

To find a series, a server goes through all series of its class, and there are as many of them as
stars. Class ``star.curve``, labels MISSION and OBSMODE, has few series, with a point at each star's
number: a percent-encoded JSON text, a map from class name to the labels that the star's series have
besides that of the star, MISSION and OBSMODE::

    {"sap.flux": [{"INSTRUME": "Kepler Photometer", "OBJECT": "KIC 6541920"}], …}

The register belongs to the application of the light curves, so that their read token reads it too.
See `kepler_lens.warp10.star_points` about its ticks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple
from urllib.parse import quote

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import class_pattern, series_name
from kepler_lens.missions import STAR_LABEL
from kepler_lens.warp10.client import Series, Token, Warp10, token_to_write
from kepler_lens.warp10.star_points import forget, pages, points_of
from kepler_lens.warp10.ticks import has_ticks

CLASS = "star.curve"

SLICE = 5_000
"""Stars that `rebuild` compares at a time. Chosen: of 550,000 stars `rebuild` finds every tenth at
once; the points of this many stars, and of the stars between them, are 12 MB of answer."""

Classes = dict[str, list[dict[str, str]]]
"""Class name to the remaining labels of each series."""


class Key(NamedTuple):
    """Key of a point of the register.

    Attributes
    ----------
    star : int
        KIC or EPIC number, the tick of the point.
    mission, obsmode : str
        Labels MISSION and OBSMODE of the point's series.
    """

    star: int
    mission: str
    obsmode: str


class Register:
    """The register of one server.

    Parameters
    ----------
    warp10 : Warp10
    read, write : Token
        Tokens of the light curves; the write token is needed only to write or delete.
    """

    def __init__(self, warp10: Warp10, read: Token, write: Token | None = None) -> None:
        self._warp10 = warp10
        self._read = read
        self._write = write

    def read(self, stars: Sequence[int]) -> dict[Key, Classes]:
        """Return the entries of some stars (a few hundred at most)."""
        found = points_of(self._warp10, self._read, CLASS, stars)
        return dict(chain.from_iterable(map(_read_points, found)))

    def stars(self, classname: str, obsmode: str) -> Iterator[list[int]]:
        """Yield the stars that have a class of series, such as ``sap.flux``, piece by piece.

        Parameters
        ----------
        classname : str
        obsmode : str
            ``long cadence`` or ``short cadence``.

        Yields
        ------
        list of int
            Numbers of stars. A star of two missions is in two pieces.
        """
        selector = f"{CLASS}{{OBSMODE={quote(obsmode, safe='')}}}"
        for piece in pages(self._warp10, self._read, selector):
            yield [key.star for key, known in _read_points(piece) if classname in known]

    def every_star(self) -> Iterator[list[int]]:
        """Yield all stars, piece by piece; a star of two cadences or missions may be in two."""
        for piece in pages(self._warp10, self._read, f"{CLASS}{{}}"):
            yield piece.ticks

    def write(self, series: Iterable[tuple[str, Mapping[str, str]]]) -> int:
        """Add series to the entries of their stars.

        If two processes add different series of one star at the same moment, one addition may be
        lost; `rebuild` restores it.

        Parameters
        ----------
        series : iterable of (str, mapping)
            Class name and all labels.

        Returns
        -------
        int
            Number of points that have changed.
        """
        wanted = _by_key(series)
        return self._unite(wanted, self.read(sorted({key.star for key in wanted})))

    def forget(self, stars: Iterable[int]) -> None:
        """Delete the entries of some stars."""
        forget(self._warp10, self._token(), f"{CLASS}{{}}", stars)

    def rebuild(self) -> int:
        """Add every series of light curves on the server; return the number of changed points."""
        changed = 0
        classes = class_pattern()
        # One request for each last digit of a star: all of Kepler in one answer is too much.
        for digit in range(10):
            there = self._warp10.find(f"~({classes}){{{STAR_LABEL}~.*{digit}}}", self._read)
            wanted = _by_key((series.classname, series.labels) for series in there)
            ordered = sorted(wanted)
            for first in range(0, len(ordered), SLICE):
                keys = ordered[first : first + SLICE]
                known = self._range(keys[0].star, keys[-1].star)
                changed += self._unite({key: wanted[key] for key in keys}, known)
        return changed

    def _range(self, first: int, last: int) -> dict[Key, Classes]:
        fetched = self._warp10.fetch(f"{CLASS}{{}}", self._read, first, last)
        return dict(chain.from_iterable(map(_read_points, fetched)))

    def _unite(self, wanted: Mapping[Key, Classes], known: Mapping[Key, Classes]) -> int:
        lines = []
        for key, classes in wanted.items():
            before = known.get(key, {})
            both = _united(before, classes)
            if both != before:
                lines.append(_line(key, both))
        if lines:
            self._warp10.update("".join(lines).encode(), self._token())
        return len(lines)

    def _token(self) -> Token:
        return token_to_write(self._write, "register")


def lines(series: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
    """Return the lines of the input format with the entries of stars that have none yet.

    Parameters
    ----------
    series : iterable of (str, mapping)
        Class name and all labels.
    """
    return [_line(key, classes) for key, classes in _by_key(series).items()]


def _by_key(series: Iterable[tuple[str, Mapping[str, str]]]) -> dict[Key, Classes]:
    found: dict[Key, Classes] = {}
    for classname, labels in series:
        rest = dict(labels)
        star, mission, obsmode = (rest.pop(name, "") for name in (STAR_LABEL, "MISSION", "OBSMODE"))
        # Series that kepler2warp10 pushed as text may have any labels: some have no tick here.
        plain = star.isascii() and star.isdecimal() and star == str(int(star))
        if plain and has_ticks(int(star)) and mission and obsmode:
            key = Key(int(star), mission, obsmode)
            found[key] = _united(found.get(key, {}), {classname: [rest]})
    return found


def _united(before: Classes, more: Classes) -> Classes:
    both = {classname: list(sets) for classname, sets in before.items()}
    for classname, sets in more.items():
        there = both.setdefault(classname, [])
        there += [labels for labels in sets if labels not in there]
    return both


def _line(key: Key, classes: Classes) -> str:
    name = series_name(CLASS, {"MISSION": key.mission, "OBSMODE": key.obsmode})
    text = json.dumps(classes, separators=(",", ":"), sort_keys=True)
    return f"{key.star}// {name} '{quote(text, safe='')}'\n"


def _read_points(series: Series) -> Iterable[tuple[Key, Classes]]:
    for star, value in zip(series.ticks, series.values, strict=True):
        try:
            classes: Classes = json.loads(value)
        except (TypeError, ValueError):
            raise Warp10Error(
                f"What the register has of star {star} makes no sense: remove that star with "
                "`kepler-lens delete` and import it again."
            ) from None
        yield Key(star, series.labels["MISSION"], series.labels["OBSMODE"]), classes
