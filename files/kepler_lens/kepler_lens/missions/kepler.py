"""Kepler: one field of stars, observed for four years in quarters.

A file is named ``kplr006541920-2009166043257_llc.fits``: the KIC number, and the time stamp of the
quarter's last cadence. ``_llc`` is long cadence, ``_slc`` is short cadence. The name has no
quarter; the time stamp gives it, by the tables of the archive's own ``get_kepler.py``
(https://archive.stsci.edu/kepler/software/get_kepler.py). The archive keeps it in the folders
``0065/006541920/``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kepler_lens.missions.mission import (
    DAY_MS,
    STAR_LABEL,
    Cards,
    Files,
    Mission,
    NameFacts,
    Segments,
    TimeZero,
)
from kepler_lens.missions.observing import Observing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONG_CADENCE_DAYS = 0.02043361
"""Length of a long cadence, days: 29.42 min (Kepler Instrument Handbook, KSCI-19033, section
2.6)."""

QUARTER_STARTS = (
    120.5, 131.5, 169.5, 260.2, 352.3, 443.4, 539.4, 630.1, 735.3,
    808.5, 906.8, 1001.2, 1099.4, 1182.7, 1274.1, 1373.4, 1472.0, 1559.2,
)  # fmt: skip
"""First cadence of each quarter, 0 to 17, BKJD, from the long cadence files."""

OBSERVING = Observing(QUARTER_STARTS)

LIMB_DARKENING = (0.40, 0.26)
"""u1 and u2, without unit, of a star like the Sun in Kepler's band (Claret and Bloemen 2011, A&A
529, A75)."""

_DAYS_1970_TO_REFERENCE = 14245.5
"""BKJD 0, days after 1970-01-01T00:00."""
BKJD = TimeZero("BKJD", 2454833, _DAYS_1970_TO_REFERENCE)
"""Time of Kepler, K2 and the simulation (Kepler Archive Manual, KDMC-10008-006, section 2.3.2), and
of everything that the server and the search hold."""


def bkjd_to_us(time: NDArray[np.float64]) -> NDArray[np.int64]:
    """Convert BKJD (float64[n], days, finite) to ticks (int64[n], µs), see `TimeZero.ticks`."""
    return BKJD.ticks(time)


def us_to_bkjd(time_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """Convert ticks (int64[n], µs) back to BKJD (float64[n], days), to within 1 ms."""
    return time_us / (DAY_MS * 1000.0) - _DAYS_1970_TO_REFERENCE


QUALITY = {
    "attitude tweak": 0,
    "safe mode": 1,
    "coarse point": 2,
    "Earth point": 3,
    "reaction wheel at zero speed": 4,
    "reaction wheels desaturated": 5,
    "Argabrightening": 6,
    "cosmic ray in the aperture": 7,
    "excluded by hand": 8,
    "sudden drop of sensitivity": 10,
    "single outlier": 11,
    "Argabrightening on this CCD": 12,
    "cosmic ray in the calibration pixels": 13,
    "anomaly of the detector": 14,
    "no fine point": 15,
    "no data": 16,
    "rolling band in the aperture": 17,
    "rolling band on this detector": 18,
    "thruster firing possible": 19,
    "thruster firing": 20,
}
"""Words for the bits of SAP_QUALITY, of Kepler and K2, to the numbers of the bits (Kepler Archive
Manual, KDMC-10008, table 2-3; the thrusters are K2's)."""

BAD_QUALITY = 1130799
"""Bits of SAP_QUALITY that spoil a cadence, of Kepler and K2: the default mask of Kepler's guest
observer office. K2's thruster firings (bit 2²⁰) are among them."""

CADENCE_LETTERS = {"llc": "long", "slc": "short"}
"""End of a file's name to its cadence."""

LONG_STAMPS: dict[int, tuple[str, ...]] = {
    0: ("2009131105131",),
    1: ("2009166043257",),
    2: ("2009259160929",),
    3: ("2009350155506",),
    4: ("2010078095331", "2010009091648"),
    5: ("2010174085026",),
    6: ("2010265121752",),
    7: ("2010355172524",),
    8: ("2011073133259",),
    9: ("2011177032512",),
    10: ("2011271113734",),
    11: ("2012004120508",),
    12: ("2012088054726",),
    13: ("2012179063303",),
    14: ("2012277125453",),
    15: ("2013011073258",),
    16: ("2013098041711",),
    17: ("2013131215648",),
}
"""Quarter to the time stamps of its long-cadence files. Q4 has two, because module 3 failed in
it."""

SHORT_STAMPS: dict[int, tuple[str, ...]] = {
    0: ("2009131110544",),
    1: ("2009166044711",),
    2: ("2009201121230", "2009231120729", "2009259162342"),
    3: ("2009291181958", "2009322144938", "2009350160919"),
    4: ("2010009094841", "2010019161129", "2010049094358", "2010078100744"),
    5: ("2010111051353", "2010140023957", "2010174090439"),
    6: ("2010203174610", "2010234115140", "2010265121752"),
    7: ("2010296114515", "2010326094124", "2010355172524"),
    8: ("2011024051157", "2011053090032", "2011073133259"),
    9: ("2011116030358", "2011145075126", "2011177032512"),
    10: ("2011208035123", "2011240104155", "2011271113734"),
    11: ("2011303113607", "2011334093404", "2012004120508"),
    12: ("2012032013838", "2012060035710", "2012088054726"),
    13: ("2012121044856", "2012151031540", "2012179063303"),
    14: ("2012211050319", "2012242122129", "2012277125453"),
    15: ("2012310112549", "2012341132017", "2013011073258"),
    16: ("2013017113907", "2013065031647", "2013098041711"),
    17: ("2013121191144", "2013131215648"),
}
"""Quarter to the time stamps of its short-cadence files, one a month."""

CADENCES_OF_QUARTER: dict[int, tuple[int, int, float, float]] = {
    0: (568, 1043, 54953.03815242, 54962.74411122),
    1: (1105, 2743, 54964.01099382, 54997.48122492),
    2: (2965, 7318, 55002.01747542, 55090.96492052),
    3: (7404, 11773, 55092.72220972, 55181.99659822),
    4: (11914, 16310, 55184.87773552, 55274.70383812),
    5: (16373, 21006, 55275.99115492, 55370.66003002),
    6: (21069, 25466, 55371.94732782, 55461.79386052),
    7: (25509, 29883, 55462.67250542, 55552.04909152),
    8: (30657, 33935, 55567.86468242, 55634.84602412),
    9: (34237, 39004, 55641.01695842, 55738.42395322),
    10: (39049, 43621, 55739.34343282, 55832.76587042),
    11: (43667, 48420, 55833.70578622, 55930.82668572),
    12: (48473, 52516, 55931.90965952, 56014.52272722),
    13: (52551, 56971, 56015.23787102, 56105.55440632),
    14: (57024, 61780, 56106.63735722, 56203.81956722),
    15: (61886, 66665, 56205.98549922, 56303.63768182),
    16: (66712, 70914, 56304.59804202, 56390.46004692),
    17: (70976, 72531, 56391.72690412, 56423.50115222),
}
"""Quarter to its first and last CADENCENO and the middles of these cadences (MJD, days), with the
values of real files."""
MJD_OF_BKJD = 54832.5
"""MJD of BKJD 0, days: its Julian Date - 2400000.5."""
TIMEDEL_DAYS = 0.02043359821692
DEADC = 0.92063492
"""Length of a long cadence, days, and the part of it that is exposed: TIMEDEL and DEADC of real
files."""


def season(quarter: int) -> int:
    """Return the card SEASON of a quarter: the roll of the telescope by quarters of a turn."""
    return 3 if quarter == 0 else (quarter + 2) % 4


def file_name(star: int, stamp: str, ending: str = "llc") -> str:
    """Return the name of a light curve file."""
    return f"kplr{star:09d}-{stamp}_{ending}.fits"


def star_folder(star: int) -> str:
    """Return the folder of a star in the archive, ``0065/006541920/``."""
    digits = f"{star:09d}"
    return f"{digits[:4]}/{digits}/"


def other_product(prefix: str) -> re.Pattern[str]:
    """Return a pattern of names of target pixels, validation reports and the like.

    Instead of a star, names of full-frame images, cotrending vectors, background pixels and
    response functions have a time stamp, a campaign or a part of the detector.
    """
    kinds = "targ|dvt|dvs|dvr|dvm|tcert|wcs|bkg|cbv|art|ffi|prf"
    of_what = r"\d{9}|\d{13}|\d{3}|\d\d\.\d|-[cd]\d+"
    return re.compile(rf"{prefix}(?:{of_what})[-_].*(?:{kinds})\b.*", re.IGNORECASE)


_QUARTER_OF = {
    (cadence, stamp): quarter
    for cadence, table in (("long", LONG_STAMPS), ("short", SHORT_STAMPS))
    for quarter, stamps in table.items()
    for stamp in stamps
}
_FILE = re.compile(r"kplr(\d{9})-(\d{13})_(llc|slc)\.fits(?:\.gz)?", re.IGNORECASE)
_BUNDLE = re.compile(r".*_Q(\d{1,2})_(long|short)(?:_\d+)?\..*", re.IGNORECASE)
_STAR_BUNDLE = re.compile(r"kplr(\d{9})_([ls]c)_Q(\d+)\..*", re.IGNORECASE)
"""After Q there is a digit for each quarter from 0 on: the number of files of the quarter."""


def _facts(name: str) -> NameFacts | None:
    """Read the name of a file; simulated stars have such names too."""
    if match := _FILE.fullmatch(name):
        cadence = CADENCE_LETTERS[match[3].lower()]
        return NameFacts(int(match[1]), None, _QUARTER_OF.get((cadence, match[2])), cadence)
    return None


def _bundle_facts(name: str) -> NameFacts | None:
    """Read the name of a tarball, ``public_Q10_long_3.tgz`` or that of one star."""
    if match := _STAR_BUNDLE.fullmatch(name):
        cadence = "long" if match[2].lower() == "lc" else "short"
        counts = {quarter: int(digit) for quarter, digit in enumerate(match[3]) if digit != "0"}
        return NameFacts(int(match[1]), None, None, cadence, counts)
    if match := _BUNDLE.fullmatch(name):
        return NameFacts(None, MISSION.name, int(match[1]), match[2].lower())
    return None


def _star_folders(star: int, _: Segments) -> tuple[str, ...]:
    return (star_folder(star),)


MISSION = Mission(
    name="Kepler",
    catalogue="KIC",
    stars=range(200_000_000),
    zero=BKJD,
    segment="quarter",
    cards=Cards(
        star=STAR_LABEL,
        segment="QUARTER",
        stellar=("TEFF", "LOGG", "RADIUS", "KEPMAG"),
        precision={3.0: "CDPP3_0", 6.0: "CDPP6_0", 12.0: "CDPP12_0"},
    ),
    quality=QUALITY,
    files=Files(
        folder="kepler",
        facts=_facts,
        bundle_facts=_bundle_facts,
        other_product=other_product("kplr"),
        numbers=lambda quarter: (quarter,),
        star_folders=_star_folders,
        has_own_folder=True,
        tops=lambda _: ("",),
    ),
    observing=OBSERVING,
)
"""The end of the range of numbers is chosen: all KIC numbers are smaller. The hours of `precision`
are those in the names of the cards."""
