"""Scores in Warp 10: which one counts, and a catalogue ranked by it."""

import math

import pytest

from kepler_lens.errors import Warp10Error
from kepler_lens.transit_search.report.table import SCORE_COLUMNS, rank, score_row
from kepler_lens.transit_search.score import Score
from kepler_lens.transit_search.store.scores import attributes, newest
from kepler_lens.warp10.client import Series

SCORE = Score(0.9321, 0.05, 0.0179, 0.012, 1.5, outside=False, model="aaaa", recipe="search-1 77")


def series(model, ticks, values, **changes):
    labels = {"KEPLERID": "7", "CANDIDATE": "1", "RUN": "r", "MODEL": model}
    return Series("transit.score", labels, attributes(SCORE) | changes, ticks, values)


def test_what_is_written_is_read():
    ((key, (tick, score)),) = newest([series("aaaa", [5], [0.9321])]).items()
    assert key == (7, 1, "r")
    assert (tick, score) == (5, SCORE)


def test_the_model_that_has_scored_last_counts_also_after_a_return_to_an_older_one():
    older, newer = series("aaaa", [5], [0.9]), series("bbbb", [6], [0.2])
    assert newest([older, newer])[7, 1, "r"][1].model == "bbbb"
    again = series("aaaa", [5, 7], [0.9, 0.91])
    assert newest([again, newer])[7, 1, "r"] == (7, newest([again])[7, 1, "r"][1])
    assert newest([newer, again])[7, 1, "r"][1].p_planet == 0.91


def test_a_point_without_attributes_is_a_probability_alone():
    bare = Series("transit.score", series("a", [], []).labels, {}, [5], [0.7])
    score = newest([bare])[7, 1, "r"][1]
    assert score.p_planet == 0.7
    assert math.isnan(score.spread)


def test_a_score_that_makes_no_sense_is_named():
    with pytest.raises(Warp10Error, match="makes no sense"):
        newest([series("aaaa", [5], [0.9], spread="wide")])


def test_a_catalogue_is_ranked_by_score_and_what_has_none_comes_last():
    rows = [
        {"kepid": star, "tce_plnt_num": 1, **score_row(score)}
        for star, score in ((1, None), (2, SCORE), (3, Score(0.99, *[0.0] * 4, True, "m", "r")))
    ]
    assert [row["kepid"] for row in sorted(rows, key=rank)] == [3, 2, 1]
    assert tuple(score_row(None)) == SCORE_COLUMNS
    assert score_row(SCORE)["score_outside"] == "no"
