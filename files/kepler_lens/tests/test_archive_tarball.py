"""Tarballs read as one stream: from disk, from a server that fails, and damaged ones."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from http_server import Serve, Server, refuse

from kepler_lens.archive import Selection, open_source, read_item
from kepler_lens.errors import SourceError

NAMES = [
    "kplr006541920-2009166043257_llc.fits",
    "kplr000757076-2009166043257_llc.fits",
    "kplr006541920-2009166044711_slc.fits",
    "odd.fits",
    "kplr011442793-2009259160929_llc.fits",
]


def content(name: str, size: int = 60_000) -> bytes:
    """Bytes that do not compress, so that a cut falls where it is made."""
    seed = int.from_bytes(name.encode()[:12], "big")
    return np.random.default_rng(seed).bytes(size)


def pack(path: Path, mode: str) -> Path:
    with tarfile.open(path, mode) as tar:
        for name in NAMES:
            folder = tarfile.TarInfo(f"long/{name[:4]}")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
            member = tarfile.TarInfo(f"long/{name[:4]}/{name}")
            member.size, member.mtime = 60_000, 1_600_000_000
            tar.addfile(member, io.BytesIO(content(name)))
    return path


@pytest.fixture(params=[("a.tar", "w"), ("a b.tgz", "w:gz"), ("a.tar.xz", "w:xz")])
def tarball(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return pack(tmp_path / request.param[0], request.param[1])


@pytest.fixture
def server(tmp_path: Path, serve: Serve) -> Server:
    return serve(tmp_path)


@pytest.fixture(params=["path", "file", "http"])
def url(request: pytest.FixtureRequest, tarball: Path) -> str:
    if request.param == "http":
        running: Server = request.getfixturevalue("server")
        return running.url + tarball.name.replace(" ", "%20")
    return str(tarball) if request.param == "path" else tarball.as_uri()


def test_members_come_in_order_with_their_content(url: str) -> None:
    source = open_source(url)
    items = list(source.items(Selection()))
    assert [item.name for item in items] == [name for name in NAMES if "_slc" not in name]
    for item in items:
        assert read_item(item, source.settings) == content(item.name)
        assert item.fingerprint == "1600000000-60000"
        assert item.url == f"{url}#long/{item.name[:4]}/{item.name}"


def test_selects_and_resumes_by_name(url: str) -> None:
    source = open_source(url)
    chosen = source.items(
        Selection(stars=(6541920, 11442793)), wanted=lambda item: item.name != NAMES[0]
    )
    assert [item.name for item in chosen] == ["odd.fits", NAMES[4]]


def test_one_member_is_held_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "big.tar"
    with tarfile.open(path, "w") as tar:
        for number in range(3000):
            member = tarfile.TarInfo(f"kplr{number:09d}-2009166043257_llc.fits")
            member.size = 50_000
            tar.addfile(member, io.BytesIO(bytes(50_000)))
    tracemalloc.start()
    try:
        count = sum(len(item.data or b"") for item in open_source(str(path)).items(Selection()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 150_000_000
    assert peak < 2_000_000


def cut_after(count: int) -> Callable[[SimpleHTTPRequestHandler], bool]:
    """Send the true headers and the first bytes, then break the connection."""

    def fault(handler: SimpleHTTPRequestHandler) -> bool:
        file = handler.send_head()
        handler.wfile.write(file.read(count))
        file.close()
        handler.close_connection = True
        return True

    return fault


def ranges(handler: SimpleHTTPRequestHandler) -> bool:
    """Answer a Range request as a grown-up server does."""
    asked = handler.headers.get("Range")
    if asked is None:
        return False
    path = Path(handler.translate_path(handler.path))
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    data = path.read_bytes()
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
    handler.send_header("Content-Length", str(len(data) - start))
    handler.send_header("Last-Modified", handler.date_time_string(int(path.stat().st_mtime)))
    handler.end_headers()
    handler.wfile.write(data[start:])
    return True


@pytest.mark.parametrize("resume", [lambda handler: False, ranges], ids=["whole", "range"])
def test_a_broken_download_goes_on(
    server: Server, tmp_path: Path, resume: Callable[..., bool]
) -> None:
    pack(tmp_path / "a.tgz", "w:gz")
    server.faults = [refuse(503), cut_after(100_000), refuse(503), resume]
    items = list(open_source(server.url + "a.tgz").items(Selection()))
    assert [item.data for item in items] == [content(item.name) for item in items]
    assert len(items) == 4
    assert server.faults == []


def test_a_tarball_that_changes_underneath(server: Server, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tgz", "w:gz")

    def other_version(handler: SimpleHTTPRequestHandler) -> bool:
        os.utime(path, (2e9, 2e9))
        return False

    server.faults = [cut_after(100_000), other_version]
    with pytest.raises(SourceError, match="changed while it was read"):
        list(open_source(server.url + "a.tgz").items(Selection()))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("kept", [0.5, 0.95, 0.201])
def test_a_truncated_tarball_is_told(tmp_path: Path, mode: str, kept: float) -> None:
    whole = pack(tmp_path / "whole.tar", mode).read_bytes()
    path = tmp_path / "cut.tar"
    path.write_bytes(whole[: int(len(whole) * kept)])
    before = []
    with pytest.raises(SourceError, match=r"cut\.tar: the tarball cannot be read"):
        before.extend(open_source(str(path)).items(Selection()))


@pytest.mark.parametrize("extra", [0, 100, 512])
def test_a_cut_at_a_header_is_told(tmp_path: Path, extra: int) -> None:
    """Python's tarfile takes these for the end of the tarball."""
    whole = pack(tmp_path / "whole.tar", "w").read_bytes()
    with tarfile.open(tmp_path / "whole.tar") as tar:
        third = tar.getmembers()[4]
    path = tmp_path / "cut.tar"
    path.write_bytes(whole[: third.offset + extra])
    with tarfile.open(path, "r|") as tar:
        assert len([*tar]) in (4, 5)
    with pytest.raises(SourceError, match="it ends early"):
        list(open_source(str(path)).items(Selection()))


def test_a_damaged_header_is_told(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", "w")
    with tarfile.open(path) as tar:
        third = tar.getmembers()[4]
    data = bytearray(path.read_bytes())
    data[third.offset + 10] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(SourceError, match="a damaged header"):
        list(open_source(str(path)).items(Selection()))


def test_flipped_bytes_are_told(tmp_path: Path) -> None:
    data = bytearray(pack(tmp_path / "a.tgz", "w:gz").read_bytes())
    data[150_000] ^= 0xFF
    (tmp_path / "a.tgz").write_bytes(data)
    with pytest.raises(SourceError, match=r"cannot be read after its member long/.*fetch it again"):
        list(open_source(str(tmp_path / "a.tgz")).items(Selection()))


def test_no_tarball_at_all(tmp_path: Path, server: Server) -> None:
    (tmp_path / "page.tgz").write_text("<html>moved</html>")
    (tmp_path / "empty.tgz").touch()
    (tmp_path / "not.tgz").write_bytes(gzip.compress(b"no tar" * 1000))
    for name in ("page.tgz", "empty.tgz", "not.tgz"):
        for url in (str(tmp_path / name), server.url + name):
            with pytest.raises(SourceError, match="cannot be read"):
                list(open_source(url).items(Selection()))
    with pytest.raises(SourceError, match="no such file"):
        list(open_source(str(tmp_path / "nowhere.tgz")).items(Selection()))
    with pytest.raises(SourceError, match="not there"):
        list(open_source(server.url + "nowhere.tgz").items(Selection()))
