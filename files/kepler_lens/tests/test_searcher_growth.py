"""What the drivers of search and scores cost on a server with many stars, and with few."""

import json
import tracemalloc
from contextlib import nullcontext
from urllib.parse import quote

import pytest

from kepler_lens.errors import KeplerLensError
from kepler_lens.gts import series_name
from kepler_lens.jobs.scorer.driver import run_scores
from kepler_lens.jobs.searcher import catalogue
from kepler_lens.jobs.searcher.config import Job, Tokens
from kepler_lens.jobs.searcher.driver import run_search
from kepler_lens.jobs.stars import StarDriver
from kepler_lens.warp10.star_points import PAGE

FEW, MANY = 5_100, 10_200
"""More than a page each, so that the longest answer is the same."""

SKY = 550_000
FIRST = 757_450
MOST_BYTES = 500e6
"""What the driver may hold with all stars of Kepler and K2, so that it runs on a small host."""


def fill(server, count):
    """Put stars as import and search leave them, every 30th with a candidate."""
    known = {"OBJECT": "KIC", "INSTRUME": "Kepler Photometer"}
    curve = quote(json.dumps({"pdcsap.flux": [known], "sap.flux": [known]}))
    about = {"run": "r", "engine": "e", "candidates": 0}
    curves = server.of("star.curve{MISSION=Kepler,OBSMODE=long%20cadence}").points
    searches = server.of("star.search{}").points
    for star in range(FIRST, FIRST + count):
        curves[star] = f"'{curve}'"
        about["candidates"] = int(star % 30 == 0)
        searches[star] = f"'{quote(json.dumps(about))}'"
        if star % 30 == 0:
            labels = {"KEPLERID": str(star), "CANDIDATE": "1", "RUN": "r"}
            candidate = server.of(series_name("transit.candidate", labels))
            candidate.points[5] = "1.0"
            candidate.attributes = {"period": "1.5", "comment": "c" * 80}
            score = series_name("transit.score", labels | {"MODEL": "m"})
            server.of(score).points[5] = "0.5"


@pytest.fixture
def cost(memory, tmp_path, monkeypatch):
    """Run a job whose stars need no worker; requests until the first star, and after the last."""
    server, tokens = memory
    asked = {}

    def take_stars(driver, fleet):
        asked["first"] = len(server.asked)
        asked["stars"] = len(driver.waiting)
        driver.waiting.clear()
        driver.progress.outcomes["skipped"] = asked["stars"]

    monkeypatch.setattr(StarDriver, "take_stars", take_stars)
    monkeypatch.setattr(StarDriver, "fleet", lambda *_: nullcontext())

    def cost(run, stars=None):
        job = Job(
            server.url,
            Tokens(tokens / "read.token", tokens / "results-write.token"),
            stars,
            state=tmp_path / run.__name__,
        )
        server.asked.clear()
        report = run(job)
        assert report["exit_status"] == 0
        return asked | {"last": len(server.asked), "report": report}

    return cost


@pytest.mark.long
@pytest.mark.parametrize("run", [run_search, run_scores])
def test_all_stars_are_listed_page_by_page_and_held_as_numbers(memory, cost, run):
    seen = []
    server, _ = memory
    for count in (FEW, MANY):
        server.series.clear()
        fill(server, count)
        tracemalloc.start()
        seen.append(cost(run))
        seen[-1]["peak"] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seen[-1]["stars"] == count
        # To see whether the token is good; pages, the last of which may be empty.
        assert seen[-1]["first"] <= 1 + count // PAGE + 2
    bytes_a_star = (seen[1]["peak"] - seen[0]["peak"]) / (MANY - FEW)
    assert seen[0]["peak"] + SKY * bytes_a_star < MOST_BYTES, bytes_a_star


@pytest.mark.parametrize("run", [run_search, run_scores])
def test_a_named_star_costs_as_many_requests_as_on_a_small_server(memory, cost, run):
    server, _ = memory
    star = FIRST + 30 - FIRST % 30
    seen = []
    for count in (300, 3_000):
        fill(server, count)
        cost(run)
        seen.append(cost(run, (star,)))
    for one in seen:
        assert (one["stars"], one["first"]) == (1, 1)
        # Candidates, search and scores of the star.
        assert one["last"] - one["first"] == 3
    if run is run_search:
        assert seen[-1]["report"]["candidates_in_catalogue"] == 100


def test_a_register_without_stars_is_said_to_be_empty(memory, cost):
    fill(memory[0], 3)
    del memory[0].series["star.curve{MISSION=Kepler,OBSMODE=long%20cadence}"]
    with pytest.raises(KeplerLensError, match=r"names no star with PDCSAP_FLUX .* --recount"):
        cost(run_search)


def test_the_table_shows_the_candidates_of_the_job_s_own_stars(memory, cost, tmp_path):
    server, _ = memory
    fill(server, 100)
    cost(run_search)
    star = FIRST + 30 - FIRST % 30
    cost(run_search, (star, star + 1))
    table = (tmp_path / "run_search" / "report.txt").read_text()
    assert str(star) in table
    assert str(star + 30) not in table
    assert "in the catalogue  │ 3 candidates" in table
    assert (tmp_path / "run_search" / catalogue.CATALOGUE_FILE).read_text().count("\n") == 4
