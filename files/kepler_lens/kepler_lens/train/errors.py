"""Define the errors of a training; each has the sentence that the user reads."""

from __future__ import annotations

from kepler_lens.errors import KeplerLensError


class TrainingError(KeplerLensError):
    """A training cannot begin or continue."""
