"""Draw a score as a row of plots: the views, the stretches that decide it, the probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from kepler_lens.transit_search.score import Explained

_INK, _BLUE, _RED, _GREEN = "#1f2933", "#0b5394", "#c0392b", "#1e8449"
_NAMES = ("planet", "eclipse", "noise")
_LEAST_CHANGE = 0.02
"""The strongest colour stands for at least this change of a probability, so that smaller changes
stay pale (chosen)."""
_AXES = {
    "global_view": ("What the network saw: global view", "phase [periods]", 0.5),
    "local_view": ("local view", "durations from the middle", 4.0),
}
"""View to its title, the label of its axis, and its reach to either side in the unit of that
label."""


def draw_score(axes: Sequence[Axes], explained: Explained) -> None:
    """Draw a score.

    Parameters
    ----------
    axes : sequence of three Axes
        For the global view, the local view and the probabilities.
    explained : Explained
    """
    for one, name in zip(axes, _AXES, strict=False):
        _view(one, explained, name)
    _probabilities(axes[2], explained)


def _view(axes: Axes, explained: Explained, name: str) -> None:
    title, unit, reach = _AXES[name]
    view, change = explained.views[name], explained.occlusion.change[name]
    x = (np.arange(len(view)) + 0.5) / len(view) * 2 * reach - reach
    low, high = float(view.min()), float(view.max())
    room = 0.08 * (high - low or 1.0)
    _shade(axes, explained.occlusion.phase[name], change)
    axes.plot(x, view, ".", ms=1.5 if len(view) > 500 else 3, color=_INK, rasterized=True)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(low - room, high + room)
    axes.set_title(title, fontsize=10, loc="left", color=_INK)
    axes.set_xlabel(unit, fontsize=8)
    axes.tick_params(labelsize=8)


def _shade(axes: Axes, phase: NDArray[np.float64], change: NDArray[np.float64]) -> None:
    """Colour the stretches whose masking lowers the probability (green) or raises it (red)."""
    strongest = max(_LEAST_CHANGE, float(np.abs(change).max()))
    half = float(phase[1] - phase[0]) / 2
    for middle, step in zip(phase, change, strict=True):
        colour = _GREEN if step < 0 else _RED
        alpha = 0.55 * abs(step) / strongest
        axes.axvspan(middle - half, middle + half, color=colour, alpha=alpha, lw=0)


def _probabilities(axes: Axes, explained: Explained) -> None:
    score = explained.score
    values = (score.p_planet, score.p_eclipse, score.p_noise)
    axes.barh(range(len(_NAMES)), values, color=(_GREEN, _RED, "#9aa5b1"), tick_label=_NAMES)
    for row, value in enumerate(values):
        axes.text(min(value + 0.02, 0.8), row, f"{value:.3f}", va="center", fontsize=9)
    axes.axvline(explained.threshold, color=_INK, lw=0.8, ls="--")
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_title(f"Score {score.p_planet:.3f} ± {score.spread:.3f}", fontsize=10, loc="left")
    trust = (
        "Unlike what the model was trained on: do not trust it."
        if score.outside
        else "Dashed: from here on 9 of 10 are planets."
    )
    axes.set_xlabel(
        f"probability, model {score.model}\n{trust}\nGreen stretches speak for a planet, red ones "
        "against.",
        fontsize=7.5,
        color=_RED if score.outside else _INK,
    )
    axes.tick_params(labelsize=8)
