"""Every point is in the server, once, and equals that of the public database."""

from __future__ import annotations

import json

import numpy as np
from lab import finite_points
from sky_stars import star_of
from test_sky import MANY


def test_kepler_11_equals_the_public_database_point_by_point(lab, data):
    about = json.loads((data / "helloexoworld/006541920.json").read_text())
    ticks_ms = about["first_ms"] + np.cumsum(np.load(data / "helloexoworld/006541920_dt_ms.npy"))
    flux = np.load(data / "helloexoworld/006541920_sap_flux.npy")

    (series,) = lab.series("'sap.flux' { 'KEPLERID' '6541920' }")
    points = np.array(series["v"])
    points = points[np.argsort(points[:, 0])]
    ours_us = np.array(sorted(row[0] for row in series["v"]), dtype=np.int64)

    assert len(series["v"]) == about["points"] == 65435
    assert np.array_equal(ours_us, ticks_ms * 1000)
    assert np.array_equal(points[:, -1].astype(np.float32), flux.astype(np.float32))
    decoded = {key: value.replace("+", " ") for key, value in about["labels"].items()}
    assert {key: series["l"][key] for key in decoded} == decoded
    assert series["l"]["OBSMODE"] == "long cadence"


def test_every_finite_point_is_there_once(lab, data):
    # On a lab that was verified before, `test_sky` has left its stars behind.
    made = {str(star_of(index)[1]) for index in range(MANY)}
    counts = {key: count for key, count in lab.counts().items() if key[1] not in made}
    assert counts == finite_points(data / "kepler", data / "k2")


def test_the_public_token_does_not_see_the_ledger(lab):
    script = "[ @HELLOEXOWORLD/GETREADTOKEN '~.*' {} ] FIND <% DROP NAME %> LMAP UNIQUE"
    # Without the results of searches and the points at stars' numbers, such as the register.
    found = ("transit.", "star.")
    names = {name for name in lab.execute(script)[0] if not name.startswith(found)}
    assert names == {"sap.flux", "pdcsap.flux"}
