"""Read light curves of many stars, from a folder of FITS files or from the Warp 10 server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from kepler_lens.archive.folder import light_curve_paths
from kepler_lens.archive.names import facts_of
from kepler_lens.errors import KeplerLensError, LightCurveError
from kepler_lens.files import LightCurveFiles, newest, read_file
from kepler_lens.missions import STAR_LABEL
from kepler_lens.transit_search.preparation.observations import (
    NotSearchableError,
    Observations,
    observations_of,
)

COLUMN = "PDCSAP_FLUX"

CurveOf = Callable[[int], Observations]


def from_folder(
    folder: Path, left_out: Callable[[str], object] = lambda _: None
) -> tuple[list[int], CurveOf]:
    """Find the stars of the FITS files below a folder.

    Parameters
    ----------
    folder : Path
    left_out : callable, optional
        Called with a sentence for each file or quarter that is left out.

    Returns
    -------
    stars : list of int
        KIC or EPIC numbers, ascending.
    curve_of : callable
        Reads the files of long cadence of a star when it is called.

    Raises
    ------
    KeplerLensError
        There are no light curves of long cadence.
    """
    files = defaultdict(list)
    for path in light_curve_paths(folder):
        facts = facts_of(path.name)
        if facts.star is not None:
            if facts.cadence == "long":
                files[facts.star].append(path)
        else:
            # A name of another pattern does not tell the star, so the header is read.
            try:
                curve = read_file(path, (COLUMN,))
            except LightCurveError as error:
                left_out(str(error))
                continue
            if curve.cadence == "long":
                files[curve.star].append(path)
    if not files:
        raise KeplerLensError(f"{folder}: there are no light curves of long cadence (.fits) here.")

    def curve_of(star: int) -> Observations:
        if star not in files:
            raise NotSearchableError(f"{folder} has no light curve of star {star}.")
        # SAP_QUALITY is not read: the server lacks it, and views must be equal from either source.
        read = newest(LightCurveFiles(files[star], left_out).read((COLUMN,)), left_out)
        if not read:
            raise NotSearchableError(f"None of the files of star {star} can be read.")
        return observations_of(read, COLUMN, left_out)

    return sorted(files), curve_of


def from_server(
    server: str, token_file: Path | None, left_out: Callable[[str], object] = lambda _: None
) -> tuple[list[int], CurveOf]:
    """Find the stars on the server that have a light curve of long cadence.

    Parameters
    ----------
    server : str
        URL of Warp 10.
    token_file : Path or None
        File with a read token; None for the token that the server makes public.
    left_out : callable, optional
        See `from_folder`.

    Returns
    -------
    stars, curve_of
        See `from_folder`.

    Raises
    ------
    Warp10Error
        The server cannot be reached, or refuses the token.
    """
    from kepler_lens.gts import CLASS_OF_COLUMN
    from kepler_lens.transit_search.store.light_curve import fetch_curve
    from kepler_lens.warp10.client import Token, Warp10

    warp10 = Warp10(server, patience=30)
    token = Token.from_file(token_file) if token_file else warp10.public_token()
    stars: set[int] = set()
    # One request for each last digit: an answer with all of Kepler would be too large.
    for digit in range(10):
        selector = f"{CLASS_OF_COLUMN[COLUMN]}{{{STAR_LABEL}~.*{digit},OBSMODE=long%20cadence}}"
        stars |= {int(series.labels[STAR_LABEL]) for series in warp10.find(selector, token)}

    def curve_of(star: int) -> Observations:
        return fetch_curve(warp10, token, star, COLUMN).observations(left_out)

    return sorted(stars), curve_of
