"""Measure the shape of a transit; the numbers are further inputs of the network.

A small network learns from some thousand candidates. It need not learn again what every vetting
measures: how round the dip is, whether there is a second dip, whether the star varies with phase.
All numbers are functions of the global view, the local view and the duty cycle (duration over
period). They are in units of the transit's depth, since views are scaled by that depth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kepler_lens.scatter import MAD_TO_SIGMA

Floats = NDArray[np.float32]

REDUCED = 401
"""Bins of the reduced global view (2001 bins by `_REDUCED_BY`, rounded up)."""
_REDUCED_BY = 5
"""Bins of the global view in one bin of the reduced view (chosen: the least value of the bin shows
a transit even if the transit is narrower)."""
DIP_LENGTH = 61
"""Samples of the view of the deepest other dip (chosen)."""
_DIP_DURATIONS = 3.0
"""Reach of that view to either side, durations (chosen: it shows the dip and its surroundings)."""
_LOCAL_DURATIONS = 4.0
"""Reach of the local view to either side, durations (`kepler_lens.classify.views`)."""
_BESIDE = 1.5
"""The transit lies within this many durations of its centre (chosen: a margin for epochs and
durations that are wrong by half a duration)."""
_RINGS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.2, 2.0, 4.0)
"""Edges, in durations from the centre, between which the local view is averaged. Chosen: finest at
ingress and egress, which are round for a planet and slanted for a grazing star."""
_LAGS = (1, 2, 13)
"""Lags of the autocorrelation, bins of the reduced global view (chosen)."""
_FLOOR = 1e-3
"""Number that is added before a logarithm or a division, in units of the transit's depth
(chosen)."""

_WIDTHS = (0.2, 0.5, 0.8)
"""Shares of the depth at which the width of the transit is measured, no unit (chosen)."""
_HARMONICS = (1, 2, 3)
"""Waves in one period whose amplitudes are measured out of transit (chosen)."""

SHAPE: tuple[str, ...] = (
    "duty_cycle",
    *(f"ring_{edge}" for edge in _RINGS[:-1]),
    *("core", "mean_depth", "core_scatter", "fill", "asymmetry", "tilt"),
    *("beside_mad", "beside_scatter", "beside_lowest", "beside_highest", "beside_peak"),
    *(f"width_{share}" for share in _WIDTHS),
    *("slant", "local_snr", "global_snr"),
    *("out_median", "out_mad", "out_scatter", "out_lowest", "out_highest", "out_p1", "out_p99"),
    *(f"lag_{lag}" for lag in _LAGS),
    *(f"cosine_{h}" for h in _HARMONICS),
    *(f"sine_{h}" for h in _HARMONICS),
    *("deep_bins", "high_bins", "dip_phase", "dip_depth", "dip_significance", "half_phase"),
)
"""Names of the numbers, in order."""

ODD = np.array([name in ("asymmetry", "tilt") for name in SHAPE])
"""Mask of `SHAPE`: numbers whose sign changes when time is reversed. The others do not change."""

_CHUNK = 256
"""Candidates in one piece of the work (chosen: limits memory to some tens of megabytes)."""


def reduced(view: Floats) -> Floats:
    """Compute the least, mean and greatest value of each five bins of global views.

    Parameters
    ----------
    view : float32[n, 2001]

    Returns
    -------
    float32[n, 401, 3]
        Least, mean and greatest value in the last axis, in the unit of `view`.
    """
    fill = REDUCED * _REDUCED_BY - view.shape[1]
    five = _extended(view, fill // 2, fill - fill // 2).reshape(len(view), REDUCED, _REDUCED_BY)
    # Column by column, because numpy reduces a short last axis slowly.
    columns = [five[:, :, k] for k in range(_REDUCED_BY)]
    low, high, total = columns[0].copy(), columns[0].copy(), columns[0].copy()
    for column in columns[1:]:
        np.minimum(low, column, out=low)
        np.maximum(high, column, out=high)
        total += column
    return np.stack([low, total / _REDUCED_BY, high], axis=2)


def shape(global_view: Floats, local_view: Floats, duty: Floats) -> tuple[Floats, Floats]:
    """Measure the shape of candidates.

    Parameters
    ----------
    global_view : float32[n, 2001]
        In units of the transit's depth.
    local_view : float32[n, 201]
        In units of the transit's depth.
    duty : float32[n]
        Duration over period, no unit.

    Returns
    -------
    numbers : float32[n, len(SHAPE)]
        Columns by `SHAPE`.
    dip : float32[n, 61]
        View of the deepest other dip that is as long as the transit, 3 durations to each side, less
        the median out of transit. This is a secondary eclipse, if there is one.
    """
    n = len(duty)
    numbers = np.empty((n, len(SHAPE)), np.float32)
    dip = np.empty((n, DIP_LENGTH), np.float32)
    for a in range(0, n, _CHUNK):
        part = slice(a, a + _CHUNK)
        q = np.clip(duty[part].astype(np.float32), 1e-5, 1.0)
        found = _local(local_view[part])
        found |= _global(global_view[part], q)
        mad = 10 ** found["out_mad"] - _FLOOR
        other, dip[part] = _dip(global_view[part], q, found["out_median"], mad)
        found |= other
        width = np.maximum(q * global_view.shape[1], 1)
        found["duty_cycle"] = np.log10(q)
        found["global_snr"] = 0.5 * np.log10(width) - found["out_mad"]
        numbers[part] = np.stack([found[name] for name in SHAPE], axis=1)
    return numbers, dip


_X = np.linspace(-_LOCAL_DURATIONS, _LOCAL_DURATIONS, 201, dtype=np.float32)
"""Centres of the bins of the local view, durations from the middle of the transit."""
_ABS = np.abs(_X)
_RING_WEIGHTS = np.stack(
    [
        (inside := (a <= _ABS) & (b > _ABS)).astype(np.float32) / inside.sum()
        for a, b in zip(_RINGS[:-1], (*_RINGS[1:-1], _LOCAL_DURATIONS + 1), strict=True)
    ],
    axis=1,
)
"""Weights of the bins of the local view in the mean of each ring, columns by `_RINGS`."""


def _where(mask: NDArray[np.bool_]) -> slice | NDArray[np.int64]:
    """Return the bins of a mask, as a slice where possible: indexing by a slice is faster."""
    at = np.flatnonzero(mask)
    return slice(at[0], at[-1] + 1) if at[-1] - at[0] + 1 == len(at) else at


_IN, _CORE, _OUT = _where(_ABS < 0.5), _where(_ABS < 0.2), _where(_ABS > 1.0)
_NEAR, _FAR = _where(_ABS < _BESIDE), _where(_ABS > 1.2)
_LATE, _EARLY = _where((_X > 0) & (_X < 1)), _where((_X < 0) & (_X > -1))
_AFTER, _BEFORE = _where(_X > 1), _where(_X < -1)
"""Bins of parts of the local view, by distance from the middle: half a duration is the edge of the
transit (all distances chosen)."""


def _local(view: Floats) -> dict[str, Floats]:
    rings = view @ _RING_WEIGHTS
    found = {f"ring_{edge}": rings[:, k] for k, edge in enumerate(_RINGS[:-1])}
    core, beside = np.median(view[:, _CORE], axis=1), view[:, _OUT]
    mean_in = view[:, _IN].mean(axis=1)
    mad = _mad(beside)
    wide = _smooth(view, 13)
    smooth = _smooth(view, 5)
    depth = smooth[:, _IN].min(axis=1, keepdims=True)
    near = smooth[:, _NEAR]
    widths = [(near < share * depth).mean(axis=1, dtype=np.float32) for share in _WIDTHS]
    found |= {f"width_{share}": width for share, width in zip(_WIDTHS, widths, strict=True)}
    return found | {
        "core": core,
        "mean_depth": mean_in,
        "core_scatter": view[:, _CORE].std(axis=1),
        "fill": mean_in / np.minimum(core - _FLOOR, -_FLOOR),
        "asymmetry": view[:, _LATE].mean(axis=1) - view[:, _EARLY].mean(axis=1),
        "tilt": view[:, _AFTER].mean(axis=1) - view[:, _BEFORE].mean(axis=1),
        "beside_mad": np.log10(mad + _FLOOR),
        "beside_scatter": np.log10(beside.std(axis=1) + _FLOOR),
        "beside_lowest": wide[:, _FAR].min(axis=1),
        "beside_highest": wide[:, _OUT].max(axis=1),
        "beside_peak": beside.max(axis=1),
        "slant": widths[2] / (widths[0] + _FLOOR),
        "local_snr": np.log10(np.abs(mean_in) / (mad + _FLOOR) + _FLOOR),
    }


def _global(view: Floats, duty: Floats) -> dict[str, Floats]:
    mean = reduced(view)[:, :, 1]
    phase = (np.arange(REDUCED, dtype=np.float32) - REDUCED // 2) / REDUCED
    out = np.abs(phase) > np.maximum(_BESIDE * duty, 1.5 / REDUCED)[:, None]
    # For a transit that fills the period, the bins farthest from it count as out of transit.
    out |= np.abs(phase) > 0.45
    count = out.sum(axis=1)
    rows = np.arange(len(view))
    ordered = np.sort(np.where(out, mean, np.inf), axis=1)

    def share(p: float) -> Floats:
        at = np.minimum((p * count).astype(int), count - 1)
        return np.asarray(ordered[rows, at], np.float32)

    median = share(0.5)
    rest = np.where(out, mean - median[:, None], 0)
    off = np.sort(np.where(out, np.abs(rest), np.inf), axis=1)
    mad = MAD_TO_SIGMA * off[rows, count // 2]
    squares = np.maximum((rest**2).sum(axis=1), 1e-12)
    found = {
        "out_median": median,
        "out_mad": np.log10(mad + _FLOOR),
        "out_scatter": np.log10(np.sqrt(squares / count) + _FLOOR),
        "out_lowest": ordered[:, 0],
        "out_highest": ordered[rows, count - 1],
        "out_p1": share(0.01),
        "out_p99": share(0.99),
        "deep_bins": np.log1p((rest < -0.5).sum(axis=1)),
        "high_bins": np.log1p((rest > 0.5).sum(axis=1)),
    }
    for lag in _LAGS:
        found[f"lag_{lag}"] = (rest[:, lag:] * rest[:, :-lag]).sum(axis=1) / squares
    for h in _HARMONICS:
        wave = np.exp(2j * np.pi * h * phase).astype(np.complex64)
        amplitude = (rest @ wave) * 2 / count
        found[f"cosine_{h}"] = amplitude.real
        # Only the size of the sine counts: on which side of the transit the star is brighter does
        # not matter.
        found[f"sine_{h}"] = np.abs(amplitude.imag)
    return found


def _dip(
    view: Floats, duty: Floats, level: Floats, mad: Floats
) -> tuple[dict[str, Floats], Floats]:
    """Find the deepest dip that is as long as the transit but lies elsewhere in phase."""
    n, bins = view.shape
    away = np.abs(np.arange(bins) - bins // 2)
    widths = np.clip(np.round(duty * bins).astype(int), 1, bins // 4) | 1
    edges = np.minimum(np.maximum(_BESIDE * duty * bins, 2), 0.45 * bins).astype(int)
    centre, deepest, opposite = np.empty(n, int), np.empty(n), np.empty(n)
    # A loop, because running means of different widths in one array take three times as long.
    for i, (width, edge) in enumerate(zip(widths, edges, strict=True)):
        half = width // 2
        # The view is periodic: what reaches over one end continues at the other.
        sums = np.cumsum(np.concatenate([[0], view[i, bins - half :], view[i], view[i, :half]]))
        mean = (sums[width:] - sums[:-width]) / width
        mean[bins // 2 - edge : bins // 2 + edge + 1] = np.inf
        centre[i] = k = int(np.argmin(mean))
        deepest[i], opposite[i] = mean[k], (mean[0] + mean[-1]) / 2
    depth = level - deepest
    step = np.linspace(-_DIP_DURATIONS, _DIP_DURATIONS, DIP_LENGTH)
    position = centre[:, None] + step * np.maximum(duty * bins, 1)[:, None]
    left = np.floor(position).astype(int)
    part = position - left
    rows = np.arange(n)[:, None]
    shown = view[rows, left % bins] * (1 - part) + view[rows, (left + 1) % bins] * part
    significance = depth / (mad + _FLOOR) * np.sqrt(widths)
    return {
        "dip_phase": away[centre] / bins,
        "dip_depth": depth,
        "dip_significance": np.log10(np.maximum(significance, 0) + 0.1),
        # The ends of the view are half a period from the transit.
        "half_phase": opposite - level,
    }, (shown - level[:, None]).astype(np.float32)


def _smooth(view: Floats, width: int) -> Floats:
    sums = np.cumsum(_extended(view, width // 2 + 1, width // 2), axis=1)
    return (sums[:, width:] - sums[:, :-width]) / np.float32(width)


def _extended(view: Floats, before: int, after: int) -> Floats:
    """Repeat the first and the last bin; `numpy.pad` does the same more slowly."""
    ends = [view[:, :1]] * before, [view[:, -1:]] * after
    return np.concatenate([*ends[0], view, *ends[1]], axis=1)


def _mad(values: Floats) -> Floats:
    middle = np.median(values, axis=1, keepdims=True)
    return np.asarray(MAD_TO_SIGMA * np.median(np.abs(values - middle), axis=1), np.float32)
