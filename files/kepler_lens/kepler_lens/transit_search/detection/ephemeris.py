"""An ephemeris says when a planet transits; its single events are the observed transits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kepler_lens.transit_search.preparation.single_events import Events

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ephemeris:
    """Period, epoch and duration: when a planet transits.

    Attributes
    ----------
    period_days : float
        Mean period.
    epoch_bkjd : float
        Middle of the first transit after the star's first observation, by the mean period.
    duration_hours : float
    late_days : tuple of float
        By how much each transit, from that of the epoch on, is later than by the mean period
        (observed minus computed); empty where all are in time.
    """

    period_days: float
    epoch_bkjd: float
    duration_hours: float
    late_days: tuple[float, ...] = ()

    def middles(self, number: NDArray[np.int64]) -> Floats:
        """Return the middle of each numbered transit (BKJD, days, the shape of `number`).

        The transit of the epoch is number 0.
        """
        middle = np.asarray(self.epoch_bkjd + number * self.period_days, np.float64)
        return middle + self.late(number) if self.late_days else middle

    def late(self, number: NDArray[np.int64]) -> Floats:
        """Return how late each numbered transit is, days (float64, the shape of `number`)."""
        if not self.late_days:
            return np.zeros(np.shape(number))
        late = np.asarray(self.late_days)
        # Outside the observations the delay is unknown: take that of the nearest transit.
        return np.asarray(late[np.clip(number, 0, len(late) - 1)])

    def numbers(self, time: Floats) -> NDArray[np.int64]:
        """Return the number of the transit nearest to each instant.

        Parameters
        ----------
        time : float64[n]
            BKJD, days.

        Returns
        -------
        int64[n]
            0 for the transit of the epoch.
        """
        number = np.round((time - self.epoch_bkjd) / self.period_days).astype(np.int64)
        if not self.late_days:
            return number
        every = number + np.array([-1, 0, 1])[:, None]
        nearest = np.argmin(np.abs(time - self.middles(every)), axis=0)
        return np.asarray(number + nearest - 1)

    def hours_from_middle(self, time: Floats) -> Floats:
        """Return how many hours each instant is after the nearest middle of a transit.

        Parameters
        ----------
        time : float64[n]
            BKJD, days.

        Returns
        -------
        float64[n]
            Negative before the middle.
        """
        return (time - self.middles(self.numbers(time))) * 24

    def near_transit(self, time: Floats, durations: float, hours: float = 0.0) -> NDArray[np.bool_]:
        """Return which instants lie near the middle of a transit.

        Parameters
        ----------
        time : float64[n]
            BKJD, days.
        durations, hours : float
            An instant is near a middle within this many durations and hours, added up.

        Returns
        -------
        bool[n]
        """
        reach = durations * self.duration_hours + hours
        return np.asarray(np.abs(self.hours_from_middle(time)) < reach)


@dataclass(frozen=True, slots=True, eq=False)
class Transits:
    """The observed transits of an ephemeris.

    Attributes
    ----------
    number : int64[k]
        Number of each transit; 0 is that of the epoch.
    time : float64[k]
        Expected middle, BKJD, days.
    n, d : float64[k]
        See `single_events`. Depth is n / d and its standard deviation 1 / √d, relative flux.
    """

    number: NDArray[np.int64]
    time: Floats
    n: Floats
    d: Floats

    @property
    def depth(self) -> float:
        """Weighted mean depth, relative flux; 0 without transits."""
        total = float(self.d.sum())
        return float(self.n.sum()) / total if total > 0 else 0.0

    @property
    def mes(self) -> float:
        """Multiple-event statistic without any cap; 0 without transits."""
        total = float(self.d.sum())
        return float(self.n.sum()) / total**0.5 if total > 0 else 0.0


def observed_transits(ephemeris: Ephemeris, events: Events) -> Transits:
    """Find the observed transits of an ephemeris among the single events of its duration.

    Parameters
    ----------
    ephemeris : Ephemeris
    events : Events
        Standardised.

    Returns
    -------
    Transits
        Those with enough information (`Events.least`).
    """
    first = int(np.ceil((events.time[0] - ephemeris.epoch_bkjd) / ephemeris.period_days))
    last = int(np.floor((events.time[-1] - ephemeris.epoch_bkjd) / ephemeris.period_days))
    number = np.arange(first - 1, last + 2)
    time = ephemeris.middles(number)
    inside = (time >= events.time[0]) & (time <= events.time[-1])
    number, time = number[inside], time[inside]
    n = np.interp(time, events.time, events.n)
    d = np.interp(time, events.time, events.d)
    seen = d > events.least
    return Transits(number[seen], time[seen], n[seen], d[seen])
