"""Fold a light curve without variability at an ephemeris and bin it into named views.

A bin holds the median of its points. `global_view` and `local_view` equal AstroNet's to the last
digit of single precision (Shallue and Vanderburg 2018, AJ 155, 94, section 3.3;
google-research/exoplanet-ml, `preprocess.py` and `binning.py`). `LENGTHS` describes the other
views.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.bins import Floats, Flux, binned
from kepler_lens.errors import KeplerLensError
from kepler_lens.scatter import MAD_TO_SIGMA, scatter_about
from kepler_lens.transit_search.detection.ephemeris import Ephemeris

Views = dict[str, NDArray[np.float32]]
Folded = tuple[Floats, Flux]
Bins = tuple[Floats, Floats]

LENGTHS = {
    "global_view": 2001,
    "local_view": 201,
    "local_view_odd": 201,
    "local_view_even": 201,
    "secondary_view": 201,
    "local_view_half_period": 201,
    "global_view_double_period": 2001,
}
"""Name of each view to its number of bins. Each view has a `NAME_scatter` of the same length.

global: the whole period, with the transit in the middle. local: four durations to each side of the
transit. odd, even: local views of every other transit; the transit at the epoch counts as even.
secondary: a local view about the strongest dimming outside the transit. half, double: folded at
half and at twice the period."""
SCATTER = "_scatter"
"""End of the name of a view's scatter."""

_LOCAL_DURATIONS = 4.0
"""Reach of a local view to each side of the middle, durations (AstroNet)."""
_LOCAL_WIDTH = 0.16
"""Width of a local view's bin, durations (AstroNet)."""
_AWAY = 1.75
"""Least distance of a box from the transit's middle, durations (chosen: a box never meets the
transit's flanks)."""
_STEP = 0.125
"""Distance between boxes, durations (chosen: a box then misses at most a sixteenth of a
dimming)."""
_CLIP = 5.0
"""Greatest deviation of one point in the mean of a box, standard deviations (chosen)."""
_STANDS_OUT = 5.0
"""A dimming stands out above this, in standard deviations of a box. Chosen: noise alone reaches 4
in one of some thousand boxes."""
_ENOUGH = 40
"""With fewer boxes their own scatter is not used (chosen: the sixteen boxes that see one dimming
are too many of them)."""
_FEW = 5
"""A bin with fewer points gets the scatter of the whole light curve (chosen)."""


class ViewError(KeplerLensError):
    """No views can be made of a candidate."""


@dataclass(frozen=True, eq=False)
class Flat:
    """A light curve without its star's variability.

    Attributes
    ----------
    time : float64[n]
        BKJD, days, ascending, finite.
    flux : float32[n]
        Relative flux, about 1, finite.
    """

    time: Floats
    flux: Flux

    @cached_property
    def middle(self) -> float:
        """Median of the flux."""
        return float(np.median(self.flux))

    @cached_property
    def scatter(self) -> float:
        """Standard deviation of a point, from the median absolute deviation, relative flux."""
        return scatter_about(self.flux - np.float32(self.middle))


def views(flat: Flat, ephemeris: Ephemeris, others: NDArray[np.bool_] | None = None) -> Views:
    """Make the views of one candidate.

    Each view has its own median subtracted. The global views are then divided by their own depth,
    and all others by the depth of `local_view`, so that their depths can be compared. The scatter
    of a view is divided by the same depth.

    Parameters
    ----------
    flat : Flat
    ephemeris : Ephemeris
    others : bool[n], optional
        Points in transit of the star's other candidates; `secondary_view` leaves them out.

    Returns
    -------
    dict of str to float32[LENGTHS]
        Views and their scatter, in units of the transit's depth, all finite.

    Raises
    ------
    ViewError
        The ephemeris is invalid, the light curve has no points at the transits, or it shows nothing
        there.
    """
    _check(flat, ephemeris)
    period, duration = ephemeris.period_days, ephemeris.duration_hours / 24
    half = period / 2
    time = flat.time
    if ephemeris.late_days:
        # Shift all transits to the times of the ephemeris.
        time = time - ephemeris.late(ephemeris.numbers(time))
    number, phase = np.divmod(time + (half - ephemeris.epoch_bkjd), period)
    order = np.argsort(phase)
    phase, flux = phase[order] - half, flat.flux[order]
    odd = number[order] % 2 == 1
    alone = slice(None) if others is None else ~others[order]
    second = _secondary(flat, phase[alone], flux[alone], period, duration)
    whole, local, halved = _whole(period), _local(period, duration), _local(half, duration)
    bins = {
        "global_view": _filled(flat, (phase, flux), whole),
        "local_view": _filled(flat, (phase, flux), local),
        "local_view_odd": _filled(flat, (phase[odd], flux[odd]), local),
        "local_view_even": _filled(flat, (phase[~odd], flux[~odd]), local),
        "secondary_view": _filled(flat, _about(second, phase[alone], flux[alone], period), local),
        "local_view_half_period": _filled(flat, _at_half(phase, flux, half, -halved.low), halved),
        "global_view_double_period": _filled(
            flat, _at_double(phase, flux, odd, period), _whole(2 * period)
        ),
    }
    return _normalised(bins, ephemeris)


def _check(flat: Flat, ephemeris: Ephemeris) -> None:
    period, hours = ephemeris.period_days, ephemeris.duration_hours
    finite = np.isfinite([period, hours, ephemeris.epoch_bkjd]).all()
    if not finite or period <= 0 or hours <= 0:
        raise ViewError(
            f"No transits repeat every {period} d from BKJD {ephemeris.epoch_bkjd} on and last "
            f"{hours} h: period and duration must be positive numbers."
        )
    if hours >= 24 * period:
        raise ViewError(
            f"A transit of {hours:g} h does not fit into a period of {period:g} d: are both in "
            "the unit that is asked for (days; hours)?"
        )
    if not len(flat.time):
        raise ViewError("Nothing is left of the light curve: no stretch of it has four points.")


@dataclass(frozen=True, slots=True)
class _Window:
    """Bins of a view.

    Attributes
    ----------
    low : float
        Start of the first bin, days from the middle.
    spacing : float
        Distance between the starts of two bins, days.
    width : float
        Width of a bin, days.
    bins : int
        Number of bins.
    """

    low: float
    spacing: float
    width: float
    bins: int


def _whole(period: float) -> _Window:
    bins = LENGTHS["global_view"]
    width = period * (1 / bins)
    return _Window(-period / 2, (period - width) / (bins - 1), width, bins)


def _local(period: float, duration: float) -> _Window:
    bins, width = LENGTHS["local_view"], duration * _LOCAL_WIDTH
    reach = min(period / 2, duration * _LOCAL_DURATIONS)
    return _Window(-reach, (2 * reach - width) / (bins - 1), width, bins)


def _about(middle: float, phase: Floats, flux: Flux, period: float) -> Folded:
    """Turn a folded light curve so that its middle lies `middle` days after the transit."""
    cut = int(np.searchsorted(phase, middle - period / 2))
    turned = np.concatenate([phase[cut:], phase[:cut] + period]) - middle
    return turned, np.concatenate([flux[cut:], flux[:cut]])


def _at_half(phase: Floats, flux: Flux, half: float, reach: float) -> Folded:
    """Lay the two halves of a folded light curve over each other, within the reach of a view."""
    near = np.abs(phase) <= reach
    end, begin = phase >= half - reach, phase < reach - half
    laid = np.concatenate([phase[near], phase[end] - half, phase[begin] + half])
    order = np.argsort(laid)
    return laid[order], np.concatenate([flux[near], flux[end], flux[begin]])[order]


def _at_double(phase: Floats, flux: Flux, odd: NDArray[np.bool_], period: float) -> Folded:
    """Fold at twice the period: even transits in the middle, odd transits at both ends."""
    late, early = odd & (phase >= 0), odd & (phase < 0)
    doubled = np.concatenate([phase[late] - period, phase[~odd], phase[early] + period])
    return doubled, np.concatenate([flux[late], flux[~odd], flux[early]])


def _filled(flat: Flat, folded: Folded, window: _Window) -> Bins:
    """Return the median of each bin and the standard error of that median.

    An empty bin gets the median of the light curve (AstroNet) and the scatter of one point.
    """
    median, scatter, count = binned(*folded, window.low, window.spacing, window.width, window.bins)
    few = count < _FEW
    scatter[few] = flat.scatter / np.sqrt(np.maximum(count[few], 1))
    median[count == 0] = flat.middle
    return median, scatter


def _secondary(flat: Flat, phase: Floats, flux: Flux, period: float, duration: float) -> float:
    """Find the strongest dimming outside the transit.

    A box as long as the transit moves over the folded light curve. A dimming stands out where the
    mean of the box lies five standard deviations below the median of the light curve. The standard
    deviation is that of the points or, if larger, that of the boxes among each other.

    Parameters
    ----------
    flat : Flat
    phase, flux : float64[n], float32[n]
        Folded light curve: days from the transit, ascending; relative flux.
    period, duration : float
        Days.

    Returns
    -------
    float
        Days after the transit, less than the period. Half the period where nothing stands out.
    """
    room = period - 2 * _AWAY * duration
    if room <= 0 or flat.scatter <= 0:
        return period / 2
    late, turned = _about(period / 2, phase, flux, period)
    middles = np.linspace(_AWAY * duration, period - _AWAY * duration, _boxes(room, duration))
    begin, end = (
        np.searchsorted(late, middles - period / 2 + side * duration / 2) for side in (-1, 1)
    )
    count = end - begin
    seen = count > 0
    if not seen.any():
        return period / 2
    # The limit keeps one point, or another planet's deep transit, from looking like a dimming.
    dimming = np.clip((flat.middle - turned) / flat.scatter, -_CLIP, _CLIP)
    total = np.r_[0.0, np.cumsum(dimming, dtype=np.float64)]
    strength = (total[end] - total[begin])[seen] / np.sqrt(count[seen])
    deviation = 1.0
    if len(strength) >= _ENOUGH:
        spread = np.abs(strength - np.median(strength))
        deviation = max(deviation, MAD_TO_SIGMA * float(np.median(spread)))
    best = int(np.argmax(strength))
    if strength[best] <= _STANDS_OUT * deviation:
        return period / 2
    return float(middles[seen][best])


def _boxes(room: float, duration: float) -> int:
    return int(room / (_STEP * duration)) + 1


def _normalised(bins: dict[str, Bins], ephemeris: Ephemeris) -> Views:
    """Subtract medians and divide by depths."""
    depth = {}
    for name in ("global_view", "local_view", "global_view_double_period"):
        median = bins[name][0]
        depth[name] = abs(float(np.min(median - np.median(median))))
        if depth[name] == 0:
            raise ViewError(
                f"Nothing is seen at period {ephemeris.period_days:g} d, epoch BKJD "
                f"{ephemeris.epoch_bkjd:g}, duration {ephemeris.duration_hours:g} h: {name} is the "
                "same throughout. The star was not observed in transit."
            )
    made: Views = {}
    for name, (median, scatter) in bins.items():
        unit = depth.get(name, depth["local_view"])
        made[name] = ((median - np.median(median)) / unit).astype(np.float32)
        made[name + SCATTER] = (scatter / unit).astype(np.float32)
    if not all(np.isfinite(view).all() for view in made.values()):
        raise ViewError("The light curve has values beyond single precision: is it damaged?")
    return made
