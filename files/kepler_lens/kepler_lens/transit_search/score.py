"""What a model says of candidates, and what led to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Score:
    """What a model says of a candidate.

    Attributes
    ----------
    p_planet, p_eclipse, p_noise : float
        Calibrated probabilities, 0 to 1; the three add up to 1.
    spread : float
        Standard deviation of the ensemble's probabilities of a planet.
    distance : float
        Distance from the training set, see `Scores`.
    outside : bool
        Whether that distance is too large for a score that can be trusted.
    model : str
        Name of the bundle.
    recipe : str
        Name and digest of the recipe of the views.
    """

    p_planet: float
    p_eclipse: float
    p_noise: float
    spread: float
    distance: float
    outside: bool
    model: str
    recipe: str


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a bundle says of n candidates.

    Attributes
    ----------
    p_planet, p_eclipse, p_noise : float64[n]
        Calibrated probabilities, 0 to 1; the three add up to 1.
    spread : float64[n]
        Standard deviation of the members' probabilities of a planet.
    distance : float64[n]
        Distance from the centre of the nearest class of the training set, in the space of the
        members' hidden layers, in standard deviations of a class.
    outside : bool[n]
        Whether `distance` is larger than that of 99 of 100 candidates of the training set. Such a
        score should not be trusted.
    """

    p_planet: Floats
    p_eclipse: Floats
    p_noise: Floats
    spread: Floats
    distance: Floats
    outside: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.p_planet)

    def select(self, which: NDArray[np.bool_] | slice) -> Scores:
        """Return the scores of some of the candidates."""
        return Scores(
            self.p_planet[which],
            self.p_eclipse[which],
            self.p_noise[which],
            self.spread[which],
            self.distance[which],
            self.outside[which],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """Change of a planet's probability where a view is masked.

    Attributes
    ----------
    phase : dict of str to float64[40]
        Centres of the windows by view: of the global view in periods, of the local view in
        durations.
    change : dict of str to float64[40]
        Probability with the window masked, less the probability without a mask.
    scores : Scores
        Scores of the candidate without a mask.
    """

    phase: dict[str, Floats]
    change: dict[str, Floats]
    scores: Scores


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """A score, and what led to it.

    Attributes
    ----------
    score : Score
    threshold : float
        Probability from which on nine of ten candidates are planets, see `Bundle.threshold`.
    views : dict of str to float32[length]
        Inputs of the network, in units of the transit's depth.
    scalars : float32[9]
        In the order of `kepler_lens.classify.scalars.SCALARS`, NaN where missing.
    occlusion : Occlusion
        Change of the score where a view is masked.
    """

    score: Score
    threshold: float
    views: Mapping[str, Singles]
    scalars: Singles
    occlusion: Occlusion
