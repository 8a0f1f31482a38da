"""The commands convert, show, delete and kepler2warp10, as a user runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from commands import Done, process, run

from kepler_lens.cli.light_curves import _from_server
from kepler_lens.cli.shared import Cadence
from kepler_lens.gts import parse_gts, to_gts
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.missions.kepler import QUARTER_STARTS, us_to_bkjd
from kepler_lens.warp10.client import Token, Warp10


def test_help_teaches() -> None:
    for command in ("convert", "show", "delete"):
        result = run(command, "--help")
        assert result.returncode == 0, result.stderr
        assert f"kepler-lens {command} " in result.stdout.split("Examples")[1]
    result = run("--help", module="cli.kepler2warp10")
    assert "kepler2warp10 gts/ --server" in result.stdout
    listed = run("--help").stdout
    commands = ("convert", "show", "delete", "list", "fetch", "simulate", "tag", "import", "status")
    assert all(command in listed for command in commands)


@pytest.mark.parametrize("run", [run, process])
def test_convert_to_standard_output(kepler_11: list[Path], run: Callable[..., Done]) -> None:
    result = run("convert", "--to", "gts", *kepler_11[:2])
    assert (result.returncode, result.stderr) == (0, "")
    expected = b"".join(to_gts(read_light_curve(file)) for file in kepler_11[:2])
    assert result.stdout.encode() == expected


def test_convert_a_folder_leaves_out_the_damaged(tmp_path: Path, kepler_11: list[Path]) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "good.fits").write_bytes(kepler_11[0].read_bytes())
    (source / "cut.fits").write_bytes(kepler_11[1].read_bytes()[:40_000])
    result = run("convert", source, "-o", target, "--column", "SAP_QUALITY")
    assert result.returncode == 3
    assert len(result.stderr.splitlines()) == 1
    assert f"{source / 'cut.fits'}: is truncated" in result.stderr
    assert [f.name for f in target.iterdir()] == ["good.csv"]
    assert "time_us,SAP_QUALITY\n" in (target / "good.csv").read_text()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["convert", "nothing.fits"], "does not exist"),
        (["convert", "."], ".: there is no light curve file (.fits or .fits.gz) in this"),
        (["convert", "--column", "FLUX", "a.fits"], "no column 'FLUX'"),
        (["show"], "name either files or a --star"),
        (["show", "--star", "1"], "--star needs a --server"),
        (["show", "--star", "1", "--server", "x", "-o", "a.gif"], ".png, .svg or .pdf"),
        (["show", "a.fits"], "a.fits: is no FITS file"),
        (["show", "--star", "1", "--server", "nowhere"], "nowhere is no address of a server"),
        (["delete", "1", "--server", "http://x", "--token-file", "no.token"], "no.token: No such"),
    ],
)
def test_mistakes_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if "a.fits" in words:
        Path("a.fits").write_text("no FITS")
    result = run(*words)
    assert result.returncode in (1, 2)
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_show_draws_files(tmp_path: Path, kepler_11: list[Path], data: Path) -> None:
    picture = tmp_path / "kepler-11.png"
    result = run("show", kepler_11[0].parent, "-o", picture)
    assert result.returncode == 0, result.stderr
    points = 0
    for file in kepler_11:
        rows = fits.getdata(file, 1)
        for column in ("SAP_FLUX", "PDCSAP_FLUX"):
            points += int(np.sum(np.isfinite(rows["TIME"]) & np.isfinite(rows[column])))
    assert result.stdout == f"{points} points drawn: {picture}\n"
    assert picture.read_bytes().startswith(b"\x89PNG")
    several = run("show", data / "k2", "-o", picture)
    assert "are of several stars" in several.stderr


def test_quarters_stand_where_the_files_have_them(data: Path) -> None:
    for file in sorted((data / "kepler").rglob("*.fits")):
        lc = read_light_curve(file)
        time = us_to_bkjd(lc.time_us)
        assert time[0] >= QUARTER_STARTS[lc.segment]
        assert time[-1] < [*QUARTER_STARTS, 1600][lc.segment + 1]


@pytest.fixture
def server(real_server: tuple[str, Path]) -> Iterator[tuple[str, Path, Warp10, Token]]:
    url, folder = real_server
    client = Warp10(url, patience=30)
    read, write = (Token.from_file(folder / f"{n}.token") for n in ("read", "write"))
    yield url, folder / "write.token", client, read
    client.delete("~.*{KEPLERID=996541920}", write)


def test_push_show_delete(
    tmp_path: Path, kepler_11: list[Path], server: tuple[str, Path, Warp10, Token]
) -> None:
    url, token_file, client, read = server
    texts = {f: to_gts(read_light_curve(f)) for f in kepler_11[:2]}
    for file, text in texts.items():
        mine = text.replace(b"KEPLERID=6541920", b"KEPLERID=996541920")
        (tmp_path / f"{file.stem}.gts").write_bytes(mine)
    table = run("convert", kepler_11[2]).stdout.replace("ID: 6541920", "ID: 996541920")
    (tmp_path / "table.csv").write_text(table)
    (tmp_path / "broken.gts").write_text("broken\n")
    (tmp_path / "empty.csv").write_text("")
    words = (tmp_path, "--server", url, "--token-file", token_file)
    result = run(*words, module="cli.kepler2warp10")
    texts[kepler_11[2]] = to_gts(read_light_curve(kepler_11[2]))
    points = sum(text.count(b"\n") for text in texts.values())
    assert result.returncode == 3, result.stderr
    assert result.stdout == f"{points} points of 3 files pushed, 2 files left out.\n"
    assert "broken.gts: left out." in result.stderr
    assert "empty.csv: left out." in result.stderr
    assert token_file.read_text().strip() not in result.stdout + result.stderr

    expected: dict[str, dict[int, float]] = {}
    for text in texts.values():
        for name, pairs in parse_gts(text.decode().splitlines()).items():
            values = {tick: float(value) for tick, value in pairs}
            expected.setdefault(name.split("{")[0], {}).update(values)
    fetched = client.fetch("~.*flux{KEPLERID=996541920}", read)
    assert {s.classname: dict(zip(s.ticks, s.values, strict=True)) for s in fetched} == expected

    picture = tmp_path / "star.png"
    shown = run("show", "--star", "996541920", "--server", url, "-o", picture)
    assert shown.stdout == f"{points} points drawn: {picture}\n", shown.stderr

    results_file = token_file.with_name("results-write.token")
    client.update(b"0// transit.dip{KEPLERID=996541920} 1.5\n", Token.from_file(results_file))
    words = ("delete", "996541920", "--server", url, "--token-file", token_file)
    refused = run(*words, answer="n\n")
    assert refused.returncode == 1
    assert len(client.find("~.*{KEPLERID=996541920}", read)) == 3
    gone = run(*words, "--yes")
    assert gone.stdout == "2 series of 996541920 deleted.\n", gone.stderr
    assert [s.classname for s in client.find("~.*{KEPLERID=996541920}", read)] == ["transit.dip"]
    words = (*words, "--results-token-file", results_file)
    gone = run(*words, "--yes")
    assert gone.stdout == "1 series of 996541920 deleted.\n", gone.stderr
    assert client.find("~.*{KEPLERID=996541920}", read) == []
    again = run(*words, "--yes")
    assert again.returncode == 1
    assert "has nothing of 996541920" in again.stderr


def test_all_series_of_a_class_are_drawn(warp10: Warp10, tmp_path: Path) -> None:
    """The archive has changed a label of some stars between quarters."""
    lines = [
        f"{tick}// sap.flux{{KEPLERID=7,MISSION=Kepler,OBSMODE=long%20cadence,OBJECT={name}}} 1.5"
        for tick, name in ((1, "KIC%207"), (2, "KIC%207"), (3, "other"))
    ]
    warp10.update("\n".join(lines).encode(), Token("write"))
    token = tmp_path / "read.token"
    token.write_text("read\n")
    _, _, series = _from_server(7, warp10.url, token, Cadence.LONG)
    assert series["SAP_FLUX"].time_us.tolist() == [1, 2, 3]
