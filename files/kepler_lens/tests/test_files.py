"""Files that a command is given: those that an import would take, and no bad one ends it."""

import gzip
from pathlib import Path

import pytest
from astropy.io import fits
from commands import run

from kepler_lens.archive import Selection, open_source
from kepler_lens.files import LightCurveFiles, names_of_tables, newest
from kepler_lens.simulation.simulate import simulate

STAR = 900_000_001


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sky")
    simulate(folder, stars=[STAR], quarters=range(1, 5), seed=3)
    return sorted(folder.rglob("*.fits"))


@pytest.fixture
def mixed(tmp_path: Path, sky: list[Path]) -> Path:
    """A folder as people have them: one file plain, one packed, one in capitals, and others."""
    folder = tmp_path / "mixed"
    (folder / "below").mkdir(parents=True)
    content = [path.read_bytes() for path in sky]
    (folder / sky[0].name).write_bytes(content[0])
    (folder / "below" / f"{sky[1].name}.gz").write_bytes(gzip.compress(content[1], 1))
    (folder / sky[2].name.upper()).write_bytes(content[2])
    (folder / sky[3].name).write_bytes(content[3][:-3000])
    # What macOS keeps beside a file, and another product of the archive.
    (folder / f"._{sky[0].name}").write_bytes(b"\0\5\x16\7")
    (folder / f"kplr{STAR}-2009166043257_lpd-targ.fits.gz").write_bytes(b"pixels")
    return folder


def test_a_folders_files_are_those_of_an_import(mixed: Path) -> None:
    listed = open_source(str(mixed)).items(Selection())
    files = LightCurveFiles([mixed], print)
    assert [path.name for path in files.paths] == [item.name for item in listed]
    assert len(files.paths) == 4


def test_a_large_file_is_named_and_not_read(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = mixed / "image.fits"
    with large.open("wb") as file:
        file.truncate(64_000_001)
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: path != large and read(path))
    said: list[str] = []
    assert len(list(LightCurveFiles([mixed], said.append).read())) == 3
    (reason,) = (line for line in said if str(large) in line)
    assert "more than 64 MB" in reason


@pytest.mark.parametrize(
    "command",
    [
        ("convert", "--to", "gts", "FOLDER", "-o", "OUT"),
        ("show", "FOLDER", "-o", "OUT.png"),
        pytest.param(("search", STAR, "FOLDER", "-o", "OUT", "--no-plots"), marks=pytest.mark.long),
        ("fetch", STAR, "--source", "FOLDER", "-o", "OUT"),
    ],
)
def test_a_bad_file_is_named_and_left_out(
    mixed: Path, sky: list[Path], tmp_path: Path, command: tuple[object, ...]
) -> None:
    places = {"FOLDER": mixed, "OUT": tmp_path / "out", "OUT.png": tmp_path / "out.png"}
    done = run(*(places.get(str(word), word) for word in command))
    errors = done.stderr
    assert done.returncode == 3, errors
    assert [line for line in errors.splitlines() if "truncated" in line]
    assert sky[3].name in errors
    assert "._" not in errors
    assert "lpd-targ" not in errors
    made = list(tmp_path.glob("out*"))
    assert made, done.stdout
    if command[0] in ("convert", "fetch"):
        assert len(list(made[0].iterdir())) == 3


@pytest.mark.parametrize("command", [("convert",), ("show",), ("search", STAR)])
def test_a_command_that_can_read_nothing_fails(
    tmp_path: Path, sky: list[Path], command: tuple[object, ...]
) -> None:
    bad = tmp_path / "bad.fits"
    bad.write_bytes(sky[0].read_bytes()[:5000])
    done = run(*command, bad)
    assert done.returncode == 1
    assert f"{bad}: is truncated" in done.stderr


def test_of_another_star_nothing_is_read(mixed: Path) -> None:
    files = LightCurveFiles([mixed], print)
    assert list(files.read(star=STAR + 1)) == []
    assert files.left_out == 0


def test_files_of_one_name_become_as_many_tables(tmp_path: Path, sky: list[Path]) -> None:
    for folder in ("a", "b/c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "same.fits").write_bytes(sky[0].read_bytes())
    (tmp_path / "a" / "other.fits").write_bytes(sky[1].read_bytes())
    done = run("convert", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    made = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.csv"))
    assert made == ["a/same.csv", "b/c/same.csv", "other.csv"]


def test_a_file_and_its_packed_copy_become_two_tables() -> None:
    paths = [Path("x/a.fits"), Path("x/a.FITS.GZ"), Path("x/b.fits.gz"), Path("c.fits")]
    made = ["x/a.fits.csv", "x/a.FITS.GZ.csv", "b.csv", "c.csv"]
    assert list(names_of_tables(paths, ".csv").values()) == made
    assert names_of_tables([], ".csv") == {}


def test_no_table_leads_out_of_its_folder() -> None:
    paths = [Path("../old/x.fits"), Path("x.fits"), Path("x.dat")]
    assert not [name for name in names_of_tables(paths, ".csv").values() if ".." in name]


def test_of_two_versions_the_newer_counts(tmp_path: Path, sky: list[Path]) -> None:
    """Shown twice, each point would be drawn twice."""
    newer = tmp_path / sky[0].name
    with fits.open(sky[0]) as units:
        units[0].header["FILEVER"] = "99.0"
        for unit in units:
            unit.add_checksum()
        units.writeto(newer)
    both = run("show", sky[0], newer, sky[1], "-o", tmp_path / "out.png")
    alone = run("show", newer, sky[1], "-o", tmp_path / "out.png")
    assert (both.returncode, both.stdout) == (alone.returncode, alone.stdout)
    assert f"{sky[0]}: left out, {newer} is the newer file" in both.stderr
    assert [curve.filever for curve in newest(LightCurveFiles([newer, sky[0]], print).read())] == [
        "99.0"
    ]


def test_what_is_found_without_a_bad_file_is_not_written_to_a_server(
    mixed: Path, tmp_path: Path
) -> None:
    words = ("-o", tmp_path / "out", "--no-plots", "--server", "http://127.0.0.1:9")
    done = run("search", STAR, mixed, *words, "--results-token-file", "none.token")
    assert done.returncode == 1
    assert "Nothing was written to http://127.0.0.1:9: 1 files" in done.stderr
