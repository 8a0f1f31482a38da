"""Simulated Kepler light curves with known planets, for use without the archive.

The files have the format of the pipeline's own, with checksums and gaps. They cannot be mistaken
for real ones: the numbers of the stars are in no catalogue (900000001 and up), OBJECT is ``SIM
900000001`` and MISSION is ``Simulation``. The same seed gives the same bytes. A star's light curve
does not depend on which other stars or quarters are simulated with it.

Numbers without a source are chosen.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kepler_lens import __version__
from kepler_lens.errors import KeplerLensError
from kepler_lens.missions.kepler import (
    CADENCES_OF_QUARTER,
    DEADC,
    LONG_STAMPS,
    MJD_OF_BKJD,
    QUARTER_STARTS,
    TIMEDEL_DAYS,
    file_name,
    season,
    star_folder,
)
from kepler_lens.missions.simulation import MISSION, OBJECT
from kepler_lens.simulation.fits_files import light_curve_bytes, table_type
from kepler_lens.simulation.light import KINDS, Light, light_of
from kepler_lens.transit_model import TransitModel

TRUTH_NAME = "planets.csv"

_FIRST, _LAST = MISSION.stars[0], MISSION.stars[-1]
_NO_DATA, _EARTH_POINT, _SAFE_MODE, _COSMIC_RAY, _EXCLUDED = (
    1 << MISSION.quality[words]
    for words in (
        *("no data", "Earth point", "safe mode"),
        *("cosmic ray in the aperture", "excluded by hand"),
    )
)
"""Bits of SAP_QUALITY."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planet(TransitModel):
    """A planet of a simulated star.

    Attributes
    ----------
    star : int
        Number of its star.
    letter : str
        b, c, d … from the innermost.
    """

    star: int
    letter: str


def simulate(
    folder: str | Path,
    *,
    stars: int | Iterable[int] = 4,
    quarters: Iterable[int] | None = None,
    seed: int = 0,
    kind: str = KINDS[0],
) -> list[Planet]:
    """Write simulated long-cadence light curves and a table of the planets in them.

    Parameters
    ----------
    folder : str or Path
        Made if needed. The files have the same paths in it as in the archive,
        ``9000/900000001/kplr900000001-2009166043257_llc.fits``.
    stars : int or iterable of int, optional
        Number of stars, or their numbers (900000001 and up).
    quarters : iterable of int, optional
        0 to 17; by default 1 to 17.
    seed : int, optional
        Seed of all random numbers.
    kind : str, optional
        Kind of the stars, one of `kepler_lens.simulation.light.KINDS`.

    Returns
    -------
    list of Planet
        Also written to ``planets.csv``: star, letter, period (days), epoch (BKJD, days), duration
        (hours), depth (ppm), radius ratio and impact parameter. Every fourth star has none.

    Raises
    ------
    KeplerLensError
        A star's number could be a real one, or there is no such quarter or kind.
    """
    if kind not in KINDS:
        raise KeplerLensError(f"there is no kind {kind!r} of star: there are {', '.join(KINDS)}")
    numbers = _star_numbers(stars)
    chosen = tuple(CADENCES_OF_QUARTER)[1:] if quarters is None else tuple(sorted(set(quarters)))
    if unknown := [quarter for quarter in chosen if quarter not in CADENCES_OF_QUARTER]:
        last = max(CADENCES_OF_QUARTER)
        raise KeplerLensError(f"there is no quarter {unknown[0]}: Kepler had quarters 0 to {last}")
    root = Path(folder)
    planets = []
    for star in numbers:
        its_planets = planets_of(star, seed) if kind in ("planets", "spots") else []
        other, light = (None, None) if kind == "planets" else light_of(kind, star, seed)
        planets += its_planets
        if other:
            planets.append(Planet(star=star, letter="b", **asdict(other)))
        home = root / star_folder(star)
        home.mkdir(parents=True, exist_ok=True)
        for quarter in chosen:
            path = home / file_name(star, LONG_STAMPS[quarter][0])
            path.write_bytes(_file(star, quarter, its_planets, seed, light))
    _write_truth(root / TRUTH_NAME, planets)
    return planets


def planets_of(star: int, seed: int = 0) -> list[Planet]:
    """Draw up to three planets of a star like the Sun at random; every fourth star has none.

    The first period is 2 to 12 days, and each is 1.4 to 3 times the one before. A central transit
    lasts 13 h (P / 365.25 d)^(1/3), by Kepler's third law for the Sun.

    Parameters
    ----------
    star : int
        Number of the star, 900000001 and up.
    seed : int, optional
    """
    rng = np.random.default_rng([seed, star, 1])
    planets = []
    period = float(np.exp(rng.uniform(np.log(2), np.log(12))))
    for letter in "bcd"[: (star - _FIRST + 3) % 4]:
        impact = float(rng.uniform(0, 0.6))
        duration = 13 * (period / 365.25) ** (1 / 3) * (1 - impact**2) ** 0.5
        planets.append(
            Planet(
                star=star,
                letter=letter,
                period_days=round(period, 6),
                epoch_bkjd=round(QUARTER_STARTS[1] + float(rng.uniform(0, period)), 5),
                duration_hours=round(duration, 4),
                radius_ratio=round(float(rng.uniform(0.02, 0.06)), 5),
                impact=round(impact, 4),
            )
        )
        period *= float(rng.uniform(1.4, 3))
    return planets


def _star_numbers(stars: int | Iterable[int]) -> list[int]:
    """Return the numbers of the stars, ascending."""
    if isinstance(stars, int):
        if not 1 <= stars <= _LAST - _FIRST + 1:
            raise KeplerLensError(f"{stars} stars cannot be simulated: name a number from 1 on")
        return list(range(_FIRST, _FIRST + stars))
    numbers = sorted(set(stars))
    if wrong := [n for n in numbers if not _FIRST <= n <= _LAST]:
        raise KeplerLensError(
            f"star {wrong[0]} may be a real one: simulated stars have numbers from "
            f"{_FIRST} to {_LAST}"
        )
    return numbers


def _file(star: int, quarter: int, planets: list[Planet], seed: int, other: Light | None) -> bytes:
    """Return the bytes of the light curve file of one quarter."""
    of_star = np.random.default_rng([seed, star, 2])
    magnitude = round(float(of_star.uniform(11, 14.5)), 3)
    rows = _rows(star, quarter, planets, magnitude, seed, other)
    _, _, mjd_first, mjd_last = CADENCES_OF_QUARTER[quarter]
    time = rows["TIME"][np.isfinite(rows["TIME"])]
    start, stop = time[0] - TIMEDEL_DAYS / 2, time[-1] + TIMEDEL_DAYS / 2
    exposure = len(time) * TIMEDEL_DAYS * DEADC
    stamp = dt.datetime.strptime(LONG_STAMPS[quarter][0][:7], "%Y%j")
    values: dict[str, str | int | float] = {
        "ORIGIN": "kepler-lens",
        "DATE": f"{stamp:%Y-%m-%d}",
        "CREATOR": f"kepler-lens {__version__} simulate",
        "PROCVER": __version__,
        "OBJECT": f"{OBJECT} {star}",
        MISSION.cards.star: star,
        MISSION.cards.segment: quarter,
        "SEASON": season(quarter),
        "MISSION": MISSION.name,
        "KEPMAG": magnitude,
        "EXPOSURE": round(exposure, 8),
        "LIVETIME": round(exposure, 8),
        "TELAPSE": round(float(stop - start), 8),
        "TSTART": round(float(start), 8),
        "TSTOP": round(float(stop), 8),
        "LC_START": mjd_first,
        "LC_END": mjd_last,
        "DATE-OBS": _utc(mjd_first - TIMEDEL_DAYS / 2),
        "DATE-END": _utc(mjd_last + TIMEDEL_DAYS / 2),
    }
    return light_curve_bytes(rows, _aperture(), values, f"{stamp:%Y-%m-%d}T00:00:00Z")


def _rows(
    star: int,
    quarter: int,
    planets: list[Planet],
    magnitude: float,
    seed: int,
    other: Light | None,
) -> NDArray[Any]:
    """Compute the table of one quarter: true light, then effects of the telescope, then gaps."""
    rng = np.random.default_rng([seed, star, 3, quarter])
    first, last, mjd_first, mjd_last = CADENCES_OF_QUARTER[quarter]
    count = last - first + 1
    mjd = np.linspace(mjd_first, mjd_last, count)
    spacecraft = mjd - MJD_OF_BKJD
    # Light travel time from the telescope to the barycentre, days, over its year of 372.5 days.
    correction = 0.00075 + 0.0017 * np.sin(2 * np.pi * (spacecraft - 122) / 372.5)
    time = spacecraft + correction

    # Kp = 12 gives 1.74e5 electrons/s (Kepler Instrument Handbook, KSCI-19033, section 4).
    level = 1.74e5 * 10 ** (-0.4 * (magnitude - 12))
    light = 1 + _variability(star, time, seed)
    for planet in planets:
        light *= 1 - planet.mean_dimming(time, TIMEDEL_DAYS)
    if other is not None:
        light *= other(time)
    # A cadence exposes 1625 s (INT_TIME by NUM_FRM of real files); 5e6 electrons² is the variance
    # of background and read noise.
    error = np.sqrt(level * 1625 + 5e6) / 1625
    measured = level * light + rng.normal(0, error, count)
    phase = np.linspace(0, 1, count)
    # Focus and pointing drift within a quarter; the pipeline removes this from PDCSAP.
    drift = 1 + rng.normal(0, 0.004) * phase + 0.002 * np.exp(-phase * rng.uniform(10, 30))
    drift *= 1 + rng.normal(0, 0.01)

    quality = _quality(rng, count, mjd)
    no_data = quality & _NO_DATA > 0
    excluded = quality & _EXCLUDED > 0
    columns = {
        "TIME": np.where(no_data, np.nan, time),
        "TIMECORR": correction,
        "CADENCENO": np.arange(first, last + 1),
        "SAP_FLUX": measured * drift,
        "SAP_FLUX_ERR": error,
        "SAP_BKG": 1000 + 5 * np.sin(2 * np.pi * phase),
        "SAP_BKG_ERR": 0.3,
        "PDCSAP_FLUX": np.where(excluded, np.nan, measured),
        "PDCSAP_FLUX_ERR": np.where(excluded, np.nan, error * 1.1),
        "SAP_QUALITY": quality,
        "MOM_CENTR1": 990.5 + 0.05 * phase + rng.normal(0, 1e-4, count),
        "MOM_CENTR1_ERR": 1.3e-4,
        "MOM_CENTR2": 101.6 + 0.03 * phase + rng.normal(0, 1e-4, count),
        "MOM_CENTR2_ERR": 1.6e-4,
        "POS_CORR1": -0.13 + 0.05 * phase,
        "POS_CORR2": -0.13 + 0.03 * phase,
    }
    rows = np.zeros(count, table_type())
    for name in table_type().names or ():
        rows[name] = columns.get(name, np.nan)
        if name not in ("TIME", "TIMECORR", "CADENCENO", "SAP_QUALITY"):
            rows[name][no_data] = np.nan
    return rows


def _variability(star: int, time: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return the slow change of a rotating, spotted star (float64[n], relative flux about 0).

    It has the rotation's frequency and two harmonics. `time` (float64[n]) is BKJD, days.
    """
    rng = np.random.default_rng([seed, star, 4])
    rotation = rng.uniform(12, 35)
    light = np.zeros_like(time)
    for harmonic in (1, 2, 3):
        amplitude = rng.uniform(2e-4, 1.2e-3) / harmonic
        # Spots live for some rotations, so the amplitude changes.
        wander = 1 + 0.5 * np.sin(2 * np.pi * (time / rng.uniform(150, 400) + rng.uniform()))
        light += (
            amplitude * wander * np.sin(2 * np.pi * (harmonic * time / rotation + rng.uniform()))
        )
    return light


def _quality(rng: np.random.Generator, count: int, mjd: NDArray[np.float64]) -> NDArray[np.int32]:
    """Draw the flags of SAP_QUALITY at random (int32[count]).

    There are monthly downlinks, a safe mode in some quarters, and cosmic rays. `mjd` is
    float64[count], days.
    """
    quality = np.zeros(count, np.int32)
    per_day = 1 / TIMEDEL_DAYS
    for centre in np.arange(30.5, mjd[-1] - mjd[0] - 5, 30.5):
        begin = int((centre + rng.uniform(-1, 1)) * per_day)
        end = begin + int(rng.uniform(0.7, 1.2) * per_day)
        quality[begin:end] |= _NO_DATA | _EARTH_POINT
        # After the downlink the temperature of the telescope must settle.
        quality[end : end + int(rng.integers(4, 20))] |= _EXCLUDED
    if rng.random() < 0.2 and count > 1000:
        begin = int(rng.integers(count // 4, count // 2))
        quality[begin : begin + int(rng.uniform(1, 4) * per_day)] |= _NO_DATA | _SAFE_MODE
    # Single cadences are lost in the transmission.
    quality[rng.integers(3, count, 2 + count // 800)] |= _NO_DATA
    hit = rng.random(count)
    quality[hit < 0.01] |= _COSMIC_RAY
    quality[hit > 0.998] |= _EXCLUDED
    quality[:3] |= _EXCLUDED
    return quality


def _aperture() -> NDArray[np.int32]:
    """Return the image of the aperture, int32[5, 5]: 1 observed, 3 also in the aperture."""
    image = np.ones((5, 5), np.int32)
    image[1:4, 1:4] = 3
    return image


def _utc(mjd: float) -> str:
    """Return a time (MJD, days) as ISO text."""
    moment = dt.datetime(1858, 11, 17, tzinfo=dt.UTC) + dt.timedelta(days=mjd)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _write_truth(path: Path, planets: list[Planet]) -> None:
    columns = ("star", "planet", "period_days", "epoch_bkjd", "duration_hours", "depth_ppm")
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow((*columns, "radius_ratio", "impact"))
        for p in planets:
            ephemeris = (p.period_days, p.epoch_bkjd, p.duration_hours, round(p.depth_ppm, 1))
            table.writerow((p.star, p.letter, *ephemeris, p.radius_ratio, p.impact))
