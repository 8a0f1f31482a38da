"""K2: fields along the ecliptic, each observed for some 80 days, a campaign.

A file is named ``ktwo200001049-c01_llc.fits``: the EPIC number and the campaign. The archive keeps
it in the folders ``c1/200000000/01000/``, which the stars of a thousand numbers share.
"""

from __future__ import annotations

import re
from dataclasses import replace

from kepler_lens.missions import kepler
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.missions.mission import Files, Mission, NameFacts, Segments
from kepler_lens.missions.observing import Observing

OBSERVING = Observing(firing_days=12 * LONG_CADENCE_DAYS)
"""Two reaction wheels could not hold the telescope still. Its thrusters corrected the pointing at
every 12th cadence where that was needed, and in between the stars drifted over the pixels (Van
Cleve et al. 2016, PASP 128, 075002)."""

CAMPAIGN_PARTS: dict[int, tuple[int, ...]] = {9: (91, 92), 10: (101, 102), 11: (111, 112)}
"""Campaigns that the archive holds in two parts, to the numbers of the parts in names."""

CAMPAIGNS: tuple[int, ...] = (
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 91, 92, 101, 102, 111, 112),
    *(12, 13, 14, 15, 16, 17, 18, 19),
)
"""Every campaign as file and folder names write it."""

_FILE = re.compile(r"ktwo(\d{9})-c(\d{2,3})_(llc|slc)\.fits(?:\.gz)?", re.IGNORECASE)
_BUNDLE = re.compile(r".*_c(\d{1,3})_(long|short)(?:_\d+)?\..*", re.IGNORECASE)


def _facts(name: str) -> NameFacts | None:
    if match := _FILE.fullmatch(name):
        cadence = kepler.CADENCE_LETTERS[match[3].lower()]
        return NameFacts(int(match[1]), MISSION.name, int(match[2]), cadence)
    return None


def _bundle_facts(name: str) -> NameFacts | None:
    if match := _BUNDLE.fullmatch(name):
        return NameFacts(None, MISSION.name, int(match[1]), match[2].lower())
    return None


def _numbers(campaign: int) -> tuple[int, ...]:
    return CAMPAIGN_PARTS.get(campaign, (campaign,))


def _tops(campaigns: Segments) -> tuple[str, ...]:
    if campaigns is None:
        return tuple(f"c{number}/" for number in CAMPAIGNS)
    return tuple(f"c{number}/" for campaign in campaigns for number in _numbers(campaign))


def _star_folders(star: int, campaigns: Segments) -> tuple[str, ...]:
    below = f"{star // 100_000}00000/{star % 100_000 // 1000:02d}000/"
    return tuple(f"{top}{below}" for top in _tops(campaigns))


MISSION = Mission(
    name="K2",
    catalogue="EPIC",
    stars=range(kepler.MISSION.stars.stop, 900_000_001),
    zero=kepler.BKJD,
    segment="campaign",
    cards=replace(kepler.MISSION.cards, segment="CAMPAIGN"),
    quality=kepler.QUALITY,
    files=Files(
        folder="k2",
        facts=_facts,
        bundle_facts=_bundle_facts,
        other_product=kepler.other_product("ktwo"),
        numbers=_numbers,
        star_folders=_star_folders,
        has_own_folder=False,
        tops=_tops,
    ),
    observing=OBSERVING,
)
"""The range of numbers begins where Kepler's ends, and ends where the simulation's begins (chosen:
EPIC numbers lie between)."""
