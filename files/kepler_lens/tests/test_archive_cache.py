"""The local cache: what it saves, what it never serves."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from http_server import Serve, Server

from kepler_lens.archive import Item, Selection, Source, fingerprint_of, open_source, read_item
from kepler_lens.archive.cache import Cache

NAME = "kplr006541920-2009166043257_llc.fits"


@pytest.fixture
def server(tmp_path: Path, serve: Serve) -> Server:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / NAME).write_bytes(b"first processing")
    return serve(folder)


@pytest.fixture
def source(server: Server, tmp_path: Path) -> Source:
    return open_source(server.url, cache=str(tmp_path / "cache"))


@pytest.fixture
def item(source: Source) -> Item:
    (found,) = source.items(Selection())
    return replace(found, fingerprint=fingerprint_of(found, source.settings))


def kept(tmp_path: Path) -> Path:
    (content,) = (tmp_path / "cache").glob("??/*.fits")
    return content


def test_a_known_fingerprint_needs_no_request(server: Server, source: Source, item: Item) -> None:
    assert read_item(item, source.settings) == b"first processing"
    server.requests.clear()
    assert read_item(item, source.settings) == b"first processing"
    assert server.requests == []


def test_without_fingerprint_the_server_is_asked_for_news(
    server: Server, source: Source, item: Item, tmp_path: Path
) -> None:
    unknown = replace(item, fingerprint=None)
    read_item(unknown, source.settings)
    os.utime(kept(tmp_path), (1, 1))
    assert read_item(unknown, source.settings) == b"first processing"
    assert kept(tmp_path).stat().st_mtime == 1, "the kept copy was written again"
    served = tmp_path / "served" / NAME
    served.write_bytes(b"newer processing")
    os.utime(served, (2e9, 2e9))
    assert read_item(unknown, source.settings) == b"newer processing"


def test_a_new_fingerprint_is_fetched(source: Source, item: Item, tmp_path: Path) -> None:
    read_item(item, source.settings)
    served = tmp_path / "served" / NAME
    served.write_bytes(b"newer processing")
    os.utime(served, (2e9, 2e9))
    fresh = replace(item, fingerprint=None)
    fresh = replace(item, fingerprint=fingerprint_of(fresh, source.settings))
    assert fresh.fingerprint != item.fingerprint
    assert read_item(fresh, source.settings) == b"newer processing"


@pytest.mark.parametrize("fingerprint", [True, False])
@pytest.mark.parametrize("damage", [b"first procesSing", b"first", b""])
def test_a_damaged_copy_is_fetched_again(
    source: Source, item: Item, tmp_path: Path, damage: bytes, fingerprint: bool
) -> None:
    read_item(item, source.settings)
    kept(tmp_path).write_bytes(damage)
    asked = item if fingerprint else replace(item, fingerprint=None)
    assert read_item(asked, source.settings) == b"first processing"
    assert kept(tmp_path).read_bytes() == b"first processing"


def test_a_damaged_sidecar_counts_as_nothing_kept(
    source: Source, item: Item, tmp_path: Path
) -> None:
    read_item(item, source.settings)
    for text in ("", "{}", "[1]", '{"url": 1, "unknown": 2}'):
        kept(tmp_path).with_suffix(".json").write_text(text)
        assert read_item(item, source.settings) == b"first processing"


def test_nothing_partial_is_left_behind(source: Source, item: Item, tmp_path: Path) -> None:
    read_item(item, source.settings)
    suffixes = sorted(p.suffix for p in (tmp_path / "cache").rglob("*") if p.is_file())
    assert suffixes == [".fits", ".json"]


def test_a_cache_that_cannot_be_written_stops_nothing(
    server: Server, item: Item, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    settings = open_source(server.url, cache=str(tmp_path / "file" / "cache")).settings
    assert read_item(item, settings) == b"first processing"
    assert "nothing is kept there" in caplog.text


def test_what_a_killed_writer_has_left_goes(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=1000)
    cache.keep("https://x/1", b"1")
    folder = cache._content("https://x/1").parent
    old, new = folder / ".part-old", folder / ".part-new"
    for part, age in ((old, 7200), (new, 0)):
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age,) * 2)
    cache.keep("https://x/2", b"2")
    assert not old.exists()
    assert new.exists()


def test_the_oldest_make_room(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=1000)
    for number in range(10):
        cache.keep(f"https://x/{number}", bytes([number]) * 300)
        content = cache._content(f"https://x/{number}")
        os.utime(content, (number + 1, number + 1))
    entries = [cache.entry(f"https://x/{number}") for number in range(10)]
    assert [entry is not None for entry in entries] == [False] * 7 + [True] * 3
    for number, entry in enumerate(entries):
        if entry:
            assert cache.data(entry) == bytes([number]) * 300
