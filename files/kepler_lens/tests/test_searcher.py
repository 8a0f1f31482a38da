"""The search job: its file, its pages, its account."""

import json
from types import SimpleNamespace

import pytest

from kepler_lens.errors import JobRunningError, KeplerLensError
from kepler_lens.jobs.driver import lock
from kepler_lens.jobs.searcher.config import Tokens, load_job
from kepler_lens.jobs.searcher.driver import run_search
from kepler_lens.jobs.searcher.pages import Pages
from kepler_lens.jobs.searcher.report import Progress
from kepler_lens.jobs.searcher.table import render_summary
from kepler_lens.jobs.searcher.task import (
    SEARCHED,
    SearchResult,
    SearchSettings,
    Star,
    _Attempt,
)
from kepler_lens.jobs.star_results import QUARANTINED, SKIPPED
from kepler_lens.transit_search.store.read import Searched
from kepler_lens.transit_search.version import engine

JOB = {"server": "http://w:8080", "tokens": {"read": "/t/r", "results_write": "/t/w"}}


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        path = tmp_path / "job.json"
        path.write_text(json.dumps({**JOB, **changes}))
        return load_job(path)

    return write


def test_a_job_is_read_with_its_list_of_stars(write, tmp_path):
    stars = tmp_path / "stars"
    stars.write_text("11442793 # Kepler-90\n")
    job = write(stars=[6541920], stars_file=str(stars), state=str(tmp_path))
    assert job.stars == (6541920, 11442793)
    assert write().stars is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"columns": "x"}, "there is no field columns"),
        ({"column": "SAP_QUALITY"}, "cannot be searched"),
        ({"scheduler": "tls://s:8786"}, "needs tls"),
        ({"tokens": {"read": "/t"}}, "results_write"),
    ],
)
def test_a_wrong_job_is_refused_in_one_sentence(write, changes, word):
    with pytest.raises(KeplerLensError, match=word) as caught:
        write(**changes)
    assert "\n" not in str(caught.value)


def test_only_one_search_at_a_time(write, tmp_path):
    with lock(tmp_path, "search"), pytest.raises(JobRunningError, match="Another search"):
        run_search(write(state=str(tmp_path)))


def test_pages_are_replaced_as_a_whole(tmp_path):
    pages = Pages(tmp_path)
    pages.put(7, "one", {1: b"a", 2: b"b"})
    assert pages.run_of(7) == "one"
    pages.put(7, "two", {1: b"c"})
    assert {p.name for p in (tmp_path / "7").iterdir()} == {"1.png", "run"}
    assert (tmp_path / "7/1.png").read_bytes() == b"c"
    pages.put(7, "three", {})
    assert (pages.run_of(7), list(tmp_path.iterdir())) == ("", [])


def test_pages_that_were_cut_short_are_cleared(tmp_path):
    (tmp_path / "7.part").mkdir()
    Pages(tmp_path).put(7, "one", {1: b"a"})
    assert [p.name for p in tmp_path.iterdir()] == ["7"]


def test_pages_are_whole_when_their_job_dies_while_it_deletes_old_ones(tmp_path, monkeypatch):
    pages = Pages(tmp_path)
    pages.put(7, "one", {1: b"a", 2: b"b"})

    def dies(folder, **_):
        for picture in folder.glob("1.png"):
            picture.unlink()
            raise KeyboardInterrupt

    monkeypatch.setattr("kepler_lens.jobs.searcher.pages.shutil.rmtree", dies)
    with pytest.raises(KeyboardInterrupt):
        pages.put(7, "two", {1: b"c"})
    monkeypatch.undo()
    pages = Pages(tmp_path)
    assert pages.run_of(7) == "two"
    assert {p.name for p in (tmp_path / "7").iterdir()} == {"1.png", "run"}
    assert [p.name for p in tmp_path.iterdir()] == ["7"]


@pytest.fixture
def progress(tmp_path):
    progress = Progress(run="r", server="http://w:8080", folder=tmp_path)
    progress.total = 4
    progress.working()
    progress.add(SearchResult("worker1", 1, SEARCHED, candidates=2, seconds=3.0, fetch_s=1.0))
    progress.add(SearchResult("worker2", 2, SEARCHED, candidates=0, seconds=1.0))
    progress.add(SearchResult("worker2", 3, SKIPPED, candidates=5))
    progress.add(SearchResult("worker2", 4, QUARANTINED, "Star 4 has 3 usable points."))
    return progress


def test_each_star_is_counted_once(progress, tmp_path):
    report = progress.end("done", "", 3)
    assert json.loads((tmp_path / "report.json").read_text()) == report
    assert (report["stars_done"], report["searched"], report["skipped"]) == (4, 2, 1)
    assert report["candidates"] == 2
    assert {n: w["share"] for n, w in report["workers"].items()} == {"worker1": 0.5, "worker2": 0.5}
    assert report["quarantined_stars"] == [{"star": 4, "reason": "Star 4 has 3 usable points."}]


def test_the_table_has_what_people_ask_for(progress):
    row = {
        "kepid": 6541920,
        "tce_plnt_num": 3,
        "tce_period": "13.0249",
        "tce_depth": "740.3",
        "tce_model_snr": "100.5",
        "tce_num_transits": "100",
        "score": "0.9987",
        "disposition": "CANDIDATE",
    }
    text = render_summary(progress.end("done", "", 3), [row], width=80)
    for part in (
        "6541920",
        "13.0249",
        "740.3",
        "0.9987",
        "CANDIDATE",
        "worker1",
        "50%",
        "3 usable points",
    ):
        assert part in text
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(
    ("about", "force", "stands"),
    [
        ({}, False, True),
        ({"engine": "of before"}, False, False),
        ({"fingerprint": "of other points"}, False, False),
        ({}, True, False),
        # An earlier attempt of this job.
        ({"run": "this"}, True, True),
    ],
)
def test_a_search_stands_for_its_engine_and_light_curve(
    tmp_path, monkeypatch, about, force, stands
):
    for name in ("read", "write"):
        (tmp_path / name).write_text(name)
    tokens = Tokens(tmp_path / "read", tmp_path / "write")
    settings = SearchSettings("this", "http://w:8080", tokens, "PDCSAP_FLUX", force, 0, "")
    before = {"star": 7, "run": "earlier", "engine": engine(), "fingerprint": "f", "candidates": 0}
    attempt = _Attempt(Star(7), settings, SearchResult("worker1", 7))
    monkeypatch.setattr(_Attempt, "_candidates", lambda _: [])
    curve = SimpleNamespace(fingerprint="f")
    assert attempt._stands(Searched(**before | about), curve) is stands
