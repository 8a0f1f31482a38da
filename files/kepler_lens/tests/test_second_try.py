"""What people type when the first try went wrong: each command's exit status and last line.

The table is second_try.toml. Commands that need a server run where a real one is named.
"""

from __future__ import annotations

import importlib
import re
import shutil
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from http_server import Server

from kepler_lens import cli
from kepler_lens.ledger import Ledger
from kepler_lens.simulate import simulate
from kepler_lens.warp10 import Token, Warp10

COMMANDS: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "second_try.toml").read_text(encoding="utf-8")
)["command"]
STARS = (900000001, 900000002)
KOI = """kepid,kepoi_name,kepler_name,koi_disposition,koi_steff,koi_srad
1,K00001.01,,CANDIDATE,,
2,K00002.0"""


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated stars, quarters 0 and 1."""
    folder = tmp_path_factory.mktemp("sky")
    simulate(folder, stars=2, quarters=(0, 1))
    return folder


class Places:
    """Makes the places that the commands name, each in a folder of its own."""

    def __init__(self, folder: Path, sky: Path, data: Path) -> None:
        self.folder, self.sky, self.data = folder, sky, data
        self.servers: list[Server] = []
        self.made: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name == "early" and not self.data.is_dir():
            pytest.skip(f"real data: no folder {self.data}")
        if name not in self.made:
            make: Callable[[Path], Path | str] = getattr(self, f"_{name}")
            folder = self.folder / name
            folder.mkdir()
            self.made[name] = str(make(folder))
        return self.made[name]

    def files(self, star: int = STARS[0]) -> list[Path]:
        return sorted(self.sky.rglob(f"kplr{star}*.fits"))

    def edited(self, folder: Path, edit: Callable[[fits.HDUList], None]) -> Path:
        for path in self.files():
            shutil.copy(path, folder)
            with fits.open(folder / path.name, mode="update", checksum=True) as units:
                edit(units)
        return folder

    def _sky(self, _: Path) -> Path:
        return self.sky

    def _early(self, _: Path) -> Path:
        return self.data / "early"

    def _out(self, folder: Path) -> Path:
        return folder

    def _empty(self, folder: Path) -> Path:
        return folder

    def _foreign(self, folder: Path) -> Path:
        def by_lightkurve(units: fits.HDUList) -> None:
            units[0].header["TELESCOP"] = "KEPLER"
            units[0].header["CREATOR"] = "lightkurve.LightCurve.to_fits()"

        return self.edited(folder, by_lightkurve)

    def _cut(self, folder: Path) -> Path:
        path = self.files()[0]
        (folder / path.name).write_bytes(path.read_bytes()[:5000])
        return folder

    def _mixed(self, folder: Path) -> Path:
        shutil.copy(self.files()[1], folder)
        return self._cut(folder)

    def _twins(self, folder: Path) -> Path:
        for name in "ab":
            (folder / name).mkdir()
            shutil.copy(self.files()[0], folder / name)
        return folder

    def _page(self, folder: Path) -> Path:
        page = "<!DOCTYPE html><html>The archive is closed today.</html>"
        (folder / "page.fits").write_text(page)
        (folder / "page.fits.tgz").write_text(page)
        return folder / "page.fits"

    def _uncorrected(self, folder: Path) -> Path:
        def without(units: fits.HDUList) -> None:
            units[1].data["PDCSAP_FLUX"] = np.nan

        return self.edited(folder, without)

    def _two_values(self, folder: Path) -> Path:
        rng = np.random.default_rng(1)

        def flat(units: fits.HDUList) -> None:
            size = len(units[1].data)
            units[1].data["PDCSAP_FLUX"] = np.where(rng.random(size) < 0.5, 1e4, 1.001e4)

        return self.edited(folder, flat)

    def _tarballs(self, folder: Path) -> Path:
        for quarter, name in enumerate(("public_Q0_long_1.tgz", "public_Q1_long_1.tgz.1")):
            with tarfile.open(folder / name, "w:gz") as packed:
                for star in STARS:
                    path = self.files(star)[quarter]
                    packed.add(path, path.name)
        return folder

    def _zip(self, folder: Path) -> Path:
        with zipfile.ZipFile(folder / "portal.zip", "w") as packed:
            for path in self.files():
                packed.write(path, f"MAST/{path.name}")
        return folder / "portal.zip"

    def _script(self, folder: Path) -> Path:
        (folder / "get.sh").write_text("curl -O https://archive/kplr.fits\n")
        return folder / "get.sh"

    def _closed_archive(self, folder: Path) -> str:
        (folder / "index.html").write_text("<html>The archive is closed today.</html>")
        self.servers.append(Server(folder))
        return self.servers[-1].url

    def _dangling(self, folder: Path) -> Path:
        (folder / self.files()[0].name).symlink_to(folder / "nowhere")
        return folder

    def _nameless(self, folder: Path) -> Path:
        for number, path in enumerate(self.files()):
            shutil.copy(path, folder / f"{number}.fits")
        return folder

    def _token(self, folder: Path) -> Path:
        (folder / "token").write_text("a-token\n")
        return folder / "token"

    def _cut_table(self, folder: Path) -> Path:
        (folder / "koi.csv").write_text(KOI)
        return folder / "koi.csv"


@pytest.fixture
def places(tmp_path: Path, sky: Path, shared: Path) -> Iterator[Places]:
    made = Places(tmp_path, sky, shared)
    yield made
    for server in made.servers:
        server.close()


def typed(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command in this process, from its entry point."""
    monkeypatch.setattr(sys, "argv", ["kepler-lens", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def names(commands: list[dict[str, Any]]) -> list[str]:
    return [command["tried"] for command in commands]


ALONE = [command for command in COMMANDS if not command.get("server")]
WITH_SERVER = [command for command in COMMANDS if command.get("server")]


@pytest.mark.parametrize("command", ALONE, ids=names(ALONE))
def test_a_second_try(
    command: dict[str, Any],
    places: Places,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [word.format_map(places) for word in command["words"]]
    check(command, typed(words, monkeypatch), capsys)


@pytest.mark.parametrize("command", WITH_SERVER, ids=names(WITH_SERVER))
def test_a_second_try_with_a_server(
    command: dict[str, Any],
    real_server: tuple[str, Path],
    places: Places,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, tokens = real_server
    words = [word.format_map(places) for word in command["words"]]
    words += ["--server", url, "--tokens", str(tokens), "--state", str(places.folder / "state")]
    try:
        check(command, typed(words, monkeypatch), capsys)
    finally:
        clear(url, tokens)


def check(command: dict[str, Any], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    said = capsys.readouterr()
    everything = f"{said.out}\n{said.err}"
    assert status == command["status"], everything
    # An error's sentence comes last, on the other stream.
    lines = (said.err if status == 1 or not said.out.strip() else said.out).strip().splitlines()
    assert re.search(command["last"], lines[-1] if lines else ""), everything
    assert "Traceback" not in everything


def clear(url: str, tokens: Path) -> None:
    warp10 = Warp10(url, patience=20)
    ledger = Ledger(
        warp10, *(Token.from_file(tokens / f"ledger-{of}.token") for of in ("read", "write"))
    )
    ledger.forget(STARS)
    stars = "|".join(map(str, STARS))
    warp10.delete(f"~(sap|pdcsap).*{{KEPLERID~({stars})}}", Token.from_file(tokens / "write.token"))


def test_every_command_is_known() -> None:
    for module in cli.COMMANDS:
        importlib.import_module(f"kepler_lens.{module}")
    known = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert {command["words"][0] for command in COMMANDS} <= known
