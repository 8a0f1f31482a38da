"""Report on a job of scores, while it runs and when it has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.bundle import Bundle
from kepler_lens.classify.scalars import SCALARS, transformed
from kepler_lens.jobs.report import REASONS_KEPT
from kepler_lens.jobs.scorer.task import SCORED, ScoreResult
from kepler_lens.jobs.star_results import StarProgress, StarResult

FAR = 3.0
"""A scalar farther from the mean of the training set counts as far, standard deviations
(chosen)."""


@dataclass(slots=True, kw_only=True)
class Progress(StarProgress):
    """Account of one job of scores.

    Attributes
    ----------
    model : str
        Name of the bundle.
    bundle : Bundle or None
        Describes the training set.
    threshold : float
        Probability from which on nine of ten candidates are planets.
    likely : int
        Candidates that reach the threshold.
    outside : int
        Candidates that are unlike the training set.
    scored : int
        Candidates with a score of this model.
    scalars : list of lists of float
        Scalars of the candidates that were scored now, by `SCALARS` and in its units; at most
        `REASONS_KEPT`.
    distances : list of float
        Distances of these candidates from the training set, see
        `kepler_lens.transit_search.score.Scores`.
    """

    word: ClassVar[str] = "job of scores"
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
        """Count the result of a star."""
        StarProgress.add(self, result)
        if isinstance(result, ScoreResult):
            self.scored += len(result.scores)
            self.likely += sum(score.p_planet >= self.threshold for score in result.scores)
            self.outside += sum(score.outside for score in result.scores)
            # Thousands of candidates show a drift as well as all of them.
            room = REASONS_KEPT - len(self.scalars)
            self.scalars += result.scalars[:room]
            if result.scalars:
                self.distances += [score.distance for score in result.scores[:room]]

    def status_fields(self) -> dict[str, Any]:
        """Return the figures of the job for status.json."""
        return StarProgress.status_fields(self) | {
            "model": self.model,
            "scores": self.scored,
            "likely_planets": self.likely,
            "outside": self.outside,
        }

    def results(self) -> dict[str, Any]:
        """Return the figures of report.json that status.json lacks."""
        return StarProgress.results(self) | {"drift": self.drift()}

    def drift(self) -> dict[str, dict[str, float]]:
        """Measure how far the candidates of this job lie from the training set.

        Returns
        -------
        dict
            For each scalar that the model takes: ``shift``, the median's distance from the training
            set's centre, in its standard deviations (of the logarithm); ``far``, the share of
            candidates more than `FAR` of them away; ``missing``, the share without the scalar. The
            same for ``embedding``, the distance of the candidates from the training set in the
            networks' hidden layers, compared with that of the training set's own candidates.
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
