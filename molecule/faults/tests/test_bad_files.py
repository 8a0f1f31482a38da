"""Bad files are rejected with a reason, good files go in; a changed file replaces its points."""

from __future__ import annotations

import shutil

import pytest
from astropy.io import fits
from lab import finite_points

GOOD = "kepler/000757076/kplr000757076-2009131105131_llc.fits"
OTHER = "kepler/000757218/kplr000757218-2009131105131_llc.fits"
BAD = {
    "kplr000000001-2009131105131_llc.fits": "truncated",
    "kplr000000002-2009131105131_llc.fits": "checksum",
    "kplr000000003-2009131105131_llc.fits": "web page",
    "kplr000000004-2009131105131_llc.fits": "empty",
    "kplr000000005-2009131105131_llc.fits": "mission",
}


@pytest.fixture
def source(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    for name in (GOOD, OTHER):
        shutil.copyfile(data / name, folder / name.rsplit("/", 1)[1])
    return folder


def write_bad_files(folder, good: bytes) -> None:
    truncated, flipped, page, empty, foreign = (folder / name for name in BAD)
    truncated.write_bytes(good[: len(good) // 2])
    middle = len(good) // 2
    flipped.write_bytes(good[:middle] + bytes([good[middle] ^ 0xFF]) + good[middle + 1 :])
    page.write_text("<!DOCTYPE html><html><body>503 Service Unavailable</body></html>")
    empty.write_bytes(b"")
    foreign.write_bytes(good)
    with fits.open(foreign, mode="update", checksum=True) as units:
        units[0].header["TELESCOP"] = "TESS"
        units[0].header["MISSION"] = "TESS"


def test_bad_files_are_rejected_with_their_reasons(lab, data, source):
    lab.clear()
    expected = finite_points(source)
    write_bad_files(source, (data / GOOD).read_bytes())
    lab.start_import(lab.publish(source))
    status, report = lab.wait_import()

    assert status == 3
    reasons = {file["name"]: file["reason"] for file in report["rejected"]}
    assert reasons.keys() == BAD.keys()
    assert {name for name, word in BAD.items() if word not in reasons[name]} == set(), reasons
    assert lab.counts() == expected
    table = lab.shell(
        "dask-scheduler",
        "runuser -u kepler -- /opt/kepler-lens/venv/bin/kepler-lens status "
        "--job /etc/kepler-lens/import.json --report --width 200",
    )
    assert all(name in table for name in BAD)


def test_a_changed_file_replaces_its_span_and_leaves_no_stale_point(lab, source):
    lab.clear()
    url = lab.publish(source)
    lab.start_import(url)
    assert lab.wait_import()[0] == 0

    path = next(source.glob("kplr000757076*"))
    with fits.open(path, mode="update", checksum=True) as units:
        rows = units[1].data
        rows["TIME"][10:20] += 0.003
        rows["PDCSAP_FLUX"][30:40] = float("nan")
        units[0].header["FILEVER"] = "9.9"
    expected = finite_points(source)

    lab.start_import(url)
    status, report = lab.wait_import()
    assert (status, report["replaced"], report["unchanged"]) == (0, 1, 1)
    assert lab.counts() == expected
