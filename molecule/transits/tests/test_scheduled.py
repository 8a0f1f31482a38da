"""The server looks at every star by itself, once, and tells what it did."""

from __future__ import annotations

import json

from lab import SERVER

READ = "@HELLOEXOWORLD/GETREADTOKEN"


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


def test_the_job_with_its_token_is_the_services_own(lab):
    said = lab.shell(SERVER, "stat -c '%U %a' /etc/warp10/runners/transits/*/watch.mc2")
    assert said.split() == ["warp10", "600"]
