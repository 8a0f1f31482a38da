"""The tables of mutants fit the project; `make mutants` breaks the project by them."""

from __future__ import annotations

import sys

import pytest
from plays import PROJECT

sys.path.append(str(PROJECT / "tests/mutants"))

import hosts
import package
from core import Mutant, StaleError, noticed

EVERY = [*package.mutants(), *hosts.MUTANTS]


@pytest.mark.parametrize("mutant", EVERY, ids=lambda mutant: mutant.broken)
def test_what_is_broken_is_still_there(mutant: Mutant) -> None:
    text = (PROJECT / mutant.file).read_text()
    assert mutant.applied(text) != text
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert (name.split("::")[0] or "def test_") in (PROJECT / file).read_text()


def test_each_is_said_once_and_there_are_many() -> None:
    assert len({mutant.broken for mutant in EVERY}) == len(EVERY)
    kinds = [mutant.kind for mutant in EVERY]
    assert {"search", "import", "tags", "macros", "jobs"} <= set(kinds)
    assert len(kinds) >= 30


@pytest.mark.parametrize("right", ["not there", "twice", "same"])
def test_a_mutant_that_fits_no_more_is_refused(right: str) -> None:
    wrong = "same" if right == "same" else "other"
    with pytest.raises(StaleError, match=r"a way: a\.py has the text"):
        Mutant("search", "a way", "a.py", right, wrong, ()).applied("same, twice twice")


def test_the_names_of_what_noticed_are_read() -> None:
    said = (
        "FAILED files/kepler_lens/tests/test_a.py::test_b[a word-1] - assert 1 == 2\n"
        "ERROR files/kepler_lens/tests/test_a.py::TestC::test_d\n1 failed, 2 passed in 3 s\n"
    )
    assert noticed(said) == ["test_b[a word-1]", "TestC::test_d"]
    assert noticed("2 passed in 3 s\n") == []
