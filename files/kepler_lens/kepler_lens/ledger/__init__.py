"""Keep the ledger, which says what has been imported, in Warp 10 beside the light curves.

The ledger has few series with many points, because the server finds a series by a walk through all
series of its class. It has its own application, which the public read token cannot see.

- ``import.file`` and ``import.points``, with labels MISSION and OBSMODE: the entry of each file,
  and the number of points of a file that is in completely (`kepler_lens.ledger.book`). Their tick
  follows from star and file (`kepler_lens.warp10.ticks`).
- ``import.sum`` and ``import.open``: what is in completely, by buckets of stars, and the buckets
  into which a run has written since they were counted (`kepler_lens.ledger.sums`).
"""

from __future__ import annotations

from kepler_lens.ledger.book import DONE, PENDING, Entry, Ledger, Span
from kepler_lens.ledger.sums import Off, Summary, Sums, Writer

__all__ = ["DONE", "PENDING", "Entry", "Ledger", "Off", "Span", "Summary", "Sums", "Writer"]
