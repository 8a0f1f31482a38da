"""What imports have changed, told to who looks at stars by itself: the server's scheduled job.

Class ``star.changed``, without labels, in the application of the light curves: at the time of each
write (µs) a JSON list of the stars that were written to. It is told after the server has the points
and before the ledger calls them done, so that what dies in between is told by the next attempt. Two
who write in the same microsecond leave one list: what is told is for a quick answer, and whoever
must not miss a star goes through all of them once in a while.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from urllib.parse import quote

from kepler_lens.warp10 import Token, Warp10

CHANGED = "star.changed"

KEPT_DAYS = 30
"""Chosen: at 20 stars a minute, the scheduled job has looked at more than all stars meanwhile."""

_DAY_US = 86_400_000_000


def tell(warp10: Warp10, token: Token, stars: Iterable[int]) -> None:
    """Note that stars have been written to just now; nothing for none.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        The write token of the light curves.
    stars : iterable of int
    """
    if told := sorted(set(stars)):
        text = quote(json.dumps(told, separators=(",", ":")), safe="")
        warp10.update(f"{_now()}// {CHANGED}{{}} '{text}'\n".encode(), token)


def forget_old(warp10: Warp10, token: Token) -> None:
    """Delete what was told more than `KEPT_DAYS` ago."""
    warp10.delete(f"{CHANGED}{{}}", token, 0, _now() - KEPT_DAYS * _DAY_US)


def _now() -> int:
    return time.time_ns() // 1000
