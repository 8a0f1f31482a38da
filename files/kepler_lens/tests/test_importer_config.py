"""Job files and lists of stars."""

import json

import pytest

from kepler_lens.archive import Selection
from kepler_lens.errors import KeplerLensError
from kepler_lens.importer.config import load_job
from kepler_lens.jobs.config import read_stars

JOB = {
    "source": "/data",
    "server": "http://warp10:8080",
    "tokens": {"write": "/t/w", "ledger_read": "/t/lr", "ledger_write": "/t/lw"},
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
        ({"tokens": {"write": "/t/w"}}, "ledger_read"),
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


def test_a_wrong_list_of_stars_names_the_line(tmp_path):
    (tmp_path / "stars").write_text("1\nKepler-11\n")
    with pytest.raises(KeplerLensError, match=r"line 2: 'Kepler-11'"):
        read_stars(tmp_path / "stars")
