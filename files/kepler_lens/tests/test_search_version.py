"""The search is named by the code that decides what it finds, and by nothing else."""

from __future__ import annotations

import pytest

from kepler_lens.classify import digest
from kepler_lens.search.version import engine


@pytest.fixture(autouse=True)
def forgetful():
    """Read sources and name the search anew in each test, and after it."""
    yield
    for function in (engine, digest._names):
        function.cache_clear()


def named_with(monkeypatch, module, right, wrong):
    """Name the search as if a text of one module were another."""
    source = digest._source
    assert right in source(module)

    def changed(name):
        text = source(name)
        return text.replace(right, wrong) if name == module else text

    for function in (engine, digest._names):
        function.cache_clear()
    monkeypatch.setattr(digest, "_source", changed)
    return engine()


@pytest.mark.parametrize(
    ("module", "right", "wrong"),
    [
        ("kepler_lens.search.engine", "(150.0, 7.0)", "(150.0, 7.1)"),
        ("kepler_lens.search.vet", "_LARGEST_EARTHS = 30.0", "_LARGEST_EARTHS = 29.0"),
        ("kepler_lens.search.doubts", "_MISSING_SHARE = 0.3", "_MISSING_SHARE = 0.31"),
        ("kepler_lens.search.intervals", "_WIDTH = 0.008", "_WIDTH = 0.009"),
        ("kepler_lens.search.observations", "BAD_QUALITY = 1130799", "BAD_QUALITY = 0"),
        ("kepler_lens.search.noise", "for j in range(5)", "for j in range(4)"),
        ("kepler_lens.transit", "LIMB_DARKENING = (0.40", "LIMB_DARKENING = (0.41"),
    ],
)
def test_what_decides_a_result_names_another_search(monkeypatch, module, right, wrong):
    before = engine()
    assert len(before) == 12
    assert named_with(monkeypatch, module, right, wrong) != before


@pytest.mark.parametrize(
    ("module", "right", "wrong"),
    [
        ("kepler_lens.search.vet", "# The part of other stars", "# A part of other stars"),
        ("kepler_lens.search.page", "_DPI = 110", "_DPI = 220"),
    ],
)
def test_words_and_plots_do_not(monkeypatch, module, right, wrong):
    before = engine()
    assert named_with(monkeypatch, module, right, wrong) == before
