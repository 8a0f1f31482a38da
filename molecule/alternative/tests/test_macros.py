"""The scheduled job that looks for dips has the period, the threshold and the limits chosen."""

from __future__ import annotations

import re

from lab import SERVER


def test_the_job_has_what_was_chosen_and_runs(lab, choices):
    period = choices["macros_watch_period"] * 1000
    root = "/etc/warp10/runners/transits"
    assert lab.shell(SERVER, f"ls {root}").split() == [str(period)]
    script = lab.shell(SERVER, f"cat {root}/{period}/watch.mc2")
    for words in (
        f"$looked {choices['macros_watch_stars']} <",
        f"{choices['macros_watch_threshold']} @HELLOEXOWORLD/DIPS",
        f"$begin {choices['macros_watch_retry']} s -",
        f"$begin {choices['macros_watch_full']} s -",
    ):
        assert words in script
    lab.wait_until(
        "a round of the job",
        lambda: lab.execute("[ @HELLOEXOWORLD/GETREADTOKEN 'transit.watch' {} NOW -1 ] FETCH")[0],
        timeout=period / 1000 + 40,
    )
    rounds = "[ @HELLOEXOWORLD/GETREADTOKEN 'transit.watch' {} NOW -1 ] FETCH 0 GET VALUES 0 GET"
    assert re.search('"error":""', lab.execute(rounds)[0]), lab.execute(rounds)
