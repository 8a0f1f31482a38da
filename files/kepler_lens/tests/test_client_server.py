"""The Python API on a real server: stars of its own, pushed and taken away again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kepler_lens import connect
from kepler_lens.client.errors import LimitError, NoLightCurveError, ScriptError
from kepler_lens.client.server import Server
from kepler_lens.errors import TokenError
from kepler_lens.gts import CLASS_OF_COLUMN, attribute_text, series_name
from kepler_lens.stars.lists import StarListError
from kepler_lens.warp10.client import Series, Token, Warp10

STAR, OTHER = 999_400_001, 999_400_002
# Nothing of a name may end the string of WarpScript in which it travels, or the selector.
OBJECT = "it's <b>a</b> \"star\", 100% + {'k'} %> // é"
BEGIN = 1_500_000_000_000_000
HALF_HOUR = 1_800_000_000
POINTS = 500
TAGS = {
    "disposition": "CONFIRMED",
    "planets": "Kepler-99941 b,Kepler-99941 c",
    "kois": "K99941.01",
    "candidates": "2",
    "teff": "5000",
    "radius": "0.800",
}


def labels(star: int, obsmode: str = "long cadence") -> dict[str, str]:
    return {
        "KEPLERID": str(star),
        "OBJECT": OBJECT,
        "MISSION": "Kepler",
        "OBSMODE": obsmode,
        "INSTRUME": "ClientTest",
    }


def lines(column: str, values: np.ndarray, star: int = STAR, **more: str) -> str:
    name = series_name(CLASS_OF_COLUMN[column], labels(star, **more))
    return "".join(
        f"{BEGIN + k * HALF_HOUR}// {name} {value!r}\n"
        for k, value in enumerate(values.tolist())
        if np.isfinite(value)
    )


@pytest.fixture(scope="module")
def columns() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    sap = rng.normal(47_000, 20, POINTS).astype(np.float32).astype(float)
    pdcsap = np.where(np.arange(POINTS) % 7 == 3, np.nan, sap + 0.5)
    quality = np.where(np.arange(POINTS) % 7 == 3, 16, 0)
    return {"SAP_FLUX": sap, "PDCSAP_FLUX": pdcsap, "SAP_QUALITY": quality}


@pytest.fixture(scope="module")
def server(real_server: tuple[str, Path], columns: dict[str, np.ndarray]) -> Iterator[Server]:
    url, tokens = real_server
    warp10 = Warp10(url, patience=10)
    write = Token.from_file(tokens / "write.token")
    results = Token.from_file(tokens / "results-write.token")
    text = "".join(lines(column, values) for column, values in columns.items())
    text += lines("SAP_FLUX", columns["SAP_FLUX"], OTHER, obsmode="short cadence")
    warp10.update(text.encode(), write)
    warp10.meta(
        [
            series_name(CLASS_OF_COLUMN[column], labels(STAR)) + attribute_text(TAGS)
            for column in columns
        ],
        write,
    )
    found = {"KEPLERID": str(STAR), "CANDIDATE": "1", "RUN": "one"}
    about = json.dumps({"run": "one", "candidates": 1})
    known = {"period": "1.500000", "depth": "800.0", "snr": "12.50", "disposition": "candidate"}
    name = series_name("transit.candidate", found)
    warp10.update(
        f"{BEGIN}// {name} 1.5\n{STAR}// star.search{{}} '{about}'\n".encode(),
        results,
    )
    warp10.meta([name + attribute_text(known)], results)
    yield connect(url)
    warp10.delete("~.*{INSTRUME=ClientTest}", write)
    warp10.delete(f"~transit.*{{KEPLERID={STAR}}}", results)
    warp10.delete("star.search{}", results, STAR, STAR)


@pytest.mark.parametrize("page", [80_000, POINTS, 100, 7])
def test_a_light_curve_comes_whole_in_pieces_of_any_size(
    server: Server,
    columns: dict[str, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    page: int,
) -> None:
    monkeypatch.setattr(server._reader, "_page", page)
    curve = server.light_curve(STAR)
    assert np.array_equal(curve.time_us, BEGIN + np.arange(POINTS) * HALF_HOUR)
    assert list(curve.columns) == list(columns)
    for column, values in columns.items():
        assert np.array_equal(curve.columns[column], values, equal_nan=True), column
    assert curve.labels == labels(STAR)
    assert curve.tags == TAGS
    assert curve.object == OBJECT


@pytest.mark.parametrize(
    "name", [str(STAR), f"KIC {STAR}", "Kepler-99941 b", "kepler-99941", "KOI-99941.01"]
)
def test_a_star_has_many_names(server: Server, name: str) -> None:
    assert server.light_curve(name, columns=["SAP_FLUX"]).star == STAR


def test_what_is_not_there(server: Server) -> None:
    with pytest.raises(StarListError, match="star, entry 1: 'Kepler-9994' is the name of no star"):
        server.light_curve("Kepler-9994")
    with pytest.raises(NoLightCurveError, match=r"has no light curve of star 999400009\.$"):
        server.light_curve(999_400_009)
    with pytest.raises(NoLightCurveError, match="no short cadence of star 999400001, only long ca"):
        server.light_curve(STAR, cadence="short")
    with pytest.raises(NoLightCurveError, match=r"no SAP_FLUX_ERR of .* SAP_FLUX, PDCSAP_FLUX,"):
        server.light_curve(STAR, columns=["SAP_FLUX", "SAP_FLUX_ERR"])


def test_stars(server: Server) -> None:
    table = server.stars([STAR, OTHER])
    assert list(table["star"]) == [STAR, OTHER]
    assert list(table["cadences"]) == ["long", "short"]
    assert (table["object"][0], table["teff"][0], table["radius"][0]) == (OBJECT, 5000, 0.8)
    for conditions in (
        {"disposition": "CONFIRMED"},
        {"teff": (4999, 5001)},
        {"radius": (0.8, 0.8), "mission": "Kepler", "candidates": (2, 2)},
        {"names": "Kepler-99941"},
        {"candidates": True},
    ):
        chosen: dict[str, Any] = conditions
        assert STAR in server.stars(**chosen)["star"], conditions
        assert OTHER not in server.stars(**chosen)["star"], conditions
    assert STAR not in server.stars(teff=(5001, None))["star"]
    assert STAR not in server.stars(mission="K2")["star"]
    assert {STAR, OTHER} <= set(server.stars()["star"])


def test_candidates(server: Server) -> None:
    for conditions in ({}, {"period": (1, 2)}, {"depth": (800, None)}, {"snr": (None, 12.5)}):
        chosen: dict[str, Any] = conditions
        (row,) = server.candidates(STAR, **chosen)
        assert (row["star"], row["candidate"], row["period"]) == (STAR, 1, 1.5)
    assert len(server.candidates(STAR, period=(2, None))) == 0
    assert len(server.candidates(STAR, score=(0, 1))) == 0
    assert STAR in server.candidates()["star"]


def test_scripts(server: Server) -> None:
    script = f"""
        [ @HELLOEXOWORLD/GETREADTOKEN 'sap.flux' {{ 'KEPLERID' '{STAR}' }} MAXLONG -3 ] FETCH
        'text' NULL 1.5"""
    number, none, text, (series,) = server.execute(script)
    assert (number, none, text) == (1.5, None, "text")
    assert isinstance(series, Series)
    assert series.labels == labels(STAR)
    assert series.ticks == [BEGIN + k * HALF_HOUR for k in (497, 498, 499)]


def test_errors_of_scripts(server: Server) -> None:
    with pytest.raises(ScriptError, match=r"line 2 of the script: .*NOSUCHFUNCTION") as caught:
        server.execute("1\nNOSUCHFUNCTION")
    assert caught.value.line == 2
    with pytest.raises(ScriptError, match="stopped at"):
        server.execute("[ 1 <% 2")
    with pytest.raises(ScriptError, match=r"script: That is no star\.$"):
        server.execute("<% 'That is no star.' MSGFAIL %> EVAL")
    fetch = (
        f"[ @HELLOEXOWORLD/GETREADTOKEN 'sap.flux' {{ 'KEPLERID' '{STAR}' }} MAXLONG -100 ] FETCH"
    )
    limit = "@HELLOEXOWORLD/GETREADTOKEN AUTHENTICATE 50 LIMIT"
    with pytest.raises(LimitError, match="exceed"):
        server.execute(f"{limit} {fetch}")


def test_a_token_that_is_none(real_server: tuple[str, Path]) -> None:
    with pytest.raises(TokenError, match="refuses the token"):
        connect(real_server[0], "nonsense").light_curve(STAR)
    read = (real_server[1] / "read.token").read_text().strip()
    assert connect(real_server[0], read).execute("1") == [1]
