"""What a job of scores says while it runs and when it has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.bundle import Bundle
from kepler_lens.classify.scalars import SCALARS, transformed
from kepler_lens.jobs.report import REASONS_KEPT
from kepler_lens.jobs.stars import StarProgress, StarResult
from kepler_lens.scorer.task import SCORED, ScoreResult

FAR = 3.0
"""Deviations of the training set beyond which a scalar is counted as far (chosen)."""


@dataclass(slots=True, kw_only=True)
class Progress(StarProgress):
    """The account of one job of scores.

    Attributes
    ----------
    model : str
        Name of the bundle.
    bundle : Bundle or None
        It says what the training set was like.
    threshold : float
        Probability from which on nine in ten are planets.
    """

    done_word: ClassVar[str] = SCORED

    model: str = ""
    bundle: Bundle | None = None
    threshold: float = 1.0
    likely: int = 0
    outside: int = 0
    scored: int = 0
    scalars: list[list[float]] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)

    def add(self, result: StarResult) -> None:
        """Count what became of a star."""
        StarProgress.add(self, result)
        if isinstance(result, ScoreResult):
            self.scored += len(result.scores)
            self.likely += sum(score.p_planet >= self.threshold for score in result.scores)
            self.outside += sum(score.outside for score in result.scores)
            # A drift is seen in thousands of candidates as well as in all.
            room = REASONS_KEPT - len(self.scalars)
            self.scalars += result.scalars[:room]
            if result.scalars:
                self.distances += [score.distance for score in result.scores[:room]]

    def figures(self) -> dict[str, Any]:
        """Give what status.json says of such a job."""
        return StarProgress.figures(self) | {
            "model": self.model,
            "scores": self.scored,
            "likely_planets": self.likely,
            "outside": self.outside,
        }

    def results(self) -> dict[str, Any]:
        """Give what report.json says beyond the status."""
        return StarProgress.results(self) | {"drift": self.drift()}

    def drift(self) -> dict[str, dict[str, float]]:
        """Say how far the candidates scored now lie from the training set.

        Returns
        -------
        dict
            By scalar that the model takes: ``shift``, the median's distance from the training
            set's mean, in its deviations (of the logarithm); ``far``, the share of candidates
            more than `FAR` of them away; ``missing``, the share that lacks it. And the same of
            ``embedding``: how far the candidates lie from the training set in what the networks
            see, beside how far its own candidates do.
        """
        if self.bundle is None or not self.scalars:
            return {}
        inputs = self.bundle.inputs
        used = inputs.scalars
        every = transformed(np.array(self.scalars, np.float32))
        logs = every[:, [SCALARS.index(name) for name in used]]
        z = (logs - np.array(inputs.scalar_centre)) / np.array(inputs.scalar_scale)
        found = {name: _drift(column) for name, column in zip(used, z.T, strict=True)}
        middle, deviation = self.bundle.usual_distance()
        found["embedding"] = _drift((np.array(self.distances) - middle) / deviation)
        return found


def _drift(z: NDArray[np.floating[Any]]) -> dict[str, float]:
    there = z[np.isfinite(z)]
    return {
        "shift": round(float(np.median(there)), 2) if len(there) else 0.0,
        "far": round(float((np.abs(there) > FAR).mean()), 3) if len(there) else 0.0,
        "missing": round(1 - len(there) / len(z), 3) if len(z) else 0.0,
    }
