"""The macros of the role `macros`, handed to a real server as they stand here.

They need not be installed there, but GETREADTOKEN; molecule looks at those that are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from kepler_lens.errors import Warp10Error
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.directory import CLASS, Directory
from kepler_lens.warp10.register import Register

MACROS = Path(__file__).resolve().parents[3] / "roles/macros/files"
NAMES = (
    "NAMED",
    "FETCHNAMED",
    "SERIES",
    "CURVE",
    "MEANAT",
    "LIGHTCURVE",
    "DETREND",
    "DIPS",
    "FOLD",
    "CANDIDATES",
    "SAMPLE",
)
STAR = 999_300_001
DAY_US = 86_400_000_000
HALF_HOUR = DAY_US // 48
BEGIN = 15_000 * DAY_US
DIPS_DAYS, DEPTH, HOURS = (5.0, 9.25, 15.5), 2e-3, 5
NOISE = 1e-4


def prelude(token: str) -> str:
    """Give what makes each macro a variable, of which the others know."""
    text = "\n".join(f"{(MACROS / f'{name}.mc2').read_text()}\n'{name}' STORE" for name in NAMES)
    text = text.replace("@TOKEN@", token)
    return re.sub(rf"@HELLOEXOWORLD/({'|'.join(NAMES)})\b", r"$\1 EVAL", text)


Run = Callable[[str], list[Any]]


@pytest.fixture
def run(real_server: tuple[str, Path]) -> Run:
    warp10 = Warp10(real_server[0], patience=10)
    token = Token.from_file(real_server[1] / "curves-read.token").reveal()
    return lambda script: warp10.exec(f"{prelude(token)}\n{script}")


def series(ticks: np.ndarray, values: np.ndarray) -> str:
    return f"[ {' '.join(map(str, ticks))} ] [] [] [] [ {' '.join(map(repr, values))} ] MAKEGTS"


def points(found: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([point[0] for point in found["v"]], np.int64),
        np.array([point[-1] for point in found["v"]], float),
    )


def twenty_days(depth: float = DEPTH) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ticks, flux around 1 that drifts by a per mille, and which points are in a dip."""
    rng = np.random.default_rng(17)
    ticks = BEGIN + np.arange(20 * 48) * HALF_HOUR
    day = (ticks - BEGIN) / DAY_US
    inside = np.any([np.abs(day - middle) < HOURS / 48 for middle in DIPS_DAYS], axis=0)
    # Level at both ends, beyond which nothing tells how it goes on.
    flux = 1 + 0.001 * np.cos(2 * np.pi * day / 10) + rng.normal(0, NOISE, len(day))
    return ticks, np.where(inside, flux - depth, flux).round(7).astype(float), inside


def curve(depth: float = DEPTH) -> str:
    ticks, flux, _ = twenty_days(depth)
    return f"{series(ticks, flux.tolist())} 'pdcsap.flux' RENAME 1 ->LIST"


def test_a_mean_takes_what_is_within_reach_to_either_side(run: Run) -> None:
    given = series(np.arange(10) * 1_000_000, np.arange(10.0).tolist())
    (found,) = run(f"{given} 1 ->LIST 2 s [ 60 s 4 s 500 ms -1 s 9 s ] $MEANAT EVAL 0 GET")
    ticks, means = points(found)
    assert ticks.tolist() == [-1_000_000, 500_000, 4_000_000, 9_000_000]
    assert means.tolist() == [0.5, 1.0, 4.0, 8.0]


def test_the_trend_goes_and_the_dips_stay(run: Run) -> None:
    ticks, _, inside = twenty_days()
    (found,) = run(f"{curve()} 1.5 d $DETREND EVAL 0 GET")
    at, flat = points(found)
    np.testing.assert_array_equal(at, ticks)
    assert np.std(flat[~inside]) < 1.5 * NOISE
    # Neither early nor late: as much is left where the star brightens as where it fades.
    rising = (ticks - BEGIN) // DAY_US % 10 >= 5
    left = [np.mean(flat[~inside & of]) for of in (rising, ~rising)]
    assert abs(left[0] - left[1]) < 0.3 * NOISE
    assert np.mean(flat[inside]) == pytest.approx(1 - DEPTH, abs=0.1 * DEPTH)


def test_a_window_that_takes_transits_for_trend_is_refused(run: Run) -> None:
    with pytest.raises(Warp10Error, match="shorter than 8 hours"):
        run(f"{curve()} 7 h $DETREND EVAL")


def test_each_dip_is_found_once_with_its_depth(run: Run) -> None:
    (found,) = run(f"{curve()} 1.5 d $DETREND EVAL 6 $DIPS EVAL")
    ticks, depths = points(found)
    assert ((ticks - BEGIN) / DAY_US).tolist() == pytest.approx(DIPS_DAYS, abs=0.05)
    assert depths == pytest.approx(1e6 * DEPTH, rel=0.15)


def test_a_threshold_is_in_units_of_the_scatter(run: Run) -> None:
    """Six points of noise 1e-4 have a mean of deviation 4e-5: a dip of 1.8e-4 is 4.4 of them."""
    weak = f"{curve(1.8e-4)} 1.5 d $DETREND EVAL"
    low, high = run(f"{weak} 3.2 $DIPS EVAL {weak} 12 $DIPS EVAL")[::-1]
    assert len(low["v"]) >= 3
    assert len(high["v"]) == 0
    with pytest.raises(Warp10Error, match="greater than 0"):
        run(f"{weak} 0 $DIPS EVAL")


def test_one_dark_point_is_no_dip(run: Run) -> None:
    """Nine times the noise deep, it is under four times that of three hours."""
    ticks, flux, _ = twenty_days(0.0)
    flux[400] -= 9 * NOISE
    given = f"{series(ticks, flux.tolist())} 'pdcsap.flux' RENAME 1 ->LIST"
    (found,) = run(f"{given} 1.5 d $DETREND EVAL 6 $DIPS EVAL")
    assert found["v"] == []


def test_the_middle_of_a_transit_is_folded_to_0(run: Run) -> None:
    epoch = (BEGIN + 2.0 * DAY_US) / DAY_US - 14245.5
    ticks = BEGIN + np.arange(20 * 48) * HALF_HOUR
    flux = np.where(((ticks - BEGIN) / DAY_US - 2 + 0.1) % 3.5 < 0.2, 0.5, 1.0)
    (found,) = run(f"{series(ticks, flux.tolist())} 1 ->LIST 3.5 {epoch!r} $FOLD EVAL")
    at, folded = points(found)
    assert len(at) == len(ticks)
    assert np.abs(at).max() <= 1.75 * DAY_US
    assert (np.abs(at[folded < 0.8]) <= 0.1 * DAY_US).all()
    assert (np.abs(at[folded > 0.8]) >= 0.09 * DAY_US).all()


@pytest.fixture
def stars(real_server: tuple[str, Path]) -> Iterator[Callable[..., None]]:
    """Push points, and then attributes, of stars of ours, which are gone after the test."""
    url, tokens = real_server
    warp10 = Warp10(url, patience=10)
    written = set()

    def push(token: str, text: bytes, attributes: Sequence[str] = ()) -> None:
        written.add(token)
        secret = Token.from_file(tokens / f"{token}.token")
        warp10.update(text, secret)
        if attributes:
            warp10.meta([f"{line}\n" for line in attributes], secret)

    yield push
    for token in written:
        secret = Token.from_file(tokens / f"{token}.token")
        warp10.delete("~.*{KEPLERID~9993.....}", secret)
        warp10.delete("~star.*{}", secret, 999_300_000, 999_399_999)


def test_a_light_curve_is_split_where_nothing_was_seen(run: Run, stars: Any) -> None:
    # Sixty points, nothing for seven hours, sixty brighter points, and forty after another gap.
    index = np.r_[0:60, 74:134, 148:188]
    flux = np.where(np.arange(160) < 60, 100.0, 200.0)
    lines = [
        f"{BEGIN + int(i) * HALF_HOUR}// pdcsap.flux{{KEPLERID={STAR},OBSMODE=long%20cadence}} {v}"
        for i, v in zip(index, flux, strict=True)
    ]
    short = f"pdcsap.flux{{KEPLERID={STAR},OBSMODE=short%20cadence}}"
    lines += [f"{BEGIN + n * 60_000_000}// {short} 7.0" for n in range(60)]
    stars("write", "\n".join(lines).encode())
    (found,) = run(f"{STAR} 'pdcsap.flux' $LIGHTCURVE EVAL")
    assert [len(one["v"]) for one in found] == [60, 60]
    assert [float(one["a"]["level"]) for one in found] == [100.0, 200.0]
    assert all(value == 1.0 for one in found for value in points(one)[1])
    with pytest.raises(Warp10Error, match=f"no long cadence of star {STAR + 1}"):
        run(f"{STAR + 1} 'pdcsap.flux' $LIGHTCURVE EVAL")


@pytest.fixture
def short(stars: Any) -> np.ndarray:
    """Ticks of a star that is seen each minute on days 0 to 2 and 6 to 8; its values count them."""
    ticks = np.r_[0 : 2 * DAY_US : 60_000_000, 6 * DAY_US : 8 * DAY_US : 60_000_000] + BEGIN
    name = f"pdcsap.flux{{KEPLERID={STAR},OBSMODE=short%20cadence}}"
    lines = [f"{tick}// {name} {n}.0" for n, tick in enumerate(ticks)]
    other = f"pdcsap.flux{{KEPLERID={STAR},OBSMODE=long%20cadence}}"
    stars("write", "\n".join([*lines, f"{ticks[5] + 1}// {other} -1.0"]).encode())
    return ticks


def sample(star: object, end: int, span: int, stretches: int, points: int) -> str:
    which = f"{star!r} 'pdcsap.flux' 'short cadence'"
    return f"{which} {end} {span} {stretches} {points} $SAMPLE EVAL"


def test_a_sample_has_the_last_points_of_each_stretch(run: Run, short: np.ndarray) -> None:
    (found,) = run(sample(STAR, int(short[-1]), 8 * DAY_US, 16, 3))
    at, values = points(found)
    np.testing.assert_array_equal(short[values.astype(int)], at)
    begins = np.r_[True, np.diff(at) > 60_000_000]
    # Four stretches of half a day in either part, each of neighbours, and nothing in the pause.
    assert np.diff(np.r_[np.flatnonzero(begins), len(at)]).tolist() == [3] * 8
    assert at[-1] == short[-1]
    assert np.median(np.diff(at[begins])) == DAY_US // 2


def test_a_sample_ends_with_its_span(run: Run, short: np.ndarray) -> None:
    (found,) = run(sample(STAR, int(short[-1]), DAY_US, 4, 100))
    at, _ = points(found)
    assert len(at) == 4 * 100
    assert at[0] > short[-1] - DAY_US
    (found,) = run(sample(STAR, BEGIN - 1, DAY_US, 4, 100))
    assert found["v"] == []


def test_a_sample_takes_no_pattern_and_has_bounds(run: Run, short: np.ndarray) -> None:
    (found,) = run(sample("~.*", int(short[-1]), DAY_US, 4, 2))
    assert found["v"] == []
    for stretches, count in ((0, 1), (1001, 1), (1, 0), (1, 101)):
        with pytest.raises(Warp10Error, match="1 to 1000 stretches, and 1 to 100 points"):
            run(sample(STAR, BEGIN, DAY_US, stretches, count))
    with pytest.raises(Warp10Error, match="longer than a microsecond"):
        run(sample(STAR, BEGIN, 5, 6, 1))


def test_only_candidates_of_the_run_that_counts_and_in_range_are_seen(run: Run, stars: Any) -> None:
    search = "%7B%22run%22:%22a%22,%22candidates%22:2%7D"
    lines = [
        f"{BEGIN}// transit.candidate{{KEPLERID={STAR},CANDIDATE={number},RUN={name}}} 1.0"
        for number, name in ((1, "a"), (2, "a"), (1, "b"))
    ]
    lines.append(f"{STAR}// star.search{{}} '{search}'")
    stars("results-write", "\n".join(lines).encode())
    (found,) = run(f"{{ 'KEPLERID' '{STAR}' }} $CANDIDATES EVAL")
    assert [(c["l"]["CANDIDATE"], c["l"]["RUN"]) for c in found] == [("1", "a"), ("2", "a")]
    (found,) = run(f"{{ 'KEPLERID' '{STAR}' 'score' [ 0 1 ] }} $CANDIDATES EVAL")
    assert found == [], "what has no score is in no range of scores"


def test_candidates_are_given_without_their_points_where_asked(run: Run, stars: Any) -> None:
    tags = "{period=3.5,depth=200}"
    name = f"transit.candidate{{KEPLERID={STAR},CANDIDATE=1,RUN=a}}"
    search = quote('{"run":"a","candidates":1}')
    score = f"transit.score{{KEPLERID={STAR},CANDIDATE=1,RUN=a,MODEL=m}}"
    text = f"{BEGIN}// {name} 1.0\n{STAR}// star.search{{}} '{search}'\n{BEGIN}// {score} 0.75\n"
    stars("results-write", text.encode(), [f"{name}{tags}", f"{score}{{spread=0.1}}"])
    for more, points in (("", 1), ("'points' false", 0)):
        for star in (f"'{STAR}'", f"'~{STAR}'"):
            wanted = f"'KEPLERID' {star} 'period' [ 3 4 ] 'score' [ 0.5 1 ] {more}"
            ((found,),) = run(f"{{ {wanted} }} $CANDIDATES EVAL")
            assert len(found["v"]) == points
            known = {"period": "3.5", "depth": "200", "score": "0.75", "score_model": "m"}
            assert found["a"] == {**known, "score_spread": "0.1"}
    for outside in ("'period' [ 4 5 ]", "'score' [ 0.8 1 ]"):
        assert run(f"{{ 'KEPLERID' '{STAR}' {outside} }} $CANDIDATES EVAL") == [[]]


def test_candidates_of_stars_far_apart_are_all_found(run: Run, stars: Any) -> None:
    lines = []
    search = quote('{"run":"a","candidates":1}')
    for star in (STAR, STAR + 1, STAR + 50_000):
        lines.append(f"{BEGIN}// transit.candidate{{KEPLERID={star},CANDIDATE=1,RUN=a}} 1.0")
        lines.append(f"{star}// star.search{{}} '{search}'")
    # A candidate of a star whose first search has not ended.
    lines.append(f"{BEGIN}// transit.candidate{{KEPLERID={STAR + 7},CANDIDATE=1,RUN=a}} 1.0")
    stars("results-write", "\n".join(lines).encode())
    (found,) = run("{ 'KEPLERID' '~9993.....' } $CANDIDATES EVAL <% DROP LABELS %> LMAP")
    assert [int(each["KEPLERID"]) for each in found] == [STAR, STAR + 1, STAR + 50_000]


def test_candidates_that_their_search_does_not_speak_of_are_not_given(run: Run, stars: Any) -> None:
    line = f"{BEGIN}// transit.candidate{{KEPLERID={STAR},CANDIDATE=1,RUN=a}} 1.0\n"
    stars("results-write", line.encode())
    for wanted in (f"'{STAR}'", f"'~{STAR}'"):
        assert run(f"{{ 'KEPLERID' {wanted} }} $CANDIDATES EVAL") == [[]], "nothing is searched"
    # As a reader finds it that comes between the candidates of a search and those of the next.
    for search in ('{"run":"a","candidates":2}', '{"run":"b","candidates":1}'):
        stars("results-write", f"{STAR}// star.search{{}} '{quote(search)}'\n".encode())
        for wanted in (f"'{STAR}'", f"'~{STAR}'"):
            with pytest.raises(Warp10Error, match="than they can be read, or lack candidates"):
                run(f"{{ 'KEPLERID' {wanted} }} $CANDIDATES EVAL")


def test_a_star_that_is_no_number_is_refused(run: Run) -> None:
    with pytest.raises(Warp10Error, match="KEPLERID is a number as text, or ~"):
        run("{ 'KEPLERID' 'Kepler-11' } $CANDIDATES EVAL")


LONG = "MISSION=Kepler,OBSMODE=long%20cadence"


@pytest.fixture
def noted(real_server: tuple[str, Path], stars: Any) -> Callable[..., int]:
    """Push two series of a star and a third of its neighbour, register them, and note the star."""
    warp10 = Warp10(real_server[0], patience=10)
    read, write = (Token.from_file(real_server[1] / f"{name}.token") for name in ("read", "write"))
    names = [f"pdcsap.flux{{KEPLERID={STAR},{LONG}}}", f"sap.flux{{KEPLERID={STAR},{LONG}}}"]
    names.append(f"pdcsap.flux{{KEPLERID={STAR + 1},{LONG}}}")

    def note(*more: str) -> int:
        lines = []
        for name in (*names, *more):
            lines += [f"{BEGIN + i * HALF_HOUR}// {name} {100.0 + i}" for i in range(5)]
        stars("write", "\n".join(lines).encode(), [f"{name}{{teff=5000}}" for name in names])
        there = warp10.find(f"~.*flux{{KEPLERID~{STAR}|{STAR + 1}}}", read)
        Register(warp10, read, write).write((one.classname, one.labels) for one in there)
        return Directory(warp10, read, write).note([STAR, STAR + 7])

    return note


def test_series_that_are_noted_are_read_without_a_search(run: Run, noted: Any) -> None:
    assert run(f"{STAR} $NAMED EVAL") == [None], "nothing is noted yet"
    assert noted() == 1
    assert noted() == 0, "what counts is not written again"
    token = "@HELLOEXOWORLD/GETREADTOKEN"
    selector = f"{{ 'KEPLERID' '{STAR}' 'OBSMODE' 'long cadence' }}"
    for span in ("MAXLONG MAXLONG", "MAXLONG -3", f"{BEGIN + 3 * HALF_HOUR} {2 * HALF_HOUR}"):
        script = f"{STAR} 'sap.flux' 'long cadence' {span} $CURVE EVAL"
        assert run(script) == run(f"[ {token} 'sap.flux' {selector} {span} ] FETCH")
    (both,) = run(f"{STAR} [ 'sap.flux' 'pdcsap.flux' ] 'long cadence' MAXLONG -1 $CURVE EVAL")
    assert sorted(series["c"] for series in both) == ["pdcsap.flux", "sap.flux"]
    assert run(f"{STAR} 'sap.flux' 'short cadence' MAXLONG -1 $CURVE EVAL") == [[]]
    ((first, second),) = run(f"{STAR} $SERIES EVAL")
    assert [first["c"], second["c"]] == ["pdcsap.flux", "sap.flux"]
    assert first["a"] == {"teff": "5000"}


def test_what_was_noted_before_another_series_came_does_not_count(
    run: Run, noted: Any, stars: Any
) -> None:
    noted()
    assert len(run(f"{STAR} $NAMED EVAL")[0]) == 2
    third = f"sap.flux{{KEPLERID={STAR},{LONG},OBJECT=renamed}}"
    before = run(f"[ @HELLOEXOWORLD/GETREADTOKEN '{CLASS}' {{}} {STAR} 1 ] FETCH")
    assert noted(third) == 1
    assert len(run(f"{STAR} $NAMED EVAL")[0]) == 3
    ((point,),) = [series["v"] for series in before[0]]
    text = quote(point[-1], safe="")
    stars("write", f"{STAR}// {CLASS}{{{LONG}}} '{text}'\n".encode())
    assert run(f"{STAR} $NAMED EVAL") == [None]
    (found,) = run(f"{STAR} 'sap.flux' 'long cadence' MAXLONG -1 $CURVE EVAL")
    assert len(found) == 2


def test_adjacent_stars_are_noted_together_as_they_are_one_by_one(
    real_server: tuple[str, Path], stars: Any
) -> None:
    warp10 = Warp10(real_server[0], patience=10)
    read, write = (Token.from_file(real_server[1] / f"{name}.token") for name in ("read", "write"))
    # Fewer of short cadence, and none of them at both ends.
    names = [f"sap.flux{{KEPLERID={STAR + n},{LONG}}}" for n in range(40)]
    names += [name.replace("long", "short") for name in names[10:20]]
    stars("write", "\n".join(f"{BEGIN}// {name} 1.5" for name in names).encode())
    there = warp10.find("sap.flux{KEPLERID~9993000[0-4].}", read)
    Register(warp10, read, write).write((one.classname, one.labels) for one in there)
    directory, numbers = Directory(warp10, read, write), range(STAR, STAR + 40)

    def notes() -> set[tuple[str, int, object]]:
        return {
            (series.labels["OBSMODE"], tick, value)
            for series in warp10.fetch(f"{CLASS}{{}}", read, STAR, STAR + 39)
            for tick, value in zip(series.ticks, series.values, strict=True)
        }

    assert directory.note(numbers, adjacent=True) == len(names)
    together = notes()
    assert len(together) == len(names)
    assert directory.note(numbers) == directory.note(numbers, adjacent=True) == 0
    directory.forget(numbers[5:15])
    assert directory.note(numbers, adjacent=True) == 15
    directory.forget(numbers)
    assert directory.note(numbers) == len(names)
    assert {one[:2] for one in notes()} == {one[:2] for one in together}
