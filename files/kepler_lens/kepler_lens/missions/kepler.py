"""Kepler: one field of stars, observed for four years in quarters."""

from __future__ import annotations

from kepler_lens.missions.observing import Observing

LONG_CADENCE_DAYS = 0.02043361
"""Length of a long cadence, days: 29.42 min (Kepler Instrument Handbook, KSCI-19033, section
2.6)."""

QUARTER_STARTS = (
    120.5, 131.5, 169.5, 260.2, 352.3, 443.4, 539.4, 630.1, 735.3,
    808.5, 906.8, 1001.2, 1099.4, 1182.7, 1274.1, 1373.4, 1472.0, 1559.2,
)  # fmt: skip
"""First cadence of each quarter, 0 to 17, BKJD, from the long cadence files."""

BAD_QUALITY = 1130799
"""Bits of SAP_QUALITY that spoil a cadence, of Kepler and K2: the default mask of Kepler's guest
observer office. K2's thruster firings (bit 2²⁰) are among them."""

OBSERVING = Observing(QUARTER_STARTS)
