"""What each mission says of itself, and what all missions have in common.

The modules of the missions and this one need no NumPy before they are used, because Ansible's
controller reads them too (`kepler_lens.stars.lists`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kepler_lens.missions.observing import Observing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STAR_LABEL = "KEPLERID"
"""Label of the star's number, of every series about a star and of every mission's."""
LABELS = (STAR_LABEL, "OBJECT", "MISSION", "OBSMODE", "INSTRUME")
"""Labels of the series of a light curve, as the primary header of a file has them."""
DEFAULT_COLUMNS = ("SAP_FLUX", "PDCSAP_FLUX")
"""Columns of a file that are read unless others are asked for."""
CADENCES = ("long", "short")
"""Words for the rhythms of exposures; OBSMODE says ``long cadence``."""

MAST_HTTPS = "https://archive.stsci.edu/missions/"
"""The archive of all missions, with a folder for each."""
MAST_S3 = "s3://stpubdata/"
"""Its public bucket."""

DAY_MS = 86_400_000
"""Length of a day, ms."""

Segments = tuple[int, ...] | None
"""Quarters or campaigns, as people number them; None for all."""


@dataclass(frozen=True, slots=True)
class TimeZero:
    """The instant from which a mission counts time, in days of BJD in the scale TDB.

    Attributes
    ----------
    name : str
        Such as 'BKJD'.
    reference_jd : int
        Julian Date of time 0, days.
    days_after_1970 : float
        The same, after 1970-01-01T00:00.
    """

    name: str
    reference_jd: int
    days_after_1970: float

    @property
    def definition(self) -> str:
        """What is counted, in days, such as 'BJD(TDB) - 2454833'."""
        return f"BJD(TDB) - {self.reference_jd}"

    @property
    def axis(self) -> str:
        """Name and unit of an axis of time."""
        return f"Time [{self.name} = {self.definition}, days]"

    def ticks(self, time: NDArray[np.float64]) -> NDArray[np.int64]:
        """Convert instants to ticks of Warp 10's time axis.

        Parameters
        ----------
        time : float64[n]
            Days after time 0, finite.

        Returns
        -------
        int64[n]
            ``floor((time + days_after_1970) * 86400000) * 1000``: microseconds since
            1970-01-01T00:00 TDB, in whole milliseconds, as in the public HelloExoWorld.
        """
        import numpy as np

        ms = np.floor((time + self.days_after_1970) * DAY_MS)
        return ms.astype(np.int64) * 1000


@dataclass(frozen=True, slots=True)
class Cards:
    """Cards of a file's headers.

    Attributes
    ----------
    star, segment : str
        Number of the star, and of the quarter or campaign.
    stellar : tuple of str
        Effective temperature (K), surface gravity (log10 of cm/s²), radius (solar radii) and
        magnitude of the star.
    precision : dict
        Hours to the card of the table with the pipeline's precision over so many hours, ppm.
    """

    star: str
    segment: str
    stellar: tuple[str, ...]
    precision: Mapping[float, str]


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
    counts : dict of int to int
        Of the tarball of one star: each quarter to its number of files; empty where the name does
        not tell.
    """

    star: int | None = None
    mission: str | None = None
    segment: int | None = None
    cadence: str | None = None
    counts: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Names of a mission's files, and the folders that the archive keeps them in.

    A file lies two folders below one of the `tops`. All folders are relative to the mission's
    folder of light curves, and end in '/'.

    Attributes
    ----------
    folder : str or None
        The mission's folder in the archive; None if the archive has nothing of it.
    facts : callable
        Facts of a light curve file by its name, without the mission where the number of the star
        tells it; None if the name is not of this mission's pattern.
    bundle_facts : callable
        The same of a tarball's name; the facts hold for all files in it.
    other_product : re.Pattern
        Names of files that are no light curves.
    numbers : callable
        Numbers that names of files and folders have for a quarter or campaign: 91 and 92 for K2's
        9.
    star_folders : callable
        Folders that may have files of a star, for some segments.
    has_own_folder : bool
        Whether these folders have the files of this star alone.
    tops : callable
        Folders that together have all files of some segments, each in order of the stars.
    """

    folder: str | None
    facts: Callable[[str], NameFacts | None]
    bundle_facts: Callable[[str], NameFacts | None]
    other_product: re.Pattern[str]
    numbers: Callable[[int], tuple[int, ...]]
    star_folders: Callable[[int, Segments], tuple[str, ...]]
    has_own_folder: bool
    tops: Callable[[Segments], tuple[str, ...]]

    @property
    def url(self) -> str:
        """Address of the mission's folder of light curves in the archive."""
        return f"{MAST_HTTPS}{self.folder}/lightcurves/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """A mission, and what is true of it alone.

    Attributes
    ----------
    name : str
        Label MISSION.
    catalogue : str or None
        Catalogue that numbers its stars, such as 'KIC'; people write it before a number.
    stars : range
        Numbers of its stars; the ranges of two missions have no number in common.
    zero : TimeZero
        What TIME in its files counts from.
    segment : str
        Word for the time between two turns of the telescope, such as 'quarter'.
    cards : Cards
        Cards of its files' headers.
    quality : dict
        Words for the bits of SAP_QUALITY to the numbers of the bits.
    files : Files
        Names and folders of its files.
    observing : Observing
        What the analysis of a light curve asks; `kepler_lens.missions.observing` gives the same.
    """

    name: str
    catalogue: str | None
    stars: range
    zero: TimeZero
    segment: str
    cards: Cards
    quality: Mapping[str, int]
    files: Files
    observing: Observing

    def segment_text(self, number: int) -> str:
        """Return how a segment is written: Q5 or C5."""
        return f"{self.segment[0].upper()}{number}"
