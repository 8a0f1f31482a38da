"""The search is named by the code that decides what it finds, and by nothing else."""

from __future__ import annotations

import re

import pytest

from kepler_lens import code_digest
from kepler_lens.transit_search.version import engine


def forget():
    for function in (engine, code_digest._names, code_digest._symbol):
        function.cache_clear()


@pytest.fixture(scope="module")
def before():
    """The name of the search as it is."""
    forget()
    return engine()


@pytest.fixture(autouse=True)
def forgetful():
    """Read sources and name the search anew after each test."""
    yield
    forget()


def named_where(monkeypatch, change):
    """Name the search as if `change` had been done to the text of each module, by its name."""
    source = code_digest._source
    forget()
    monkeypatch.setattr(code_digest, "_source", lambda name: change(name, source(name)))
    return engine()


def named_with(monkeypatch, module, right, wrong):
    """Name the search as if a text of one module were another."""
    module = f"kepler_lens.{module}"
    assert right in code_digest._source(module)
    return named_where(
        monkeypatch,
        lambda name, text: text.replace(right, wrong) if name == module else text,
    )


@pytest.mark.parametrize(
    ("module", "right", "wrong"),
    [
        ("transit_search.detection.thresholds", "(150.0, 7.0)", "(150.0, 7.1)"),
        (
            "transit_search.vetting.vet",
            "_LARGEST_EARTHS = 30.0",
            "_LARGEST_EARTHS = 29.0",
        ),
        (
            "transit_search.detection.vetoes",
            "_MISSING_SHARE = 0.3",
            "_MISSING_SHARE = 0.31",
        ),
        ("missions.k2", "firing_days=12", "firing_days=11"),
        ("missions.kepler", "120.5, 131.5", "120.5, 131.6"),
        ("transit_search.detection.chains", "_WIDTH = 0.008", "_WIDTH = 0.009"),
        ("missions.kepler", "BAD_QUALITY = 1130799", "BAD_QUALITY = 0"),
        ("transit_search.preparation.noise", "for j in range(5)", "for j in range(4)"),
        ("missions.kepler", "LIMB_DARKENING = (0.40", "LIMB_DARKENING = (0.41"),
        ("transit_search.detection.brightenings", "max(near, default", "min(near, default"),
        (
            "transit_search.detection.candidates",
            "new if new.statistic > whole",
            "whole if new.statistic > whole",
        ),
    ],
)
def test_what_decides_a_result_names_another_search(before, monkeypatch, module, right, wrong):
    assert len(before) == 12
    assert named_with(monkeypatch, module, right, wrong) != before


@pytest.mark.parametrize(
    ("module", "right", "wrong"),
    [
        (
            "transit_search.vetting.vet",
            "# The part of other stars",
            "# A part of other stars",
        ),
        ("transit_search.report.page", "_DPI = 110", "_DPI = 220"),
    ],
)
def test_words_and_plots_do_not(before, monkeypatch, module, right, wrong):
    assert named_with(monkeypatch, module, right, wrong) == before


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        pytest.param(r"\bremnant\b", "left_over", id="function"),
        pytest.param(r"\b_DEEP\b", "_VERY_DEEP", id="constant"),
        pytest.param(r"\bVetting\b", "Judgement", id="class"),
        pytest.param(r"\bby_chance\b", "expected", id="variable"),
    ],
)
def test_another_name_is_no_other_search(before, monkeypatch, right, wrong):
    changed = []

    def renamed(_, text):
        text, times = re.subn(right, wrong, text)
        changed.append(times)
        return text

    assert named_where(monkeypatch, renamed) == before
    assert sum(changed) > 1


def test_a_function_in_another_module_is_no_other_search(before, monkeypatch):
    home, other = (
        "kepler_lens.transit_search.detection.brightenings",
        "kepler_lens.transit_search.version",
    )

    def moved(name, text):
        constant = "_OCTAVES = 1.0\n"
        if name == home:
            assert constant in text
            return text.replace(constant, f"from {other} import _OCTAVES\n")
        return text + constant if name == other else text

    assert named_where(monkeypatch, moved) == before


def test_an_import_in_a_function_is_no_other_search(before, monkeypatch):
    line = "    import numpy as np\n\n    started"

    def moved(name, text):
        if name != "kepler_lens.missions.observing":
            return text
        assert line in text
        return "import numpy as np\n" + text.replace(line, "    started")

    assert named_where(monkeypatch, moved) == before


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        # A caller may use the name of a parameter, of a field and of a method.
        (r"\bpulsating: bool\b", "pulses: bool"),
        (r"\bdepth_ppm: float\b", "depth: float"),
        (r"\bdef others\b", "def rest"),
    ],
)
def test_names_that_callers_may_use_count(before, monkeypatch, right, wrong):
    assert named_where(monkeypatch, lambda _, text: re.sub(right, wrong, text)) != before
