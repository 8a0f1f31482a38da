"""Read the points of many ranges of ticks in one request.

The endpoint `fetch` reads one range. A script on the server reads many ranges without a round trip
for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kepler_lens.warp10.client import Series, Token, Warp10, own_labels

TOGETHER = 500
"""Ranges that one request reads. Chosen: the answer with the ledger's entries of this many stars
with 20 quarters has some 8 MB."""

_RANGES = """// Read the points of ranges of ticks, see kepler_lens/warp10/tick_ranges.py
[ {ranges} ]
<%
  DROP 'range' STORE
  [ '{token}' '{classname}' {{}} $range 1 GET $range LIST-> DROP SWAP - 1 + ] FETCH NONEMPTY
  <% DROP SORT 's' STORE [ $s LABELS $s TICKLIST $s VALUES ] %> LMAP
%> LMAP
"""


def in_ranges(
    warp10: Warp10, token: Token, classname: str, ranges: Sequence[tuple[int, int]]
) -> Iterator[Series]:
    """Read the points in ranges of ticks, many ranges in one request.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        A read token.
    classname : str
        Class of few series: all of them are read in each range.
    ranges : sequence of (int, int)
        First and last tick, both included.

    Yields
    ------
    Series
        The points of one series in one range, without attributes; the series of a range follow each
        other.
    """
    for first in range(0, len(ranges), TOGETHER):
        wanted = (f"[ {start} {end} ]" for start, end in ranges[first : first + TOGETHER])
        script = _RANGES.format(ranges=" ".join(wanted), token=token.reveal(), classname=classname)
        (found,) = warp10.exec(script, token)
        for labels, ticks, values in (series for one in found for series in one):
            yield Series(classname, own_labels(labels), {}, ticks, values)
