"""How a mission observed its stars, as far as the analysis of a light curve asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EARLY_DAYS = 0.3
"""Days by which a segment may begin before its listed start (chosen): barycentric time depends on
the position of the star."""


@dataclass(frozen=True, slots=True)
class Observing:
    """How a mission observed its stars.

    Attributes
    ----------
    segment_starts : tuple of float
        First cadence of each segment that all stars share, BKJD, from segment 0 on. Empty where
        stars are observed in segments of their own.
    firing_days : float or None
        Days from one firing of the thrusters to the next, if the pointing jumps at firings.
    """

    segment_starts: tuple[float, ...] = ()
    firing_days: float | None = None

    def segments(self, time: NDArray[np.float64]) -> NDArray[np.int32] | None:
        """Return the number of the segment of each instant.

        Parameters
        ----------
        time : float64
            BKJD, days, any shape.

        Returns
        -------
        int32, the same shape, or None
            -1 before the first segment; None where the mission has no shared segments.
        """
        return segment_numbers(self.segment_starts, time) if self.segment_starts else None


def segment_numbers(starts: Sequence[float], time: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the number of the segment of each instant.

    Parameters
    ----------
    starts : sequence of float
        See `Observing.segment_starts`.
    time : float64
        BKJD, days, any shape.

    Returns
    -------
    int32, the same shape
        -1 before the first segment.
    """
    import numpy as np

    started = np.searchsorted(np.array(starts) - _EARLY_DAYS, time)
    return np.asarray(started - 1, dtype=np.int32)
