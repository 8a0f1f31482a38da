"""What the tests share: where the real data lies, and a real server where one is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fits_files import edited
from http_server import Serve, Server
from memory_server import Memory
from real_data import light_curves, pytest_terminal_summary  # noqa: F401 - pytest finds them here
from scripted_server import Answer, Scripted

from kepler_lens.simulation.simulate import simulate
from kepler_lens.warp10.client import Warp10

PROJECT = Path(__file__).resolve().parents[3]
Made = Callable[..., tuple[list[str] | None, subprocess.CompletedProcess[str]]]


@pytest.fixture(scope="session")
def kepler_11(data: Path) -> list[Path]:
    """The seventeen light curve files of Kepler-11."""
    return sorted((data / "kepler" / "006541920").glob("*_llc.fits"))


@pytest.fixture(scope="session", params=["of the archive", "simulated"])
def intact(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The content of one intact file of quarter 1: Kepler-11's, and one as if of Kepler."""
    if request.param == "of the archive":
        real: list[Path] = request.getfixturevalue("kepler_11")
        return real[0].read_bytes()
    folder = tmp_path_factory.mktemp("intact")
    simulate(folder, stars=1, quarters=(1,))
    (path,) = folder.rglob("*.fits")
    return edited(path.read_bytes(), lambda units: units[0].header.set("MISSION", "Kepler"))


@pytest.fixture(scope="session")
def real_server() -> tuple[str, Path]:
    """A real server's URL and the folder of its tokens, or a skip that says what names them."""
    url, tokens = os.environ.get("WARP10_URL"), os.environ.get("WARP10_TOKENS")
    if not url or not tokens:
        pytest.skip("a real server: WARP10_URL and WARP10_TOKENS (folder) name none")
    return url, Path(tokens)


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    """Start servers that give written answers in turn."""
    started: list[Scripted] = []

    def start(*answers: Answer) -> Scripted:
        server = Scripted(list(answers))
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start web servers of folders."""
    started: list[Server] = []

    def start(folder: Path) -> Server:
        started.append(Server(folder))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Memory, Path]]:
    """A server in memory and a folder of tokens; jobs' workers are threads of this process."""
    # On demand: Dask takes a second, and most tests want none of it.
    from distributed import LocalCluster

    from kepler_lens.jobs import fleet

    tokens = tmp_path / "tokens"
    tokens.mkdir()
    for name in ("read", "write", "ledger-read", "ledger-write", "results-write"):
        (tokens / f"{name}.token").write_text(f"{name}\n")

    def threads(*, host: str, **wanted: Any) -> LocalCluster:
        # Threads of one process need no address.
        return LocalCluster(processes=False, **wanted)

    monkeypatch.setattr(fleet, "LocalCluster", threads)
    server = Memory(tokens={path.read_text().strip() for path in tokens.iterdir()})
    yield server, tokens
    server.close()


@pytest.fixture
def bare_memory() -> Iterator[Memory]:
    """A server in memory that knows the tokens ``read`` and ``write``, without workers."""
    server = Memory({"read", "write"})
    yield server
    server.close()


@pytest.fixture
def warp10(bare_memory: Memory) -> Warp10:
    """A client of `bare_memory`."""
    return Warp10(bare_memory.url, patience=1)


@pytest.fixture
def make(tmp_path: Path) -> Made:
    """Run make with an ansible-playbook that writes down how it was called."""
    bin_ = tmp_path / "venv" / "bin"
    bin_.mkdir(parents=True)
    said = tmp_path / "said.json"
    (bin_ / "ansible-playbook").write_text(
        f"#!{sys.executable}\nimport json, pathlib, sys\n"
        f"pathlib.Path({str(said)!r}).write_text(json.dumps(sys.argv[1:]))\n"
        "pathlib.Path('.lab').mkdir(exist_ok=True)\n"
        "pathlib.Path('.lab/output').write_text('')\n"
    )
    (bin_ / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for program in bin_.iterdir():
        program.chmod(0o755)
    (tmp_path / "venv" / "controller").touch()
    known = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}

    def make(
        *words: str, **environment: str
    ) -> tuple[list[str] | None, subprocess.CompletedProcess[str]]:
        done = subprocess.run(
            ["make", "-s", *words, f"VENV={os.path.relpath(tmp_path / 'venv', PROJECT)}"],
            cwd=PROJECT,
            env=known | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return (json.loads(said.read_text()) if said.exists() else None), done

    return make


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where a real server is named, run only the tests that need one: the others need none."""
    if os.environ.get("WARP10_URL"):
        needing = [item for item in items if "real_server" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=[item for item in items if item not in needing])
        items[:] = needing
