"""Calibrate the mean probabilities of an ensemble by vector scaling (Guo et al. 2017).

``p' = softmax(a · ln p + b)`` has a slope and an offset for each class. Seven hundred wrong
predictions are enough to fit these six numbers, and the order of candidates by one class hardly
changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST = 1e-7
"""Smallest probability whose logarithm is taken; smaller ones count as this one (chosen: single
precision has seven digits)."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Vector scaling: ``p' = softmax(slope · ln p + offset)``.

    Attributes
    ----------
    slope, offset : tuple of float
        One number for each class, in the order of `kepler_lens.classify.labels.CLASSES`; no unit.
    """

    slope: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __call__(self, p: Floats) -> Floats:
        """Return the calibrated probabilities (float64[…, 3]) of probabilities (float64[…, 3])."""
        z = np.log(np.maximum(p, _LEAST)) * self.slope + self.offset
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return np.asarray(e / e.sum(axis=-1, keepdims=True))

    def as_json(self) -> dict[str, list[float]]:
        """Return the calibration as JSON objects, which `of_json` reads."""
        return {"slope": list(self.slope), "offset": list(self.offset)}


def of_json(content: Mapping[str, list[float]]) -> Calibration:
    """Make a calibration from what `Calibration.as_json` returned."""
    (a, b, c), (d, e, f) = content["slope"], content["offset"]
    return Calibration((a, b, c), (d, e, f))
