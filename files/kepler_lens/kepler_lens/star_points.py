"""Points whose tick is the number of a star: read for some stars, or all of them.

A series of such points serves for all stars at once, and a point of it is found without a search of
the server's directory, whatever there is. Its ticks are no times: they lie in the first hours of
1970, where no light curve is, and scripts that select by date do not meet them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import replace

from kepler_lens.ledger.places import STARS
from kepler_lens.tick_ranges import in_ranges
from kepler_lens.warp10 import Series, Token, Warp10

SEARCH = "star.search"
"""What is known of a star's last search, see `kepler_lens.search.results`."""

LOOKS = ("star.look", "star.failed")
"""What the server's scheduled job notes of its looks at a star, see docs/warpscript.md."""

PAGE = 5_000
"""Points of a series that one request reads. Chosen: texts of some 700 bytes are 3.5 MB of answer,
and 550,000 stars are 110 requests."""


def points_of(
    warp10: Warp10, token: Token, classname: str, stars: Iterable[int]
) -> Iterator[Series]:
    """Read the points of some stars, of many in one request.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        A read token.
    classname : str
        Of the few series that have points of stars.
    stars : iterable of int

    Yields
    ------
    Series
        What one series has of a star; those of a star follow each other.
    """
    yield from in_ranges(warp10, token, classname, [(star, star) for star in stars])


def pages(warp10: Warp10, token: Token, selector: str, page: int = PAGE) -> Iterator[Series]:
    """Read the points of all stars, from the largest number to the smallest, piece by piece.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        A read token.
    selector : str
        Of the few series that have points of stars.
    page : int, optional
        Points of a series that one request reads.

    Yields
    ------
    Series
        A piece of a series, its points ascending; each point is in one piece.
    """
    end = STARS - 1
    while end >= 0:
        found = warp10.fetch(selector, token, end=end, newest=page)
        # Where one series has more, the others are taken no further than it.
        cut = max((series.ticks[0] for series in found if len(series.ticks) >= page), default=0)
        for series in found:
            first = bisect_left(series.ticks, cut)
            yield replace(series, ticks=series.ticks[first:], values=series.values[first:])
        end = cut - 1


def forget(warp10: Warp10, token: Token, selector: str, stars: Iterable[int]) -> None:
    """Delete the points of some stars."""
    for star in stars:
        warp10.delete(selector, token, star, star)
