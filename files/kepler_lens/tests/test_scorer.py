"""The job of scores: its account, its drift, its table."""

import json

import pytest

from kepler_lens.classify.bundle import Bundle
from kepler_lens.classify.scalars import SCALARS
from kepler_lens.jobs.scorer.report import Progress
from kepler_lens.jobs.scorer.table import render_summary
from kepler_lens.jobs.scorer.task import SCORED, ScoreResult
from kepler_lens.jobs.star_results import QUARANTINED, SKIPPED
from kepler_lens.transit_search.score import Score

LIKELY = Score(0.97, 0.02, 0.01, 0.01, 1.0, outside=False, model="m", recipe="r")
UNLIKE = Score(0.03, 0.9, 0.07, 0.2, 9.0, outside=True, model="m", recipe="r")


@pytest.fixture
def progress(tmp_path):
    bundle = Bundle.load()
    progress = Progress(run="r", server="http://w:8080", folder=tmp_path, model=bundle.name)
    progress.bundle, progress.threshold, progress.total = bundle, bundle.threshold(), 3
    usual = {
        name: 10**centre
        for name, centre in zip(bundle.inputs.scalars, bundle.inputs.scalar_centre, strict=True)
    }
    near = [float(usual.get(name, "nan")) for name in SCALARS]
    far = [1e6 * near[0], *near[1:]]
    progress.working()
    progress.add(
        ScoreResult("one", 1, SCORED, candidates=2, scores=[LIKELY, UNLIKE], scalars=[near, far])
    )
    progress.add(ScoreResult("one", 2, SKIPPED, scores=[LIKELY]))
    progress.add(ScoreResult("one", 3, QUARANTINED, "Star 3 has 3 usable points."))
    return progress


def test_scores_are_counted_and_the_drift_is_seen(progress, tmp_path):
    report = progress.end("done", "", 3)
    assert json.loads((tmp_path / "report.json").read_text()) == report
    assert (report["scored"], report["skipped"], report["quarantined"]) == (1, 1, 1)
    assert (report["scores"], report["likely_planets"], report["outside"]) == (3, 2, 1)
    assert report["drift"]["period"]["far"] == 0.5
    # The second candidate lies 9 from the training set, hardly any of its own does.
    assert report["drift"]["embedding"]["far"] == 0.5
    assert report["drift"]["depth"] == {"shift": 0.0, "far": 0.0, "missing": 0.0}


def test_the_table_says_what_is_not_to_be_trusted(progress):
    text = render_summary(progress.end("done", "", 3), width=80)
    assert "2 of 3" in text
    assert "1 of 3" in text
    assert "Drift" in text
    assert "3 usable points" in text
