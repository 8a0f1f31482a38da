"""Read star, quarter or campaign, and cadence from the names of the archive's light curve files.

Kepler: ``kplr006541920-2009166043257_llc.fits`` has the KIC number and the time stamp of the
quarter's last cadence. K2: ``ktwo200001049-c01_llc.fits`` has the EPIC number and the campaign.
``_llc`` is long cadence, ``_slc`` is short cadence. The name has no quarter; the time stamp gives
it, by the tables of the archive's own ``get_kepler.py``
(https://archive.stsci.edu/kepler/software/get_kepler.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FIRST_EPIC = 200_000_000
"""Smallest number that counts as an EPIC number (chosen: KIC numbers are smaller)."""
FIRST_SIMULATED = 900_000_001
"""Smallest number of a simulated star (chosen: neither catalogue has it)."""

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

CAMPAIGN_PARTS: dict[int, tuple[int, ...]] = {9: (91, 92), 10: (101, 102), 11: (111, 112)}
"""Campaigns that the archive holds in two parts, to the numbers of the parts in names."""

CAMPAIGNS: tuple[int, ...] = (
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 91, 92, 101, 102, 111, 112),
    *(12, 13, 14, 15, 16, 17, 18, 19),
)
"""Every campaign as file and folder names write it."""

_STAMPS = {"long": LONG_STAMPS, "short": SHORT_STAMPS}
_QUARTER_OF = {
    (cadence, stamp): quarter
    for cadence, table in _STAMPS.items()
    for quarter, stamps in table.items()
    for stamp in stamps
}
_CADENCE_OF = {"llc": "long", "slc": "short"}
_KEPLER = re.compile(r"kplr(\d{9})-(\d{13})_(llc|slc)\.fits(?:\.gz)?", re.IGNORECASE)
_K2 = re.compile(r"ktwo(\d{9})-c(\d{2,3})_(llc|slc)\.fits(?:\.gz)?", re.IGNORECASE)
_BUNDLE = re.compile(r".*_(?:Q(\d{1,2})|c(\d{1,3}))_(long|short)(?:_\d+)?\..*", re.IGNORECASE)
_STAR_BUNDLE = re.compile(r"kplr(\d{9})_([ls]c)_Q\d+\..*", re.IGNORECASE)
_FITS = re.compile(r".*\.fits?(?:\.gz)?", re.IGNORECASE | re.DOTALL)
_OTHER_PRODUCT = re.compile(
    r"(?:kplr|ktwo)\d{9}[-_].*(?:targ|dvt|dvs|dvr|dvm|tcert|wcs|bkg|cbv|art)\b.*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class NameFacts:
    """Facts that a file's name tells; None where it does not tell them.

    Attributes
    ----------
    star : int or None
        KIC, EPIC or simulated number.
    mission : str or None
        'Kepler', 'K2' or 'Simulation'.
    segment : int or None
        Quarter or campaign.
    cadence : str or None
        'long' or 'short'.
    """

    star: int | None = None
    mission: str | None = None
    segment: int | None = None
    cadence: str | None = None


def facts_of(name: str) -> NameFacts:
    """Read the name of a file.

    Parameters
    ----------
    name : str
        File name without folder.

    Returns
    -------
    NameFacts
        All None where the name does not follow the archive's pattern. The segment is None where no
        known quarter has the time stamp.
    """
    if match := _KEPLER.fullmatch(name):
        star, cadence = int(match[1]), _CADENCE_OF[match[3].lower()]
        return NameFacts(star, mission_of_star(star), _QUARTER_OF.get((cadence, match[2])), cadence)
    if match := _K2.fullmatch(name):
        return NameFacts(int(match[1]), "K2", int(match[2]), _CADENCE_OF[match[3].lower()])
    return NameFacts()


def facts_of_bundle(name: str) -> NameFacts:
    """Read the name of a tarball of the archive, ``public_Q10_long_3.tgz`` or that of one star.

    Parameters
    ----------
    name : str
        File name without folder.

    Returns
    -------
    NameFacts
        Facts that hold for all files in it; all None where the name does not follow the pattern.
    """
    if match := _STAR_BUNDLE.fullmatch(name):
        cadence = "long" if match[2].lower() == "lc" else "short"
        return NameFacts(int(match[1]), mission_of_star(int(match[1])), None, cadence)
    if match := _BUNDLE.fullmatch(name):
        mission = "Kepler" if match[1] else "K2"
        return NameFacts(None, mission, int(match[1] or match[2]), match[3].lower())
    return NameFacts()


def mission_of_star(star: int) -> str:
    """Return the mission of a star: the ranges of KIC, EPIC and simulated numbers do not overlap.

    Returns
    -------
    str
        'Kepler', 'K2' or 'Simulation'.
    """
    if star >= FIRST_SIMULATED:
        return "Simulation"
    return "K2" if star >= FIRST_EPIC else "Kepler"


def may_be_light_curve(name: str) -> bool:
    """Return whether a file's name may be that of a light curve.

    Any FITS file may be one, whatever its name. Excluded are the archive's names for its other
    products (target pixels, validation reports), and those of the files that macOS keeps beside a
    file (``._NAME``).
    """
    if name.startswith("._"):
        return False
    return _FITS.fullmatch(name) is not None and _OTHER_PRODUCT.fullmatch(name) is None


def stamps(quarters: tuple[int, ...] | None, cadence: str) -> tuple[str, ...]:
    """Return the time stamps in the names of files of some quarters; None means all quarters.

    Parameters
    ----------
    quarters : tuple of int or None
    cadence : str
        'long' or 'short'.
    """
    table = _STAMPS[cadence]
    wanted = table if quarters is None else [quarter for quarter in quarters if quarter in table]
    return tuple(stamp for quarter in wanted for stamp in table[quarter])


def campaign_numbers(campaign: int) -> tuple[int, ...]:
    """Return the numbers of a campaign in the archive's names: (91, 92) for 9, (5,) for 5."""
    return CAMPAIGN_PARTS.get(campaign, (campaign,))


def stem(star: int) -> str:
    """Return the first part of a star's file names: ``kplr006541920`` or ``ktwo200001049``."""
    return f"{'ktwo' if mission_of_star(star) == 'K2' else 'kplr'}{star:09d}"
