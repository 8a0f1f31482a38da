"""A star's light curve as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kepler_lens.errors import KeplerLensError
from kepler_lens.missions import mission_named, observing
from kepler_lens.missions.kepler import BKJD, us_to_bkjd

_INK = "#1f2933"
_COLOURS = ("#0b5394", "#4f9bd9")
_PANELS = {
    "SAP_FLUX": "SAP flux as measured\n[1000 electrons/s]",
    "PDCSAP_FLUX": "PDCSAP flux, relative\nto the {segment}'s median [‰]",
}


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """One series.

    Attributes
    ----------
    time_us : int64[n]
        Ticks, µs, ascending.
    value : floating[n]
        Flux, electrons/s.
    """

    time_us: NDArray[np.int64]
    value: NDArray[Any]


def join(pieces: Iterable[tuple[NDArray[np.int64], NDArray[Any]]]) -> Points:
    """Join pieces of a series, in the order of time.

    Parameters
    ----------
    pieces : iterable of (int64[m], floating[m])
        Ticks, µs, and flux, electrons/s; one piece at least.
    """
    ticks, values = zip(*pieces, strict=True)
    time_us, value = np.concatenate(ticks), np.concatenate(values)
    order = np.argsort(time_us, kind="stable")
    return Points(time_us[order], value[order])


def plot_light_curve(series: Mapping[str, Points], *, title: str, mission: str) -> Figure:
    """Draw SAP and PDCSAP flux against time.

    Parameters
    ----------
    series : mapping
        FITS column name to its points. 'SAP_FLUX' and 'PDCSAP_FLUX' have a panel each if they have
        points.
    title : str
        Name of the star.
    mission : str
        Label MISSION. Where all stars share the mission's segments, as Kepler's quarters, these
        divide the time.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KeplerLensError
        None of the columns has points.
    """
    panels = [column for column in _PANELS if column in series and len(series[column].value)]
    if not panels:
        raise KeplerLensError(f"{title}: there is no finite flux to show.")
    figure = Figure(figsize=(12, 1.2 + 2.7 * len(panels)), dpi=150, layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for ax, column in zip(axes, panels, strict=True):
        _draw(ax, series[column], column, mission)
    axes[-1].set_xlabel(BKJD.axis)
    starts = observing(mission).segment_starts
    span = axes[0].get_xlim()
    for ax in axes:
        for start in starts:
            ax.axvline(start, color=_INK, alpha=0.18, linewidth=0.7)
    for number, start in enumerate(starts):
        # Quarter 17 lasts 32 days. Names of quarters that look narrow are left out (chosen).
        end = starts[number + 1] if number + 1 < len(starts) else start + 32
        middle = (max(start, span[0]) + min(end, span[1])) / 2
        if span[0] < middle < span[1] and end - start > (span[1] - span[0]) / 50:
            axes[0].annotate(
                mission_named(mission).segment_text(number), (middle, 1), (0, -4),
                xycoords=("data", "axes fraction"), textcoords="offset points",
                ha="center", va="top", fontsize=8, color="#7b8794",
            )  # fmt: skip
    axes[0].set_xlim(span)
    _years(axes[0])
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold", color=_INK)
    return figure


def _draw(ax: Axes, points: Points, column: str, mission: str) -> None:
    """Draw one column, with segments that all stars share in two colours."""
    time = us_to_bkjd(points.time_us)
    value = np.asarray(points.value, dtype=np.float64)
    starts = observing(mission).segment_starts
    segment = np.searchsorted(starts, time, side="right") if starts else np.zeros(len(time))
    relative = column == "PDCSAP_FLUX"
    size = 1.6 if len(time) > 20_000 else 3.0
    for number in np.unique(segment):
        rows = segment == number
        flux = value[rows]
        flux = (flux / np.median(flux) - 1) * 1000 if relative else flux / 1000
        value[rows] = flux
        ax.plot(
            time[rows], flux, linestyle="none", marker=".", markersize=size, markeredgewidth=0,
            color=_COLOURS[int(number) % 2], rasterized=True,
        )  # fmt: skip
    if relative:
        # Single outliers (cosmic rays, flares) must not hide transits of a few parts in a thousand:
        # the percentiles are chosen.
        low, high = np.percentile(value, [0.02, 99.9])
        margin = 0.25 * (high - low)
        ax.set_ylim(low - margin, high + margin)
        ax.axhline(0, color=_INK, alpha=0.25, linewidth=0.7)
    else:
        # Room for the quarters' names.
        ax.margins(y=0.12)
    ax.set_ylabel(_PANELS[column].format(segment=mission_named(mission).segment), color=_INK)
    ax.margins(x=0.01)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(color="#9aa5b1", labelcolor=_INK)


def _years(ax: Axes) -> None:
    """Write the years of Kepler and K2 along the top."""
    low, high = ax.get_xlim()
    years = range(2009, 2020)
    ticks = us_to_bkjd(
        np.array([int(datetime(y, 1, 1, tzinfo=UTC).timestamp()) for y in years]) * 1_000_000
    )
    top = ax.secondary_xaxis("top")
    shown = [(t, str(y)) for t, y in zip(ticks, years, strict=True) if low < t < high]
    top.set_xticks([t for t, _ in shown], [f"1 Jan {y}" for _, y in shown])
    top.tick_params(length=3, color="#9aa5b1", labelcolor=_INK, labelsize=8)
    top.spines["top"].set_visible(False)
