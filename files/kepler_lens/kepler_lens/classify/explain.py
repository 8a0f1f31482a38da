"""Where in phase a score comes from: what it becomes when a stretch of the views is masked.

A window moves along phase; within it the views are set to what they are out of transit, and the
candidate is scored again. Where the probability falls, the network saw what speaks for a planet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.bundle import Bundle, Scores
from kepler_lens.classify.inputs import NEEDED
from kepler_lens.classify.records import VIEW_LENGTHS

Floats = NDArray[np.float64]

WINDOWS = 40
"""In a view; chosen: a fifth of the transit's duration in the local view."""
_OVERLAP = 2
"""A window is so many steps wide, so that what lies on an edge is masked whole once."""


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """How the probability of a planet changes where a view is masked.

    Attributes
    ----------
    phase : dict of str to float64[40]
        Centres of the windows, by view: of the global view in periods, of the local in durations.
    change : dict of str to float64[40]
        Probability with the window masked, less the probability without.
    scores : Scores
        Of the candidate as it is.
    """

    phase: dict[str, Floats]
    change: dict[str, Floats]
    scores: Scores


_REACH = {"global_view": 0.5, "local_view": 4.0}
"""What a view spans to either side of the transit: periods, or durations."""


def occlusion(
    bundle: Bundle, views: Mapping[str, NDArray[np.float32]], scalars: NDArray[np.float32]
) -> Occlusion:
    """Mask one window after the other of the global and of the local view.

    Parameters
    ----------
    bundle : Bundle
    views : mapping
        Of one candidate, see `Bundle.score`.
    scalars : float32[9]

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
            # Views are above the median of the flux: 0 is out of transit.
            changed[a:b] = 0
            masked.append({**views, name: changed})
        centre = (edges[:-_OVERLAP] + edges[_OVERLAP:]) / 2
        phase[name] = (centre / length - 0.5) * 2 * _REACH[name]
    scores = bundle.score(masked, np.repeat(scalars[None], len(masked), axis=0))
    change = scores.p_planet[1:] - scores.p_planet[0]
    of = {name: change[k * WINDOWS : (k + 1) * WINDOWS] for k, name in enumerate(NEEDED)}
    return Occlusion(phase, of, scores.select(slice(0, 1)))
