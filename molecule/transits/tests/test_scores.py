"""Guests can read a score of every candidate; a new model scores all, an old model can return."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from kepler_lens.classify.bundle import HASH_FILE, MODEL_FILE, Bundle, shipped, write
from lab import DATA, PROJECT, SCHEDULER, SERVER, playbook
from searches import (
    CONVERGED,
    FOLDER,
    assert_whole,
    candidates,
    finish,
    scores,
    start,
    state,
    token,
    wait_until,
    warp10,
)
from test_search import PLANETS, catalogue

SCORES = PROJECT / ".lab" / "scores"


@pytest.fixture(scope="module")
def threshold() -> float:
    return Bundle.load().threshold(0.9)


def score_play(*words: str):
    run = playbook(
        "playbooks/scores.yml",
        *("--tags", "scores", "-e", f"scores_folder={SCORES}", *CONVERGED),
        *(word for pair in words for word in ("-e", pair)),
    )
    assert run.rc == 0, run.output[-4000:]
    return run


def other_bundle(folder: Path) -> str:
    """Write a bundle that scores as the package's own, and return its name."""
    files = {path.name: path.read_bytes() for path in shipped().iterdir() if path.is_file()}
    model = json.loads(files.pop(MODEL_FILE))
    del files[HASH_FILE], model["format"], model["files"]
    shutil.rmtree(folder, ignore_errors=True)
    return write(folder, model | {"note": "another model"}, files)[:12]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the real light curves are not at {DATA}")
@pytest.mark.parametrize("star", PLANETS)
def test_every_known_planet_scores_above_the_threshold_and_the_false_ones_below(
    lab, star, threshold
):
    assert_whole(lab, star)
    of = {s["CANDIDATE"]: float(s["p_planet"]) for s in scores(lab, star)}
    for candidate in candidates(lab, star):
        period, p = float(candidate["period"]), of[candidate["CANDIDATE"]]
        planet = any(abs(period / known - 1) < 1e-3 for known in PLANETS[star])
        assert (p >= threshold) == planet, (candidate, p, threshold)


def test_probabilities_add_up_and_name_their_model(lab):
    star = min(PLANETS)
    for score in scores(lab, star):
        total = sum(float(score[f"p_{name}"]) for name in ("planet", "eclipse", "noise"))
        assert total == pytest.approx(1, abs=1e-5)
        assert score["MODEL"] == score["model"] == Bundle.load().name
        assert score["recipe"].startswith("search-1 ")
        assert score["outside"] in ("yes", "no")


def test_candidates_are_chosen_by_score(lab, threshold):
    every, likely, unlikely = (
        lab.execute(f"{{ 'score' [ {low} {high} ] }} @HELLOEXOWORLD/CANDIDATES")[0]
        for low, high in ((0.0, 1.0), (threshold, 1.0), (0.0, threshold))
    )
    assert len(every) == len(catalogue())
    assert len(likely) + len(unlikely) == len(every)
    assert likely
    assert all(float(series["a"]["score"]) >= threshold for series in likely)
    assert {series["a"]["score_model"] for series in every} == {Bundle.load().name}


def test_the_catalogue_is_ranked_by_score():
    rows = catalogue()
    p = [float(row["score"]) for row in rows]
    assert p == sorted(p, reverse=True)
    assert (FOLDER / "pages" / rows[0]["kepid"]).is_dir()


def test_what_the_model_has_scored_is_not_scored_again(lab):
    run = score_play()
    assert "stars scored      │ 0 " in run.output
    again = score_play()
    assert set(again.changed.values()) == {0}, again.output[-6000:]


def test_a_new_model_scores_everything_and_an_older_one_returns(lab, tmp_path):
    star = min(PLANETS)
    before = {s["CANDIDATE"]: float(s["p_planet"]) for s in scores(lab, star)}
    name = other_bundle(tmp_path / "bundle")
    run = score_play(f"scores_bundle={tmp_path / 'bundle'}")
    assert "stars scored      │ 0 " not in run.output
    of = {model: [s for s in scores(lab, star) if s["MODEL"] == model] for model in (name, own())}
    # The search and the job of scores read the same data, except for rounding.
    for score in of[name]:
        assert float(score["p_planet"]) == pytest.approx(before[score["CANDIDATE"]], abs=0.01)
    assert len(of[name]) == len(of[own()]) == len(before)
    assert counts(lab, star) == {name}
    assert {row["score_model"] for row in brought()} == {name}

    # Score all again while the server restarts: no score is lost or doubled.
    start(lab, None, force=True, job="scores")
    wait_until(lab, "its middle", lambda: state(lab, job="scores").get("state") == "running")
    lab.shell(SERVER, "systemctl restart warp10")
    report = finish(lab, "scores")
    assert (report["exit_status"], report["candidates"]) == (0, len(catalogue()))
    (model,) = {s["MODEL"] for s in of[name]}
    points = lab.series(f"'transit.score' {{ 'KEPLERID' '{star}' 'MODEL' '{model}' }}")
    assert [len(series["v"]) for series in points] == [2] * len(before)

    score_play("scores_model=shipped")
    assert counts(lab, star) == {own()}
    assert_whole(lab, star, models=2)
    current = lab.shell(SCHEDULER, "cat /var/lib/kepler-lens/models/current")
    assert current.strip() == "shipped"
    warp10(lab).delete(f"transit.score{{MODEL={name}}}", token(lab, "results-write"))
    assert_whole(lab, star)


def test_a_model_that_was_not_published_is_refused(lab):
    same = ("--tags", "scores", *CONVERGED)
    run = playbook("playbooks/scores.yml", "-e", "scores_model=nosuchmodel", *same)
    assert run.rc != 0
    assert "has no model nosuchmodel" in run.output


def own() -> str:
    return Bundle.load().name


def counts(lab, star: int) -> set[str]:
    """Return the models whose scores a guest sees."""
    (found,) = lab.execute(f"{{ 'KEPLERID' '{star}' }} @HELLOEXOWORLD/CANDIDATES")
    return {series["a"]["score_model"] for series in found}


def brought() -> list[dict[str, str]]:
    with (SCORES / "catalogue.csv").open(newline="") as file:
        return list(csv.DictReader(file))
