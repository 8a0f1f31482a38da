"""A server as a guest sees it."""

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
from kepler_lens.named import star_wanted, stars_wanted
from kepler_lens.warp10 import Token

if TYPE_CHECKING:
    from astropy.table import Table

    from kepler_lens.client.curve import StarCurve

Stars = int | str | Iterable[int | str]
"""A number, a name, a text of several with commas, or a list of such."""
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
    """Give a server that light curves can be asked of; nothing is sent yet.

    Parameters
    ----------
    url : str
        ``https://HOST/`` where a server is open to guests, ``http://HOST:8080`` within its network.
    token : str or Token, optional
        A read token; by default the one that the server gives to everybody.
    account : tuple of str, optional
        Name and password, where the server wants an account.
    verify : bool or path
        File of the authorities (PEM) that may have signed the server's certificate; by default
        those that this machine trusts. False checks nothing: whoever is between can change answers.
    timeout : float
        Seconds without an answer after which a question is given up.
    patience : float
        Seconds during which a server that does not answer, or is too busy, is asked again.

    Returns
    -------
    Server

    Raises
    ------
    Warp10Error
        The address is none, or `verify` names no file.

    Examples
    --------
    >>> server = connect("http://127.0.0.1:8080")
    """
    return Server(
        Endpoint(url, token, account=account, verify=verify, timeout=timeout, patience=patience)
    )


class Server:
    """A HelloExoWorld server; `connect` gives one.

    Every method raises Warp10Error, or a class of it, with a sentence, where the server cannot be
    reached or refuses: `client.errors.CertificateError`, `client.errors.LimitError`,
    `client.errors.ScriptError`, `errors.TokenError`.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._names = Names(endpoint)
        self._reader = Reader(endpoint)

    def __repr__(self) -> str:
        return f"connect({self._endpoint.url!r})"

    def number(self, star: int | str) -> int:
        """Give a star's KIC or EPIC number.

        Parameters
        ----------
        star : int or str
            Such as 6541920, 'KIC 6541920', 'EPIC 201912552', 'Kepler-11 b', 'KOI-157.01'.

        Raises
        ------
        StarListError
            It is no star, or a name that no star of the server has.
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
        """List stars that have a light curve, with what the NASA Exoplanet Archive says of them.

        Parameters
        ----------
        names : int, str or list of them, optional
            Numbers or names, see `number`; by default every star.
        mission : str, optional
            'Kepler', 'K2' or 'Simulation'.
        disposition : str, optional
            The best of its candidates: 'CONFIRMED', 'CANDIDATE', 'FALSE POSITIVE' or 'REFUTED'.
        candidates : bool or tuple, optional
            Whether it has a confirmed planet or a candidate, or the smallest and the largest number
            of them.
        teff : tuple, optional
            Smallest and largest effective temperature, K; None in it is no bound.
        radius : tuple, optional
            Smallest and largest radius, of the Sun's.

        Returns
        -------
        astropy.table.Table
            A row for each star, by its number: star, object, mission, cadences, disposition,
            planets, kois, candidates, teff (K), radius (R_sun). Numbers that are not known are
            masked.

        Raises
        ------
        StarListError
            A name is none, or none that the server knows.
        KeplerLensError
            Another condition makes no sense.
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
            The server has no light curve of the star, or not of that cadence, or lacks a column of
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
        """List what the server's own searches found (`make transits`).

        Parameters
        ----------
        names : int, str or list of them, optional
            See `stars`.
        disposition : str, optional
            'candidate' or 'false positive'.
        period, depth, snr, score : tuple, optional
            Smallest and largest period (days), depth (ppm), signal-to-noise ratio, probability of a
            planet; None in it is no bound. What has no score is in no range of scores.

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
            ``@HELLOEXOWORLD/GETREADTOKEN`` in it gives the public read token.

        Returns
        -------
        list
            The stack, top first: numbers, str, bool, None, lists and dicts, and a
            `kepler_lens.warp10.Series` (classname, labels, attributes, ticks, values) for a series.

        Raises
        ------
        ScriptError
            The script is wrong; its `line` says where.
        """
        answer: list[Any] = python_object(self._endpoint.ask(script))
        return answer

    def _numbers(self, names: Stars | None) -> tuple[int, ...] | None:
        if names is not None and not isinstance(names, int | str):
            names = [str(name) for name in names]
            if not names:
                return ()
        return None if names is None else stars_wanted(names or " ", None, self._names, "names")
