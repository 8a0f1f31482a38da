"""Simulated files: as the pipeline's, reproducible, with the planets that the table tells."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from made_stars import files_of

from kepler_lens.archive import Selection, open_source
from kepler_lens.errors import KeplerLensError
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.simulation.simulate import TRUTH_NAME, planets_of, simulate
from kepler_lens.transit_model import TransitModel

STAR = 900000001


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sky")
    simulate(path, stars=4, quarters=(1, 2, 5))
    return path


def test_headers_and_columns_are_those_of_real_files(folder: Path, kepler_11: list[Path]) -> None:
    with fits.open(files_of(folder)[1]) as simulated, fits.open(kepler_11[1]) as real:
        assert len(simulated) == len(real)
        for mine, theirs in zip(simulated, real, strict=True):
            assert list(mine.header) == list(theirs.header)
            for card, other in zip(mine.header.cards, theirs.header.cards, strict=True):
                if card.keyword != "CHECKSUM":
                    assert card.comment == other.comment
                fixed = ("TTYPE", "TFORM", "TUNIT", "TDISP", "BJD", "TIME", "NAXIS1", "EXT")
                if card.keyword.startswith(fixed) and mine.name != "APERTURE":
                    assert card.value == other.value
        assert simulated[1].columns.names == real[1].columns.names
        assert simulated[1].data.dtype == real[1].data.dtype
        assert len(simulated[1].data) == len(real[1].data)
        own = simulated[1].data["CADENCENO"]
        assert np.array_equal(own, real[1].data["CADENCENO"])
        both = np.isfinite(simulated[1].data["TIME"]) & np.isfinite(real[1].data["TIME"])
        # Stars of one field differ by about a minute in their light time.
        apart = simulated[1].data["TIME"][both] - real[1].data["TIME"][both]
        assert np.abs(apart).max() * 1440 < 2


def test_the_reader_takes_them_for_light_curves(folder: Path) -> None:
    found = files_of(folder)
    assert len(found) == 12
    for path in found:
        lc = read_light_curve(path)
        assert lc.mission == "Simulation"
        assert lc.labels["OBJECT"] == f"SIM {lc.star}"
        assert lc.labels["KEPLERID"] == str(lc.star)
        assert lc.cadence == "long"
    (item, *_) = open_source(str(folder)).items(Selection())
    assert (item.star, item.mission, item.segment) == (STAR, "Simulation", 1)


def test_checksums_find_any_flipped_byte(folder: Path) -> None:
    data = files_of(folder)[0].read_bytes()
    rng = np.random.default_rng(1)
    for position in rng.integers(0, len(data), 40):
        broken = bytearray(data)
        broken[position] ^= 1 << int(rng.integers(8))
        with pytest.raises(KeplerLensError):
            read_light_curve(bytes(broken))


def test_gaps_are_there_and_few(folder: Path) -> None:
    for path in files_of(folder):
        rows = fits.getdata(path, 1)
        no_time = np.isnan(rows["TIME"])
        assert 0 < no_time.mean() < 0.12
        assert np.isnan(rows["SAP_FLUX"][no_time]).all()
        assert np.isfinite(rows["SAP_FLUX"][~no_time]).all()
        assert np.isnan(rows["PDCSAP_FLUX"]).sum() > np.isnan(rows["SAP_FLUX"]).sum()
        assert (rows["SAP_QUALITY"][no_time] != 0).all()
        assert (np.diff(rows["TIME"][~no_time]) > 0).all()


def test_same_seed_same_bytes_whatever_else_is_simulated(folder: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "again", stars=(900000003,), quarters=(2,))
    simulate(tmp_path / "other", stars=(900000003,), quarters=(2,), seed=1)
    (again,), (other,) = files_of(tmp_path / "again"), files_of(tmp_path / "other")
    first = folder / again.relative_to(tmp_path / "again")
    assert again.read_bytes() == first.read_bytes()
    assert other.read_bytes() != first.read_bytes()


def test_the_table_tells_what_is_in_the_light(folder: Path) -> None:
    with (folder / TRUTH_NAME).open() as file:
        truth = list(csv.DictReader(file))
    assert sorted({int(row["star"]) for row in truth}) == [900000001, 900000003, 900000004]
    for row in truth:
        time, flux = [], []
        for path in files_of(folder):
            if row["star"] not in path.name:
                continue
            lc = read_light_curve(path)
            us, value = lc.series("PDCSAP_FLUX")
            days = us / 86_400e6 - 14245.5
            smooth = np.interp(days, days[::48], [np.median(v) for v in chunks(value, days)])
            time.append(days)
            flux.append(value / smooth)
        t, f = np.concatenate(time), np.concatenate(flux)
        period, epoch = float(row["period_days"]), float(row["epoch_bkjd"])
        off = (t - epoch + period / 2) % period - period / 2
        inside = np.abs(off) < float(row["duration_hours"]) / 24 * 0.25
        around = (np.abs(off) > 0.3) & (np.abs(off) < 0.8)
        depth = (np.median(f[around]) - np.median(f[inside])) * 1e6
        assert depth == pytest.approx(float(row["depth_ppm"]), rel=0.25)
        shifted = np.abs(off - period / 3) < float(row["duration_hours"]) / 24 * 0.25
        assert abs(np.median(f[around]) - np.median(f[shifted])) * 1e6 < depth / 3


def chunks(value: np.ndarray, days: np.ndarray) -> list[np.ndarray]:
    return [value[max(0, i - 48) : i + 49] for i in range(0, len(days), 48)]


def test_the_model_of_a_transit() -> None:
    planet = TransitModel(10.0, 135.0, 4.0, 0.05, 0.3)
    contact = 4.0 / 24 / 2
    edge = planet.dimming(np.array([135 - contact, 135 + contact, 140.0]))
    assert edge == pytest.approx([0, 0, 0], abs=1e-9)
    centre, next_one = planet.dimming(np.array([135.0, 145.0]))
    assert centre == pytest.approx(next_one)
    mu = np.sqrt(1 - 0.3**2)
    limb = (1 - 0.40 * (1 - mu) - 0.26 * (1 - mu) ** 2) / (1 - 0.40 / 3 - 0.26 / 6)
    assert centre == pytest.approx(0.05**2 * limb)
    assert planet.depth_ppm == pytest.approx(centre * 1e6)
    time = np.linspace(134.8, 135.2, 4001)
    light = planet.dimming(time)
    assert np.all(np.diff(light[:2001]) >= 0)
    # What the exposure smears out it does not lose.
    smeared = planet.mean_dimming(time, 0.0204, samples=51)
    assert smeared.sum() == pytest.approx(light.sum(), rel=1e-3)
    assert smeared.max() <= light.max()


def test_some_stars_have_no_planets() -> None:
    counts = [len(planets_of(STAR + n)) for n in range(8)]
    assert counts == [3, 0, 1, 2, 3, 0, 1, 2]


@pytest.mark.parametrize("stars", [0, (6541920,), (200001049,), (1_000_000_000,)])
def test_no_star_that_could_be_real(tmp_path: Path, stars: int | tuple[int, ...]) -> None:
    with pytest.raises(KeplerLensError, match=r"simulated"):
        simulate(tmp_path, stars=stars, quarters=(0,))
    assert list(tmp_path.iterdir()) == []


def test_no_such_quarter(tmp_path: Path) -> None:
    with pytest.raises(KeplerLensError, match="there is no quarter 18"):
        simulate(tmp_path, quarters=(1, 18))
