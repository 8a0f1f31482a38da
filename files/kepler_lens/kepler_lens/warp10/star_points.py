"""Points whose tick is the number of a star: read for some stars, or for all of them.

One series of such points holds a value for every star, and the server finds a point of it without a
search of its directory. The ticks are not times: they are in the first hours of 1970, where no
light curve is, so that scripts that select by date do not meet them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import replace

from kepler_lens.warp10.client import Series, Token, Warp10
from kepler_lens.warp10.tick_ranges import in_ranges
from kepler_lens.warp10.ticks import STARS

SEARCH = "star.search"
"""Class of the points with a star's last search, see `kepler_lens.transit_search.store.write`."""

WATCH_CLASSES = ("star.look", "star.failed")
"""Classes of the notes that the server's scheduled job writes, see docs/warpscript.md."""

PAGE = 5_000
"""Points of a series that one request reads. Chosen: with texts of some 700 bytes an answer has
3.5 MB, and 550,000 stars need 110 requests."""


def points_of(
    warp10: Warp10, token: Token, classname: str, stars: Iterable[int]
) -> Iterator[Series]:
    """Read the points of some stars, many of them in one request.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        A read token.
    classname : str
        Class of the few series that have points of stars.
    stars : iterable of int

    Yields
    ------
    Series
        The point of one star in one series; the series of a star follow each other.
    """
    return in_ranges(warp10, token, classname, [(star, star) for star in stars])


def pages(warp10: Warp10, token: Token, selector: str, page: int = PAGE) -> Iterator[Series]:
    """Read the points of all stars, from the largest number to the smallest, piece by piece.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        A read token.
    selector : str
        Selector of the few series that have points of stars.
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
        # If one series has more points, the pieces of all series end at its last tick.
        cut = max((series.ticks[0] for series in found if len(series.ticks) >= page), default=0)
        for series in found:
            first = bisect_left(series.ticks, cut)
            yield replace(series, ticks=series.ticks[first:], values=series.values[first:])
        end = cut - 1


def forget(warp10: Warp10, token: Token, selector: str, stars: Iterable[int]) -> None:
    """Delete the points of some stars."""
    for star in stars:
        warp10.delete(selector, token, star, star)
