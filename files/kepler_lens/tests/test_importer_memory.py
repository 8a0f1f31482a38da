"""What an import promises, with a server in memory and workers that are threads.

The tests are those of `test_importer_server`, without those that kill processes.
"""

from dataclasses import replace

import pytest
import test_importer_server as with_a_server

from kepler_lens.archive import Selection
from kepler_lens.importer.config import Job
from kepler_lens.importer.driver import run_import
from kepler_lens.simulate import simulate

source = with_a_server.source

test_everything_is_in_once = (
    with_a_server.test_everything_is_in_once_and_a_second_import_pushes_nothing
)
test_the_ledger_sums_up_and_forgets = with_a_server.test_the_ledger_sums_up_and_forgets
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
    assert with_a_server.outcomes(run_import(replace(job, selection=chosen))) == {"pushed": 2}


@pytest.fixture
def job(server, source, tmp_path):
    return Job(str(source), server.url, server.tokens, state=tmp_path / "state")
