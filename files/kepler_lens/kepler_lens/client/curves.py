"""Read a star's light curve from the server, in as many requests as the server's limits need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kepler_lens.client.curve import StarCurve
from kepler_lens.client.endpoint import Endpoint
from kepler_lens.client.errors import LimitError, MissingMacroError, NoLightCurveError
from kepler_lens.client.script import literal
from kepler_lens.gts import CLASS_OF_COLUMN, class_pattern
from kepler_lens.missions import STAR_LABEL
from kepler_lens.missions.kepler import us_to_bkjd
from kepler_lens.warp10.client import own_labels

_PAGE = 80_000
"""Points of a series in one request (chosen: more than the 71,400 long cadences of Kepler's
mission)."""
_SMALLEST_PAGE = 1_000
"""Least number of points in one request (chosen: a server with a lower limit is not meant for light
curves)."""
_NEWEST = "MAXLONG"
_COLUMN_OF_CLASS = {classname: column for column, classname in CLASS_OF_COLUMN.items()}
# This macro takes a time that does not grow with the number of stars. It works for the public token
# only.
_CURVE = "{star} [ {classes} ] {obsmode} {end} -{count} @HELLOEXOWORLD/CURVE"
_FETCH = "[ {token} {pattern} {{ '{label}' {star} 'OBSMODE' {obsmode} }} {end} -{count} ] FETCH"
# Ticks and values as two texts, newest first: the server writes them faster, and NumPy reads them
# faster, than numbers in JSON (benchmarks/python_api.py).
_AS_TEXTS = """
<%
  DROP 's' STORE
  [ $s NAME $s LABELS $s ATTRIBUTES $s TICKLIST ' ' JOIN $s VALUES ' ' JOIN ]
%> LMAP
"""
_FIND = """
[ {token} {classes} {{ '{label}' {star} }} ] FIND
<% DROP DUP NAME SWAP LABELS 'OBSMODE' GET 2 ->LIST %> LMAP
"""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some points of a series, in order of time.

    Attributes
    ----------
    classname : str
    labels, attributes : dict
    time_us : int64[n]
        Microseconds since 1970-01-01T00:00 TDB, ascending.
    value : float32[n] or int32[n]
    """

    classname: str
    labels: dict[str, str]
    attributes: dict[str, str]
    time_us: NDArray[np.int64]
    value: NDArray[Any]


class Reader:
    """Read light curves, and remember how many points the server returns at once.

    Parameters
    ----------
    endpoint : Endpoint
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._page = _PAGE
        self._curve_macro = endpoint.public

    def read(self, star: int, cadence: str, columns: Sequence[str] | None) -> StarCurve:
        """Read a light curve, see `kepler_lens.client.server.Server.light_curve`.

        Parameters
        ----------
        star : int
            KIC or EPIC number.
        cadence, columns
            See there.
        """
        wanted = list(columns or CLASS_OF_COLUMN)
        if unknown := [column for column in wanted if column not in CLASS_OF_COLUMN]:
            raise NoLightCurveError(
                f"There is no column {unknown[0]!r}: there are {', '.join(CLASS_OF_COLUMN)}."
            )
        pieces = list(self._pieces(star, f"{cadence} cadence", wanted))
        there = {_COLUMN_OF_CLASS[piece.classname] for piece in pieces}
        missing = [column for column in columns or () if column not in there]
        if missing or not pieces:
            raise NoLightCurveError(self._why_not(star, cadence, missing))
        return _joined(star, cadence, pieces)

    def _pieces(self, star: int, obsmode: str, columns: Sequence[str]) -> Iterator[_Piece]:
        """Read from the newest point backwards, a page at a time."""
        classes = [CLASS_OF_COLUMN[column] for column in columns]
        end = _NEWEST
        while True:
            page, found = self._one_page(star, obsmode, classes, end)
            # A series that fills the page has more points; before its first tick no series is
            # complete.
            first = max((p.time_us[0] for p in found if len(p.time_us) == page), default=None)
            for piece in found:
                rows = slice(None if first is None else np.searchsorted(piece.time_us, first), None)
                yield _Piece(
                    piece.classname,
                    piece.labels,
                    piece.attributes,
                    piece.time_us[rows],
                    piece.value[rows],
                )
            if first is None:
                return
            end = str(first - 1)

    def _one_page(
        self, star: int, obsmode: str, classes: Sequence[str], end: str
    ) -> tuple[int, list[_Piece]]:
        while True:
            page = self._page
            script = (_CURVE if self._curve_macro else _FETCH) + _AS_TEXTS
            script = script.format(
                label=STAR_LABEL,
                token=self._endpoint.token,
                classes=" ".join(map(literal, classes)),
                pattern=literal(f"~{class_pattern(classes)}"),
                star=literal(str(star)),
                obsmode=literal(obsmode),
                end=end,
                count=page,
            )
            try:
                (found,) = self._endpoint.ask(script)
            except LimitError:
                if page < 2 * _SMALLEST_PAGE:
                    raise
                self._page = page // 2
            except MissingMacroError:
                # A server may have light curves and lack the macros of this project.
                if not self._curve_macro:
                    raise
                self._curve_macro = False
            else:
                return page, [_piece(*one) for one in found]

    def _why_not(self, star: int, cadence: str, missing: Sequence[str]) -> str:
        """Return a sentence that says what the server has of the star instead."""
        script = _FIND.format(
            label=STAR_LABEL,
            token=self._endpoint.token,
            classes=literal(f"~{class_pattern()}"),
            star=literal(str(star)),
        )
        (found,) = self._endpoint.ask(script)
        where = f"The server {self._endpoint.url}"
        if not found:
            return f"{where} has no light curve of star {star}."
        same = {_COLUMN_OF_CLASS[name] for name, obsmode in found if obsmode.startswith(cadence)}
        if not same:
            others = " and ".join(sorted({obsmode for _, obsmode in found}))
            return f"{where} has no {cadence} cadence of star {star}, only {others}."
        columns = ", ".join(column for column in CLASS_OF_COLUMN if column in same)
        return (
            f"{where} has no {' and no '.join(missing)} of star {star} ({cadence} cadence), only "
            f"{columns}."
        )


def _piece(
    classname: str,
    labels: dict[str, str],
    attributes: dict[str, str],
    ticks: str,
    values: str,
) -> _Piece:
    time_us = np.fromstring(ticks, np.int64, sep=" ")
    whole = _COLUMN_OF_CLASS[classname] == "SAP_QUALITY"
    value = np.fromstring(values, np.int64 if whole else np.float64, sep=" ")
    value = value.astype(np.int32 if whole else np.float32)
    order = np.argsort(time_us)
    return _Piece(classname, own_labels(labels), attributes, time_us[order], value[order])


def _joined(star: int, cadence: str, pieces: Sequence[_Piece]) -> StarCurve:
    """Join all columns on the ticks of all of them."""
    # A stable sort merges ticks that are in order already; np.unique would sort all of them.
    ticks = np.sort(np.concatenate([piece.time_us for piece in pieces]), kind="stable")
    time_us = ticks[np.append(True, np.diff(ticks) > 0)]
    columns: dict[str, NDArray[Any]] = {}
    for column, classname in CLASS_OF_COLUMN.items():
        mine = [piece for piece in pieces if piece.classname == classname]
        if not mine:
            continue
        whole = mine[0].value.dtype.kind == "i"
        values = np.full(len(time_us), 0 if whole else np.nan, mine[0].value.dtype)
        missing = np.full(len(time_us), True)
        # There are several series only where the archive changed a label between quarters.
        for piece in mine:
            rows = np.searchsorted(time_us, piece.time_us)
            values[rows], missing[rows] = piece.value, False
        # A whole number has no NaN, and 0 would say that there is no flag.
        columns[column] = np.ma.masked_array(values, missing) if whole and missing.any() else values
    # Labels of the newest quarter: the archive may rename a star, but never in earlier quarters.
    newest = max(pieces, key=lambda piece: int(piece.time_us[-1]) if len(piece.time_us) else 0)
    return StarCurve(
        star=star,
        cadence=cadence,
        labels=newest.labels,
        tags=newest.attributes,
        time_us=time_us,
        time=us_to_bkjd(time_us),
        columns=columns,
    )
