"""Light curves as text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kepler_lens.csv_text import from_csv, to_csv
from kepler_lens.errors import LightCurveError
from kepler_lens.gts import parse_gts, series_name, to_gts, value_text
from kepler_lens.lightcurve import LightCurve, read_light_curve

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def curve(**columns: list[float]) -> LightCurve:
    length = len(next(iter(columns.values())))
    return LightCurve(
        star=900000001,
        mission="Simulation",
        segment=3,
        cadence="long",
        labels={
            "KEPLERID": "900000001",
            "OBJECT": "KIC 900000001",
            "MISSION": "Simulation",
            "OBSMODE": "long cadence",
            "INSTRUME": "Kepler Photometer",
        },
        filever="6.1",
        date="2015-09-01",
        first_cadence=7,
        time_us=np.arange(length) * 1_765_553_000 + 1_242_173_840_706_000,
        columns={
            c: np.array(v, dtype=np.int32 if c == "SAP_QUALITY" else np.float32)
            for c, v in columns.items()
        },
    )


def test_text_of_a_small_curve() -> None:
    lc = curve(SAP_FLUX=[1.5, np.nan, 2.0], SAP_QUALITY=[0, 128, 8192])
    name = (
        "INSTRUME=Kepler%20Photometer,KEPLERID=900000001,MISSION=Simulation,"
        "OBJECT=KIC%20900000001,OBSMODE=long%20cadence"
    )
    assert to_gts(lc).decode().splitlines() == [
        f"1242173840706000// sap.flux{{{name}}} 1.5",
        "=1242177371812000// 2.0",
        f"1242173840706000// sap.quality{{{name}}} 0",
        "=1242175606259000// 128",
        "=1242177371812000// 8192",
    ]
    assert to_gts(lc, ["SAP_QUALITY"]).startswith(b"1242173840706000// sap.quality{")


def test_nothing_finite_is_no_text() -> None:
    assert to_gts(curve(SAP_FLUX=[np.nan, np.inf, -np.inf])) == b""


def test_names_are_percent_encoded() -> None:
    assert series_name("a b", {"z": "1,2", "k": "x=y}é"}) == "a%20b{k=x%3Dy%7D%C3%A9,z=1%2C2}"


@given(arrays(np.float32, st.integers(1, 30), elements=FINITE))
def test_floats_come_back_and_look_like_floats(value: np.ndarray) -> None:
    for text, number in zip(value_text(value).to_pylist(), value, strict=True):
        # Warp 10 reads the text as a double, a reader of float32 rounds that.
        assert np.float32(float(text)) == number
        assert "." in text or "e" in text
        assert len(text) <= len(repr(float(number))) + 2


def test_floats_are_the_shortest() -> None:
    value = np.array([47073.640625, 304537.84, 123456789, 1e10, 1e-7, 16777216], dtype=np.float32)
    assert value_text(value).to_pylist() == [
        "47073.64", "304537.84", "123456790.0", "1e+10", "1e-7", "16777216.0",
    ]  # fmt: skip


def test_every_finite_point_of_real_files_is_in_the_text(data: Path) -> None:
    files = [*sorted((data / "k2").glob("*.fits")), *sorted((data / "kepler/011442793").iterdir())]
    for file in files:
        lc = read_light_curve(file)
        parsed = parse_gts(to_gts(lc).decode().splitlines())
        assert len(parsed) == 2
        for column, classname in (("SAP_FLUX", "sap.flux"), ("PDCSAP_FLUX", "pdcsap.flux")):
            points = next(p for name, p in parsed.items() if name.startswith(classname + "{"))
            time_us, value = lc.series(column)
            assert [t for t, _ in points] == time_us.tolist()
            np.testing.assert_array_equal(np.array([v for _, v in points], np.float32), value)


def test_csv_comes_back(data: Path) -> None:
    columns = ["SAP_FLUX", "PDCSAP_FLUX", "SAP_QUALITY"]
    for file in [*(data / "k2").glob("*.fits"), *(data / "kepler/000757076").glob("*.fits")]:
        lc = read_light_curve(file, columns)
        back = from_csv(to_csv(lc))
        assert to_gts(back) == to_gts(lc)
        assert replace(back, time_us=lc.time_us, columns={}).labels == lc.labels
        for field in ("star", "mission", "segment", "cadence", "filever", "date", "first_cadence"):
            assert getattr(back, field) == getattr(lc, field)


def test_csv_of_a_small_curve() -> None:
    lines = to_csv(curve(SAP_FLUX=[1.5, np.nan, np.nan], PDCSAP_FLUX=[np.nan, np.nan, 3])).decode()
    assert "# KEPLERID: 900000001\n" in lines
    assert lines.splitlines()[-3:] == [
        "time_us,SAP_FLUX,PDCSAP_FLUX",
        "1242173840706000,1.5,",
        "1242177371812000,,3.0",
    ]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text.replace("# KEPLERID", "# ID"), "lacks the comment KEPLERID"),
        (lambda text: text.replace("SAP_FLUX", "FLUX"), "has the columns time_us, FLUX"),
        (lambda text: text.replace(",1.5", ",bright"), "cannot be read"),
        (lambda text: text.replace("QUARTER: 3", "QUARTER: three"), "cannot be read"),
    ],
)
def test_bad_csv_is_named(damage: object, reason: str) -> None:
    text = damage(to_csv(curve(SAP_FLUX=[1.5, 2.5])).decode())  # type: ignore[operator]
    with pytest.raises(LightCurveError, match=reason) as caught:
        from_csv(text.encode(), "my.csv")
    assert str(caught.value).startswith("my.csv: ")
