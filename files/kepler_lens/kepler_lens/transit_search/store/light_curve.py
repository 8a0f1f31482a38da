"""The observations of a star from the Warp 10 server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kepler_lens.errors import UnknownMacroError
from kepler_lens.gts import CLASS_OF_COLUMN, class_pattern
from kepler_lens.missions import STAR_LABEL
from kepler_lens.missions.kepler import us_to_bkjd
from kepler_lens.transit_search.preparation.observations import (
    FLUX_COLUMNS,
    NotSearchableError,
    Observations,
    no_values,
    observe_usable,
)
from kepler_lens.warp10.client import Series, Token, Warp10, own_labels

_CURVE = """<% @HELLOEXOWORLD/GETREADTOKEN '{token}' == %>
<%
  {star} '{classname}' 'long cadence' MAXLONG MAXLONG @HELLOEXOWORLD/CURVE
  <%
    DROP 's' STORE
    [ $s LABELS $s ATTRIBUTES $s TICKLIST ' ' JOIN $s VALUES ' ' JOIN ]
  %> LMAP
%> <% NULL %> IFTE
"""
_ATTRIBUTES = {"teff": "TEFF", "logg": "LOGG", "radius": "RADIUS"}
"""Attributes that `kepler-lens tag` writes, with the header's names for them."""


def from_server(
    star: int, server: str, token_file: Path | None, column: str = "PDCSAP_FLUX"
) -> Observations:
    """Fetch the observations of a star, its light curve of long cadence.

    Parameters
    ----------
    star : int
        KIC or EPIC number.
    server : str
        URL.
    token_file : Path or None
        File of a read token; None for the token that the server makes public.
    column : str, optional
        FITS name.

    Returns
    -------
    Observations

    Raises
    ------
    NotThereError
        The server has no such light curve of the star.
    NotSearchableError
        The light curve cannot be searched.
    TokenError
        The token file cannot be read.
    Warp10Error
        The server refused or could not be reached.
    """
    return curve_from_server(star, server, token_file, column).observations()


def curve_from_server(star: int, server: str, token_file: Path | None, column: str) -> ServerCurve:
    """Fetch a star's light curve as the server has it; see `from_server`."""
    # Seconds during which a failed request is repeated (chosen).
    warp10 = Warp10(server, patience=10)
    token = Token.from_file(token_file) if token_file else warp10.public_token()
    return fetch_curve(warp10, token, star, column)


class NotThereError(NotSearchableError):
    """The server has no light curve of a star that can be searched."""


@dataclass(frozen=True, slots=True, eq=False)
class ServerCurve:
    """A star's light curve as the server has it.

    Attributes
    ----------
    star : int
        KIC or EPIC number.
    column : str
        FITS name.
    name, mission : str
        Labels OBJECT and MISSION.
    time_us : int64[n]
        Ticks, µs, ascending.
    value : float64[n]
        Flux, electrons/s.
    stellar : dict
        See `Observations`.
    """

    star: int
    column: str
    name: str
    mission: str
    time_us: NDArray[np.int64]
    value: NDArray[np.float64]
    stellar: dict[str, float]

    @property
    def fingerprint(self) -> str:
        """Hash of the light curve, 32 hexadecimal digits (chosen).

        Equal fingerprints give equal candidates, with one version of the search.
        """
        digest = hashlib.sha256(self.time_us.tobytes())
        digest.update(self.value.tobytes())
        digest.update(f"{self.column} {self.mission} {sorted(self.stellar.items())}".encode())
        return digest.hexdigest()[:32]

    def observations(self, left_out: Callable[[str], object] = lambda _: None) -> Observations:
        """Sort and normalise the points.

        Parameters
        ----------
        left_out : callable, optional
            Gets a sentence for each quarter that is left out.

        Returns
        -------
        Observations

        Raises
        ------
        NotSearchableError
            See `observe_usable`.
        """
        time = us_to_bkjd(self.time_us)
        return observe_usable(
            self.star, self.name, self.mission, time, self.value, self.stellar, left_out=left_out
        )


def fetch_curve(warp10: Warp10, token: Token, star: int, column: str) -> ServerCurve:
    """Fetch a star's light curve of long cadence as the server has it.

    Parameters
    ----------
    warp10 : Warp10
    token : Token
        A read token.
    star : int
        KIC or EPIC number.
    column : str
        FITS name.

    Returns
    -------
    ServerCurve

    Raises
    ------
    NotThereError
        The server has no such light curve of the star.
    Warp10Error
        The server refused or could not be reached.
    """
    found = _noted(warp10, token, star, column)
    if found is None:
        selector = f"{CLASS_OF_COLUMN[column]}{{{STAR_LABEL}={star},OBSMODE=long%20cadence}}"
        found = warp10.fetch(selector, token)
    if not found:
        raise NotThereError(_why_nothing(warp10, token, star, column))
    ticks, values = zip(*(series.arrays() for series in found), strict=True)
    time_us, value = np.concatenate(ticks), np.concatenate(values)
    # Series come in any order, and a star that two missions observed has several.
    order = np.lexsort((value, time_us))
    first = min(found, key=lambda series: sorted(series.labels.items()))
    stellar = {}
    for attribute, name in _ATTRIBUTES.items():
        try:
            stellar[name] = float(first.attributes[attribute])
        except (KeyError, ValueError):
            continue
    labels = first.labels
    return ServerCurve(
        star,
        column,
        labels.get("OBJECT", str(star)),
        labels.get("MISSION", ""),
        time_us[order],
        value[order],
        stellar,
    )


def _noted(warp10: Warp10, token: Token, star: int, column: str) -> list[Series] | None:
    """Fetch a star's series by the server's macro `CURVE`.

    Its cost does not grow with the number of stars on the server.

    Returns
    -------
    list of Series or None
        None where the macro would read with another token, or where the server does not have it.
    """
    script = _CURVE.format(token=token.reveal(), star=star, classname=CLASS_OF_COLUMN[column])
    try:
        (found,) = warp10.exec(script, token)
    except UnknownMacroError:
        return None
    if found is None:
        return None
    return [_series(CLASS_OF_COLUMN[column], *texts) for texts in found if texts[-1]]


def _series(
    classname: str, labels: dict[str, str], attributes: dict[str, str], ticks: str, values: str
) -> Series:
    """Return a series from its ticks and values as text, sorted by tick."""
    time_us = np.fromstring(ticks, np.int64, sep=" ")
    order = np.argsort(time_us)
    value = np.fromstring(values, np.float64, sep=" ")
    return Series(
        classname, own_labels(labels), attributes, time_us[order].tolist(), value[order].tolist()
    )


def _why_nothing(warp10: Warp10, token: Token, star: int, column: str) -> str:
    """Return a sentence: the server has another column of the star, or nothing of it."""
    classes = {CLASS_OF_COLUMN[name]: name for name in FLUX_COLUMNS if name != column}
    there = warp10.find(
        f"~({class_pattern(classes)}){{{STAR_LABEL}={star},OBSMODE=long%20cadence}}", token
    )
    others = sorted({classes[series.classname] for series in there})
    if others:
        return no_values(
            f"the long cadence of star {star} on the server {warp10.url}", column, others
        )
    return f"The server {warp10.url} has no long cadence of star {star}."
