"""The missions agree with each other, and with what the search counts of them."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from astropy.time import Time

from kepler_lens.missions import (
    MISSIONS,
    k2,
    kepler,
    mission_named,
    mission_of_star,
    observing,
    simulation,
)


@pytest.mark.parametrize("mission", MISSIONS.values(), ids=list(MISSIONS))
def test_the_search_is_told_what_the_registry_says(mission):
    assert observing(mission.name) == mission.observing


def test_a_label_that_is_missing_or_unknown_is_kepler_s():
    assert mission_named(None) is mission_named("no mission") is kepler.MISSION
    assert observing("") == kepler.OBSERVING


@pytest.mark.parametrize(
    ("star", "name"),
    [
        (1, "Kepler"),
        (199_999_999, "Kepler"),
        (200_000_000, "K2"),
        (900_000_000, "K2"),
        (900_000_001, "Simulation"),
        (10**9, "Simulation"),
    ],
)
def test_a_number_tells_the_mission(star, name):
    assert mission_of_star(star) == name


def test_no_number_is_of_two_missions():
    for one, other in combinations(MISSIONS.values(), 2):
        assert one.stars.stop <= other.stars.start or other.stars.stop <= one.stars.start


def test_time_zero_is_the_same_instant_in_each_count():
    for mission in MISSIONS.values():
        zero = mission.zero
        moment = Time(zero.reference_jd, format="jd", scale="tdb")
        days = (moment - Time("1970-01-01", scale="tdb")).to_value("day")
        assert days == pytest.approx(zero.days_after_1970, abs=1e-9)
        assert zero.definition == f"BJD(TDB) - {zero.reference_jd}"
    assert kepler.BKJD.reference_jd - 2_400_000.5 == kepler.MJD_OF_BKJD


def test_bits_that_spoil_a_cadence_have_names():
    bits = {bit for bit in range(31) if kepler.BAD_QUALITY >> bit & 1}
    words = {word for word, bit in kepler.QUALITY.items() if bit in bits}
    assert len(words) == len(bits)
    assert words == {
        "attitude tweak", "safe mode", "coarse point", "Earth point",
        "reaction wheels desaturated", "excluded by hand", "anomaly of the detector", "no data",
        "thruster firing",
    }  # fmt: skip
    assert len(set(kepler.QUALITY.values())) == len(kepler.QUALITY)


def test_tables_of_quarters_have_the_same_quarters():
    quarters = list(range(18))
    for table in (kepler.LONG_STAMPS, kepler.SHORT_STAMPS, kepler.CADENCES_OF_QUARTER):
        assert list(table) == quarters
    assert len(kepler.QUARTER_STARTS) == len(quarters)
    first = [middle - kepler.MJD_OF_BKJD for *_, middle, _ in kepler.CADENCES_OF_QUARTER.values()]
    # The listed starts are those at the barycentre, some minutes apart.
    assert np.allclose(first, kepler.QUARTER_STARTS, atol=0.1)


def test_campaigns_have_their_parts():
    for campaign, parts in k2.CAMPAIGN_PARTS.items():
        assert set(parts) <= set(k2.CAMPAIGNS)
        assert campaign not in k2.CAMPAIGNS
        assert k2.MISSION.files.numbers(campaign) == parts
    assert k2.MISSION.files.tops((8, 9)) == ("c8/", "c91/", "c92/")
    assert len(k2.MISSION.files.tops(None)) == len(k2.CAMPAIGNS)


def test_folders_of_a_star():
    assert kepler.MISSION.files.star_folders(6541920, (1,)) == ("0065/006541920/",)
    assert k2.MISSION.files.star_folders(200001049, (1, 10)) == (
        "c1/200000000/01000/",
        "c101/200000000/01000/",
        "c102/200000000/01000/",
    )
    assert simulation.MISSION.files.folder is None


def test_segments_are_written_as_people_write_them():
    assert [each.segment_text(5) for each in MISSIONS.values()] == ["Q5", "C5", "Q5"]


def test_a_controller_without_numpy_reads_lists_of_stars():
    script = (
        "import sys; sys.modules['numpy'] = None\n"
        "from kepler_lens.stars import lists\n"
        "print(lists.read('EPIC 201912552', 'here'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[201912552]\n", "")
