"""The server looks at every star by itself, once, and tells what it did."""

from __future__ import annotations

import json

import numpy as np
import pytest
from kepler_lens.lightcurve import bkjd_to_us, us_to_bkjd
from lab import SERVER
from searches import planet, put_star, token, warp10

READ = "@HELLOEXOWORLD/GETREADTOKEN"
CHANGING, WORDS = 999200001, 999200002


@pytest.fixture(scope="module", autouse=True)
def stars(lab):
    """One star that will change, and one whose flux is no number."""
    when, flux = planet(40.0)
    put_star(lab, CHANGING, when, flux)
    name = f"pdcsap.flux{{KEPLERID={WORDS},OBSMODE=long%20cadence}}"
    text = "".join(f"{tick}// {name} 'dark'\n" for tick in bkjd_to_us(when[:60]).tolist())
    warp10(lab).update(text.encode(), token(lab, "write"))
    yield
    for star in (CHANGING, WORDS):
        warp10(lab).delete(f"~.*{{KEPLERID={star}}}", token(lab, "write"))
        warp10(lab).delete(f"~.*{{KEPLERID={star}}}", token(lab, "results-write"))


def dips(lab, star: int) -> np.ndarray:
    """Give the middles of a star's dips, BKJD."""
    found = lab.series(f"'transit.dip' {{ 'KEPLERID' '{star}' }}")
    return us_to_bkjd(np.array(sorted(p[0] for s in found for p in s["v"]), np.int64))


def phases(times: np.ndarray, epoch: float) -> np.ndarray:
    """Give the distance from the nearest transit of `planet`, days."""
    return np.abs((times - epoch + 4.321 / 2) % 4.321 - 4.321 / 2)


def state(lab) -> dict:
    found = lab.execute(f"[ {READ} 'transit.watch' {{}} NOW -1 ] FETCH")[0]
    return json.loads(found[0]["v"][0][-1]) if found else {}


def looks(lab) -> dict[str, int]:
    return {s["l"]["KEPLERID"]: len(s["v"]) for s in lab.series("'transit.look' {}")}


def test_every_star_is_looked_at_once_also_over_a_restart(lab):
    script = f"[ {READ} 'pdcsap.flux' {{}} ] FIND <% DROP LABELS 'KEPLERID' GET %> LMAP UNIQUE"
    stars = set(lab.execute(script)[0])
    lab.wait_until("a look at every star", lambda: stars <= set(looks(lab)), 180)
    before, round_ = looks(lab), state(lab)["round"]
    lab.shell(SERVER, "systemctl restart warp10")
    lab.wait_until("a round after the restart", lambda: state(lab)["round"] > round_, 150)
    assert looks(lab) == before
    assert state(lab)["left"] == 0


def test_a_star_that_cannot_be_looked_at_is_named(lab):
    (look,) = lab.series(f"'transit.look' {{ 'KEPLERID' '{WORDS}' }}")
    assert json.loads(look["v"][0][-1])["error"]
    assert str(WORDS) in state(lab)["error"]


def test_dips_of_a_star_that_changed_are_replaced(lab):
    before = dips(lab, CHANGING)
    # Of the tenth transit the light curve has a part.
    assert len(before) in (9, 10)
    assert phases(before, 541.0).max() < 0.1
    when, flux = planet(40.0)
    later = round(2.0 / (when[1] - when[0]))
    moved = np.concatenate([flux[flux > 9990][:later], flux[:-later]])
    put_star(lab, CHANGING, when, moved)
    lab.wait_until("a second look", lambda: looks(lab)[str(CHANGING)] == 2, 150)
    after = dips(lab, CHANGING)
    assert len(after) >= 8
    assert phases(after, 543.0).max() < 0.1


def test_the_job_with_its_token_is_the_services_own(lab):
    said = lab.shell(SERVER, "stat -c '%U %a' /etc/warp10/runners/transits/*/watch.mc2")
    assert said.split() == ["warp10", "600"]
