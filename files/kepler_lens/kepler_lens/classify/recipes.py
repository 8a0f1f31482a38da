"""Recipes of views, by name: how a star's variability is taken away before folding.

`astronet-1` divides the star's PDCSAP light curve, whatever the quality flags say, by AstroNet's
spline: the views of the published records. `search-1` does the same to the light curve that the
search has made ready: pulsations and single outliers are off already. Neither masks a transit, be
it the candidate's own or another's, for the networks learn from records in which none was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.digest import digest
from kepler_lens.classify.spline import flatten
from kepler_lens.classify.views import Flat, ViewError, Views, views
from kepler_lens.errors import KeplerLensError
from kepler_lens.lightcurve import LightCurve, us_to_bkjd
from kepler_lens.search.engine import Search, same_period
from kepler_lens.search.ephemeris import Ephemeris
from kepler_lens.search.observations import Observations, observe
from kepler_lens.search.prepare import Prepared, prepare

if TYPE_CHECKING:
    from kepler_lens.search.source import ServerCurve

Floats = NDArray[np.float64]


_INSIDE = 0.8
"""Of a duration to each side of a middle: wings and small delays are in transit too (`engine`)."""


class RecipeError(KeplerLensError):
    """There is no such recipe."""


@dataclass(frozen=True, slots=True, eq=False)
class _Light:
    """What a recipe starts from: days (BKJD) and electrons/s of a star, in any order."""

    star: int
    name: str
    mission: str
    time: Floats
    flux: Floats


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named way from light curves to views.

    All functions flatten the star's light curve once for all of its candidates. A candidate of
    which no views can be made has its error in its place.

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

        Raises
        ------
        ViewError
            Nothing of the light curve can be used.
        NotSearchableError
            'search-1' only: the same for a search.
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
        """Make them from the light curve that the server has; see `from_files`."""
        time = us_to_bkjd(curve.time_us)
        light = _Light(curve.star, curve.name, curve.mission, time, curve.value)
        return _all(_FROM_LIGHT[self.name](light), ephemerides)

    def from_search(self, search: Search) -> list[Views | ViewError]:
        """Make the views of the candidates that a search has found, in its order.

        They are those of `from_server`, if the search had the same light curve.
        """
        ephemerides = [candidate.ephemeris for candidate in search.candidates]
        return _all(_FROM_SEARCH[self.name](search), ephemerides)


def recipe(name: str) -> Recipe:
    """Give the recipe of a name.

    Raises
    ------
    RecipeError
        There is none of this name.
    """
    if name not in NAMES:
        raise RecipeError(f"There is no recipe {name!r}: it must be one of {', '.join(NAMES)}.")
    return Recipe(name)


def _astronet(light: _Light) -> Flat:
    good = np.isfinite(light.time) & np.isfinite(light.flux)
    time, flux = light.time[good], light.flux[good]
    order = np.argsort(time, kind="stable")
    return _divided(time[order], flux[order])


def _astronet_of(search: Search) -> Flat:
    star = search.star
    return _divided(star.time, _electrons(star, star.flux, star.quarter))


def _search(light: _Light) -> Flat:
    return _ready(prepare(observe(light.star, light.name, light.mission, light.time, light.flux)))


def _search_of(search: Search) -> Flat:
    return _ready(search.prepared)


def _ready(prepared: Prepared) -> Flat:
    flux = _electrons(prepared.star, prepared.flux, prepared.quarter)
    return _divided(prepared.time, flux)


def _electrons(star: Observations, flux: Floats, quarter: NDArray[np.int32]) -> Floats:
    """Undo the division by each quarter's level: the spline's criterion weighs by it."""
    return np.asarray((1 + flux) * star.level[quarter])


def _divided(time: Floats, flux: Floats) -> Flat:
    time, flat, _ = flatten(time, flux)
    return Flat(time, flat)


def _all(flat: Flat, ephemerides: Sequence[Ephemeris]) -> list[Views | ViewError]:
    inside = [_inside(flat.time, ephemeris) for ephemeris in ephemerides]
    made: list[Views | ViewError] = []
    for ephemeris in ephemerides:
        others = np.zeros(len(flat.time), bool)
        for other, points in zip(ephemerides, inside, strict=True):
            # One of the same period is the second eclipse, or the candidate itself.
            if points.any() and not same_period(ephemeris, other):
                others |= points
        try:
            made.append(views(flat, ephemeris, others))
        except ViewError as error:
            made.append(error)
    return made


def _inside(time: Floats, ephemeris: Ephemeris) -> NDArray[np.bool_]:
    """Give the points in transit or beside it; none where the ephemeris is none (bool[n])."""
    period = ephemeris.period_days
    if not (period > 0 and np.isfinite(period) and np.isfinite(ephemeris.epoch_bkjd)):
        return np.zeros(len(time), bool)
    away = np.abs(ephemeris.hours_from_middle(time))
    return np.asarray(away < _INSIDE * ephemeris.duration_hours)


_FROM_LIGHT: dict[str, Callable[[_Light], Flat]] = {"astronet-1": _astronet, "search-1": _search}
_FROM_SEARCH: dict[str, Callable[[Search], Flat]] = {
    "astronet-1": _astronet_of,
    "search-1": _search_of,
}
NAMES = tuple(_FROM_LIGHT)


@cache
def _digest(name: str) -> str:
    functions = (_FROM_LIGHT[name], _FROM_SEARCH[name], _all, us_to_bkjd)
    return digest([(function.__module__, function.__name__) for function in functions])
