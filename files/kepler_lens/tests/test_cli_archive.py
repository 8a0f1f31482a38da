"""The commands list, fetch, simulate and tag, as a user runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import process, run
from http_server import Serve, Server

from kepler_lens.lightcurve import read_light_curve
from kepler_lens.simulation.simulate import simulate

STAR = 900000001


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sky")
    simulate(folder, stars=2, quarters=(0, 1))
    return folder


@pytest.fixture
def server(sky: Path, serve: Serve) -> Server:
    return serve(sky)


def test_list_tells_quarter_cadence_and_place(sky: Path) -> None:
    answer = run("list", str(STAR), "--source", sky)
    assert answer.returncode == 0, answer.stderr
    lines = [line.split() for line in answer.stdout.splitlines()]
    assert [line[:2] for line in lines] == [["Q0", "long"], ["Q1", "long"]]
    for _, _, size, url in lines:
        assert Path(url.removeprefix("file://")).stat().st_size == int(size)


def test_nothing_found_is_an_error(sky: Path) -> None:
    for ask, more in ((run, ["--quarter", "5"]), (process, ["--cadence", "short"])):
        answer = ask("list", str(STAR), "--source", sky, *more)
        assert answer.returncode == 1
        assert "has no light curve of star 900000001" in answer.stderr
        assert "Traceback" not in answer.stderr


def test_fetch_keeps_what_is_intact_and_replaces_what_is_not(
    server: Server, sky: Path, tmp_path: Path
) -> None:
    command = ("fetch", str(STAR), "--source", server.url, "-o", tmp_path / "new" / "folder")
    first = run(*command)
    assert first.returncode == 0, first.stderr
    files = sorted((tmp_path / "new/folder").iterdir())
    originals = sorted((sky / "9000" / str(STAR)).iterdir())
    assert [f.name for f in files] == [f.name for f in originals]
    files[0].write_bytes(files[0].read_bytes()[:10_000])
    files[1].touch()
    server.requests.clear()
    second = run(*command)
    assert second.stdout.count("is there already") == 1
    fetched = [path for _, path in server.requests if path.endswith(".fits")]
    assert [Path(path).name for path in fetched] == [files[0].name]
    assert [f.read_bytes() for f in files] == [f.read_bytes() for f in originals]


def test_a_damaged_file_does_not_get_its_name(sky: Path, tmp_path: Path) -> None:
    source = tmp_path / "bad"
    source.mkdir()
    good = next((sky / "9000" / str(STAR)).iterdir())
    (source / good.name).write_bytes(good.read_bytes()[:-2880])
    answer = run("fetch", str(STAR), "--source", source, "-o", tmp_path / "out")
    assert answer.returncode == 1
    assert good.name in answer.stderr
    assert "truncated" in answer.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_simulate_writes_what_can_be_read(tmp_path: Path) -> None:
    answer = process("simulate", tmp_path / "sky", "--stars", "1", "--quarter", "0")
    assert answer.returncode == 0, answer.stderr
    assert "1 stars with 3 planets" in answer.stdout
    (path,) = (tmp_path / "sky").rglob("*.fits")
    assert read_light_curve(path).star == STAR


def test_tag_wants_tables_from_one_place(tmp_path: Path) -> None:
    base = ("tag", "--server", "http://127.0.0.1:9", "--token-file", tmp_path / "none")
    for more in ((), ("--tap", "--koi", tmp_path / "koi.csv")):
        answer = run(*base, *more)
        assert answer.returncode == 2
        assert "one of the two" in answer.stderr


@pytest.mark.parametrize("command", ["list", "fetch", "simulate", "tag"])
def test_help_teaches_by_example(command: str) -> None:
    answer = run(command, "--help")
    assert answer.returncode == 0
    assert f"kepler-lens {command} " in answer.stdout


def test_files_whose_names_do_not_tell_the_star_are_found_by_their_headers(
    sky: Path, tmp_path: Path
) -> None:
    source, folder = tmp_path / "source", tmp_path / "fetched"
    for number, path in enumerate(sorted(sky.rglob("*.fits"))):
        (source / str(number)).mkdir(parents=True)
        (source / str(number) / "lc.fits").write_bytes(path.read_bytes())
    listed = run("list", str(STAR), "--source", source)
    assert [line.split()[:2] for line in listed.stdout.splitlines()] == [
        ["Q0", "long"], ["Q1", "long"],
    ]  # fmt: skip
    answer = run("fetch", str(STAR), "--source", source, "--quarter", "1", "-o", folder / "one")
    assert answer.returncode == 0, answer.stderr
    assert len(list((folder / "one").iterdir())) == 1
    assert run("fetch", str(STAR), "--source", source, "-o", folder).returncode == 0
    fetched = [read_light_curve(path) for path in folder.glob("*.fits")]
    assert sorted((curve.star, curve.segment) for curve in fetched) == [(STAR, 0), (STAR, 1)]
    again = run("fetch", str(STAR), "--source", source, "-o", folder)
    assert again.stdout.count("is there already") == 2
