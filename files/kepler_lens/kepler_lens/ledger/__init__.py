"""What has been imported, kept in Warp 10 itself beside the light curves.

Few series with many points, in an application of their own that the public read token does not
see: the server looks for a series by going through all that have its class.

- ``import.file`` and ``import.points``, labels MISSION and OBSMODE: what is known of each file, and
  the points of one that is in completely (`kepler_lens.ledger.book`), at a tick that star and file
  decide (`kepler_lens.ledger.places`);
- ``import.sum`` and ``import.open``: what is in completely by buckets of stars, and which buckets a
  run has written into since they were counted (`kepler_lens.ledger.sums`).
"""

from __future__ import annotations

from kepler_lens.ledger.book import DONE, PENDING, Entry, Ledger, Span
from kepler_lens.ledger.sums import Off, Summary, Sums, Writer

__all__ = ["DONE", "PENDING", "Entry", "Ledger", "Off", "Span", "Summary", "Sums", "Writer"]
