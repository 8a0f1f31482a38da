"""The series of stars as the server knows them, kept where it finds them at once.

A server reads the points of a series by a number that it makes of the series' name with a key of
its own; who has only a name makes it go through all series of a class. Class ``star.series``,
labels MISSION and OBSMODE, has a point at each star's number: a JSON object with ``of``, the text
of `kepler_lens.register` at that moment, and ``series``, class name to the series as WRAP writes
them: name, numbers and tags. What is noted counts as long as ``of`` is what the register says.

The macros SERIES and CURVE of the role `macros` read it, and ask the server's own directory where
nothing counts: whoever dies before something is noted leaves slower answers, and no wrong ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import islice
from urllib.parse import quote

from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.number_pattern import number_pattern
from kepler_lens.register import CLASS as REGISTER
from kepler_lens.star_points import forget
from kepler_lens.warp10 import Token, Warp10

CLASS = "star.series"

TOGETHER = 2_000
"""Stars that are noted at a time. Chosen: a server with 550,000 stars needs some seconds for so
many, most of them to go through all series, however few are wanted."""

_CLASSES = "~" + "|".join(re.escape(name) for name in CLASS_OF_COLUMN.values())

_SCRIPT = files(__package__).joinpath("directory.mc2")


class Directory:
    """What is noted of the stars' series on one server.

    Parameters
    ----------
    warp10 : Warp10
    read, write : Token
        Tokens of the light curves.
    """

    def __init__(self, warp10: Warp10, read: Token, write: Token) -> None:
        self._warp10 = warp10
        self._read = read
        self._write = write

    def note(self, stars: Iterable[int]) -> int:
        """Note the series of those stars of which nothing is noted that counts.

        Parameters
        ----------
        stars : iterable of int
            Some of them may have no series.

        Returns
        -------
        int
            Points that were written.
        """
        return sum(map(self._note, _batched(stars)))

    def forget(self, stars: Iterable[int]) -> None:
        """Delete what is noted of some stars."""
        forget(self._warp10, self._write, f"{CLASS}{{}}", stars)

    def _note(self, stars: list[int]) -> int:
        script = _SCRIPT.read_text(encoding="utf-8")
        for word, text in {
            "@READ@": self._read.reveal(),
            "@WRITE@": self._write.reveal(),
            "@STARS@": " ".join(map(str, stars)),
            "@PATTERN@": number_pattern(stars),
            "@CLASSES@": quote(_CLASSES, safe="~|"),
            "@REGISTER@": REGISTER,
            "@NAME@": CLASS,
        }.items():
            script = script.replace(word, text)
        return int(self._warp10.exec(script, self._read, self._write)[0])


def _batched(stars: Iterable[int]) -> Iterator[list[int]]:
    left = iter(stars)
    while batch := list(islice(left, TOGETHER)):
        yield batch
