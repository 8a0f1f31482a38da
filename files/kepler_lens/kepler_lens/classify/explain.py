"""Find where in phase a score comes from, by masking one stretch of the views after the other.

A window moves along phase. Within the window the views are set to their value out of transit, and
the candidate is scored again. Where the probability falls, that stretch speaks for a planet.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.bundle import Bundle
from kepler_lens.classify.inputs import NEEDED
from kepler_lens.classify.records import VIEW_LENGTHS
from kepler_lens.transit_search.score import Occlusion

Floats = NDArray[np.float64]

WINDOWS = 40
"""Windows in a view (chosen: in the local view the step between them is a fifth of the transit's
duration)."""
_OVERLAP = 2
"""Width of a window, in steps between windows (chosen: a feature on an edge lies inside another
window)."""


_REACH = {"global_view": 0.5, "local_view": 4.0}
"""Reach of a view to either side of the transit: in periods for the global view, in durations for
the local view."""


def occlusion(
    bundle: Bundle, views: Mapping[str, NDArray[np.float32]], scalars: NDArray[np.float32]
) -> Occlusion:
    """Mask one window after the other, of the global and of the local view.

    Parameters
    ----------
    bundle : Bundle
    views : mapping
        Views of one candidate, see `Bundle.score`.
    scalars : float32[9]
        Scalars of the candidate, see `Bundle.score`.

    Returns
    -------
    Occlusion
    """
    masked, phase = [dict(views)], {}
    for name in NEEDED:
        length = VIEW_LENGTHS[name]
        edges = np.round(np.linspace(0, length, WINDOWS + _OVERLAP)).astype(int)
        for a, b in zip(edges[:-_OVERLAP], edges[_OVERLAP:], strict=True):
            changed = views[name].copy()
            # Views have their median subtracted, so their value out of transit is 0.
            changed[a:b] = 0
            masked.append({**views, name: changed})
        centre = (edges[:-_OVERLAP] + edges[_OVERLAP:]) / 2
        phase[name] = (centre / length - 0.5) * 2 * _REACH[name]
    scores = bundle.score(masked, np.repeat(scalars[None], len(masked), axis=0))
    change = scores.p_planet[1:] - scores.p_planet[0]
    of = {name: change[k * WINDOWS : (k + 1) * WINDOWS] for k, name in enumerate(NEEDED)}
    return Occlusion(phase, of, scores.select(slice(0, 1)))
