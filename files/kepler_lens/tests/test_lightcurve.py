"""The reader, on the files of the archive."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from fits_files import checked, edited

from kepler_lens.errors import LightCurveError
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.missions.kepler import bkjd_to_us, us_to_bkjd


def test_kepler_11_equals_the_public_helloexoworld(data: Path, kepler_11: list[Path]) -> None:
    oracle = json.loads((data / "helloexoworld/006541920.json").read_text())
    steps = np.load(data / "helloexoworld/006541920_dt_ms.npy")
    flux = np.load(data / "helloexoworld/006541920_sap_flux.npy")
    expected = (oracle["first_ms"] + np.cumsum(steps)) * 1000
    series = [read_light_curve(f, ["SAP_FLUX"]).series("SAP_FLUX") for f in kepler_11]
    time_us = np.concatenate([t for t, _ in series])
    value = np.concatenate([v for _, v in series])
    order = np.argsort(time_us)
    assert len(time_us) == oracle["points"] == 65435
    np.testing.assert_array_equal(time_us[order], expected)
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value[order], flux)
    labels = read_light_curve(kepler_11[0]).labels
    assert labels == {k: v.replace("+", " ") for k, v in oracle["labels"].items()}


@pytest.mark.parametrize("folder", ["kepler", "k2", "early", "systems/003342467"])
def test_every_file_equals_what_astropy_reads(data: Path, folder: str) -> None:
    columns = ["SAP_FLUX", "PDCSAP_FLUX", "SAP_FLUX_ERR", "PDCSAP_FLUX_ERR", "SAP_QUALITY"]
    of_2010 = data / "early/kplr000757076-2009166043257_llc.fits"
    files = sorted(set((data / folder).rglob("*.fits")) - {of_2010})
    assert files
    for file in files:
        lc = read_light_curve(file, columns)
        with fits.open(file) as units:
            header, rows = units[0].header, units[1].data
            timed = np.isfinite(rows["TIME"])
            for column in columns:
                np.testing.assert_array_equal(lc.columns[column], rows[column][timed])
                time_us, value = lc.series(column)
                assert len(time_us) == np.sum(timed & np.isfinite(rows[column])) == len(value)
            assert lc.star == header["KEPLERID"]
            # Early files have no card MISSION.
            assert lc.mission == header.get("MISSION", "Kepler")
            assert lc.segment == header["CAMPAIGN" if folder == "k2" else "QUARTER"]
            assert lc.cadence == "long"
            assert lc.first_cadence == rows["CADENCENO"][0]
            assert (lc.filever, lc.date) == (header["FILEVER"], header["DATE"])
            assert lc.labels == {k: str(header.get(k, "Kepler")) for k in lc.labels}


def test_an_early_file_and_a_later_one_are_of_one_series(intact: bytes) -> None:
    early = edited(intact, lambda units: units[0].header.remove("MISSION"))
    assert read_light_curve(early).labels == read_light_curve(intact).labels


def test_a_file_of_2010_is_refused_with_where_newer_ones_are(data: Path) -> None:
    with pytest.raises(LightCurveError, match=r"format of 2010.*https://.*/kepler/lightcurves/"):
        read_light_curve(data / "early/kplr000757076-2009166043257_llc.fits")


def test_path_bytes_and_open_file_give_the_same(tmp_path: Path, intact: bytes) -> None:
    (tmp_path / "file").write_bytes(intact)
    with (tmp_path / "file").open("rb") as file:
        curves = [read_light_curve(s) for s in (str(tmp_path / "file"), intact, file)]
    for lc in curves:
        np.testing.assert_array_equal(lc.time_us, curves[0].time_us)


def test_time_formula() -> None:
    # JD 2454833.0 is noon of 2009-01-01.
    noon = int(datetime(2009, 1, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000
    rng = np.random.default_rng(10)
    days, ms = rng.integers(-20000, 20000, 500), rng.integers(0, 86_400_000, 500)
    for part in (0.25, 0.75):
        bkjd = days + (ms + part) / 86_400_000
        # Whole milliseconds, rounded down, before 1970 too.
        np.testing.assert_array_equal(
            bkjd_to_us(bkjd), noon + (days * 86_400_000 + ms) * 1000, err_msg=str(part)
        )
        np.testing.assert_allclose(us_to_bkjd(bkjd_to_us(bkjd)), bkjd, rtol=0, atol=1.2e-8)


def test_every_flipped_byte_is_found(intact: bytes) -> None:
    rng = np.random.default_rng(11)
    positions = {
        *rng.integers(0, len(intact), 400).tolist(),
        *range(0, 14 * 80, 7),
        len(intact) - 1,
    }
    for position in sorted(positions):
        for flip in (0x01, 0x80):
            damaged = bytearray(intact)
            damaged[position] ^= flip
            with pytest.raises(LightCurveError):
                read_light_curve(bytes(damaged))


def test_every_truncation_is_found(intact: bytes) -> None:
    rng = np.random.default_rng(12)
    blocks = range(0, len(intact), 2880)
    for size in sorted({*rng.integers(1, len(intact), 200).tolist(), *blocks, len(intact) - 1}):
        with pytest.raises(LightCurveError, match=r"truncated|damaged|empty|no FITS"):
            read_light_curve(intact[:size])


def test_bytes_after_the_end_are_found(intact: bytes) -> None:
    with pytest.raises(LightCurveError, match="2880 bytes follow its last extension"):
        read_light_curve(intact + bytes(2880))


def tess(units: fits.HDUList) -> None:
    units[0].header["TELESCOP"] = "TESS"
    units[0].header["MISSION"] = "TESS"


def by_lightkurve(units: fits.HDUList) -> None:
    units[0].header["TELESCOP"] = "KEPLER"
    units[0].header["CREATOR"] = "lightkurve.LightCurve.to_fits()"


def without_flux(units: fits.HDUList) -> None:
    units[1].header["TTYPE8"] = "RAW_FLUX"


def other_reference(units: fits.HDUList) -> None:
    units[1].header["BJDREFI"] = 2457000


def pixels(units: fits.HDUList) -> None:
    units[1].header["EXTNAME"] = "TARGETTABLES"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (tess, "is of another mission (TELESCOP 'TESS'"),
        (by_lightkurve, "was written by lightkurve.LightCurve.to_fits() (TELESCOP 'KEPLER'"),
        (without_flux, "lacks the column PDCSAP_FLUX"),
        (other_reference, "counts its time from BJD 2457000"),
        (pixels, "holds no LIGHTCURVE table but TARGETTABLES"),
        (lambda units: units.pop(2), "is truncated: its last extension is missing"),
    ],
)
def test_foreign_files_are_named(
    intact: bytes, edit: Callable[[fits.HDUList], object], reason: str
) -> None:
    with pytest.raises(LightCurveError) as caught:
        read_light_curve(edited(intact, edit), name="kplr1.fits")
    assert str(caught.value).startswith("kplr1.fits: ")
    assert reason in str(caught.value)


def image() -> bytes:
    unit = fits.PrimaryHDU(np.zeros((8, 8), dtype=np.float32))
    unit.header["TELESCOP"] = "Kepler"
    unit.header["MISSION"] = "Kepler"
    out = io.BytesIO()
    unit.writeto(out)
    return checked(out.getvalue())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html><body>404 Not Found</body></html>", "is a web page"),
        (b"<HTML>503</HTML>", "is a web page"),
        (b"\x1f\x8b\x08 and so on", "is compressed by gzip"),
        (b"time,flux\n1,2\n", "is no FITS file"),
        (b"SIMPLE  =                    T", "is truncated"),
        (image(), "holds no LIGHTCURVE table"),
    ],
)
def test_what_is_no_light_curve(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "kplr000000001-2009131105131_llc.fits"
    file.write_bytes(content)
    with pytest.raises(LightCurveError) as caught:
        read_light_curve(file)
    assert reason in caught.value.reason
    assert caught.value.name == str(file)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_the_checksum_is_not_optional(intact: bytes) -> None:
    with pytest.raises(LightCurveError, match="no CHECKSUM"):
        read_light_curve(intact.replace(b"CHECKSUM=", b"NOTHING =", 1))


def test_importing_the_package_is_light() -> None:
    script = (
        "import sys, kepler_lens; heavy = {'numpy', 'astropy', 'pyarrow'} & set(sys.modules); "
        "assert not heavy, heavy; assert callable(kepler_lens.read_light_curve)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
