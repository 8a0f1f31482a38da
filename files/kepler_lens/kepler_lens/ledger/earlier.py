"""The ledger as it was before it had few series, made into what it is now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import series_name
from kepler_lens.ledger.book import FILES, Entry, Ledger, entry_of
from kepler_lens.ledger.sums import POINTS
from kepler_lens.warp10 import Token, Warp10

PIECES = 100
"""Parts of what there is to convert, by the last two digits of the star. Chosen: of Kepler some
2,000 stars, whose entries are 35 MB of answer."""


def convert(
    warp10: Warp10, ledger: Ledger, read: Token, write: Token, say: Callable[[str], None]
) -> None:
    """Write the entries of series that have a label KEPLERID where they belong; none, no work.

    Killed in between, it goes on the next time: what is deleted has been written.

    Parameters
    ----------
    warp10 : Warp10
    ledger : Ledger
    read, write : Token
        Of the ledger.
    say : callable
        Gets a line of progress.
    """
    # One look at few series where there is nothing to convert.
    if not warp10.find(f"{FILES}{{KEPLERID~.*}}", read):
        return
    say("bringing the ledger of an earlier version into the form of this one")
    for number in range(PIECES):
        chosen = f"{{KEPLERID~(.*{number:02}|{number})}}"
        ledger.write(_entries(warp10, FILES + chosen, read))
        # Files last: by them it is known that there is something to convert.
        for classname in (POINTS, FILES):
            warp10.delete(classname + chosen, write)


def _entries(warp10: Warp10, selector: str, read: Token) -> Iterator[Entry]:
    for series in warp10.fetch(selector, read):
        for cadence, value in zip(series.ticks, series.values, strict=True):
            try:
                star = int(series.labels["KEPLERID"])
                yield entry_of(star, cadence, series.labels, json.loads(value))
            except (KeyError, TypeError, ValueError) as error:
                name = series_name(FILES, series.labels)
                raise Warp10Error(
                    f"An entry of the ledger's series {name} makes no sense ({error!r}): delete "
                    "that series, and import the star again."
                ) from None
