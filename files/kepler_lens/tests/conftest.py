"""What the tests share: where the real data lies, and a real server where one is named."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scripted_server import Answer, Scripted

_BESIDE_THE_REPOSITORY = Path(__file__).parents[3].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Where the folder of real files should be."""
    return Path(os.environ.get("HELLOEXOWORLD_DATA", _BESIDE_THE_REPOSITORY))


@pytest.fixture(scope="session")
def data(shared: Path) -> Path:
    """The folder of real files, or a skip that says where it was looked for."""
    if not shared.is_dir():
        pytest.skip(f"real data: no folder {shared} (HELLOEXOWORLD_DATA names another)")
    return shared


@pytest.fixture(scope="session")
def kepler_11(data: Path) -> list[Path]:
    """The seventeen light curve files of Kepler-11."""
    return sorted((data / "kepler" / "006541920").glob("*_llc.fits"))


@pytest.fixture(scope="session")
def intact(kepler_11: list[Path]) -> bytes:
    """The content of one intact file (Kepler-11, quarter 1)."""
    return kepler_11[0].read_bytes()


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where a real server is named, run only the tests that need one: the others need none."""
    if os.environ.get("WARP10_URL"):
        needing = [item for item in items if "real_server" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=[item for item in items if item not in needing])
        items[:] = needing
