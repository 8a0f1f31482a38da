"""Points in ranges of ticks, of many ranges in one request.

The endpoint `fetch` takes one range; a script of the server asks for the next without waiting for
the way to us and back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kepler_lens.warp10 import Series, Token, Warp10

TOGETHER = 500
"""Ranges that one request reads. Chosen: entries of the ledger of so many stars with 20 quarters
are some 8 MB of answer."""

_RANGES = """// Read the points of ranges of ticks, see kepler_lens/tick_ranges.py
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
    """Read the points in ranges of ticks, of many in one request.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        A read token.
    classname : str
        Of few series: in each range all are asked for.
    ranges : sequence of (int, int)
        First and last tick, both included.

    Yields
    ------
    Series
        What one series has in a range, without attributes; those of a range follow each other.
    """
    for first in range(0, len(ranges), TOGETHER):
        wanted = (f"[ {start} {end} ]" for start, end in ranges[first : first + TOGETHER])
        script = _RANGES.format(ranges=" ".join(wanted), token=token.reveal(), classname=classname)
        (found,) = warp10.exec(script, token)
        for labels, ticks, values in (series for one in found for series in one):
            known = {name: text for name, text in labels.items() if name != ".app"}
            yield Series(classname, known, {}, ticks, values)
