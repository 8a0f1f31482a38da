"""The thresholds of the search are those whose false alarms were measured, kind of star by kind."""

from __future__ import annotations

import json
import math
import sys

import pytest
from plays import PROJECT
from scipy.stats import binom

LEAST_LIKELY = 0.01
"""Probability below which a number of false alarms is none of one star in a hundred (chosen)."""


@pytest.fixture(scope="module")
def calibrate():
    sys.path.insert(0, str(PROJECT / "benchmarks"))
    try:
        import calibrate

        yield calibrate
    finally:
        sys.path.remove(str(PROJECT / "benchmarks"))


@pytest.fixture(scope="module")
def written(calibrate) -> dict:
    return json.loads(calibrate.SUMMARY.read_text(encoding="utf-8"))


def test_it_is_what_the_light_curves_gave(calibrate, written):
    done = calibrate.measured(calibrate.RESULTS, written["engine"])
    assert len(done) == written["curves"] >= 100
    again = calibrate.summary(done, written["engine"])
    assert again == written


def test_the_thresholds_in_force_are_the_measured_ones(calibrate, written):
    for kind, about in written["kinds"].items():
        steps = [(step["days"] or math.inf, step["threshold"]) for step in about["ranges"]]
        assert tuple(steps) == calibrate.in_force(kind), f"measure anew: {calibrate.__doc__}"


def test_one_star_in_a_hundred_holds_for_each_kind_of_star(written):
    exceeded = set()
    for kind, about in written["kinds"].items():
        chance = binom.sf(about["alarms"] - 1, about["curves"], written["quantile"])
        if chance < LEAST_LIKELY:
            exceeded.add(kind)
    assert exceeded == set()
