"""Read star, quarter or campaign, and cadence from the names of the archive's light curve files.

Each mission says of what patterns the names are (`kepler_lens.missions.mission.Files`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from kepler_lens.missions import MISSIONS, NameFacts, mission_of_star

_FILES = [each.files for each in MISSIONS.values()]
# Simulated stars have files of Kepler's patterns: each pattern is tried once.
_READERS = tuple(dict.fromkeys(files.facts for files in _FILES))
_BUNDLE_READERS = tuple(dict.fromkeys(files.bundle_facts for files in _FILES))
_OTHER_PRODUCT = re.compile(
    "|".join(dict.fromkeys(files.other_product.pattern for files in _FILES)), re.IGNORECASE
)
_FITS = re.compile(r".*\.fits?(?:\.gz)?", re.IGNORECASE | re.DOTALL)


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
    return _first(name, _READERS)


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
    return _first(name, _BUNDLE_READERS)


def may_be_light_curve(name: str) -> bool:
    """Return whether a file's name may be that of a light curve.

    Any FITS file may be one, whatever its name. Excluded are the archive's names for its other
    products (target pixels, validation reports), and those of the files that macOS keeps beside a
    file (``._NAME``).
    """
    if name.startswith("._"):
        return False
    return _FITS.fullmatch(name) is not None and _OTHER_PRODUCT.fullmatch(name) is None


def _first(name: str, readers: Iterable[Callable[[str], NameFacts | None]]) -> NameFacts:
    """Read a name by the first mission that knows its pattern."""
    for reader in readers:
        if facts := reader(name):
            star = facts.star
            if star is None or facts.mission is not None:
                return facts
            return replace(facts, mission=mission_of_star(star))
    return NameFacts()
