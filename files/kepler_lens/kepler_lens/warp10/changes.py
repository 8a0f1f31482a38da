"""Notes of the stars that an import has changed, for the server's scheduled job.

Class ``star.changed``, without labels, in the application of the light curves, has a point at the
time of each write (µs): a JSON list of the stars that were written to. An import writes the point
after the server has the light curves and before the ledger marks them as done, so that the next
attempt notes them if the import dies in between. If two imports write in the same microsecond, one
of the two lists is lost. The notes only make the job fast: a reader that must not miss a star also
reads all stars from time to time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from urllib.parse import quote

from kepler_lens.warp10.client import Token, Warp10

CHANGED = "star.changed"

KEPT_DAYS = 30
"""Days that a note is kept. Chosen: at 20 stars a minute the job reads all stars in that time."""

_DAY_US = 86_400_000_000


def tell(warp10: Warp10, token: Token, stars: Iterable[int]) -> None:
    """Write a note that these stars have changed now; write nothing if there are none.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        The write token of the light curves.
    stars : iterable of int
        KIC or EPIC numbers.
    """
    if told := sorted(set(stars)):
        text = quote(json.dumps(told, separators=(",", ":")), safe="")
        warp10.update(f"{_now()}// {CHANGED}{{}} '{text}'\n".encode(), token)


def forget_old(warp10: Warp10, token: Token) -> None:
    """Delete the notes that are older than `KEPT_DAYS`."""
    warp10.delete(f"{CHANGED}{{}}", token, 0, _now() - KEPT_DAYS * _DAY_US)


def _now() -> int:
    return time.time_ns() // 1000
