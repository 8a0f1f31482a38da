"""Notes of the series of stars, which the server finds without a search of its own directory.

A server reads the points of a series by a number that it computes from the series' name with its
own key. For a reader that has only a name, it goes through all series of a class. Class
``star.series``, labels MISSION and OBSMODE, has a point at each star's number: a JSON object with
``of``, the text of `warp10.register` when the note was written, and ``series``, a map from
class name to the series as WRAP writes them: name, numbers and tags. A note is valid while ``of``
equals the text of the register.

The macros SERIES and CURVE of the role `macros` read the notes. If a star has no valid note, they
use the server's own directory: an import that dies before it writes a note makes answers slower,
but not wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import islice
from urllib.parse import quote

from kepler_lens.gts import class_pattern
from kepler_lens.missions import STAR_LABEL
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.number_pattern import number_pattern
from kepler_lens.warp10.register import CLASS as REGISTER
from kepler_lens.warp10.star_points import forget

CLASS = "star.series"

TOGETHER = 2_000
"""Stars of one request. Chosen: a server with 550,000 stars needs some seconds for this many, most
of them to go through all series, however few stars are wanted."""

_CLASSES = f"~{class_pattern()}"

_SCRIPT = files(__package__).joinpath("directory.mc2")


class Directory:
    """The notes of the stars' series on one server.

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

    def note(self, stars: Iterable[int], *, adjacent: bool = False) -> int:
        """Write notes of the series of those stars that have no valid note.

        Parameters
        ----------
        stars : iterable of int
            Stars without series are allowed.
        adjacent : bool, optional
            Whether most stars of the server between the smallest and the largest are among them.
            The server then reads the points of many stars together.

        Returns
        -------
        int
            Number of points that were written.
        """
        return sum(self._note(batch, len(batch) if adjacent else 1) for batch in _batched(stars))

    def forget(self, stars: Iterable[int]) -> None:
        """Delete the notes of some stars."""
        forget(self._warp10, self._write, f"{CLASS}{{}}", stars)

    def _note(self, stars: list[int], together: int) -> int:
        script = _SCRIPT.read_text(encoding="utf-8")
        for word, text in {
            "@READ@": self._read.reveal(),
            "@WRITE@": self._write.reveal(),
            "@STARS@": " ".join(map(str, stars)),
            "@TOGETHER@": str(together),
            "@PATTERN@": number_pattern(stars),
            "@CLASSES@": quote(_CLASSES, safe="~|"),
            "@LABEL@": STAR_LABEL,
            "@REGISTER@": REGISTER,
            "@NAME@": CLASS,
        }.items():
            script = script.replace(word, text)
        return int(self._warp10.exec(script, self._read, self._write)[0])


def _batched(stars: Iterable[int]) -> Iterator[list[int]]:
    left = iter(stars)
    while batch := list(islice(left, TOGETHER)):
        yield batch
