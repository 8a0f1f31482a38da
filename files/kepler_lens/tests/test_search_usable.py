"""Which parts of a star's light curve can be searched, and what is said of the others."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from commands import run
from made_stars import files_of

from kepler_lens.classify.curves import from_folder
from kepler_lens.errors import KeplerLensError
from kepler_lens.files import read_file
from kepler_lens.missions import observing
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS, QUARTER_STARTS
from kepler_lens.simulation.simulate import simulate
from kepler_lens.transit_search.preparation.observations import (
    NotSearchableError,
    observations_of,
    observe,
    observe_usable,
)
from kepler_lens.transit_search.store.light_curve import NotThereError, fetch_curve
from kepler_lens.warp10.client import Token

STAR = 900000001
COLUMNS = ("PDCSAP_FLUX", "SAP_FLUX", "SAP_QUALITY")


def two_quarters() -> tuple[np.ndarray, np.ndarray]:
    """Quarters 1 and 2, four days of each, with noise."""
    time = np.concatenate([QUARTER_STARTS[q] + np.arange(200) * LONG_CADENCE_DAYS for q in (1, 2)])
    return time, np.random.default_rng(1).normal(1e4, 10, len(time))


def test_a_quarter_with_a_negative_median_is_left_out_and_named():
    time, flux = two_quarters()
    flux[200:] *= -1
    said: list[str] = []
    found = observe_usable(7, "KIC 7", "Kepler", time, flux, left_out=said.append)
    alone = observe(7, "KIC 7", "Kepler", time[:200], flux[:200])
    np.testing.assert_array_equal(found.time, alone.time)
    np.testing.assert_array_equal(found.flux, alone.flux)
    (sentence,) = said
    assert sentence.startswith("Star 7: quarter 2 (BKJD 169.5 to 173.6) is left out")
    assert flux[250] < 0, "what was given is changed"


def test_nothing_is_left_out_of_a_good_star():
    time, flux = two_quarters()
    said: list[str] = []
    found = observe_usable(7, "KIC 7", "Kepler", time, flux, left_out=said.append)
    assert (len(found.time), said) == (400, [])


def test_a_star_without_any_positive_quarter_is_refused():
    time, flux = two_quarters()
    with pytest.raises(NotSearchableError, match="not positive"):
        observe_usable(7, "KIC 7", "Kepler", time, -flux, left_out=print)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_flux_of_two_values_is_no_measurement(share):
    time, _ = two_quarters()
    flux = np.where(np.random.default_rng(1).random(len(time)) < share, 1e4, 1.001e4)
    with pytest.raises(NotSearchableError, match="only 2 different values of flux in 400 points"):
        observe_usable(7, "KIC 7", "Kepler", time, flux, left_out=print)


def test_a_quarter_begins_where_kepler_turned_however_short_the_gap():
    time = np.arange(QUARTER_STARTS[2] - 3, QUARTER_STARTS[2] + 3, LONG_CADENCE_DAYS)
    flux = np.random.default_rng(1).normal(1e4, 10, len(time))
    flux[time > QUARTER_STARTS[2] - 0.3] *= 1.1
    found = observe(7, "KIC 7", "Kepler", time, flux)
    assert found.level == pytest.approx([1e4, 1.1e4], rel=1e-3)
    assert np.ptp(found.flux) < 0.01
    assert len(observe(7, "EPIC 7", "K2", time, flux).level) == 1


@pytest.mark.parametrize(("bit", "bad"), [(0, True), (20, True), (7, False), (18, False)])
def test_cadences_that_the_pipeline_calls_bad_are_not_searched(folder, bit, bad):
    """Such as one of an attitude tweak or a thruster; one of a cosmic ray was mended."""
    paths = files_of(folder)[:1]
    before = observations_of([read_file(path, COLUMNS) for path in paths])
    with fits.open(paths[0], mode="update", checksum=True) as units:
        units[1].data["SAP_QUALITY"][600:700] |= 1 << bit
    after = observations_of([read_file(path, COLUMNS) for path in paths])
    assert (len(after.time) < len(before.time) - 80) == bad
    assert bad or len(after.time) == len(before.time)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One simulated star, quarters 1 to 3."""
    simulate(tmp_path, stars=1, quarters=[1, 2, 3])
    return tmp_path


def edit(path: Path, column: str, factor: float) -> None:
    with fits.open(path, mode="update", checksum=True) as units:
        units[1].data[column] *= factor


def test_a_column_without_values_points_to_the_one_that_has(folder):
    for path in files_of(folder):
        edit(path, "PDCSAP_FLUX", np.nan)
    curves = [read_file(path, COLUMNS) for path in files_of(folder)]
    with pytest.raises(NotSearchableError) as caught:
        observations_of(curves)
    assert str(caught.value) == (
        f"PDCSAP_FLUX has no value in the 3 files of star {STAR}; "
        "SAP_FLUX has values: name that column."
    )
    assert len(observations_of(curves, "SAP_FLUX").time) > 1000


@pytest.mark.long
def test_the_command_leaves_the_quarter_out_and_ends_with_3(folder, tmp_path):
    edit(files_of(folder)[1], "PDCSAP_FLUX", -1)
    out = tmp_path / "out"
    done = run("search", STAR, folder, "-o", out, "--no-plots")
    assert done.returncode == 3, done.stderr
    assert f"Star {STAR}: quarter 2 (BKJD" in done.stderr
    assert (out / "candidates.csv").is_file()


def test_a_data_set_leaves_out_a_bad_file_and_a_bad_quarter(folder):
    good = from_folder(folder)[1](STAR)
    paths = files_of(folder)
    paths[0].write_bytes(paths[0].read_bytes()[:5000])
    edit(paths[1], "PDCSAP_FLUX", -1)
    said: list[str] = []
    stars, curve_of = from_folder(folder, said.append)
    left = curve_of(STAR)
    assert stars == [STAR]
    assert len(np.unique(left.quarter)) == len(np.unique(good.quarter)) - 2
    assert len(said) == 2
    assert paths[0].name in said[0]
    assert "quarter 2" in said[1]


def test_a_star_none_of_whose_files_can_be_read(folder):
    for path in files_of(folder):
        path.write_bytes(b"")
    with pytest.raises(KeplerLensError, match=f"None of the files of star {STAR} can be read"):
        from_folder(folder)[1](STAR)


def test_kepler_11_has_seventeen_quarters(kepler_11):
    found = observations_of([read_file(path, COLUMNS) for path in kepler_11])
    # Gaps within a quarter make more stretches, whose levels differ.
    assert len(found.level) > 17
    segments = observing(found.mission).segments(found.time)
    assert np.unique(segments).tolist() == list(range(1, 18))


def test_the_server_has_another_column_of_the_star(warp10):
    labels = "KEPLERID=7,OBJECT=KIC%207,MISSION=Kepler,OBSMODE=long%20cadence"
    warp10.update(f"1000000// sap.flux{{{labels}}} 1.5\n".encode(), Token("write"))
    with pytest.raises(NotThereError, match=r"the long cadence of star 7 .*SAP_FLUX") as caught:
        fetch_curve(warp10, Token("read"), 7, "PDCSAP_FLUX")
    assert "has no long cadence" not in str(caught.value)
    with pytest.raises(NotThereError, match="has no long cadence of star 8"):
        fetch_curve(warp10, Token("read"), 8, "PDCSAP_FLUX")


def test_where_nothing_is_found_it_is_said_what_was_searched(tmp_path):
    # Of two simulated stars the second has no planet.
    simulate(tmp_path / "sky", stars=2, quarters=(1,))
    done = run("search", STAR + 1, tmp_path / "sky", "--output", tmp_path / "found")
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    found = re.search(r"Periods from 0.17 to (\d+) days were searched\. .* from (\d+) ppm", words)
    assert found, words
    assert int(found[1]) == 17
    assert 10 < int(found[2]) < 10_000
