"""A light curve from a server in the forms of other tools, held against lightkurve's own reader."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.io.votable import parse
from astropy.table import Table
from astropy.timeseries import TimeSeries
from scripted_server import Answer, Scripted

from kepler_lens import connect, read_light_curve
from kepler_lens.client.curve import StarCurve
from kepler_lens.client.errors import LimitError, NoLightCurveError
from kepler_lens.errors import KeplerLensError
from kepler_lens.gts import CLASS_OF_COLUMN, parse_gts, to_gts
from kepler_lens.simulation.simulate import simulate

FLUXES = ("SAP_FLUX", "PDCSAP_FLUX")
ALL = tuple(CLASS_OF_COLUMN)
Found = tuple[str, dict[str, str], dict[str, str], Sequence[int], Sequence[float]]
MILLISECOND = 1 / 86_400_000
"""Days: what the server keeps of a time."""


def stored(files: Sequence[Path], columns: Sequence[str], **tags: str) -> list[Found]:
    """Give what a server has that the files were imported into: ticks ascending."""
    curves = [read_light_curve(file, columns) for file in files]
    text = b"".join(to_gts(curve) for curve in curves).decode()
    return [
        (name.partition("{")[0], curves[0].labels, tags, *zip(*sorted(points), strict=True))
        for name, points in (
            (name, [(tick, json.loads(value)) for tick, value in points])
            for name, points in parse_gts(text.splitlines()).items()
        )
    ]


def answer(found: Sequence[Found]) -> Answer:
    """Give its answer, newest first."""
    rows = [
        (name, labels, tags, *(" ".join(map(repr, reversed(numbers))) for numbers in points))
        for name, labels, tags, *points in found
    ]
    return (200, json.dumps([rows]))


@pytest.fixture(scope="module", params=["of the archive", "simulated"])
def two_quarters(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """The files of quarters 1 and 2: Kepler-11's, and simulated ones."""
    if request.param == "of the archive":
        real: list[Path] = request.getfixturevalue("kepler_11")
        return real[:2]
    folder = tmp_path_factory.mktemp("simulated")
    simulate(folder, stars=1, quarters=(1, 2))
    return sorted(folder.rglob("*.fits"))


@pytest.fixture
def star(two_quarters: list[Path]) -> int:
    return read_light_curve(two_quarters[0]).star


@pytest.fixture
def curve(
    scripted: Callable[..., Scripted], two_quarters: list[Path], star: int
) -> Callable[[Sequence[str]], StarCurve]:
    def read(columns: Sequence[str]) -> StarCurve:
        server = scripted(answer(stored(two_quarters, columns, teff="5663", radius="1.065")))
        return connect(server.url).light_curve(star)

    return read


def plain(values: Any) -> np.ndarray:
    """An array of lightkurve's as numbers, NaN where it is masked."""
    if np.ma.isMaskedArray(values) or hasattr(values, "filled"):
        values = values.filled(np.nan)
    return np.asarray(getattr(values, "value", values), np.float64)


def lightkurves(files: Sequence[Path], **options: Any) -> list[Any]:
    from lightkurve.io.kepler import read_kepler_lightcurve

    return [read_kepler_lightcurve(file, **options) for file in files]


class TestLightkurve:
    @pytest.mark.parametrize("flux_column", ["pdcsap_flux", "sap_flux"])
    def test_fluxes_alone(
        self, curve: Callable[..., StarCurve], two_quarters: list[Path], flux_column: str
    ) -> None:
        ours = curve(FLUXES).to_lightkurve(flux_column)
        theirs = lightkurves(two_quarters, flux_column=flux_column, quality_bitmask="none")
        flux = np.concatenate([plain(lc.flux) for lc in theirs])
        time = np.concatenate([lc.time.value for lc in theirs])
        finite, mine = np.isfinite(flux), np.isfinite(ours.flux.value)
        assert 4000 < finite.sum() == mine.sum()
        assert np.array_equal(ours.flux.value[mine], flux[finite])
        late = time[finite] - ours.time.value[mine]
        # A microsecond is more than what the sums of floats differ by.
        assert -1e-3 * MILLISECOND < late.min() < late.max() < 1.01 * MILLISECOND
        assert ours.meta["QUALITY_BITMASK"] == "none"

    @pytest.mark.parametrize("bitmask", [None, "none", "default", "hard", 1, 0])
    def test_every_column_with_quality(
        self, curve: Callable[..., StarCurve], two_quarters: list[Path], bitmask: str | int | None
    ) -> None:
        ours = curve(ALL).to_lightkurve(quality_bitmask=bitmask)
        theirs = lightkurves(
            two_quarters, quality_bitmask="default" if bitmask is None else bitmask
        )
        assert len(ours) == sum(map(len, theirs)) > 4000
        for name in ("flux", "flux_err", "quality", *map(str.lower, ALL)):
            whole = np.concatenate([plain(lc[name]) for lc in theirs])
            assert np.array_equal(plain(ours[name]), whole, equal_nan=True), name
        assert ours.meta["QUALITY_BITMASK"] == theirs[0].meta["QUALITY_BITMASK"]

    def test_time_units_and_names_are_those_of_its_reader(
        self, curve: Callable[..., StarCurve], two_quarters: list[Path]
    ) -> None:
        ours, theirs = curve(ALL).to_lightkurve(), lightkurves(two_quarters)[0]
        assert type(ours) is type(theirs)
        assert (ours.time.format, ours.time.scale) == ("bkjd", "tdb")
        assert (theirs.time.format, theirs.time.scale) == ("bkjd", "tdb")
        assert abs((ours.time[0] - theirs.time[0]).to_value(units.ms)) < 1.01
        for name in ("flux", "flux_err", "sap_flux", "pdcsap_flux_err"):
            assert ours[name].unit == theirs[name].unit == units.electron / units.s
            assert ours[name].dtype.newbyteorder("=") == theirs[name].dtype.newbyteorder("=")
        assert ours.colnames[:4] == theirs.colnames[:4] == ["time", "flux", "flux_err", "quality"]
        for key in ("TARGETID", "LABEL", "OBJECT", "KEPLERID", "MISSION", "OBSMODE", "FLUX_ORIGIN"):
            assert ours.meta[key] == theirs.meta[key], key
        assert set(np.unique(ours["quarter"])) == {1, 2}
        assert (ours.meta["TEFF"], ours.meta["RADIUS"]) == (5663, 1.065)

    def test_what_is_not_there_is_said(self, curve: Callable[..., StarCurve]) -> None:
        fluxes = curve(("SAP_FLUX",))
        with pytest.raises(NoLightCurveError, match="has no pdcsap_flux, only sap_flux"):
            fluxes.to_lightkurve()
        with pytest.raises(NoLightCurveError, match="has no SAP_QUALITY, so nothing can be left"):
            fluxes.to_lightkurve("sap_flux", "hard")

    @pytest.mark.parametrize("name", ["lightkurve", "pandas"])
    def test_without_the_extra(
        self, curve: Callable[..., StarCurve], monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(KeplerLensError, match=rf"needs {name}.*'kepler-lens\[{name}\]'\."):
            getattr(curve(FLUXES), f"to_{name}")()


def test_astropy(curve: Callable[..., StarCurve]) -> None:
    ours = curve(ALL)
    series = ours.to_timeseries()
    assert isinstance(series, TimeSeries)
    assert (series.time.format, series.time.scale, len(series)) == ("bkjd", "tdb", len(ours))
    assert np.array_equal(series.time.value, ours.time)
    assert np.array_equal(series["sap_flux"].value, ours.columns["SAP_FLUX"], equal_nan=True)
    assert series["sap_flux"].unit == units.electron / units.s
    assert series.time.isot[0].startswith("2009-05-13T")
    # The whole of astropy takes it: a fold is a fold.
    assert series.fold(period=2 * units.d, epoch_time=series.time[0]).time.max() <= 1 * units.d


class TestPartOfTheQuality:
    """SAP_QUALITY was imported of the second quarter only."""

    @pytest.fixture
    def partly(
        self, scripted: Callable[..., Scripted], two_quarters: list[Path], star: int
    ) -> StarCurve:
        first, second = ([file] for file in two_quarters)
        found = {name: [name, *rest] for name, *rest in stored(second, (*FLUXES, "SAP_QUALITY"))}
        for name, _, _, ticks, values in stored(first, FLUXES):
            found[name][3:] = ((*ticks, *found[name][3]), (*values, *found[name][4]))
        server = scripted(answer([tuple(one) for one in found.values()]))
        return connect(server.url).light_curve(star)

    def test_is_masked_where_there_is_none(self, partly: StarCurve) -> None:
        quality = partly.columns["SAP_QUALITY"]
        assert quality.dtype == np.int32
        assert np.array_equal(np.ma.getmaskarray(quality), partly.quarter == 1)
        assert 1000 < np.ma.count_masked(quality) < len(partly)

    def test_is_masked_in_every_form(self, partly: StarCurve, tmp_path: Path) -> None:
        first = partly.quarter == 1
        assert np.array_equal(partly.to_table()["sap_quality"].mask, first)
        assert np.array_equal(partly.to_timeseries()["sap_quality"].mask, first)
        assert np.array_equal(partly.to_pandas()["sap_quality"].isna(), first)
        assert partly.to_pandas()["sap_quality"].dtype == "Int32"
        partly.to_votable(tmp_path / "part.vot")
        back = Table.read(tmp_path / "part.vot", format="votable", unit_format="generic")
        assert np.array_equal(back["sap_quality"].mask, first)
        assert len(partly.plot().axes) == 2

    def test_is_said_to_who_leaves_out_by_it(self, partly: StarCurve) -> None:
        with pytest.warns(UserWarning, match=r"no SAP_QUALITY at [\d,]+ of [\d,]+ cadences: none"):
            light = partly.to_lightkurve()
        assert (light["quarter"] == 1).sum() == (partly.quarter == 1).sum()
        assert 0 < (light["quarter"] == 2).sum() <= (partly.quarter == 2).sum()
        with pytest.raises(NoLightCurveError, match=r"no SAP_QUALITY at [\d,]+ of [\d,]+ cadences"):
            partly.to_lightkurve(quality_bitmask="hard")
        assert len(partly.to_lightkurve(quality_bitmask="none")) == len(partly)


@pytest.mark.long
def test_bkjd_is_a_format_without_lightkurve() -> None:
    import subprocess

    script = (
        "import sys, numpy as np; from kepler_lens.client.times import barycentric\n"
        "t = barycentric(np.array([0.0, 131.5, 1591.25]))\n"
        "assert 'lightkurve' not in sys.modules\n"
        "assert np.array_equal(t.value, [0, 131.5, 1591.25]), t.value\n"
        "assert np.array_equal(t.jd, [2454833, 2454964.5, 2456424.25]), t.jd\n"
        "import warnings; warnings.simplefilter('ignore'); import lightkurve\n"
        "assert np.array_equal(barycentric(t.value).jd, t.jd)\n"
        "assert np.array_equal(t.value, [0, 131.5, 1591.25]), t.value\n"
    )
    path = str(Path(__file__).parents[1])
    subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": path}, check=True, timeout=120
    )


def test_pandas(curve: Callable[..., StarCurve]) -> None:
    ours = curve(ALL)
    frame = ours.to_pandas()
    assert frame.index.name == "time"
    assert np.array_equal(frame.index, ours.time)
    assert list(frame) == [*(column.lower() for column in ALL), "quarter"]
    assert np.array_equal(frame["pdcsap_flux"], ours.columns["PDCSAP_FLUX"], equal_nan=True)


@pytest.mark.filterwarnings("error")
def test_votable(curve: Callable[..., StarCurve], tmp_path: Path) -> None:
    ours = curve(ALL)
    ours.to_votable(tmp_path / "k11.vot")
    back = Table.read(tmp_path / "k11.vot", format="votable", unit_format="generic")
    assert np.array_equal(back["time"], ours.time)
    assert np.array_equal(
        np.ma.filled(back["sap_flux"].astype(float), np.nan),
        ours.columns["SAP_FLUX"].astype(float),
        equal_nan=True,
    )
    assert np.array_equal(back["sap_quality"], ours.columns["SAP_QUALITY"])
    assert (back["time"].unit, back["sap_flux"].unit) == (units.d, units.electron / units.s)
    votable = parse(tmp_path / "k11.vot", unit_format="generic")
    (system,) = votable.resources[0].time_systems
    assert (system.timeorigin, system.timescale) == (2454833.0, "TDB")
    assert system.refposition == "BARYCENTER"
    fields = votable.get_first_table().fields
    assert {f.name: f.ref for f in fields}["time"] == system.ID


def test_plot(curve: Callable[..., StarCurve], tmp_path: Path) -> None:
    figure = curve(FLUXES).plot()
    assert len(figure.axes) == 2
    drawn = sum(len(line.get_xdata()) for line in figure.axes[1].get_lines()[:2])
    assert 4000 < drawn == np.isfinite(curve(FLUXES).columns["PDCSAP_FLUX"]).sum()
    figure.savefig(tmp_path / "k11.png")


class TestPages:
    """A server that gives few points at once, as a guest's has to."""

    def test_a_page_that_is_full_is_followed_by_the_one_before_it(
        self,
        scripted: Callable[..., Scripted],
        two_quarters: list[Path],
        star: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("kepler_lens.client.curves._PAGE", 3000)
        found = stored(two_quarters, FLUXES)
        first = [(n, la, at, t[-3000:], v[-3000:]) for n, la, at, t, v in found]
        earliest = max(ticks[0] for _, _, _, ticks, _ in first)
        rest = []
        for name, labels, tags, ticks, values in found:
            left = sum(tick < earliest for tick in ticks)
            rest.append((name, labels, tags, ticks[:left], values[:left]))
        server = scripted(answer(first), answer(rest))
        ours = connect(server.url).light_curve(star)
        assert "MAXLONG -3000 @HELLOEXOWORLD/CURVE" in server.requests[0][2].decode()
        assert f" {earliest - 1} -3000 @HELLOEXOWORLD/CURVE" in server.requests[1][2].decode()
        assert len(server.requests) == 2
        for name, _, _, ticks, values in found:
            column = {c: k for k, c in CLASS_OF_COLUMN.items()}[name]
            finite = np.isfinite(ours.columns[column])
            assert np.array_equal(ours.time_us[finite], ticks)
            assert np.array_equal(ours.columns[column][finite], np.array(values, np.float32))

    def test_less_is_asked_for_where_it_is_too_much(
        self, scripted: Callable[..., Scripted], two_quarters: list[Path], star: int
    ) -> None:
        headers = {"X-Warp10-Error-Message": "FETCH exceeded limit of 50000 datapoints"}
        too_much: Answer = (500, "", None, headers)
        found = answer(stored(two_quarters, FLUXES))
        server = scripted(too_much, too_much, found, found)
        ours = connect(server.url)
        assert len(ours.light_curve(star)) > 4000
        ours.light_curve(star)
        counts = [body.decode().split(" @")[0].split()[-1] for _, _, body in server.requests]
        assert counts == ["-80000", "-40000", "-20000", "-20000"]
        with pytest.raises(LimitError, match="exceeded limit"):
            connect(scripted(too_much).url).light_curve(star)


def test_a_light_curve_is_read_without_the_project_s_macros(
    scripted: Callable[..., Scripted], two_quarters: list[Path], star: int
) -> None:
    said = {"X-Warp10-Error-Message": "Exception at '@HELLOEXOWORLD/CURVE' (Unknown macro)"}
    found = answer(stored(two_quarters, FLUXES))
    server = scripted((500, "", None, said), found, found)
    ours = connect(server.url)
    assert len(ours.light_curve(star)) == len(ours.light_curve(star)) > 4000
    # What the server has not is asked for once.
    asked = ["CURVE" in body.decode() for _, _, body in server.requests]
    assert asked == [True, False, False]


def test_a_token_of_one_s_own_is_used(
    scripted: Callable[..., Scripted], two_quarters: list[Path], star: int
) -> None:
    server = scripted(answer(stored(two_quarters, FLUXES)))
    connect(server.url, "mine").light_curve(star)
    ((_, _, body),) = server.requests
    assert body.decode().startswith("[ 'mine' '~sap")


@pytest.mark.parametrize(
    ("there", "asked", "said"),
    [
        ([], {}, r"has no light curve of star 5\.$"),
        (
            [["sap.flux", "short cadence"]],
            {},
            r"has no long cadence of star 5, only short cadence\.$",
        ),
        (
            [["sap.flux", "long cadence"], ["sap.flux.err", "short cadence"]],
            {"columns": ["SAP_FLUX_ERR", "SAP_QUALITY"]},
            r"no SAP_FLUX_ERR and no SAP_QUALITY of star 5 \(long cadence\), only SAP_FLUX\.$",
        ),
    ],
)
def test_what_the_server_has_not(
    scripted: Callable[..., Scripted], there: list[list[str]], asked: dict[str, Any], said: str
) -> None:
    server = scripted(answer([]), (200, json.dumps([there])))
    with pytest.raises(NoLightCurveError, match=said):
        connect(server.url).light_curve(5, **asked)


def test_what_is_no_question() -> None:
    server = connect("http://127.0.0.1:9")
    with pytest.raises(NoLightCurveError, match="no column 'FLUX': there are SAP_FLUX, PDCSAP_FL"):
        server.light_curve(5, columns=["FLUX"])
    with pytest.raises(KeplerLensError, match=r"cadence='medium' is none of long, short\."):
        server.light_curve(5, cadence="medium")
    for half_written in ("Kepler-", "KIC", "6541920.5", "", "Kepler-11, Kepler-90"):
        with pytest.raises(KeplerLensError, match=r"^star"):
            server.light_curve(half_written)
