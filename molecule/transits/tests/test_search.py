"""Guests find the planets on the server by FIND and FETCH."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from kepler_lens import connect
from kepler_lens.transit_search.report.table import COLUMNS
from lab import DATA, PROJECT
from searches import FOLDER, assert_whole, candidates, newest

SIMULATED = PROJECT / ".lab" / "simulated" / "planets.csv"
PUBLISHED = {
    6541920: (10.3039, 13.0241, 22.6845, 31.9996, 46.6888, 118.3807),
    11442793: (7.00815, 8.71938, 14.44912, 59.7367, 91.9391, 124.914, 210.607, 331.601),
}


def known_planets() -> dict[int, list[float]]:
    """Return the periods of the planets of the imported stars, days: published or simulated."""
    if DATA.is_dir():
        return PUBLISHED
    periods: dict[int, list[float]] = {}
    if SIMULATED.exists():
        with SIMULATED.open(newline="") as file:
            for row in csv.DictReader(file):
                periods.setdefault(int(row["star"]), []).append(float(row["period_days"]))
    return periods


PLANETS = known_planets()


def catalogue() -> list[dict[str, str]]:
    with (FOLDER / "catalogue.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_planets_are_known_in_what_was_imported():
    assert len(PLANETS) >= 2


@pytest.mark.parametrize("star", PLANETS)
def test_every_planet_is_a_candidate(lab, star):
    periods = np.array([float(c["period"]) for c in assert_whole(lab, star)])
    missed = [p for p in PLANETS[star] if (np.abs(periods / p - 1) > 1e-3).all()]
    assert not missed, periods


def test_the_overlay_falls_on_the_dips(lab):
    """At each transit the candidate's point is on the light curve, and below its level."""
    star = min(PLANETS)
    (curve,) = lab.series(f"'pdcsap.flux' {{ 'KEPLERID' '{star}' }}")
    points = np.array(sorted(row[:1] + row[-1:] for row in curve["v"]), dtype=float)
    when, flux = points[:, 0] / 86_400e6, points[:, 1]
    for series in lab.series(f"'transit.candidate' {{ 'KEPLERID' '{star}' }}"):
        depths, misses = [], []
        for tick, *_, value in series["v"]:
            away = np.abs(when - tick / 86_400e6)
            inside = flux[away < 0.04]
            around = flux[(away > 0.3) & (away < 0.8)]
            if len(inside) >= 2 and len(around) >= 20:
                level = np.median(around)
                depths.append(1e6 * (1 - value / level))
                misses.append(1e6 * (inside.mean() - value) / level)
        depth = float(series["a"]["depth"])
        assert len(depths) > 5, series["l"]
        assert np.median(depths) == pytest.approx(depth, rel=0.3), series["l"]
        assert abs(np.median(misses)) < 0.35 * depth, series["l"]


def test_the_search_says_its_limit(lab):
    stars = {int(row["kepid"]) for row in catalogue()}
    assert stars
    for star in stars:
        about = newest(lab, star)
        assert about["limit"] > 0
        assert len(about["fingerprint"]) == 32


def test_python_lists_the_candidates_of_the_catalogue(lab):
    listed = {
        (int(row["kepid"]), int(row["tce_plnt_num"])): float(row["tce_period"])
        for row in catalogue()
    }
    server = connect(lab.url)
    found = server.candidates()
    assert {(int(row["star"]), int(row["candidate"])): row["period"] for row in found} == (
        pytest.approx(listed, rel=1e-6)
    )
    assert set(server.candidates(min(PLANETS))["star"]) == {min(PLANETS)}
    short = server.candidates(period=(None, 12), disposition="candidate")
    assert set(short["disposition"]) <= {"CANDIDATE", "candidate"}
    assert 0 < len(short) < len(found)
    assert max(short["period"]) <= 12


def test_catalogue_and_pages_are_brought(lab):
    rows = catalogue()
    assert tuple(rows[0]) == COLUMNS
    for row in rows:
        page = FOLDER / "pages" / row["kepid"] / f"{row['tce_plnt_num']}.png"
        assert page.read_bytes().startswith(b"\x89PNG")
        (same,) = (
            c for c in candidates(lab, int(row["kepid"])) if c["CANDIDATE"] == row["tce_plnt_num"]
        )
        assert (row["tce_period"], row["disposition"]) == (same["period"], same["disposition"])
