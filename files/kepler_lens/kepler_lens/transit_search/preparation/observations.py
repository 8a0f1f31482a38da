"""The observations of one star, normalised by quarter, as the search needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kepler_lens.errors import KeplerLensError
from kepler_lens.lightcurve import LightCurve
from kepler_lens.missions import observing
from kepler_lens.missions.kepler import BAD_QUALITY, LONG_CADENCE_DAYS, us_to_bkjd
from kepler_lens.scatter import scatter_of_steps

GAP_DAYS = 0.75
"""Longest gap within a stretch of the noise, days (chosen): after a longer one the temperature of
the photometer has often changed."""

_LONG_GAP_DAYS = 5.0
"""Days (chosen): after a longer gap a stretch begins that has a median of its own, as a quarter
has."""
FLUX_COLUMNS = ("PDCSAP_FLUX", "SAP_FLUX")
"""Columns that can be searched: flux corrected for the instrument, and flux as it was measured."""

LEAST_POINTS = 50
"""Points of a star, at least (chosen): about a day of long cadence."""
_LEAST_VALUES = 10
"""Different values of flux, at least (chosen): measured flux has about as many as points, and with
few values the scatter may be 0."""

_MOST_SCATTER = 0.3
"""Scatter from point to point, relative flux (chosen): the files of stars that were not on the
detector hold only noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """The light curve of one star over all its quarters or campaigns.

    Attributes
    ----------
    star : int
        KIC or EPIC number.
    name : str
        Value of OBJECT in the header.
    mission : str
        ``Kepler``, ``K2`` or ``Simulation``.
    time : float64[n]
        BKJD, days, ascending.
    flux : float64[n]
        Relative flux: flux over the quarter's median, less 1.
    quarter : int32[n]
        Zero-based number of the quarter (or of the stretch between long gaps), ascending.
    level : float64[q]
        Median flux of each quarter, electrons/s.
    stellar : dict
        Properties of the star in the header: TEFF (K), LOGG (log10 of cm/s²), RADIUS (solar radii),
        KEPMAG (mag).
    cdpp : dict
        Hours (3, 6, 12) to the pipeline's noise at that duration (CDPP, ppm, median of quarters);
        empty where there is none.
    """

    star: int
    name: str
    mission: str
    time: NDArray[np.float64]
    flux: NDArray[np.float64]
    quarter: NDArray[np.int32]
    level: NDArray[np.float64]
    stellar: dict[str, float] = field(default_factory=dict)
    cdpp: dict[float, float] = field(default_factory=dict)

    @property
    def span_days(self) -> float:
        """Time from the first observation to the last, days."""
        return float(self.time[-1] - self.time[0])

    @property
    def density(self) -> float | None:
        """Mean density of the star over the Sun's, from its surface gravity and radius.

        None where one of these is not known. The Sun's gravity is 10^4.438 cm/s²
        (from the nominal mass parameter and radius of IAU 2015 resolution B3).
        """
        gravity, radius = self.stellar.get("LOGG"), self.stellar.get("RADIUS")
        if gravity is None or radius is None or radius <= 0:
            return None
        return float(10 ** (gravity - 4.438) / radius)


class NotSearchableError(KeplerLensError):
    """The observations of a star cannot be searched."""


def observe(
    star: int,
    name: str,
    mission: str,
    time: NDArray[np.float64],
    flux: NDArray[np.float64],
    stellar: Mapping[str, float] | None = None,
    cdpp: Mapping[float, float] | None = None,
) -> Observations:
    """Sort and normalise a star's points.

    Parameters
    ----------
    star, name, mission
        See `Observations`.
    time : float64[n]
        BKJD, days.
    flux : float64[n]
        Electrons/s, not finite where there is none.
    stellar, cdpp
        See `Observations`.

    Returns
    -------
    Observations

    Raises
    ------
    NotSearchableError
        There are too few points, all have the same flux, a quarter's median is not positive, or
        there is only noise.
    """
    good = np.isfinite(time) & np.isfinite(flux)
    order = np.argsort(time[good], kind="stable")
    t, f = time[good][order], flux[good][order]
    if len(t):
        # Chosen: a point less than half a cadence after another one is a copy of it.
        keep = np.r_[True, np.diff(t) > LONG_CADENCE_DAYS / 2]
        t, f = t[keep], f[keep]
    if len(t) < LEAST_POINTS:
        raise NotSearchableError(
            f"Star {star} has {len(t)} usable points: a search needs {LEAST_POINTS} at least."
        )
    quarter = _quarters(t, mission)
    level = np.array([np.median(f[quarter == q]) for q in range(quarter[-1] + 1)])
    if (level <= 0).any():
        raise NotSearchableError(f"Star {star} has a quarter whose median flux is not positive.")
    relative = f / level[quarter] - 1
    if np.ptp(relative) == 0:
        raise NotSearchableError(f"Star {star} has one flux throughout: nothing was measured.")
    scatter = scatter_of_steps(relative)
    if scatter > _MOST_SCATTER:
        raise NotSearchableError(
            f"Star {star} is lost in noise: its points scatter by {scatter:.0%} of its flux."
        )
    return Observations(
        star, name, mission, t, relative, quarter, level, dict(stellar or {}), dict(cdpp or {})
    )


def observe_usable(
    star: int,
    name: str,
    mission: str,
    time: NDArray[np.float64],
    flux: NDArray[np.float64],
    stellar: Mapping[str, float] | None = None,
    cdpp: Mapping[float, float] | None = None,
    *,
    left_out: Callable[[str], object],
) -> Observations:
    """Sort and normalise a star's points, without the quarters whose median is not positive.

    Parameters
    ----------
    star, name, mission, time, flux, stellar, cdpp
        See `observe`.
    left_out : callable
        Gets a sentence for each quarter that is left out.

    Returns
    -------
    Observations

    Raises
    ------
    NotSearchableError
        See `observe`; also where flux has few different values.
    """
    good = np.flatnonzero(np.isfinite(time) & np.isfinite(flux))
    good = good[np.argsort(time[good], kind="stable")]
    if len(good) < LEAST_POINTS:
        return observe(star, name, mission, time, flux, stellar, cdpp)
    values = len(np.unique(flux[good]))
    if 1 < values < _LEAST_VALUES or (values > 1 and np.median(np.abs(np.diff(flux[good]))) == 0):
        raise NotSearchableError(
            f"Star {star} has only {values} different values of flux in {len(good)} points, or the "
            "same at most of them: that is no measurement."
        )
    number = _quarters(time[good], mission)
    kept = np.array(flux, dtype=np.float64)
    bad = [q for q in range(number[-1] + 1) if np.median(flux[good[number == q]]) <= 0]
    if len(bad) <= number[-1]:
        for q in bad:
            mine = good[number == q]
            kept[mine] = np.nan
            left_out(
                f"Star {star}: {_stretch(time[mine], mission)} is left out, its median flux is "
                f"{np.median(flux[mine]):.3g} electrons/s and must be positive."
            )
    return observe(star, name, mission, time, kept, stellar, cdpp)


def _stretch(time: NDArray[np.float64], mission: str) -> str:
    """Return words for a stretch of observations: its quarter, if it has one, and its time."""
    days = f"BKJD {time[0]:.1f} to {time[-1]:.1f}"
    segments = observing(mission).segments(time[:1])
    return days if segments is None else f"quarter {segments[0]} ({days})"


def observations_of(
    curves: Iterable[LightCurve],
    column: str = "PDCSAP_FLUX",
    left_out: Callable[[str], object] = lambda _: None,
) -> Observations:
    """Join the light curve files of one star.

    Parameters
    ----------
    curves : iterable of LightCurve
        With the `column`, and with SAP_QUALITY where bad cadences are left out. Those of short
        cadence do not count.
    column : str, optional
        One of `FLUX_COLUMNS`.
    left_out : callable, optional
        Gets a sentence for each quarter that is left out.

    Returns
    -------
    Observations

    Raises
    ------
    NotSearchableError
        See `observe_usable`; also where the files are of several stars, are all of short cadence,
        or have no value in the column.
    """
    chosen = [curve for curve in curves if curve.cadence == "long"]
    if not chosen:
        raise NotSearchableError("None of the files is a light curve of long cadence.")
    if len({curve.star for curve in chosen}) > 1:
        raise NotSearchableError("The files are of several stars: name those of one.")
    _check_has_values(chosen, column)
    times, fluxes = [], []
    for curve in chosen:
        flux = curve.columns[column].astype(np.float64)
        if "SAP_QUALITY" in curve.columns:
            flux[(curve.columns["SAP_QUALITY"] & BAD_QUALITY) != 0] = np.nan
        times.append(us_to_bkjd(curve.time_us))
        fluxes.append(flux)
    first = chosen[0]
    return observe_usable(
        first.star,
        first.labels["OBJECT"],
        first.mission,
        np.concatenate(times),
        np.concatenate(fluxes),
        first.stellar,
        _median_cdpp(chosen),
        left_out=left_out,
    )


def _check_has_values(curves: list[LightCurve], column: str) -> None:
    if any(np.isfinite(curve.columns[column]).any() for curve in curves):
        return
    raise NotSearchableError(
        no_values(
            f"the {len(curves)} files of star {curves[0].star}",
            column,
            [
                name
                for name in FLUX_COLUMNS
                if any(name in c.columns and np.isfinite(c.columns[name]).any() for c in curves)
            ],
        )
    )


def no_values(where: str, column: str, others: Sequence[str]) -> str:
    """Return a sentence: a column has no values, and another one has.

    Parameters
    ----------
    where : str
        Words for what lacks the values.
    column : str
    others : sequence of str
        Columns that have values.
    """
    hint = f"; {others[0]} has values: name that column" if others else ""
    return f"{column} has no value in {where}{hint}."


def _median_cdpp(curves: list[LightCurve]) -> dict[float, float]:
    """Return the median CDPP of the files, ppm, by hours."""
    found = {}
    for hours in (3.0, 6.0, 12.0):
        values = [c.cdpp[hours] for c in curves if np.isfinite(c.cdpp.get(hours, np.nan))]
        if values:
            found[hours] = float(np.median(values))
    return found


def _quarters(time: NDArray[np.float64], mission: str) -> NDArray[np.int32]:
    """Return the zero-based number of each point's quarter, or stretch between long gaps."""
    number = np.cumsum(np.r_[0, np.diff(time) > _LONG_GAP_DAYS])
    segments = observing(mission).segments(time)
    if segments is not None:
        # No quarter has 1000 long gaps.
        number = number + 1000 * (segments + 1)
    return np.unique(number, return_inverse=True)[1].astype(np.int32)
