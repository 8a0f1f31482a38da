"""Score the candidates of a search: make their views, run a bundle, and explain the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.bundle import Bundle
from kepler_lens.classify.explain import occlusion
from kepler_lens.classify.recipes import recipe
from kepler_lens.classify.scalars import of_candidate, scalars
from kepler_lens.classify.views import ViewError
from kepler_lens.transit_search.detection.candidates import Candidate, Detections, masked
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, Transits
from kepler_lens.transit_search.preparation.observations import NotSearchableError, Observations
from kepler_lens.transit_search.preparation.prepare import prepare, refit
from kepler_lens.transit_search.score import Explained, Score
from kepler_lens.transit_search.search import Result

RECIPE = "search-1"
"""Recipe of all that a search finds, because the search has prepared the light curve already."""

Singles = NDArray[np.float32]


def explained(
    search: Detections, values: Sequence[Singles], bundle: Bundle
) -> dict[int, Explained]:
    """Score the candidates of a search.

    Parameters
    ----------
    search : Detections
    values : sequence of float32[9]
        Scalars of each candidate, see `Explained`.
    bundle : Bundle

    Returns
    -------
    dict
        Number of a candidate to its score. A candidate of which no views can be made is left out.

    Raises
    ------
    BundleError
        The bundle does not score views of `RECIPE`.
    """
    made = recipe(RECIPE)
    bundle.check_recipe(made.name, made.digest)
    found = {}
    for candidate, views, row in zip(
        search.candidates, made.from_search(search), values, strict=True
    ):
        if isinstance(views, ViewError):
            continue
        why = occlusion(bundle, views, row)
        said = why.scores
        score = Score(
            p_planet=float(said.p_planet[0]),
            p_eclipse=float(said.p_eclipse[0]),
            p_noise=float(said.p_noise[0]),
            spread=float(said.spread[0]),
            distance=float(said.distance[0]),
            outside=bool(said.outside[0]),
            model=bundle.name,
            recipe=f"{made.name} {made.digest}",
        )
        found[candidate.number] = Explained(score, bundle.threshold(), views, row, why)
    return found


def scored(result: Result, bundle: Bundle) -> Result:
    """Return a copy of a search's result in which each candidate has its score.

    Raises
    ------
    BundleError
        See `explained`.
    """
    star, count = result.search.observations, len(result.candidates)
    values = [of_candidate(star, vetted, count) for vetted in result.candidates]
    scores = explained(result.search, values, bundle)
    return replace(
        result,
        candidates=tuple(
            replace(vetted, score=scores.get(vetted.candidate.number))
            for vetted in result.candidates
        ),
    )


def scored_again(
    observations: Observations, known: Mapping[int, Mapping[str, str]], bundle: Bundle
) -> dict[int, Explained]:
    """Score the candidates of an earlier search, by their attributes on the server.

    Parameters
    ----------
    observations : Observations
    known : mapping
        Number of a candidate to its attributes, see `transit_search.store.write.attributes`.
    bundle : Bundle

    Returns
    -------
    dict
        See `explained`.

    Raises
    ------
    NotSearchableError
        There are too few points of the star, or an attribute is missing.
    BundleError
        See `explained`.
    """
    prepared = prepare(observations)
    candidates, values = [], []
    for number, about in sorted(known.items()):
        try:
            period, epoch, hours = (float(about[name]) for name in ("period", "epoch", "duration"))
            mes, threshold = float(about["mes"]), float(about["threshold"])
            measured = {name: float(about[name]) for name in ("depth", "snr", "mes", "transits")}
            late = tuple(float(word) for word in about.get("late", "").split())
        except (KeyError, ValueError) as error:
            raise NotSearchableError(
                f"Candidate {number} of star {observations.star} lacks a figure ({error}): "
                "search it again."
            ) from None
        ephemeris = Ephemeris(period, epoch, hours, late)
        candidates.append(Candidate(number, ephemeris, mes, threshold, _NO_TRANSITS))
        stellar = {"stellar_radius": "RADIUS", "stellar_teff": "TEFF"}
        of_star = {
            name: observations.stellar[card]
            for name, card in stellar.items()
            if card in observations.stellar
        }
        own = {"period": period, "duration": hours, "multiplicity": float(len(known))}
        values.append(scalars({**measured, **own, **of_star}))
    mask = np.zeros(len(prepared.time), bool)
    for candidate in candidates:
        mask |= masked(prepared, candidate.ephemeris)
    # The same state as after the search, which knew all its candidates when it last fitted the
    # noise.
    refit(prepared, mask)
    return explained(
        Detections(observations, prepared, tuple(candidates), (), np.inf), values, bundle
    )


_NO_TRANSITS = Transits(np.empty(0, np.int64), *(np.empty(0) for _ in range(3)))
"""Transits of a candidate whose transits are not needed for a score."""
