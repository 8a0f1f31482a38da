"""Tarballs and zip files among other files, and what a listing says where nothing was found."""

from __future__ import annotations

import random
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from http_server import Serve

from kepler_lens.archive import Selection, open_source
from kepler_lens.archive.names import NameFacts, facts_of_bundle
from kepler_lens.archive.packed import is_packed
from kepler_lens.errors import SourceError

Q1, Q2, Q3, Q5 = (
    f"kplr006541920-{stamp}_llc.fits"
    for stamp in ("2009166043257", "2009259160929", "2009350155506", "2010174085026")
)
OTHER = "kplr011442793-2009166043257_llc.fits"


def pack(path: Path, *names: str) -> Path:
    """Make a tarball or zip file of files whose content is their name."""
    loose = path.parent / f"{path.name}.files"
    loose.mkdir()
    for name in names:
        (loose / name).write_text(name)
    if ".zip" in path.name:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in names:
                packed.write(loose / name, f"MAST/Kepler/{name}")
    else:
        with tarfile.open(path, "w:gz") as packed:
            for name in names:
                packed.add(loose / name, f"some/folder/{name}")
    shutil.rmtree(loose)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / Q5).write_text(Q5)
    (tmp_path / "README").write_text("words")
    pack(tmp_path / "public_Q1_long_1.tgz", Q1, OTHER)
    pack(tmp_path / "public_Q2_long_1.tgz.1", Q2)
    pack(tmp_path / "portal.zip", Q3)
    return tmp_path


@pytest.fixture(params=["folder", "web"])
def url(request: pytest.FixtureRequest, folder: Path, serve: Serve) -> str:
    return str(folder) if request.param == "folder" else serve(folder).url


def test_tarballs_and_zip_files_come_after_the_files_beside_them(url: str) -> None:
    items = list(open_source(url).items(Selection()))
    assert [item.name for item in items] == [Q5, Q3, Q1, OTHER, Q2]
    assert [item.data for item in items] == [None, *(n.encode() for n in (Q3, Q1, OTHER, Q2))]
    assert all(item.fingerprint for item in items[1:])


def test_the_selection_holds_in_them_too(url: str) -> None:
    found = open_source(url).items(Selection(stars=(11442793,)))
    assert [item.name for item in found] == [OTHER]


def test_a_tarball_of_another_quarter_is_not_opened(folder: Path) -> None:
    (folder / "public_Q9_long_1.tgz").write_text("no tarball")
    (folder / "public_Q2_short_1.tgz").write_text("no tarball")
    found = open_source(str(folder)).items(Selection(segments=(2,), mission="Kepler"))
    assert [item.name for item in found] == [Q2]


def test_a_tarball_that_cannot_be_read_stops_no_other(folder: Path) -> None:
    (folder / "a.tgz").write_text("no tarball")
    found: list[str] = []
    items = open_source(str(folder)).items(Selection())
    with pytest.raises(SourceError, match=r"a\.tgz: the tarball cannot be read"):
        found.extend(item.name for item in items)
    assert found == [Q5, Q3, Q1, OTHER, Q2]


class TestTheTarballOfAStarBesideItsFiles:
    NAME = "kplr006541920_lc_Q011000000000000000.tar"

    def names(self, folder: Path, selection: Selection | None = None) -> list[tuple[str, bool]]:
        """Name each file, and say whether it came out of the tarball."""
        items = open_source(str(folder)).items(selection or Selection())
        return [(item.name, item.data is not None) for item in items]

    def test_is_not_read_where_they_are_the_same_files(self, tmp_path: Path) -> None:
        (tmp_path / self.NAME).write_text("no tarball: whoever reads it fails")
        (tmp_path / Q1).write_text(Q1)
        (tmp_path / f"{Q2}.gz").write_text(Q2)
        assert self.names(tmp_path) == [(Q1, False), (f"{Q2}.gz", False)]

    def test_gives_the_files_that_are_missing_beside_it(self, tmp_path: Path) -> None:
        pack(tmp_path / self.NAME, Q1, Q2)
        assert self.names(tmp_path) == [(Q1, True), (Q2, True)]
        (tmp_path / Q1).write_text(Q1)
        assert self.names(tmp_path) == [(Q1, False), (Q2, True)]

    def test_is_read_only_for_quarters_that_are_wanted(self, tmp_path: Path) -> None:
        (tmp_path / self.NAME).write_text("no tarball: whoever reads it fails")
        (tmp_path / Q1).write_text(Q1)
        only = Selection(segments=(1,), mission="Kepler")
        assert self.names(tmp_path, only) == [(Q1, False)]

    def test_is_read_where_the_files_beside_it_have_another_cadence(self, tmp_path: Path) -> None:
        short = "kplr006541920-2009166044711_slc.fits"
        pack(tmp_path / "kplr006541920_sc_Q010000000000000000.tar", short)
        (tmp_path / Q1).write_text(Q1)
        assert self.names(tmp_path, Selection(cadence="short")) == [(short, True)]

    def test_is_read_where_a_quarter_has_more_months(self, tmp_path: Path) -> None:
        months = [f"kplr006541920-{s}_slc.fits" for s in ("2009201121230", "2009231120729")]
        pack(tmp_path / "kplr006541920_sc_Q002000000000000000.tar", *months)
        (tmp_path / months[1]).write_text("")
        found = self.names(tmp_path, Selection(cadence="short"))
        assert found == [(months[1], False), (months[0], True)]


@pytest.mark.parametrize("name", ["portal.zip", "portal.zip.1"])
def test_a_zip_file_alone(tmp_path: Path, serve: Serve, name: str) -> None:
    path = pack(tmp_path / name, Q1, Q2)
    for where in (str(path), serve(tmp_path).url + name):
        assert [i.name for i in open_source(where).items(Selection())] == [Q1, Q2]


@pytest.mark.parametrize("cut", [0, 300])
def test_a_zip_file_that_is_none(tmp_path: Path, cut: int) -> None:
    path = pack(tmp_path / "portal.zip", Q1, Q2)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(SourceError, match="the zip file cannot be read"):
        list(open_source(str(path)).items(Selection()))


def test_a_damaged_member_of_a_zip_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "portal.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(Q1, "a" * 1000)
    path.write_bytes(path.read_bytes().replace(b"a" * 1000, b"b" * 1000))
    with pytest.raises(SourceError, match=f"at its member {Q1} .*CRC"):
        list(open_source(str(path)).items(Selection()))


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_cannot_be_unpacked_is_named(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "portal.zip"
    with zipfile.ZipFile(path, "w", kind) as packed:
        packed.writestr(Q1, random.Random(1).randbytes(1000))
    data = bytearray(path.read_bytes())
    for position in (*range(30 + len(Q1), 30 + len(Q1) + 12), *range(500, 600)):
        for broken in (0, 0xFF):
            path.write_bytes(data[:position] + bytes([broken]) * 8 + data[position + 8 :])
            with pytest.raises(SourceError, match=f"at its member {Q1} "):
                list(open_source(str(path)).items(Selection()))


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("public_Q10_long_3.tgz", True),
        ("x.tar.xz", True),
        ("x.tgz.1", True),
        ("x.ZIP", True),
        ("http://host/x.tgz?token=1", True),
        ("x.zipped", False),
        ("x.fits.gz", False),
        ("x.tgz.part", False),
    ],
)
def test_names_of_tarballs(name: str, packed: bool) -> None:
    assert is_packed(name) == packed


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("public_Q10_long_3.tgz", NameFacts(None, "Kepler", 10, "long")),
        ("EB_Q0_short.tgz", NameFacts(None, "Kepler", 0, "short")),
        ("public_c102_long_1.tgz", NameFacts(None, "K2", 102, "long")),
        (
            "kplr006541920_sc_Q00033333333333333.tar",
            NameFacts(6541920, "Kepler", None, "short", dict.fromkeys(range(3, 17), 3)),
        ),
        ("mine.tgz", NameFacts()),
    ],
)
def test_what_a_tarballs_name_says(name: str, facts: NameFacts) -> None:
    assert facts_of_bundle(name) == facts


class TestNothingFound:
    def words(self, url: str, selection: Selection | None = None) -> tuple[str, str]:
        source = open_source(url)
        assert list(source.items(selection or Selection())) == []
        return source.seen.words(), source.seen.advice()

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        words, advice = self.words(str(tmp_path))
        assert words == "no file"
        assert "tarball" in advice

    def test_a_script_of_downloads(self, tmp_path: Path) -> None:
        script = tmp_path / "get.sh"
        script.write_text("curl -O https://archive/kplr.fits\n")
        words, advice = self.words(str(script))
        assert words == "1 other file, such as get.sh"
        assert advice.startswith("Run the script")

    def test_links_to_nothing(self, tmp_path: Path) -> None:
        (tmp_path / Q1).symlink_to(tmp_path / "nowhere")
        assert self.words(str(tmp_path))[0] == (f"1 link to a file that is not there, such as {Q1}")

    def test_files_of_other_stars(self, folder: Path) -> None:
        words, advice = self.words(str(folder), Selection(stars=(1,)))
        assert words.startswith("5 light curve files, none of it of the stars")
        assert advice.startswith("Check the number")

    def test_a_page_that_is_no_listing(self, tmp_path: Path, serve: Serve) -> None:
        (tmp_path / "index.html").write_text("<html>The archive is closed today.</html>")
        server = serve(tmp_path)
        words, _ = self.words(server.url)
        assert words == f"1 page that links to nothing below it: {server.url}"
