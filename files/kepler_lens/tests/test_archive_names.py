"""File names and the tables of quarters, against the headers of real files where there are some."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits

from kepler_lens.archive import Item, names
from kepler_lens.archive.listing import name_in
from kepler_lens.cli.archive import _unlike
from kepler_lens.missions import kepler


def test_names_agree_with_headers(data: Path) -> None:
    real = [*data.glob("kepler/*/*.fits"), *data.glob("k2/*.fits")]
    assert real
    for path in real:
        header = fits.getheader(path)
        facts = names.facts_of(path.name)
        segment = header["QUARTER"] if facts.mission == "Kepler" else header["CAMPAIGN"]
        assert facts == names.NameFacts(
            header["KEPLERID"],
            header["MISSION"],
            segment,
            header["OBSMODE"].removesuffix(" cadence"),
        ), path.name


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("kplr006541920-2010009091648_llc.fits", (6541920, "Kepler", 4, "long")),
        ("kplr006541920-2010078095331_llc.fits.gz", (6541920, "Kepler", 4, "long")),
        ("kplr006541920-2010049094358_slc.fits", (6541920, "Kepler", 4, "short")),
        ("kplr900000001-2013131215648_llc.fits", (900000001, "Simulation", 17, "long")),
        ("kplr006541920-2010009091649_llc.fits", (6541920, "Kepler", None, "long")),
        ("ktwo201121245-c111_slc.fits", (201121245, "K2", 111, "short")),
        ("ktwo201121245-c00_llc.fits", (201121245, "K2", 0, "long")),
        ("light.fits", (None, None, None, None)),
        ("kplr6541920_llc.fits", (None, None, None, None)),
    ],
)
def test_facts_of_names(name: str, facts: tuple[int | str | None, ...]) -> None:
    found = names.facts_of(name)
    assert (found.star, found.mission, found.segment, found.cadence) == facts


def test_a_stamp_belongs_to_one_quarter() -> None:
    for table in (kepler.LONG_STAMPS, kepler.SHORT_STAMPS):
        assert sorted(table) == list(range(18))
        every = [stamp for stamps in table.values() for stamp in stamps]
        assert len(set(every)) == len(every)
        # Quarters follow each other in time.
        assert [max(stamps) for stamps in table.values()] == sorted(map(max, table.values()))


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("kplr006541920-2009166043257_llc.fits", True),
        ("whatever it is.FITS", True),
        ("new\nline.fits.gz", True),
        ("kplr006541920-2009166043257_lpd-targ.fits.gz", False),
        ("kplr006541920-20160128150956_dvt.fits", False),
        ("ktwo200001049-c01_spd-targ.fits.gz", False),
        ("kplr2009114174833_ffi-cal.fits", False),
        ("ktwo2014070234206-c00_ffi-orig.fits.gz", False),
        ("kplr2009131105131-q01-d25_lcbv.fits", False),
        ("ktwo-c05-d25_lcbv.fits", False),
        ("kplr021-2009131105131_bkg.fits", False),
        ("kplr02.1_2011265_prf.fits", False),
        ("kplr-mine.fits", True),
        ("ffi.fits", True),
        ("README.txt", False),
        ("light.fits.sha256", False),
        ("._kplr006541920-2009166043257_llc.fits", False),
    ],
)
def test_which_files_may_be_light_curves(name: str, allowed: bool) -> None:
    assert names.may_be_light_curve(name) is allowed


@pytest.mark.parametrize("link", ["..%2F..%2Fx.fits", "%2Ftmp%2Fx.fits", "a/..%2fx.fits", "x.fits"])
def test_no_link_names_a_file_of_another_folder(link: str, tmp_path: Path) -> None:
    name = name_in(f"https://example.org/kepler/{link}")
    assert name == "x.fits"
    # Nor does a member of a tarball.
    assert _unlike(set(), tmp_path, Item(f"../../{name}", "tarball", 7)) == tmp_path / "x.fits"
