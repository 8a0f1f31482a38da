"""Define recipes of views: how a star's variability is removed before folding.

`astronet-1` divides the star's PDCSAP light curve by AstroNet's spline, whatever the quality flags
say. This gives the views of the published records. `search-1` does the same to the light curve that
the search has prepared, without pulsations and single outliers. Neither masks a transit, of the
candidate or of others, because the networks learn from records in which no transit was masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.spline import flatten
from kepler_lens.classify.views import Flat, ViewError, Views, views
from kepler_lens.code_digest import digest
from kepler_lens.errors import KeplerLensError
from kepler_lens.lightcurve import LightCurve
from kepler_lens.missions.kepler import us_to_bkjd
from kepler_lens.transit_search.detection.candidates import Detections, same_period
from kepler_lens.transit_search.detection.ephemeris import Ephemeris
from kepler_lens.transit_search.preparation.observations import Observations, observe
from kepler_lens.transit_search.preparation.prepare import Prepared, prepare

if TYPE_CHECKING:
    from kepler_lens.transit_search.store.light_curve import ServerCurve

Floats = NDArray[np.float64]


_INSIDE = 0.8
"""Points within this many durations of the middle count as in transit (chosen: wings and small
delays belong to the transit, see `candidates.masked`)."""


class RecipeError(KeplerLensError):
    """There is no recipe of that name."""


@dataclass(frozen=True, slots=True, eq=False)
class _Light:
    """Light curve of one star, from which a recipe starts.

    Attributes
    ----------
    star : int
    name, mission : str
    time : float64[n]
        BKJD, days, in any order.
    flux : float64[n]
        Electrons/s.
    """

    star: int
    name: str
    mission: str
    time: Floats
    flux: Floats


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named way to make views from light curves.

    Each method flattens the star's light curve once, for all its candidates. The result has an
    error in the place of a candidate of which no views can be made.

    Attributes
    ----------
    name : str
        'astronet-1' or 'search-1'.
    """

    name: str

    @property
    def digest(self) -> str:
        """Hash of all code and constants of this package that decide the views (`digest`)."""
        return _digest(self.name)

    def from_files(
        self, curves: Iterable[LightCurve], ephemerides: Sequence[Ephemeris]
    ) -> list[Views | ViewError]:
        """Make the views of a star's candidates from its files.

        Parameters
        ----------
        curves : iterable of LightCurve
            Long cadence, with PDCSAP_FLUX, of one star.
        ephemerides : sequence of Ephemeris

        Returns
        -------
        list of Views or ViewError
            One for each ephemeris.

        Raises
        ------
        ViewError
            No file is of long cadence, or the files are of several stars.
        NotSearchableError
            With 'search-1' only: there are too few points to search.
        """
        chosen = [curve for curve in curves if curve.cadence == "long"]
        if not chosen:
            raise ViewError("None of the files is a light curve of long cadence.")
        first = chosen[0]
        if any(curve.star != first.star for curve in chosen):
            raise ViewError("The files are of several stars: views are made of one at a time.")
        time = np.concatenate([us_to_bkjd(curve.time_us) for curve in chosen])
        flux = np.concatenate([curve.columns["PDCSAP_FLUX"] for curve in chosen])
        light = _Light(
            first.star, first.labels["OBJECT"], first.mission, time, flux.astype(np.float64)
        )
        return _all(_FROM_LIGHT[self.name](light), ephemerides)

    def from_server(
        self, curve: ServerCurve, ephemerides: Sequence[Ephemeris]
    ) -> list[Views | ViewError]:
        """Make the views of candidates from the light curve on the server; see `from_files`."""
        time = us_to_bkjd(curve.time_us)
        light = _Light(curve.star, curve.name, curve.mission, time, curve.value)
        return _all(_FROM_LIGHT[self.name](light), ephemerides)

    def from_search(self, search: Detections) -> list[Views | ViewError]:
        """Make the views of the candidates that a search has found, in the order of the search.

        They equal those of `from_server` if the search had the same light curve.
        """
        ephemerides = [candidate.ephemeris for candidate in search.candidates]
        return _all(_FROM_SEARCH[self.name](search), ephemerides)


def recipe(name: str) -> Recipe:
    """Return the recipe of a name.

    Raises
    ------
    RecipeError
        There is no recipe of that name.
    """
    if name not in NAMES:
        raise RecipeError(f"There is no recipe {name!r}: it must be one of {', '.join(NAMES)}.")
    return Recipe(name)


def _astronet(light: _Light) -> Flat:
    good = np.isfinite(light.time) & np.isfinite(light.flux)
    time, flux = light.time[good], light.flux[good]
    order = np.argsort(time, kind="stable")
    return _divided(time[order], flux[order])


def _astronet_of(search: Detections) -> Flat:
    observations = search.observations
    return _divided(
        observations.time, _electrons(observations, observations.flux, observations.quarter)
    )


def _search(light: _Light) -> Flat:
    return _ready(prepare(observe(light.star, light.name, light.mission, light.time, light.flux)))


def _search_of(search: Detections) -> Flat:
    return _ready(search.prepared)


def _ready(prepared: Prepared) -> Flat:
    flux = _electrons(prepared.observations, prepared.flux, prepared.quarter)
    return _divided(prepared.time, flux)


def _electrons(observations: Observations, flux: Floats, quarter: NDArray[np.int32]) -> Floats:
    """Undo the division by each quarter's level, because the spline's criterion weighs by flux."""
    return np.asarray((1 + flux) * observations.level[quarter])


def _divided(time: Floats, flux: Floats) -> Flat:
    time, flat, _ = flatten(time, flux)
    return Flat(time, flat)


def _all(flat: Flat, ephemerides: Sequence[Ephemeris]) -> list[Views | ViewError]:
    inside = [_inside(flat.time, ephemeris) for ephemeris in ephemerides]
    made: list[Views | ViewError] = []
    for ephemeris in ephemerides:
        others = np.zeros(len(flat.time), bool)
        for other, points in zip(ephemerides, inside, strict=True):
            # A candidate of the same period is the second eclipse, or the candidate itself.
            if points.any() and not same_period(ephemeris, other):
                others |= points
        try:
            made.append(views(flat, ephemeris, others))
        except ViewError as error:
            made.append(error)
    return made


def _inside(time: Floats, ephemeris: Ephemeris) -> NDArray[np.bool_]:
    """Return the points in transit or beside it (bool[n]); none for an invalid ephemeris."""
    period = ephemeris.period_days
    if not (period > 0 and np.isfinite(period) and np.isfinite(ephemeris.epoch_bkjd)):
        return np.zeros(len(time), bool)
    return ephemeris.near_transit(time, _INSIDE)


_FROM_LIGHT: dict[str, Callable[[_Light], Flat]] = {"astronet-1": _astronet, "search-1": _search}
_FROM_SEARCH: dict[str, Callable[[Detections], Flat]] = {
    "astronet-1": _astronet_of,
    "search-1": _search_of,
}
NAMES = tuple(_FROM_LIGHT)


@cache
def _digest(name: str) -> str:
    functions = (_FROM_LIGHT[name], _FROM_SEARCH[name], _all, us_to_bkjd)
    return digest([(function.__module__, function.__name__) for function in functions])
