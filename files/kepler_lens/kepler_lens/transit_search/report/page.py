"""A page of plots for each candidate, in the style of the one-page summary of Kepler's pipeline."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kepler_lens.scatter import scatter_about
from kepler_lens.transit_search.detection.candidates import masked
from kepler_lens.transit_search.detection.ephemeris import Ephemeris
from kepler_lens.transit_search.detection.periods import DURATIONS_HOURS, Spectrum, fold, spectrum
from kepler_lens.transit_search.detection.thresholds import threshold
from kepler_lens.transit_search.detection.transit_fit import Shape, folded, transit_points
from kepler_lens.transit_search.preparation.prepare import Prepared, detrended, event_bank
from kepler_lens.transit_search.report.score_panel import draw_score
from kepler_lens.transit_search.vetting.vet import FALSE_POSITIVE, Vetting

if TYPE_CHECKING:
    from kepler_lens.transit_search.search import Result, Vetted

Floats = NDArray[np.float64]

_DPI = 110
"""Dots per inch of a page (chosen)."""
_SCORE_PARTS = (slice(0, 2), 2, 3)
"""Columns of the page's grid for the global view, the local view and the probabilities."""

_INK, _BLUE, _RED, _GREY = "#1f2933", "#0b5394", "#c0392b", "#9aa5b1"


def pages(result: Result) -> dict[int, bytes]:
    """Draw a page for each of a star's candidates.

    Parameters
    ----------
    result : Result

    Returns
    -------
    dict of int to bytes
        Number of each candidate to its page (PNG).
    """
    if not result.candidates:
        return {}
    prepared = result.search.prepared
    nothing = np.zeros(len(prepared.time), bool)
    everything = nothing.copy()
    for vetted in result.candidates:
        everything |= masked(prepared, vetted.candidate.ephemeris)
    spectra = result.search.spectra or (
        _over_periods(prepared, nothing),
        _over_periods(prepared, everything),
    )
    pictures = {}
    for vetted in result.candidates:
        picture = io.BytesIO()
        others = result.search.others(vetted.candidate.number)
        candidate_page(prepared, vetted, others, spectra).savefig(picture, dpi=_DPI)
        pictures[vetted.candidate.number] = picture.getvalue()
    return pictures


def _over_periods(prepared: Prepared, hidden: NDArray[np.bool_]) -> Spectrum:
    """Return periods, days, and the statistic of the folding, without hidden points (bool[n])."""
    bank = event_bank(prepared, hidden, DURATIONS_HOURS)
    longest = prepared.observations.span_days / 2
    return spectrum(fold(bank, prepared.observations.density, longest, sharp=prepared.pulsating))


def candidate_page(
    prepared: Prepared,
    vetted: Vetted,
    others: NDArray[np.bool_],
    spectra: tuple[Spectrum, Spectrum],
) -> Figure:
    """Draw a candidate's page.

    Parameters
    ----------
    prepared : Prepared
    vetted : Vetted
    others : bool[n]
        Points in transit of the star's other candidates.
    spectra : two of (float64[k], float64[k])
        Period, days, and multiple-event statistic: with all points, and without those in transit of
        any candidate (see `Detections`).

    Returns
    -------
    Figure
        The whole light curve with the transits marked, the transit with its model, odd and even
        transits, the strongest dimming at another phase, the statistic over periods, and the table
        of tests. Where transits are out of time, also how late each of them is. Where a model has
        scored the candidate, also the model's views and its result.
    """
    vetting, number = vetted.vetting, vetted.candidate.number
    scored = vetted.score is not None
    figure = Figure(figsize=(13.5, 9.5 + 2.4 * scored), layout="constrained")
    heights = [1.0, 1.25, 1.0, 1.15, *([1.0] if scored else [])]
    grid = figure.add_gridspec(len(heights), 4, height_ratios=heights)
    star, ephemeris = prepared.observations, vetting.ephemeris
    figure.suptitle(
        f"{star.name}  ·  candidate {number}  ·  {vetting.disposition.lower()}\n"
        f"period {ephemeris.period_days:.5f} d   epoch BKJD {ephemeris.epoch_bkjd:.3f}   "
        f"duration {ephemeris.duration_hours:.1f} h   depth {vetting.depth_ppm:.0f} ± "
        f"{vetting.depth_error_ppm:.0f} ppm   SNR {vetting.snr:.1f}   "
        f"{len(vetting.transits.number)} transits",
        fontsize=12,
        color=_RED if vetting.disposition == FALSE_POSITIVE else _INK,
    )
    _whole(figure.add_subplot(grid[0, :]), prepared, vetting, others)
    hours, flux, odd_even, _ = folded(prepared, ephemeris, others)
    if ephemeris.late_days:
        _phase(figure.add_subplot(grid[1, 0]), ephemeris, hours, flux)
        _delays(figure.add_subplot(grid[1, 1]), vetting)
    else:
        _phase(figure.add_subplot(grid[1, :2]), ephemeris, hours, flux)
    _transit(figure.add_subplot(grid[1, 2:]), hours, flux, vetting.shape, "Transit with its model")
    odd, even = figure.add_subplot(grid[2, 0]), figure.add_subplot(grid[2, 1])
    for axes, chosen, name in (
        (odd, odd_even % 2 == 1, "Odd transits"),
        (even, odd_even % 2 == 0, "Even transits"),
    ):
        _transit(axes, hours[chosen], flux[chosen], vetting.shape, name)
    low, high = (
        np.minimum(odd.get_ylim(), even.get_ylim())[0],
        max(odd.get_ylim()[1], even.get_ylim()[1]),
    )
    odd.set_ylim(low, high)
    even.set_ylim(low, high)
    _secondary(figure.add_subplot(grid[2, 2:]), ephemeris, vetting, hours, flux)
    _spectrum(figure.add_subplot(grid[3, :2]), prepared, vetted, spectra)
    _table(figure.add_subplot(grid[3, 2:]), vetting)
    if vetted.score is not None:
        draw_score([figure.add_subplot(grid[4, part]) for part in _SCORE_PARTS], vetted.score)
    return figure


def _style(axes: Axes, title: str, x: str, y: str = "relative flux [ppm]") -> None:
    axes.set_title(title, fontsize=10, loc="left", color=_INK)
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.01)


def _whole(axes: Axes, prepared: Prepared, vetting: Vetting, others: NDArray[np.bool_]) -> None:
    ephemeris = vetting.ephemeris
    own = transit_points(prepared, ephemeris)
    flux = 1e6 * detrended(prepared, own | others)
    shown = ~others
    axes.plot(prepared.time[shown], flux[shown], ".", ms=1, color=_GREY, rasterized=True)
    inside = own & shown
    axes.plot(prepared.time[inside], flux[inside], ".", ms=1.5, color=_BLUE, rasterized=True)
    low, high = np.percentile(flux[shown], [0.05, 99.95])
    low = min(low, -1.3 * vetting.depth_ppm)
    axes.set_ylim(1.25 * low, 1.2 * high)
    axes.plot(
        vetting.transits.time,
        np.full(len(vetting.transits.time), 1.17 * low),
        "^",
        ms=4,
        color=_RED,
    )
    _style(axes, "Light curve without the star's variability, transits marked", "BKJD [days]")


def _bins(x: Floats, y: Floats, edges: Floats) -> tuple[Floats, Floats]:
    """Return the middle of each bin that has points, and the mean of its points."""
    index = np.digitize(x, edges) - 1
    good = (index >= 0) & (index < len(edges) - 1)
    count = np.bincount(index[good], minlength=len(edges) - 1)
    total = np.bincount(index[good], y[good], len(edges) - 1)
    seen = count > 0
    return ((edges[:-1] + edges[1:]) / 2)[seen], total[seen] / count[seen]


def _phase(axes: Axes, ephemeris: Ephemeris, hours: Floats, flux: Floats) -> None:
    phase = hours / 24 / ephemeris.period_days
    axes.plot(phase, 1e6 * flux, ".", ms=0.8, color=_GREY, alpha=0.5, rasterized=True)
    part = min(ephemeris.duration_hours / 24 / ephemeris.period_days / 3, 0.02)
    axes.plot(*_bins(phase, 1e6 * flux, np.arange(-0.5, 0.5 + part, part)), ".", ms=3, color=_BLUE)
    low, high = np.percentile(1e6 * flux, [0.1, 99.9])
    axes.set_ylim(1.2 * low, 1.2 * high)
    _style(axes, "Folded over the whole period", "phase [periods from the middle of transit]")


def _delays(axes: Axes, vetting: Vetting) -> None:
    found = vetting.transits
    late = 24 * vetting.ephemeris.late(found.number)
    axes.plot(found.time, late, "o-", ms=3, lw=0.6, color=_BLUE)
    axes.axhline(0, color=_INK, lw=0.6)
    _style(axes, "Transits, observed minus computed", "BKJD [days]", "hours")


def _transit(axes: Axes, hours: Floats, flux: Floats, shape: Shape, title: str) -> None:
    duration = shape.duration_hours
    near = np.abs(hours) < 3 * duration
    axes.plot(hours[near], 1e6 * flux[near], ".", ms=1.5, color=_GREY, alpha=0.6, rasterized=True)
    edges = np.arange(-3 * duration, 3 * duration, max(duration / 8, 0.25))
    axes.plot(*_bins(hours[near], 1e6 * flux[near], edges), "o", ms=3.5, color=_BLUE)
    x = np.linspace(-3 * duration, 3 * duration, 600)
    axes.plot(x, 1e6 * shape.flux(x), color=_RED, lw=1.2)
    if near.any():
        noise = 1e6 * scatter_about(flux[near])
        axes.set_ylim(-1e6 * shape.depth - 3.5 * noise, 3.5 * noise)
    _style(axes, title, "hours from the middle")


def _secondary(
    axes: Axes, ephemeris: Ephemeris, vetting: Vetting, hours: Floats, flux: Floats
) -> None:
    period = 24 * ephemeris.period_days
    shifted = (hours - vetting.secondary_phase * period + period / 2) % period - period / 2
    near = np.abs(shifted) < 3 * ephemeris.duration_hours
    y = 1e6 * flux
    axes.plot(shifted[near], y[near], ".", ms=1.5, color=_GREY, alpha=0.6, rasterized=True)
    width = max(ephemeris.duration_hours / 8, 0.25)
    edges = np.arange(-3 * ephemeris.duration_hours, 3 * ephemeris.duration_hours, width)
    axes.plot(*_bins(shifted[near], y[near], edges), "o", ms=3.5, color=_BLUE)
    axes.axhline(0, color=_INK, lw=0.6)
    if near.any():
        noise = scatter_about(y[near])
        axes.set_ylim(-4.5 * noise, 3.5 * noise)
    title = f"Strongest dimming elsewhere, at phase {vetting.secondary_phase:.2f}"
    _style(axes, title, "hours from its middle")


def _spectrum(
    axes: Axes, prepared: Prepared, vetted: Vetted, spectra: tuple[Spectrum, Spectrum]
) -> None:
    candidate = vetted.candidate
    whole, left = spectra
    axes.plot(*whole, lw=0.5, color=_GREY)
    axes.plot(*left, lw=0.5, color=_BLUE)
    noise = [threshold(p, pulsating=prepared.pulsating) for p in left[0]]
    axes.plot(left[0], noise, color=_RED, lw=0.8, ls="--")
    period = vetted.vetting.ephemeris.period_days
    axes.plot(period, candidate.statistic, "o", ms=5, color=_RED)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.15 * max(candidate.statistic, *whole[1]))
    title = "Spectrum, without any candidate (blue), what noise reaches in 1 % of stars (dashed)"
    _style(axes, title, "period [days]")
    axes.set_ylabel("multiple-event statistic", fontsize=8)


def _table(axes: Axes, vetting: Vetting) -> None:
    axes.axis("off")
    y = 1.0
    for test in vetting.tests:
        colour = _INK if test.passed else _RED
        name = test.name.replace("_", " and ")
        lines = textwrap.wrap(test.verdict, 74)
        axes.text(0.0, y, name, fontsize=8.5, weight="bold", color=colour, va="top")
        axes.text(0.19, y, "\n".join(lines), fontsize=8.5, color=colour, va="top")
        y -= 0.075 + 0.075 * len(lines)
