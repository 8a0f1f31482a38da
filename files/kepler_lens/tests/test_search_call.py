"""The program behind TRANSITS: who may have a star searched, and when."""

import io
import json
from urllib.parse import quote, unquote

import pytest

from kepler_lens.jobs.searcher.call import CallError, answer, serve, slot
from kepler_lens.transit_search.store import light_curve
from kepler_lens.warp10.client import Warp10

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "call.token"
    path.write_text("right\n")
    return path


def asked(token_file, folder, **request):
    said = answer(quote(json.dumps(request)), token_file, folder, 1, NOWHERE)
    assert said.startswith(" ")
    assert "right" not in unquote(said)
    return unquote(said[1:])


def test_a_place_is_given_once_and_given_back(tmp_path):
    full = slot(tmp_path, 2)
    with slot(tmp_path, 2), slot(tmp_path, 2), pytest.raises(CallError, match="busy"), full:
        pass
    with slot(tmp_path, 1):
        pass


def test_a_caller_is_told_at_once_that_all_places_are_taken(token_file, tmp_path):
    with slot(tmp_path, 1):
        assert "busy" in asked(token_file, tmp_path, token="right", star="1")


def test_another_token_and_no_number_are_refused(token_file, tmp_path):
    assert "not the call token" in asked(token_file, tmp_path, token="wrong", star="1")
    assert "no number" in asked(token_file, tmp_path, token="right", star="1; ls")
    assert "takes the call token" in asked(token_file, tmp_path, star="1")


def test_a_failed_search_is_answered_with_its_reason(token_file, tmp_path, monkeypatch):
    monkeypatch.setattr(light_curve, "Warp10", lambda url, **_: Warp10(url, patience=0.1))
    assert NOWHERE in asked(token_file, tmp_path, token="right", star="1")


def test_it_says_how_many_may_run_then_answers_line_by_line(token_file, tmp_path):
    answers = io.StringIO()
    serve(io.StringIO("nonsense\n\n"), answers, token_file, tmp_path, 3, NOWHERE)
    first, *rest = answers.getvalue().splitlines()
    assert first == "5"
    assert len(rest) == 2
    assert all(line.startswith(" ") for line in rest)
