"""From the ensemble's mean probabilities to calibrated ones: vector scaling (Guo et al. 2017).

``p' = softmax(a · ln p + b)`` with a slope and an offset for each class: seven hundred mistakes are
enough to fit six numbers, and the order of candidates by one class hardly changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST = 1e-7
"""Least probability that a logarithm is taken of: single precision has no more digits."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Slopes and offsets by class, of logarithms of probabilities."""

    slope: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __call__(self, p: Floats) -> Floats:
        """Calibrate probabilities (float64[…, 3])."""
        z = np.log(np.maximum(p, _LEAST)) * self.slope + self.offset
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return np.asarray(e / e.sum(axis=-1, keepdims=True))

    def as_json(self) -> dict[str, list[float]]:
        """Give what `of_json` reads."""
        return {"slope": list(self.slope), "offset": list(self.offset)}


def of_json(content: Mapping[str, list[float]]) -> Calibration:
    """Read what `Calibration.as_json` gave."""
    (a, b, c), (d, e, f) = content["slope"], content["offset"]
    return Calibration((a, b, c), (d, e, f))
