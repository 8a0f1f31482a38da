"""What a job of scores says while it runs and when it has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from kepler_lens.classify.inputs import Inputs
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
    inputs : Inputs or None
        Its inputs, which say what the training set was like.
    threshold : float
        Probability from which on nine in ten are planets.
    """

    done_word: ClassVar[str] = SCORED

    model: str = ""
    inputs: Inputs | None = None
    threshold: float = 1.0
    likely: int = 0
    outside: int = 0
    scored: int = 0
    scalars: list[list[float]] = field(default_factory=list)

    def add(self, result: StarResult) -> None:
        """Count what became of a star."""
        StarProgress.add(self, result)
        if isinstance(result, ScoreResult):
            self.scored += len(result.scores)
            self.likely += sum(score.p_planet >= self.threshold for score in result.scores)
            self.outside += sum(score.outside for score in result.scores)
            # A drift is seen in thousands of candidates as well as in all.
            self.scalars += result.scalars[: REASONS_KEPT - len(self.scalars)]

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
            more than `FAR` of them away; ``missing``, the share that lacks it.
        """
        if self.inputs is None or not self.scalars:
            return {}
        used = self.inputs.scalars
        every = transformed(np.array(self.scalars, np.float32))
        logs = every[:, [SCALARS.index(name) for name in used]]
        z = (logs - np.array(self.inputs.scalar_centre)) / np.array(self.inputs.scalar_scale)
        found = {}
        for name, column in zip(used, z.T, strict=True):
            there = column[np.isfinite(column)]
            found[name] = {
                "shift": round(float(np.median(there)), 2) if len(there) else 0.0,
                "far": round(float((np.abs(there) > FAR).mean()), 3) if len(there) else 0.0,
                "missing": round(1 - len(there) / len(column), 3),
            }
        return found
