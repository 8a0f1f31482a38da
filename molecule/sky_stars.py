"""Write a database of many stars with few points each, in the same form as the package."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote

import numpy as np
from kepler_lens.gts import CLASS_OF_COLUMN, attribute_text, series_name, to_gts
from kepler_lens.ledger import DONE, Entry, Ledger, Writer
from kepler_lens.lightcurve import LightCurve
from kepler_lens.transit_search.store.write import CANDIDATE_CLASS
from kepler_lens.transit_search.version import engine
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.directory import CLASS as DIRECTORY
from kepler_lens.warp10.register import CLASS as REGISTER
from kepler_lens.warp10.register import lines
from kepler_lens.warp10.star_points import SEARCH, WATCH_CLASSES

POINTS = 4
"""Points of a column: few, because the costs of a star besides its points are measured."""
PLANETS = 30
"""One star of this many has a candidate: of 200,000 stars of Kepler, 6,500 have one."""
BATCH = 2_000
"""Stars of one request."""
RUN = "20260101T000000Z-bench0"
# Of eleven stars in a row four are of Kepler and seven of K2, the ratio of all 550,000 stars.
KEPLER, ALL = 4, 11
# Stars of each mission, their first number, and the step of numbers: as far apart as real stars.
MISSIONS = {"Kepler": (200_003, 757_000, 60), "K2": (350_003, 201_000_000, 140)}
_STRIDE = 48_271
_COLUMNS = ("SAP_FLUX", "PDCSAP_FLUX")
WRAPPED = 244
"""Characters of such a series as WRAP writes it."""
LOOK, LOOK_AFTER_US = WATCH_CLASSES[0], 60_000_000


def star_of(index: int) -> tuple[str, int]:
    """Return mission and number of a made-up star; each index has its own number, in no order."""
    part, rest = divmod(index, ALL)
    mission = "Kepler" if rest < KEPLER else "K2"
    own = part * KEPLER + rest if mission == "Kepler" else part * (ALL - KEPLER) + rest - KEPLER
    stars, first, apart = MISSIONS[mission]
    return mission, first + apart * (own * _STRIDE % stars)


def curve_of(index: int) -> LightCurve:
    """Return the light curve of a star."""
    mission, star = star_of(index)
    time_us = 1_245_000_000_000_000 + 1_765_000_000 * np.arange(POINTS)
    flux = np.random.default_rng(index).normal(50_000, 50, POINTS).astype(np.float32)
    kind, catalogue = ("Kepler", "KIC") if mission == "Kepler" else ("K2", "EPIC")
    labels = {
        "KEPLERID": str(star),
        "OBJECT": f"{catalogue} {star}",
        "MISSION": kind,
        "OBSMODE": "long cadence",
        "INSTRUME": "Kepler Photometer",
    }
    return LightCurve(
        star=star,
        mission=mission,
        segment=3,
        cadence="long",
        labels=labels,
        filever="6.1",
        date="2015-09-23",
        first_cadence=11_914,
        time_us=time_us,
        columns=dict.fromkeys(_COLUMNS, flux),
        stellar={},
        cdpp={},
    )


def entry_of(curve: LightCurve) -> Entry:
    """Return the ledger's entry of the light curve's file."""
    name = f"kplr{curve.star:09d}-2009350155506_llc.fits"
    digest = hashlib.sha256(name.encode()).hexdigest()
    span = (int(curve.time_us[0]), int(curve.time_us[-1]), POINTS)
    return Entry(
        star=curve.star,
        mission=curve.mission,
        obsmode=curve.labels["OBSMODE"],
        first_cadence=curve.first_cadence,
        state=DONE,
        segment=curve.segment,
        name=name,
        filever=curve.filever,
        date=curve.date,
        sha256=digest,
        fingerprint=f"450000-{digest[:12]}",
        columns=dict.fromkeys(_COLUMNS, span),
        run=RUN,
        attempt=digest[:32],
    )


def searches(curves: Sequence[tuple[int, LightCurve]]) -> Iterator[str]:
    """Yield the lines that a search writes of stars: a point of each, and a candidate of some."""
    for index, curve in curves:
        found = int(index % PLANETS == 0)
        about = {
            "run": RUN,
            "time": int(curve.time_us[0]),
            "candidates": found,
            "limit": 123.4,
            "lone": [],
            "pairs": [],
            "engine": engine(),
            "fingerprint": f"{index:032x}",
        }
        text = quote(json.dumps(about, separators=(",", ":")), safe="")
        if found:
            for tick in curve.time_us.tolist():
                yield f"{tick}// {_candidate(CANDIDATE_CLASS, curve)} 49000.5\n"
            yield f"{curve.time_us[0]}// {_candidate('transit.score', curve, MODEL='bench')} 0.9\n"
        yield f"{curve.star}// {SEARCH}{{}} '{text}'\n"


def notes(registered: Sequence[str]) -> Iterator[str]:
    """Yield the lines of `kepler_lens.warp10.directory` for lines of the register.

    A filler stands for the series: it is as long as the server's text, and nothing reads it.
    """
    for line in registered:
        text = unquote(line.split("'")[1])
        about = {"of": text, "series": {name: ["x" * WRAPPED] for name in json.loads(text)}}
        yield line.split("'")[0].replace(REGISTER, DIRECTORY) + f"'{quote(json.dumps(about))}'\n"


def looks(curves: Sequence[tuple[int, LightCurve]]) -> Iterator[str]:
    """Yield the lines that the server's scheduled job writes of stars after a look at them."""
    # Some time after the points came: an earlier look may have missed some of them.
    about = json.dumps({"at": time.time_ns() // 1000 + LOOK_AFTER_US, "dips": 0, "error": ""})
    text = quote(about, safe="")
    for _, curve in curves:
        yield f"{curve.star}// {LOOK}{{}} '{text}'\n"


def attributes(curves: Sequence[tuple[int, LightCurve]], known: dict[str, str]) -> Iterator[str]:
    """Yield the lines of the candidates' attributes: those of a real candidate, other periods."""
    for index, curve in curves:
        if index % PLANETS == 0:
            period = {"period": f"{1 + index % 400:.6f}"}
            yield _candidate(CANDIDATE_CLASS, curve) + attribute_text(known | period)


def _candidate(classname: str, curve: LightCurve, **more: str) -> str:
    labels = {"KEPLERID": str(curve.star), "CANDIDATE": "1", "RUN": RUN}
    return series_name(classname, labels | more)


def fill(
    warp10: Warp10, tokens: dict[str, Token], first: int, last: int, known: dict[str, str]
) -> Iterator[int]:
    """Write the stars from `first` to before `last`.

    Parameters
    ----------
    warp10 : Warp10
    tokens : dict
        Name, as on the server's host, to token.
    first, last : int
        Indices of stars, see `star_of`.
    known : dict
        Attributes of a real candidate.

    Yields
    ------
    int
        Index after the last star that is written, after each request.
    """
    writer = Writer(RUN, "bench")
    ledger = Ledger(warp10, tokens["ledger-read"], tokens["ledger-write"], writer)
    for begin in range(first, last, BATCH):
        end = min(begin + BATCH, last)
        curves = [(index, curve_of(index)) for index in range(begin, end)]
        warp10.update(b"".join(to_gts(curve, _COLUMNS) for _, curve in curves), tokens["write"])
        named = [
            (CLASS_OF_COLUMN[column], curve.labels) for _, curve in curves for column in _COLUMNS
        ]
        registered = lines(named)
        warp10.update("".join([*registered, *notes(registered)]).encode(), tokens["write"])
        about = [*searches(curves), *looks(curves)]
        warp10.update("".join(about).encode(), tokens["results-write"])
        warp10.meta(attributes(curves, known), tokens["results-write"])
        ledger.write(entry_of(curve) for _, curve in curves)
        yield end
