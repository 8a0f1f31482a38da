"""The command kepler2warp10 beside a server in memory: what it pushes, and what it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from commands import run
from memory_server import Memory

from kepler_lens.cli.kepler2warp10 import _files
from kepler_lens.errors import KeplerLensError
from kepler_lens.warp10 import client as client_module
from kepler_lens.warp10.client import Token, Warp10

NOTES = "star.series{MISSION=Kepler,OBSMODE=long%20cadence}"


def line(star: int, tick: int = 1) -> str:
    return f"{tick}// sap.flux{{KEPLERID={star},MISSION=Kepler,OBSMODE=long%20cadence}} 1.5\n"


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "write.token"
    path.write_text("write\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "gts"
    folder.mkdir()
    for star in (1, 2, 3):
        (folder / f"{star}.gts").write_text(line(star, 1) + line(star, 2))
    return folder


def stars(server: Memory) -> set[str]:
    kept = (one for one in server.series.values() if one.classname == "sap.flux" and one.points)
    return {one.labels["KEPLERID"] for one in kept}


def test_a_file_that_cannot_be_read_is_left_out(
    bare_memory: Memory, folder: Path, token: Path
) -> None:
    (folder / "2.gts").unlink()
    (folder / "2.gts").symlink_to(folder / "nowhere")
    (folder / "4.gts").mkdir()
    done = run(
        *(folder, "--server", bare_memory.url, "--token-file", token), module="cli.kepler2warp10"
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout == "4 points of 2 files pushed, 1 files left out.\n"
    (said,) = (text for text in done.stderr.splitlines() if text.strip())
    assert said == f"{folder / '2.gts'}: left out. No such file or directory"
    assert stars(bare_memory) == {"1", "3"}


def test_a_folder_that_cannot_be_read_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "closed").mkdir()
    scandir = os.scandir

    def refuses(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    # The superuser, as whom tests may run, reads every folder.
    monkeypatch.setattr(os, "scandir", refuses)
    with pytest.raises(KeplerLensError, match=r"/closed: cannot be read \(Permission denied\)"):
        list(_files([folder]))


def test_a_fault_of_the_file_while_it_is_sent_is_not_the_server_s(bare_memory: Memory) -> None:
    def pieces() -> object:
        yield line(1).encode()
        raise PermissionError(13, "Permission denied", "1.gts")

    with pytest.raises(PermissionError, match=r"1\.gts"):
        Warp10(bare_memory.url, patience=1).update(pieces, Token("write"))  # type: ignore[arg-type]


def test_notes_are_forgotten_before_the_points_come(
    bare_memory: Memory, folder: Path, token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare_memory.of(NOTES).points |= dict.fromkeys((1, 2, 3, 7), "'note'")
    asked: list[set[int]] = []
    update = Warp10.update

    def dies(self: Warp10, body: object, token: Token) -> None:
        asked.append(set(bare_memory.of(NOTES).points))
        if len(asked) == 2:
            raise KeyboardInterrupt
        update(self, body, token)  # type: ignore[arg-type]

    monkeypatch.setattr(client_module.Warp10, "update", dies)
    done = run(
        *(folder, "--server", bare_memory.url, "--token-file", token), module="cli.kepler2warp10"
    )
    assert done.returncode != 0
    # Whatever has been sent when the command dies, no note hides it.
    assert asked == [{2, 3, 7}, {3, 7}]
