"""Convert the ledger of an earlier version, which had a series for each star."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import series_name
from kepler_lens.ledger.book import FILES, Entry, Ledger, entry_of
from kepler_lens.ledger.sums import POINTS
from kepler_lens.missions import STAR_LABEL
from kepler_lens.warp10.client import Token, Warp10

PIECES = 100
"""Parts of the work, by the last two digits of a star's number (chosen: a part of Kepler has some
2,000 stars, whose entries are an answer of 35 MB)."""


def convert(
    warp10: Warp10, ledger: Ledger, read: Token, write: Token, say: Callable[[str], None]
) -> None:
    """Move entries from series with a label of the star to the series and ticks of this version.

    If there are no such series, nothing is done. If it is killed, the next call continues, because
    entries are written before the old ones are deleted.

    Parameters
    ----------
    warp10 : Warp10
    ledger : Ledger
    read, write : Token
        Tokens of the ledger.
    say : callable
        Called with a line of progress.
    """
    # One cheap request where there is nothing to convert.
    if not warp10.find(f"{FILES}{{{STAR_LABEL}~.*}}", read):
        return
    say("bringing the ledger of an earlier version into the form of this one")
    for number in range(PIECES):
        chosen = f"{{{STAR_LABEL}~(.*{number:02}|{number})}}"
        ledger.write(_entries(warp10, FILES + chosen, read))
        # FILES goes last, because its series show that there is something to convert.
        for classname in (POINTS, FILES):
            warp10.delete(classname + chosen, write)


def _entries(warp10: Warp10, selector: str, read: Token) -> Iterator[Entry]:
    for series in warp10.fetch(selector, read):
        for cadence, value in zip(series.ticks, series.values, strict=True):
            try:
                star = int(series.labels[STAR_LABEL])
                yield entry_of(star, cadence, series.labels, json.loads(value))
            except (KeyError, TypeError, ValueError) as error:
                name = series_name(FILES, series.labels)
                raise Warp10Error(
                    f"An entry of the ledger's series {name} makes no sense ({error!r}): delete "
                    "that series, and import the star again."
                ) from None
