"""What people type when the first try went wrong: each command's exit status and last line.

The table is second_try.toml. Commands that ask a server run with one in memory, and with a real one
where it is named.
"""

from __future__ import annotations

import codecs
import gzip
import json
import re
import shutil
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from astropy.io import fits
from commands import Done, run
from http_server import Server
from memory_server import Memory
from plays import PRODUCTION, PROJECT, ansible
from real_data import required

from kepler_lens import cli
from kepler_lens.ledger import Ledger
from kepler_lens.simulation.simulate import simulate
from kepler_lens.warp10.client import Token, Warp10

COMMANDS: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "second_try.toml").read_text(encoding="utf-8")
)["command"]
STARS = (900000001, 900000002)
KOI = """kepid,kepoi_name,kepler_name,koi_disposition,koi_steff,koi_srad
900000001,K09001.01,Kepler-9001 b,CONFIRMED,5657.00,1.0460
900000002,K09002.01,,FALSE POSITIVE,,
"""
K2 = """pl_name,hostname,default_flag,disposition,st_teff,st_rad
EPIC 211000001 b,EPIC 211000001,1,CONFIRMED,5100,1.5
"""


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated stars, quarters 0 and 1."""
    folder = tmp_path_factory.mktemp("sky")
    simulate(folder, stars=2, quarters=(0, 1))
    return folder


class Places:
    """Makes the places that the commands name, each in a folder of its own."""

    def __init__(self, folder: Path, sky: Path) -> None:
        self.folder, self.sky = folder, sky
        self.servers: list[Server] = []
        self.made: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
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

    def _of_kepler(self, folder: Path) -> Path:
        """The sky, as if its stars were real: a table speaks for those of its mission alone."""
        for path in self.sky.rglob("*.fits"):
            shutil.copy(path, folder)
            with fits.open(folder / path.name, mode="update", checksum=True) as units:
                units[0].header["MISSION"] = "Kepler"
        return folder

    def _early(self, _: Path) -> Path:
        return required() / "early"

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

    def _macos(self, folder: Path) -> Path:
        (one, two), (three, _) = self.files(), self.files(STARS[1])
        shutil.copy(one, folder)
        (folder / f"{two.name}.gz").write_bytes(gzip.compress(two.read_bytes(), 1))
        shutil.copy(three, folder / three.name.upper())
        (folder / f"._{one.name}").write_bytes(b"\0\5\x16\7")
        (folder / f"kplr{STARS[0]}-2009166043257_lpd-targ.fits.gz").write_bytes(b"pixels")
        return folder

    def _cut_gz(self, folder: Path) -> Path:
        packed = gzip.compress(self.files()[0].read_bytes(), 1)
        (folder / f"{self.files()[0].name}.gz").write_bytes(packed[:-9000])
        return folder

    def _pixels(self, folder: Path) -> Path:
        def other(units: fits.HDUList) -> None:
            units[1].header["EXTNAME"] = "TARGETTABLES"

        return self.edited(folder, other)

    def _negative(self, folder: Path) -> Path:
        self.edited(folder, lambda units: None)
        with fits.open(folder / self.files()[0].name, mode="update", checksum=True) as units:
            units[1].data["PDCSAP_FLUX"] *= -1
        return folder

    def _cut_zip(self, folder: Path) -> Path:
        whole = Path(self["zip"]).read_bytes()
        (folder / "portal.zip").write_bytes(whole[: len(whole) // 2])
        return folder / "portal.zip"

    def _cut_tarball(self, folder: Path) -> Path:
        whole = Path(self["tarballs"], "public_Q0_long_1.tgz").read_bytes()
        (folder / "public_Q0_long_1.tgz").write_bytes(whole[: len(whole) // 4 * 3])
        return folder / "public_Q0_long_1.tgz"

    def _web_of_tarballs(self, folder: Path) -> str:
        self.servers.append(Server(Path(self["tarballs"])))
        return self.servers[-1].url

    def _token(self, folder: Path) -> Path:
        (folder / "token").write_text("a-token\n")
        return folder / "token"

    def table(self, folder: Path, content: bytes) -> Path:
        (folder / "table.csv").write_bytes(content)
        return folder / "table.csv"

    def _cut_table(self, folder: Path) -> Path:
        return self.table(folder, KOI[:-20].encode())

    def _cut_k2(self, folder: Path) -> Path:
        return self.table(folder, K2[:-10].encode())

    def _koi_of_notepad(self, folder: Path) -> Path:
        others = KOI.replace("90000000", "100000").replace("\n", "\r\n")
        return self.table(folder, codecs.BOM_UTF8 + others.encode())

    def _koi_of_excel(self, folder: Path) -> Path:
        return self.table(folder, KOI.replace(",", ";").encode("utf-8-sig"))

    def _part_of_koi(self, folder: Path) -> Path:
        return self.table(folder, "".join(KOI.splitlines(True)[:2]).encode("utf-16"))

    def _list_of_windows(self, folder: Path) -> Path:
        return self.table(folder, f"# mine\r\nKIC {STARS[0]}\r\n".encode("utf-16"))

    def _list_of_names(self, folder: Path) -> Path:
        return self.table(folder, b"Kepler-9001\nKOI-9002.01\n")

    def _clone(self, folder: Path) -> Path:
        shutil.copytree(PROJECT / "playbooks", folder / "playbooks")
        return folder

    def _local(self, folder: Path) -> Path:
        settings = {
            "ansible_connection": "local",
            "ansible_become": False,
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        }
        return self.table(folder, json.dumps(settings).encode())

    def _preflight(self, folder: Path) -> Path:
        """What an import checks before it touches a host, and no more."""
        checks = str(PROJECT / "roles/import/tasks/preflight.yml")
        play = {
            "hosts": "scheduler.example.org",
            "gather_facts": False,
            "roles": [{"role": "import", "tags": ["unwanted"]}],
            "tasks": [{"ansible.builtin.import_tasks": checks}],
        }
        return self.table(folder, json.dumps([play]).encode())


@pytest.fixture
def places(tmp_path: Path, sky: Path) -> Iterator[Places]:
    made = Places(tmp_path, sky)
    yield made
    for server in made.servers:
        server.close()


def names(commands: list[dict[str, Any]]) -> list[str]:
    return [command["tried"] for command in commands]


ALONE = [command for command in COMMANDS if "words" in command and not command.get("server")]
WITH_SERVER = [command for command in COMMANDS if command.get("server")]
OF_MAKE = [command for command in COMMANDS if "make" in command]
OF_ANSIBLE = [command for command in COMMANDS if "ansible" in command]


def test_every_command_is_of_one_kind() -> None:
    kinds = ALONE, WITH_SERVER, OF_MAKE, OF_ANSIBLE
    assert sum(map(len, kinds)) == len(COMMANDS) == len(set(names(COMMANDS))) >= 52


@pytest.mark.parametrize("command", ALONE, ids=names(ALONE))
def test_a_second_try(
    command: dict[str, Any],
    places: Places,
) -> None:
    words = [word.format_map(places) for word in command["words"]]
    done = run(*words)
    check(command, done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("command", WITH_SERVER, ids=names(WITH_SERVER))
def test_a_second_try_with_a_server_in_memory(
    command: dict[str, Any],
    memory: tuple[Memory, Path],
    places: Places,
) -> None:
    server, tokens = memory
    asked(command, server.url, tokens, places)


@pytest.mark.parametrize("command", WITH_SERVER, ids=names(WITH_SERVER))
def test_a_second_try_with_a_server(
    command: dict[str, Any],
    real_server: tuple[str, Path],
    places: Places,
) -> None:
    url, tokens = real_server
    if command["words"][0] == "tag" or "after" in command:
        pytest.skip("what is tagged there would lose its tags")
    try:
        asked(command, url, tokens, places)
    finally:
        clear(url, tokens)


@pytest.mark.parametrize("command", OF_MAKE, ids=names(OF_MAKE))
def test_a_second_try_of_make(command: dict[str, Any], make: Callable[..., Any]) -> None:
    words, done = make(*command["make"])
    handed = " ".join(word for word in words or () if word != "-e")
    # Of what make itself says of a command that failed there is always the same.
    said = re.sub(r"^make: .*\n", "", done.stderr, flags=re.MULTILINE)
    check(command, done.returncode, handed, said)


@pytest.mark.parametrize("command", OF_ANSIBLE, ids=names(OF_ANSIBLE))
def test_a_second_try_of_a_playbook(command: dict[str, Any], places: Places) -> None:
    words = [word.format_map(places) for word in command["ansible"]]
    done = ansible("ansible-playbook", "-i", str(PRODUCTION), *words)
    check(command, done.returncode, done.stdout, "")


def asked(
    command: dict[str, Any],
    url: str,
    tokens: Path,
    places: Places,
) -> None:
    """Run a command on a server, after those that come before it."""

    def once(words: Sequence[str]) -> Done:
        known = [word.format_map(places) for word in words]
        known += ["--server", url]
        if words[0] == "tag":
            return run(*known, "--token-file", tokens / "write.token")
        return run(*known, "--tokens", tokens, "--state", places.folder / "state")

    for words in command.get("after", ()):
        assert once(words).returncode == 0
    done = once(command["words"])
    check(command, done.returncode, done.stdout, done.stderr)


def check(command: dict[str, Any], status: int, out: str, err: str) -> None:
    everything = f"{out}\n{err}"
    assert status == command["status"], everything
    # An error's sentence comes last, on the other stream.
    failed = err.strip() and (status in (1, 2) or not out.strip())
    lines = (err if failed else out).strip().splitlines()
    assert re.search(command["last"], lines[-1] if lines else ""), everything
    assert re.search(command.get("says", ""), everything), everything
    assert "Traceback" not in everything


def clear(url: str, tokens: Path) -> None:
    warp10 = Warp10(url, patience=20)
    ledger = Ledger(
        warp10, *(Token.from_file(tokens / f"ledger-{of}.token") for of in ("read", "write"))
    )
    ledger.forget(STARS)
    ledger.settle_own()
    stars = "|".join(map(str, STARS))
    warp10.delete(f"~(sap|pdcsap).*{{KEPLERID~({stars})}}", Token.from_file(tokens / "write.token"))


def test_every_command_is_known() -> None:
    known = set(typer.main.get_command(cli.app).commands)
    typed = {command["words"][0] for command in COMMANDS if "words" in command}
    assert typed <= known
