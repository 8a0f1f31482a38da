"""Job files and lists of stars."""

import json
from pathlib import Path

import pytest

from kepler_lens.archive import Selection
from kepler_lens.errors import KeplerLensError
from kepler_lens.jobs.builder.config import load_job as build_job
from kepler_lens.jobs.importer.config import load_job
from kepler_lens.jobs.searcher.config import load_job as search_job
from kepler_lens.stars.lists import StarListError
from kepler_lens.stars.names import TagServer

JOB = {
    "source": "/data",
    "server": "http://warp10:8080",
    "tokens": {"read": "/t/r", "write": "/t/w", "ledger_read": "/t/lr", "ledger_write": "/t/lw"},
}


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        path = tmp_path / "job.json"
        path.write_text(json.dumps({**JOB, **changes}))
        return path

    return write


def test_the_smallest_job(write):
    job = load_job(write())
    assert job.selection == Selection()
    assert job.columns == ("SAP_FLUX", "PDCSAP_FLUX")
    assert job.scheduler is None


def test_a_full_job(write, tmp_path):
    stars = tmp_path / "stars.txt"
    stars.write_text("# two more\n11442793, 201367065\n")
    job = load_job(
        write(
            selection={
                "stars": [6541920],
                "stars_file": str(stars),
                "segments": [1, 2],
                "mission": "Kepler",
                "cadence": "short",
            },
            columns=["SAP_FLUX_ERR"],
            scheduler="tls://scheduler:8786",
            tls={"ca": "/c", "cert": "/d", "key": "/e"},
            archive={"parallel": 2, "cache": "/var/cache"},
            force=True,
            state=str(tmp_path),
            server_free_bytes=1,
            server_total_bytes=2,
        )
    )
    assert job.selection == Selection((6541920, 11442793, 201367065), (1, 2), "Kepler", "short")
    assert (job.archive.parallel, job.archive.cache) == (2, "/var/cache")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sorce": "x"}, "sorce"),
        ({"tokens": {"read": "/t/r", "write": "/t/w"}}, "ledger_read is missing in tokens"),
        ({"columns": ["FLUX"]}, "FLUX"),
        ({"selection": {"cadence": "medium"}}, "medium"),
        ({"selection": {"stars": ["x"]}}, "'x'"),
        ({"scheduler": "tls://s:8786"}, "ca, cert and key"),
    ],
)
def test_a_wrong_job_is_named_in_one_sentence(write, changes, named):
    with pytest.raises(KeplerLensError, match=named) as caught:
        load_job(write(**changes))
    assert "\n" not in str(caught.value)


def test_a_job_file_that_is_no_json(tmp_path):
    (tmp_path / "job.json").write_text("source: x")
    with pytest.raises(KeplerLensError, match="no JSON"):
        load_job(tmp_path / "job.json")


@pytest.mark.parametrize(
    ("selection", "stars"),
    [
        ({"stars": ["KIC 6541920", "006541920", 11442793]}, (6541920, 11442793)),
        ({"stars": "6541920, 11442793"}, (6541920, 11442793)),
        ({"stars": None}, None),
        ({}, None),
        ({"stars": []}, None),
    ],
)
def test_stars_of_a_job(write, selection, stars):
    assert load_job(write(selection=selection)).selection.stars == stars


def test_lists_that_were_typed_are_split(write):
    job = load_job(write(selection={"segments": "1, 2"}, columns="SAP_FLUX PDCSAP_FLUX"))
    assert job.selection.segments == (1, 2)
    assert job.columns == ("SAP_FLUX", "PDCSAP_FLUX")
    assert load_job(write(selection={"segments": []})).selection.segments is None


@pytest.mark.parametrize(
    ("stars", "named"),
    [
        ([6541920.0], "stars, entry 1: '6541920.0' is no star: .*write 6541920"),
        (["757076-757218"], "each number by itself"),
        ([True], "'True' is no star"),
        ([1, -1], "entry 2: '-1'"),
    ],
)
def test_what_is_no_star_in_a_job_is_refused(write, stars, named):
    with pytest.raises(StarListError, match=named):
        load_job(write(selection={"stars": stars}))


def test_names_are_asked_of_the_jobs_server(write, monkeypatch):
    asked = []

    def numbers(self, names):
        asked.append((self.url, self.token_file))
        return {name: {6541920} for name in names}

    monkeypatch.setattr(TagServer, "numbers", numbers)
    path = write(selection={"stars": [1, "Kepler-11"]})
    assert load_job(path).selection.stars == (1, 6541920)
    assert asked == [("http://warp10:8080", None)]
    assert load_job(path, stars=False).selection.stars is None
    assert len(asked) == 1, "the status of an import asked for its stars"
    for load in (search_job, build_job):
        others = {
            "tokens": {"read": "/t/read"}
            | ({"results_write": "/t/w"} if load is search_job else {})
        }
        others |= {} if load is search_job else {"labels": "/labels.csv"}
        path.write_text(json.dumps({"server": "http://x", "stars": ["Kepler-11"], **others}))
        assert load(path).stars == (6541920,)
        assert asked[-1] == ("http://x", Path("/t/read"))


def test_a_list_that_cannot_be_read_does_not_hide_the_status(write):
    path = write(selection={"stars": ["x"], "stars_file": "/nowhere"})
    assert load_job(path, stars=False).server == "http://warp10:8080"
