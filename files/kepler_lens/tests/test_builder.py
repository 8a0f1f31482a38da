"""What the building of a data set on the fleet is told and refuses; molecule runs it for real."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from kepler_lens.classify.build import StarRecords, StarSettings
from kepler_lens.classify.labels import Known, LabelTable
from kepler_lens.jobs.builder import driver
from kepler_lens.jobs.builder.config import Tokens, load_job
from kepler_lens.jobs.builder.report import Progress, render_summary
from kepler_lens.jobs.builder.task import BUILT, BuildResult, BuildSettings, Star, build_star
from kepler_lens.jobs.config import JobError
from kepler_lens.jobs.fleet import Killed
from kepler_lens.jobs.star_results import QUARANTINED

JOB = {"server": "http://127.0.0.1:1", "tokens": {"read": "/r"}, "labels": "/labels.csv"}
TABLE = LabelTable(
    "q1_q17_dr24_tce",
    "labels.csv",
    "",
    "0" * 64,
    {
        11: (Known(11, 1, "11.01", 3.0, 133.0, 2.0, "PC"),),
        12: (
            Known(12, 1, "12.01", 4.0, 134.0, 2.0, "AFP"),
            Known(12, 2, "12.02", 5.0, 135.0, 2.0, "NTP"),
        ),
    },
)


def job_file(folder: Path, **changes: object) -> Path:
    path = folder / "job.json"
    path.write_text(json.dumps(JOB | changes))
    return path


def test_a_job_is_read(tmp_path):
    job = load_job(job_file(tmp_path, synthetic=["inverted"], stars=[11, 12], name="dr24"))
    assert (job.labels, job.stars) == (Path("/labels.csv"), (11, 12))
    assert (job.synthetic, job.name, job.recipe) == (("inverted",), "dr24", "search-1")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "../etc"}, "The name '../etc' is none"),
        ({"signals": "all"}, "There are no signals all"),
        ({"synthetic": ["comet"]}, "comet cannot be made"),
        ({"signals": "none"}, "There is nothing to make"),
        ({"synthetic": ["inverted"], "copies": 0}, "0 copies cannot be made"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_job_that_cannot_be_is_refused_in_a_sentence(tmp_path, changes, words):
    with pytest.raises(JobError, match=words):
        load_job(job_file(tmp_path, **changes))


def test_a_job_without_labels_is_refused_by_that_name(tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps({name: JOB[name] for name in ("server", "tokens")}))
    with pytest.raises(JobError, match="labels"):
        load_job(path)


def test_a_star_travels_with_its_own_labels_alone():
    assert TABLE.of(12).of_star == {12: TABLE.of_star[12]}
    assert TABLE.of(99).of_star == {99: ()}
    assert TABLE.of(12).release == TABLE.release


def test_a_worker_of_another_version_ends_the_job():
    settings = BuildSettings("http://127.0.0.1:1", Tokens(Path("/r")), "search-1", "other")
    result = build_star(Star(11, StarSettings(TABLE.of(11))), settings, worker="w")
    assert "another version of the recipe search-1" in result.fatal
    assert not result.outcome


class OneByOne:
    """A fleet that does each star at once; one whose deaths are not used up kills its workers."""

    message, in_flight = "", 0

    def __init__(self, deaths):
        self.deaths, self.results, self.taken = Counter(deaths), [], []

    def takes(self, batch):
        return not self.results

    def submit(self, batch):
        star = batch.number
        self.taken.append(star)
        self.in_flight = 1
        if self.deaths[star]:
            self.deaths[star] -= 1
            self.results.append(Killed(batch))
            return
        made = StarRecords(star, [f"record of {star}".encode()], {})
        self.results.append(BuildResult("w", star, BUILT, records=made))

    def collect(self, timeout):
        results, self.results, self.in_flight = self.results, [], 0
        return results


class TestStarsWhoseWorkersDie:
    @pytest.fixture
    def build(self, tmp_path, monkeypatch):
        """Build the stars 11 to 13, without the shards at the end."""
        assembled = []

        def assemble(parts):
            assert not parts.missing()
            assembled.append(
                {s: json.loads(parts._said(s).read_text())["left_out"] for s in parts.plan.stars}
            )
            return SimpleNamespace(counts={})

        monkeypatch.setattr(driver.Parts, "assemble", assemble)
        monkeypatch.setattr(driver, "read_labels", lambda *_: TABLE)
        job = load_job(job_file(tmp_path, stars=[11, 12, 13], state=str(tmp_path / "state")))

        def run(deaths, stop=False):
            fleet = OneByOne(deaths)

            @contextmanager
            def one(self, *_):
                yield fleet
                if stop:
                    self.stop.set()

            monkeypatch.setattr(driver._Driver, "fleet", one)
            return driver.run_build(job), fleet.taken, assembled

        return run

    def test_are_tried_again_after_the_others(self, build):
        report, taken, assembled = build({11: 1})
        assert taken == [11, 12, 13, 11]
        assert (report["exit_status"], assembled) == (0, [{11: {}, 12: {}, 13: {}}])

    def test_are_named_where_they_die_again(self, build):
        report, taken, assembled = build({11: 2})
        assert taken == [11, 12, 13, 11]
        assert report["exit_status"] == 3
        assert "The workers of 1 of them died (11): to have these" in report["message"]
        assert [star["star"] for star in report["quarantined_stars"]] == [11]
        assert "died again and again" in assembled[0][11]["star 11"]

    def test_are_left_to_the_next_job_where_nothing_is_assembled(self, build):
        report, _, assembled = build({11: 2}, stop=True)
        assert (report["exit_status"], assembled) == (4, [])
        report, taken, assembled = build({})
        assert taken == [11]
        assert (report["exit_status"], assembled) == (0, [{11: {}, 12: {}, 13: {}}])


def test_what_was_built_and_left_out_is_counted(tmp_path):
    progress = Progress(run="r", server="http://s", folder=tmp_path, total=2, labels="koi")
    progress.add(BuildResult("w", 11, BUILT, candidates=3))
    progress.add(BuildResult("w", 12, QUARANTINED, "too few points"))
    progress.classes = {"PC": 2, "AFP": 1}
    report = progress.end("done", "1 stars are left out of the data set.", 3)
    text = render_summary(report)
    assert report["changes"] == 1
    for words in ("1 (3 records)", "2 PC, 1 AFP", "too few points", "koi"):
        assert words in text
