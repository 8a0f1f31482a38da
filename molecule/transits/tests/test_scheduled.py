"""The server's scheduled job looks at every star once, and writes what it did."""

from __future__ import annotations

import json
import time
from urllib.parse import quote

import numpy as np
import pytest
from kepler_lens.missions.kepler import bkjd_to_us, us_to_bkjd
from kepler_lens.warp10.changes import tell
from kepler_lens.warp10.register import Register
from lab import SERVER
from searches import planet, put_star, remove_stars, token, warp10

READ = "@HELLOEXOWORLD/GETREADTOKEN"
CHANGING, WORDS, SHORT = 999200001, 999200002, 999200009


@pytest.fixture(scope="module", autouse=True)
def stars(lab):
    """A star that changes later, and a star whose flux is text, of which no note is written."""
    when, flux = planet(40.0)
    put_star(lab, CHANGING, when, flux)
    name = f"pdcsap.flux{{KEPLERID={WORDS},OBSMODE=long%20cadence}}"
    text = "".join(f"{tick}// {name} 'dark'\n" for tick in bkjd_to_us(when[:60]).tolist())
    warp10(lab).update(text.encode(), token(lab, "write"))
    yield
    remove_stars(lab, CHANGING, SHORT)


def dips(lab, star: int) -> np.ndarray:
    """Return the middles of a star's dips, BKJD."""
    found = lab.series(f"'transit.dip' {{ 'KEPLERID' '{star}' }}")
    return us_to_bkjd(np.array(sorted(p[0] for s in found for p in s["v"]), np.int64))


def phases(times: np.ndarray, epoch: float) -> np.ndarray:
    """Return the distance from the nearest transit of `planet`, days."""
    return np.abs((times - epoch + 4.321 / 2) % 4.321 - 4.321 / 2)


def state(lab) -> dict:
    found = lab.execute(f"[ {READ} 'transit.watch' {{}} NOW -1 ] FETCH")[0]
    return json.loads(found[0]["v"][0][-1]) if found else {}


def looks(lab) -> dict[int, dict]:
    """Return the note of the last look at each star."""
    (found,) = lab.execute(f"[ {READ} 'star.look' {{}} MAXLONG MAXLONG ] FETCH NONEMPTY")
    return {point[0]: json.loads(point[-1]) for series in found for point in series["v"]}


def job(lab) -> str:
    return lab.shell(SERVER, "cat /etc/warp10/runners/transits/*/watch.mc2")


def replaced(script: str, text: str, other: str) -> str:
    assert text in script
    return script.replace(text, other)


def go_through_all(lab) -> None:
    """Run the round that reads all stars, and so finds changes without a note."""
    lab.execute(replaced(job(lab), "$begin 86400 s -", "$begin"))


def test_every_star_is_looked_at_once_also_over_a_restart(lab):
    began = time.time_ns() // 1000
    go_through_all(lab)
    script = f"[ {READ} 'pdcsap.flux' {{}} ] FIND <% DROP LABELS 'KEPLERID' GET %> LMAP UNIQUE"
    stars = {int(star) for star in lab.execute(script)[0]}
    assert {CHANGING, WORDS} < stars
    lab.wait_until("a look at every star", lambda: stars <= looks(lab).keys(), 180)
    made = {CHANGING, WORDS}
    lab.wait_until("new ones", lambda: all(looks(lab)[star]["at"] > began for star in made), 180)
    before, round_ = looks(lab), state(lab)["round"]
    lab.shell(SERVER, "systemctl restart warp10")
    lab.wait_until("a round after the restart", lambda: state(lab)["round"] > round_, 150)
    assert looks(lab) == before
    assert (state(lab)["left"], state(lab)["looked"]) == (0, 0)


def test_going_through_all_finds_nothing_where_nothing_was_written(lab):
    before, round_ = looks(lab), state(lab)["full"]
    go_through_all(lab)
    assert state(lab)["full"] > round_
    lab.execute(job(lab))
    assert (state(lab)["left"], state(lab)["looked"]) == (0, 0)
    assert looks(lab) == before


def test_a_star_that_cannot_be_looked_at_is_named(lab):
    assert looks(lab)[WORDS]["error"]
    assert str(WORDS) in state(lab)["error"]


def test_a_look_that_failed_is_made_again_and_its_error_goes(lab):
    script = job(lab)
    before = dips(lab, CHANGING)
    done = looks(lab)[CHANGING]
    assert (done["error"], len(before) > 0) == ("", True)
    # The note of a failed look with a broken macro, which works again now.
    text = quote(json.dumps({"at": time.time_ns() // 1000, "error": "no such macro"}))
    line = f"{CHANGING}// star.failed{{}} '{text}'\n"
    warp10(lab).update(line.encode(), token(lab, "results-write"))
    lab.execute(script)
    assert state(lab)["failed"] == 2
    assert state(lab)["error"] == f"Star {CHANGING}: no such macro"
    assert looks(lab)[CHANGING] == done

    lab.execute(replaced(script, "$begin 3600 s -", "$begin"))
    again = looks(lab)[CHANGING]
    assert (again["error"], again["dips"]) == ("", done["dips"])
    assert again["at"] > done["at"]
    assert np.array_equal(dips(lab, CHANGING), before)
    # The other star's look failed again.
    assert state(lab)["failed"] == 1
    assert state(lab)["error"].startswith(f"Star {WORDS}: ")


def test_a_failed_look_leaves_the_dips_that_were_there(lab):
    line = f"1300000000000000// transit.dip{{KEPLERID={WORDS}}} 1.5\n"
    warp10(lab).update(line.encode(), token(lab, "results-write"))
    looked = looks(lab)[WORDS]["at"]
    lab.execute(replaced(job(lab), "$begin 3600 s -", "$begin"))
    assert looks(lab)[WORDS]["at"] > looked
    assert looks(lab)[WORDS]["error"]
    (found,) = lab.series(f"'transit.dip' {{ 'KEPLERID' '{WORDS}' }}")
    assert found["v"] == [[1300000000000000, 1.5]]


def test_what_was_told_and_does_not_fit_into_a_round_waits_for_the_next(lab):
    put_star(lab, CHANGING, *planet(40.0))
    tell(warp10(lab), token(lab, "write"), [WORDS])
    before = looks(lab)
    # The job takes noted stars without a delay, one star in each round.
    script = replaced(job(lab), "20 s 'quiet'", "0 'quiet'")
    script = replaced(script, "$todo SIZE 20 <", "$todo SIZE 1 <")
    rounds = []
    for _ in range(3):
        lab.execute(script)
        told = state(lab)
        rounds.append((told["looked"], told["left"] > 0, len(new(lab, before))))
    assert (rounds[0], rounds[1][::2], rounds[2]) == ((1, True, 1), (1, 2), (0, False, 2))
    assert new(lab, before) == {CHANGING, WORDS}


def new(lab, before: dict[int, dict]) -> set[int]:
    """Return the stars with a new look since `before`."""
    return {star for star, look in looks(lab).items() if look != before.get(star)}


def test_stars_without_what_is_looked_at_are_left_alone_and_deleted_ones_are_no_failure(lab):
    server, write, results = warp10(lab), token(lab, "write"), token(lab, "results-write")
    series = {"KEPLERID": str(SHORT), "MISSION": "Kepler", "OBSMODE": "short cadence"}
    register = Register(server, token(lab, "read"), write)
    register.write([("pdcsap.flux", series)])
    dip = f"transit.dip{{KEPLERID={SHORT}}}"
    server.update(f"1300000000000000// {dip} 1.5\n".encode(), results)
    tell(server, write, [SHORT])
    before = looks(lab)
    script = replaced(job(lab), "20 s 'quiet'", "0 'quiet'")
    lab.execute(script)
    assert SHORT not in new(lab, before)
    register.forget([SHORT])
    lab.execute(script)
    assert SHORT in new(lab, before)
    assert looks(lab)[SHORT]["error"] == ""
    assert lab.series(f"'transit.dip' {{ 'KEPLERID' '{SHORT}' }}") == []
    assert str(SHORT) not in state(lab)["error"]


def test_dips_of_a_star_that_changed_are_replaced(lab):
    before = dips(lab, CHANGING)
    # The light curve has only a part of the tenth transit.
    assert len(before) in (9, 10)
    assert phases(before, 541.0).max() < 0.1
    when, flux = planet(40.0)
    later = round(2.0 / (when[1] - when[0]))
    moved = np.concatenate([flux[flux > 9990][:later], flux[:-later]])
    put_star(lab, CHANGING, when, moved)
    before = looks(lab)
    lab.wait_until("another look", lambda: CHANGING in new(lab, before), 150)
    after = dips(lab, CHANGING)
    assert len(after) >= 8
    assert phases(after, 543.0).max() < 0.1


def test_the_job_with_its_token_is_the_services_own(lab):
    said = lab.shell(SERVER, "stat -c '%U %a' /etc/warp10/runners/transits/*/watch.mc2")
    assert said.split() == ["warp10", "600"]
