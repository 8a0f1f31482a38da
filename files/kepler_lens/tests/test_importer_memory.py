"""What an import promises, with a server in memory and workers that are threads.

The tests are those of `test_importer_server`, without those that kill processes.
"""

from functools import partial

import pytest
import test_importer_server as with_a_server
from http_server import refuse
from msgspec import structs

from kepler_lens.archive import Selection, SourceError, open_source
from kepler_lens.cli import main
from kepler_lens.jobs.importer import task
from kepler_lens.jobs.importer.config import Job
from kepler_lens.jobs.importer.driver import run_import
from kepler_lens.simulation.simulate import simulate
from kepler_lens.warp10.directory import Directory

source = with_a_server.source

test_everything_is_in_once = (
    with_a_server.test_everything_is_in_once_and_a_second_import_pushes_nothing
)
test_the_ledger_sums_up_and_forgets = with_a_server.test_the_ledger_sums_up_and_forgets
test_the_register = with_a_server.test_the_register_names_what_an_import_brought
test_who_looks_is_told = with_a_server.test_who_looks_at_stars_is_told_of_those_that_changed
test_a_dead_worker_is_counted = (
    with_a_server.test_what_a_worker_left_that_was_killed_is_counted_by_the_next_import
)
test_a_touched_file = with_a_server.test_a_touched_file_is_not_pushed_and_its_new_date_is_noted
test_a_changed_file_leaves_no_stale_point = with_a_server.test_a_changed_file_leaves_no_stale_point
test_an_interrupted_replacement_is_finished = (
    with_a_server.test_an_interrupted_replacement_is_finished
)
test_an_attempt_taken_for_dead_deletes_nothing = (
    with_a_server.test_an_attempt_taken_for_dead_deletes_nothing
)
test_the_newer_of_two_versions_stays = with_a_server.test_the_newer_of_two_versions_stays
test_a_column_wanted_later_is_added = with_a_server.test_a_column_wanted_later_is_added
test_bad_files_stop_nothing = with_a_server.test_bad_files_stop_nothing
test_a_star_that_the_source_lacks_is_named = (
    with_a_server.test_a_star_that_the_source_lacks_is_named
)
test_an_import_all_of_whose_files_are_rejected_fails = (
    with_a_server.test_an_import_all_of_whose_files_are_rejected_fails
)
test_an_error_of_the_program = (
    with_a_server.test_an_error_of_the_program_is_not_taken_for_a_bad_file
)
test_a_fourth_error_of_one_kind_ends_the_import = (
    with_a_server.test_a_fourth_error_of_one_kind_ends_the_import
)
test_names_that_tell_nothing = with_a_server.test_names_that_tell_nothing
test_a_selection_holds_for_headers_too = with_a_server.test_a_selection_holds_for_headers_too
test_a_tarball_of_several_quarters = with_a_server.test_a_tarball_of_several_quarters
test_a_web_server_is_asked_for_no_file_twice = (
    with_a_server.test_a_web_server_is_asked_for_no_file_twice
)
test_a_wrong_token_ends_it_in_one_sentence = (
    with_a_server.test_a_wrong_token_ends_it_in_one_sentence
)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """As many files as are changed, and no more."""
    folder = tmp_path_factory.mktemp("many")
    simulate(folder, stars=with_a_server.STARS[:2], quarters=(1, 2, 3))
    return folder


@pytest.fixture
def server(memory):
    running, tokens = memory
    return with_a_server.Server(running.url, tokens)


def test_a_header_outweighs_a_stamp_that_no_quarter_has(server, job, source):
    for path in source.iterdir():
        path.rename(path.with_name(path.name.replace("2009259160929", "2019259160929")))
    chosen = Selection(segments=(1,))
    assert with_a_server.outcomes(run_import(structs.replace(job, selection=chosen))) == {
        "pushed": 2
    }


def test_files_that_are_there_cost_a_few_requests(memory, job):
    run_import(job)
    memory[0].asked.clear()
    report = run_import(job)
    assert with_a_server.outcomes(report) == {"unchanged": 6}
    # Of two stars; four to see whether the tokens are good.
    assert len(memory[0].asked) <= 2 + 4 + 6


def test_a_file_that_the_ledger_has_no_place_for_is_rejected(job, source):
    path = sorted(source.iterdir())[0]

    def edit(units):
        units[1].data["CADENCENO"] = -5

    with_a_server.change(path, edit)
    report = run_import(job)
    assert with_a_server.outcomes(report) == {"pushed": 5, "quarantined": 1}
    assert "begins at cadence -5, which cannot be kept" in report["rejected"][0]["reason"]


def words(capsys, monkeypatch, *typed):
    """Run a command of this process and give what it says."""
    monkeypatch.setattr("sys.argv", ["kepler-lens", *map(str, typed)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert not ended.value.code, err
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def test_status_counts_anew_and_delete_leaves_right_sums(
    memory, job, tmp_path, monkeypatch, capsys
):
    server, tokens = memory
    report = run_import(job)
    asked = ("status", "--server", server.url, "--tokens", tokens, "--state", job.state)
    said = words(capsys, monkeypatch, *asked)
    assert (said["stars"], said["points"], said["sums"]) == ("2", str(report["points"]), "right")
    assert "off_points" not in said
    for name in [name for name in server.series if name.startswith(("import.sum", "star.curve"))]:
        del server.series[name]
    assert words(capsys, monkeypatch, *asked)["stars"] == "0"
    off = words(capsys, monkeypatch, *asked, "--recount")
    assert (off["off_stars"], off["off_files"], off["registered"]) == ("2", "6", "2")
    assert (off["stars"], off["off_points"]) == ("2", str(report["points"]))
    again = words(capsys, monkeypatch, *asked, "--recount")
    assert {again[f"off_{name}"] for name in ("stars", "files", "points")} == {"0"}
    assert again["registered"] == "0"
    gone = with_a_server.STARS[0]
    of_stars = ("star.search{}", "star.look{}", "star.failed{}")
    for name in of_stars:
        server.of(name).points |= dict.fromkeys(with_a_server.STARS, "'x'")
    for ledger_read in ((), ("--ledger-read-token-file", tokens / "ledger-read.token")):
        words(
            *(capsys, monkeypatch, "delete", gone, "--yes", "--server", server.url),
            *("--token-file", tokens / "write.token", *ledger_read),
            *("--ledger-token-file", tokens / "ledger-write.token"),
            *("--results-token-file", tokens / "results-write.token"),
        )
        said = words(capsys, monkeypatch, *asked)
        assert (said["stars"], said["files"], said["sums"]) == ("1", "3", "right")
    assert (
        len([k for k in server.series.values() if k.classname == "import.open" and k.points]) == 1
    )
    assert words(capsys, monkeypatch, *asked, "--recount")["off_stars"] == "0"
    (curves,) = (kept for kept in server.series.values() if kept.classname == "star.curve")
    assert set(curves.points) == {with_a_server.STARS[1]}
    for name in of_stars:
        assert set(server.series[name].points) == set(with_a_server.STARS) - {gone}
    assert not any(
        kept.points for kept in server.series.values() if kept.classname == "import.open"
    )


def test_an_image_is_rejected_by_its_size(server, job, source):
    with (source / "image.fits").open("wb") as file:
        file.truncate(400_000_000)
    report = run_import(job)
    assert (report["exit_status"], with_a_server.outcomes(report)) == (
        3, {"pushed": 6, "quarantined": 1},
    )  # fmt: skip
    assert "more than 64 MB" in report["rejected"][0]["reason"]


@pytest.fixture
def impatient(monkeypatch):
    """Let the import ask the source again for a moment only."""
    monkeypatch.setattr(
        "kepler_lens.jobs.importer.driver.open_source", partial(open_source, patience=0.3)
    )


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("status", "reason"), [(403, "access refused (403)"), (500, "answers 500")]
)
def test_a_file_that_the_web_server_does_not_give_stops_no_other(
    job, source, serve, status, reason
):
    name = sorted(source.iterdir())[1].name
    web = serve(source)
    # Its HEAD, its GET, and then the same again with the next import; 500 is asked for again.
    web.faults = [lambda handler: name in handler.path and refuse(status)(handler)] * 1000
    report = run_import(structs.replace(job, source=web.url))
    assert (report["exit_status"], with_a_server.outcomes(report)) == (
        3, {"pushed": 5, "quarantined": 1},
    )  # fmt: skip
    assert report["rejected"][0]["name"] == name
    assert reason in report["rejected"][0]["reason"]
    web.faults = []
    again = run_import(structs.replace(job, source=web.url))
    assert with_a_server.outcomes(again) == {"pushed": 1, "unchanged": 5}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("limit", "status"), [("MOST_REFUSED", 403), ("MOST_FAILING", 500)])
def test_a_web_server_that_gives_no_file_is_left_alone(
    job, source, serve, monkeypatch, limit, status
):
    monkeypatch.setattr(f"kepler_lens.jobs.importer.driver.{limit}", 4)
    web = serve(source)
    web.faults = [lambda handler: ".fits" in handler.path and refuse(status)(handler)] * 1000
    last = rf"one file after the other, 4 by now\. The last: .*{status}"
    with pytest.raises(SourceError, match=last):
        run_import(structs.replace(job, source=web.url))


@pytest.fixture
def delete(memory, monkeypatch, capsys):
    """Delete the first star by the command."""
    server, tokens = memory

    def run():
        words(
            *(capsys, monkeypatch, "delete", with_a_server.STARS[0], "--yes"),
            *("--server", server.url, "--token-file", tokens / "write.token"),
            *("--ledger-token-file", tokens / "ledger-write.token"),
            *("--ledger-read-token-file", tokens / "ledger-read.token"),
        )

    return run


def test_a_star_that_is_deleted_between_its_points_and_its_entry(
    server, job, source, delete, monkeypatch
):
    tell, done = task.tell, []

    def tells(*arguments):
        tell(*arguments)
        if not done:
            done.append(True)
            delete()

    monkeypatch.setattr(task, "tell", tells)
    monkeypatch.setattr(task, "_PAUSES_S", (0, 0, 0))
    # In this thread, in which a command may run.
    monkeypatch.setattr("kepler_lens.jobs.driver.Fleet", with_a_server.InThisProcess)
    report = run_import(job)
    assert done
    assert with_a_server.outcomes(report) == {"pushed": 6}
    assert server.points() == with_a_server.in_files(source)
    assert server.ledger.summary().files == 6


def test_a_star_that_is_imported_while_it_is_deleted(server, job, source, delete, monkeypatch):
    run_import(job)
    remove, done = Directory.forget, []

    def imports(*arguments):
        if not done:
            done.append(True)
            run_import(job)
        remove(*arguments)

    # After the command has deleted the entries, and before it deletes the points.
    monkeypatch.setattr(Directory, "forget", imports)
    delete()
    assert done
    assert {star for _, star in server.points()} == {with_a_server.STARS[1]}
    assert server.ledger.summary().files == 3
    assert with_a_server.outcomes(run_import(job)) == {"pushed": 3, "unchanged": 3}
    assert server.points() == with_a_server.in_files(source)


@pytest.fixture
def job(server, source, tmp_path):
    return Job(str(source), server.url, server.tokens, state=tmp_path / "state")


def test_one_damaged_tarball_keeps_no_file_out(server, job, source):
    """The import of all others ends first, in the first run and in the next."""
    (source / "a.tgz").write_text("no tarball")
    count = len(list(source.glob("*.fits")))
    for _ in range(2):
        with pytest.raises(SourceError, match=r"a\.tgz"):
            run_import(job)
    (source / "a.tgz").unlink()
    assert with_a_server.outcomes(run_import(job)) == {"unchanged": count}


def test_files_whose_names_tell_nothing_are_not_lost_to_a_damaged_tarball(server, job, source):
    for number, path in enumerate(sorted(source.glob("*.fits"))):
        path.rename(source / f"{number}.fits")
    (source / "a.tgz").write_text("no tarball")
    count = len(list(source.glob("*.fits")))
    with pytest.raises(SourceError, match=r"a\.tgz"):
        run_import(job)
    (source / "a.tgz").unlink()
    assert with_a_server.outcomes(run_import(job)) == {"unchanged": count}
