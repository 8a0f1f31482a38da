"""The server looks at every star by itself, once, and tells what it did."""

from __future__ import annotations

import json
import time
from urllib.parse import quote

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


def looks_at(lab, star: int) -> list[dict]:
    """Give what the looks at a star told, the newest last."""
    (found,) = lab.series(f"'transit.look' {{ 'KEPLERID' '{star}' }}")
    return [json.loads(point[-1]) for point in sorted(found["v"])]


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
    assert looks_at(lab, WORDS)[-1]["error"]
    assert str(WORDS) in state(lab)["error"]


def test_a_look_that_failed_is_made_again_and_its_error_goes(lab):
    script = lab.shell(SERVER, "cat /etc/warp10/runners/transits/*/watch.mc2")
    begin = "$begin 3600 s -"
    assert begin in script
    before = dips(lab, CHANGING)
    done = looks_at(lab, CHANGING)[-1]
    assert (done["error"], len(before) > 0) == ("", True)
    # As it would stand there after a look with a macro that was broken, and is mended.
    text = quote(json.dumps(done | {"dips": 0, "error": "no such macro"}))
    line = f"{time.time_ns() // 1000}// transit.look{{KEPLERID={CHANGING}}} '{text}'\n"
    warp10(lab).update(line.encode(), token(lab, "results-write"))
    lab.execute(script)
    assert state(lab)["failed"] == 2
    assert state(lab)["error"] == f"Star {CHANGING}: no such macro"
    assert len(looks_at(lab, CHANGING)) == 2

    lab.execute(script.replace(begin, "$begin"))
    assert looks_at(lab, CHANGING)[-1] == done
    assert np.array_equal(dips(lab, CHANGING), before)
    # The other star's look failed again.
    assert state(lab)["failed"] == 1
    assert state(lab)["error"].startswith(f"Star {WORDS}: ")


def test_a_failed_look_leaves_the_dips_that_were_there(lab):
    line = f"1300000000000000// transit.dip{{KEPLERID={WORDS}}} 1.5\n"
    warp10(lab).update(line.encode(), token(lab, "results-write"))
    looked = len(looks_at(lab, WORDS))
    script = lab.shell(SERVER, "cat /etc/warp10/runners/transits/*/watch.mc2")
    lab.execute(script.replace("$begin 3600 s -", "$begin"))
    assert len(looks_at(lab, WORDS)) > looked
    assert looks_at(lab, WORDS)[-1]["error"]
    (found,) = lab.series(f"'transit.dip' {{ 'KEPLERID' '{WORDS}' }}")
    assert found["v"] == [[1300000000000000, 1.5]]


def test_dips_of_a_star_that_changed_are_replaced(lab):
    before = dips(lab, CHANGING)
    # Of the tenth transit the light curve has a part.
    assert len(before) in (9, 10)
    assert phases(before, 541.0).max() < 0.1
    when, flux = planet(40.0)
    later = round(2.0 / (when[1] - when[0]))
    moved = np.concatenate([flux[flux > 9990][:later], flux[:-later]])
    put_star(lab, CHANGING, when, moved)
    looked = len(looks_at(lab, CHANGING))
    lab.wait_until("another look", lambda: len(looks_at(lab, CHANGING)) > looked, 150)
    after = dips(lab, CHANGING)
    assert len(after) >= 8
    assert phases(after, 543.0).max() < 0.1


def test_the_job_with_its_token_is_the_services_own(lab):
    said = lab.shell(SERVER, "stat -c '%U %a' /etc/warp10/runners/transits/*/watch.mc2")
    assert said.split() == ["warp10", "600"]
