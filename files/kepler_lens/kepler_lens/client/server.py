"""Access a server as a guest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kepler_lens.client.candidates import candidates_table
from kepler_lens.client.curves import Reader
from kepler_lens.client.endpoint import Endpoint
from kepler_lens.client.ranges import Range, one_of
from kepler_lens.client.script import python_object
from kepler_lens.client.stars import Names, stars_table
from kepler_lens.stars.names import star_wanted, stars_wanted
from kepler_lens.warp10.client import Token

if TYPE_CHECKING:
    from astropy.table import Table

    from kepler_lens.client.curve import StarCurve

Stars = int | str | Iterable[int | str]
"""A number, a name, a comma-separated text of several, or a list of numbers and names."""
CADENCES = ("long", "short")


def connect(
    url: str,
    token: str | Token | None = None,
    *,
    account: tuple[str, str] | None = None,
    verify: bool | str | os.PathLike[str] = True,
    timeout: float = 120.0,
    patience: float = 10.0,
) -> Server:
    """Connect to a server; no request is sent yet.

    Parameters
    ----------
    url : str
        ``https://HOST/`` of a server that is open to guests, or ``http://HOST:8080`` within its
        network.
    token : str or Token, optional
        A read token; by default the public one of the server.
    account : tuple of str, optional
        Name and password, if the server wants an account.
    verify : bool or path
        File of the authorities (PEM) that may have signed the server's certificate; by default
        those that this machine trusts. False checks nothing: a host between the two can then change
        answers.
    timeout : float
        Seconds without an answer after which a request has failed.
    patience : float
        Seconds during which a request is sent again if the server does not answer or is too busy.

    Returns
    -------
    Server

    Raises
    ------
    Warp10Error
        The address is invalid, or `verify` names no file.

    Examples
    --------
    >>> server = connect("http://127.0.0.1:8080")
    """
    return Server(
        Endpoint(url, token, account=account, verify=verify, timeout=timeout, patience=patience)
    )


class Server:
    """A HelloExoWorld server; `connect` returns one.

    Every method raises Warp10Error or a subclass, with a sentence, if the server cannot be reached
    or refuses: `client.errors.CertificateError`, `client.errors.LimitError`,
    `client.errors.ScriptError`, `errors.TokenError`.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._names = Names(endpoint)
        self._reader = Reader(endpoint)

    def __repr__(self) -> str:
        return f"connect({self._endpoint.url!r})"

    def number(self, star: int | str) -> int:
        """Return the KIC or EPIC number of a star.

        Parameters
        ----------
        star : int or str
            Such as 6541920, 'KIC 6541920', 'EPIC 201912552', 'Kepler-11 b', 'KOI-157.01'.

        Returns
        -------
        int

        Raises
        ------
        StarListError
            The text is no star, or no star of the server has that name.
        """
        return star_wanted(str(star), self._names, "star")

    def stars(
        self,
        names: Stars | None = None,
        *,
        mission: str | None = None,
        disposition: str | None = None,
        candidates: bool | Range | None = None,
        teff: Range | None = None,
        radius: Range | None = None,
    ) -> Table:
        """List stars that have a light curve, with facts from the NASA Exoplanet Archive.

        Parameters
        ----------
        names : int, str or list of them, optional
            Numbers or names, see `number`; by default every star.
        mission : str, optional
            'Kepler', 'K2' or 'Simulation'.
        disposition : str, optional
            The best of the star's candidates: 'CONFIRMED', 'CANDIDATE', 'FALSE POSITIVE' or
            'REFUTED'.
        candidates : bool or tuple, optional
            Whether the star has a confirmed planet or a candidate, or the smallest and the largest
            number of them.
        teff : tuple, optional
            Smallest and largest effective temperature, K; None in the tuple is no bound.
        radius : tuple, optional
            Smallest and largest radius, solar radii.

        Returns
        -------
        astropy.table.Table
            A row for each star, in order of its number: star, object, mission, cadences,
            disposition, planets, kois, candidates, teff (K), radius (R_sun). Unknown numbers are
            masked.

        Raises
        ------
        StarListError
            A name is invalid, or the server does not know it.
        KeplerLensError
            Another condition is invalid.
        """
        return stars_table(
            self._endpoint,
            self._numbers(names),
            mission=mission,
            disposition=disposition,
            candidates=candidates,
            teff=teff,
            radius=radius,
        )

    def light_curve(
        self, star: int | str, *, cadence: str = "long", columns: Sequence[str] | None = None
    ) -> StarCurve:
        """Read a star's light curve over all quarters or campaigns.

        Parameters
        ----------
        star : int or str
            See `number`.
        cadence : 'long' or 'short'
            29.4 min or 58.8 s.
        columns : sequence of str, optional
            FITS names, of SAP_FLUX, PDCSAP_FLUX, SAP_FLUX_ERR, PDCSAP_FLUX_ERR and SAP_QUALITY. By
            default all that the server has.

        Returns
        -------
        StarCurve

        Raises
        ------
        StarListError
            See `number`.
        NoLightCurveError
            The server has no light curve of the star, or none of that cadence, or lacks a column of
            it.
        """
        cadence = one_of("cadence", cadence, CADENCES) or "long"
        return self._reader.read(self.number(star), cadence, columns)

    def candidates(
        self,
        names: Stars | None = None,
        *,
        disposition: str | None = None,
        period: Range | None = None,
        depth: Range | None = None,
        snr: Range | None = None,
        score: Range | None = None,
    ) -> Table:
        """List the candidates that the server's own searches found (`make transits`).

        Parameters
        ----------
        names : int, str or list of them, optional
            See `stars`.
        disposition : str, optional
            'candidate' or 'false positive'.
        period, depth, snr, score : tuple, optional
            Smallest and largest period (days), depth (ppm), signal to noise, probability of a
            planet; None in a tuple is no bound. A candidate without a score is in no range of
            scores.

        Returns
        -------
        astropy.table.Table
            A row for each candidate, by star and number: star, candidate, period (d), epoch (BKJD,
            d), duration (h), depth and depth_error (ppm), snr, mes, transits, radius (R_earth),
            disposition, comment, score, score_spread, score_outside, score_model.

        Raises
        ------
        StarListError, KeplerLensError
            See `stars`.
        """
        return candidates_table(
            self._endpoint,
            self._numbers(names),
            disposition=disposition,
            period=period,
            depth=depth,
            snr=snr,
            score=score,
        )

    def execute(self, script: str) -> list[Any]:
        """Run WarpScript.

        Parameters
        ----------
        script : str
            ``@HELLOEXOWORLD/GETREADTOKEN`` in it pushes the public read token.

        Returns
        -------
        list
            The stack, top first: numbers, str, bool, None, lists and dicts, and a
            `kepler_lens.warp10.Series` (classname, labels, attributes, ticks, values) for a series.

        Raises
        ------
        ScriptError
            The script is wrong; its `line` tells where.
        """
        answer: list[Any] = python_object(self._endpoint.ask(script))
        return answer

    def _numbers(self, names: Stars | None) -> tuple[int, ...] | None:
        if names is not None and not isinstance(names, int | str):
            names = [str(name) for name in names]
            if not names:
                return ()
        return None if names is None else stars_wanted(names or " ", None, self._names, "names")
