"""The observations of a star from the Warp 10 server."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kepler_lens.errors import KeplerLensError
from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.lightcurve import us_to_bkjd
from kepler_lens.search.observations import Observations, observe
from kepler_lens.warp10 import Token, Warp10

_ATTRIBUTES = {"teff": "TEFF", "logg": "LOGG", "radius": "RADIUS"}
"""What `kepler-lens tag` writes of a star, by the header's names."""


def from_server(
    star: int, server: str, token_file: Path | None, column: str = "PDCSAP_FLUX"
) -> Observations:
    """Fetch a star's light curve of long cadence.

    Parameters
    ----------
    star : int
        KIC or EPIC number.
    server : str
        URL.
    token_file : Path or None
        The read token's file; by default the token that the server makes public is used.
    column : str
        FITS name.

    Raises
    ------
    KeplerLensError
        The server has nothing of the star.
    """
    warp10 = Warp10(server, patience=10)
    token = Token.from_file(token_file) if token_file else warp10.public_token()
    return fetch_star(warp10, token, star, column)


def fetch_star(warp10: Warp10, token: Token, star: int, column: str) -> Observations:
    """See `from_server`; for many stars over one connection."""
    selector = f"{CLASS_OF_COLUMN[column]}{{KEPLERID={star},OBSMODE=long%20cadence}}"
    found = warp10.fetch(selector, token)
    if not found:
        raise KeplerLensError(f"The server {warp10.url} has no long cadence of star {star}.")
    ticks, values = zip(*(series.arrays() for series in found), strict=True)
    first = found[0]
    stellar = {}
    for attribute, name in _ATTRIBUTES.items():
        try:
            stellar[name] = float(first.attributes[attribute])
        except (KeyError, ValueError):
            continue
    return observe(
        star,
        first.labels["OBJECT"],
        first.labels["MISSION"],
        us_to_bkjd(np.concatenate(ticks)),
        np.concatenate(values),
        stellar,
    )
