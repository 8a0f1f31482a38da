"""Score what a search found: its views by the recipe `search-1`, a bundle's word, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.bundle import Bundle
from kepler_lens.classify.explain import Occlusion, occlusion
from kepler_lens.classify.recipes import recipe
from kepler_lens.classify.scalars import of_candidate, scalars
from kepler_lens.classify.stored import Score
from kepler_lens.classify.views import ViewError
from kepler_lens.search.catalogue import Result
from kepler_lens.search.engine import Candidate, Search, masked
from kepler_lens.search.ephemeris import Ephemeris, Transits
from kepler_lens.search.observations import NotSearchableError, Observations
from kepler_lens.search.prepare import prepare, refit

RECIPE = "search-1"
"""Of all that a search finds: its light curve is ready already."""

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """A score, and what it came from.

    Attributes
    ----------
    score : Score
    threshold : float
        Probability from which on nine in ten are planets, see `Bundle.threshold`.
    views : dict of str to float32[length]
        What the network saw.
    scalars : float32[9]
        By `kepler_lens.classify.scalars.SCALARS`, NaN where missing.
    occlusion : Occlusion
    """

    score: Score
    threshold: float
    views: Mapping[str, Singles]
    scalars: Singles
    occlusion: Occlusion


def explained(search: Search, values: Sequence[Singles], bundle: Bundle) -> dict[int, Explained]:
    """Score the candidates of a search.

    Parameters
    ----------
    search : Search
    values : sequence of float32[9]
        Scalars of each of its candidates.
    bundle : Bundle

    Returns
    -------
    dict
        Number of a candidate to its score; one of which no views can be made has none.

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
    """Give what a search found, with scores."""
    star, count = result.search.star, len(result.candidates)
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
    star: Observations, known: Mapping[int, Mapping[str, str]], bundle: Bundle
) -> dict[int, Explained]:
    """Score what was found before, of which the server keeps the attributes.

    Parameters
    ----------
    star : Observations
    known : mapping
        Number of a candidate to its attributes, see `kepler_lens.search.results.attributes`.
    bundle : Bundle

    Raises
    ------
    NotSearchableError
        There is too little of the star, or an attribute is missing.
    """
    prepared = prepare(star)
    candidates, values = [], []
    for number, about in sorted(known.items()):
        try:
            period, epoch, hours = (float(about[name]) for name in ("period", "epoch", "duration"))
            mes, threshold = float(about["mes"]), float(about["threshold"])
            measured = {name: float(about[name]) for name in ("depth", "snr", "mes", "transits")}
            late = tuple(float(word) for word in about.get("late", "").split())
        except (KeyError, ValueError) as error:
            raise NotSearchableError(
                f"Candidate {number} of star {star.star} lacks a figure ({error}): search it again."
            ) from None
        ephemeris = Ephemeris(period, epoch, hours, late)
        candidates.append(Candidate(number, ephemeris, mes, threshold, _NOT_LOOKED_UP))
        stellar = {"stellar_radius": "RADIUS", "stellar_teff": "TEFF"}
        of_star = {
            name: star.stellar[card] for name, card in stellar.items() if card in star.stellar
        }
        own = {"period": period, "duration": hours, "multiplicity": float(len(known))}
        values.append(scalars({**measured, **own, **of_star}))
    mask = np.zeros(len(prepared.time), bool)
    for candidate in candidates:
        mask |= masked(prepared, candidate.ephemeris)
    # As the search left it, which knew all its candidates when it fitted the noise last.
    refit(prepared, mask)
    return explained(Search(star, prepared, tuple(candidates), (), np.inf), values, bundle)


_NOT_LOOKED_UP = Transits(np.empty(0, np.int64), *(np.empty(0) for _ in range(3)))
