"""What the search finds in small stored light curves stays to a millionth (`golden/make.py`)."""

from __future__ import annotations

import json

import pytest
from golden.make import RESULTS, figures, star

from kepler_lens.transit_search.search import search_and_vet

KNOWN = json.loads(RESULTS.read_text(encoding="utf-8"))
TRUE_PERIODS = {
    "quiet": [],
    "spotted": [4.3],
    "pulsating": [6.1],
    "gaps": [8.7],
    "resonance": [6.1, 12.2],
    "binary": [5.71],
    "timing": [5.3],
}
"""Days, of what was put in."""
FITTED = ("duration_hours", "depth_ppm", "shape", "size", "duration", "secondary", "brightening")
"""Where a fit ends to a thousandth, and what is measured about it."""


def same(found, known, name=""):
    if isinstance(known, dict):
        assert found.keys() == known.keys(), name
        for key, value in known.items():
            same(found[key], value, key)
    elif isinstance(known, list):
        assert len(found) == len(known), name
        for one, other in zip(found, known, strict=True):
            same(one, other, name)
    elif isinstance(known, float):
        exact = 5e-3 if name in FITTED else 1e-6
        assert found == pytest.approx(known, rel=exact, abs=exact), name
    else:
        assert found == known, name


@pytest.mark.parametrize("name", TRUE_PERIODS)
def test_what_is_found_stays(name):
    same(figures(search_and_vet(star(name))), KNOWN[name])


@pytest.mark.parametrize("name", TRUE_PERIODS)
def test_what_is_stored_is_what_was_put_in(name):
    wanted = "FALSE POSITIVE" if name == "binary" else "CANDIDATE"
    rows = KNOWN[name]["candidates"]
    periods = sorted(row["period_days"] for row in rows if row["disposition"] == wanted)
    assert periods == [pytest.approx(period, rel=2e-3) for period in TRUE_PERIODS[name]]
    if name == "binary":
        assert len(rows) == 1
