"""A second search changes nothing; it runs first, as tests of other files change results."""

from __future__ import annotations

from lab import playbook
from searches import CONVERGED, FOLDER


def test_a_second_search_changes_nothing(lab):
    before = (FOLDER / "catalogue.csv").read_bytes()
    same = ("-e", f"transits_folder={FOLDER}", *CONVERGED)
    run = playbook("playbooks/transits.yml", *same)
    assert run.rc == 0, run.output[-4000:]
    assert set(run.changed.values()) == {0}, run.output[-6000:]
    assert "stars searched    │ 0 " in run.output
    assert (FOLDER / "catalogue.csv").read_bytes() == before
