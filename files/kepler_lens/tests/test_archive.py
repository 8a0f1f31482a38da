"""Sources on real folders and a real, sometimes failing, HTTP server."""

from __future__ import annotations

import gzip
import os
import pickle
import tarfile
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import pytest
from http_server import Serve, Server, cut_short, refuse, some_json

from kepler_lens.archive import (
    FailingItemError,
    Item,
    ItemError,
    MissingItemError,
    RefusedItemError,
    Selection,
    fingerprint_of,
    open_source,
    read_item,
    read_with_fingerprint,
    unpacked,
)
from kepler_lens.archive.together import Together
from kepler_lens.errors import SourceError

Q1 = "kplr006541920-2009166043257_llc.fits"
Q2 = "kplr006541920-2009259160929_llc.fits"
OTHER = "kplr011442793-2009166043257_llc.fits"
SHORT = "kplr006541920-2009201121230_slc.fits"
C1 = "ktwo200001049-c01_llc.fits"
ODD = "my star 100% é#1.fits"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "sky"
    for folder, name in [
        ("0065/006541920", Q1),
        ("0065/006541920", Q2),
        ("deep/er/still", OTHER),
        ("", SHORT),
        ("k2", C1),
        ("odd ü", ODD),
    ]:
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / name).write_bytes(name.encode())
    (root / "README.txt").write_text("no light curve")
    (root / "kplr006541920-2009166043257_lpd-targ.fits.gz").write_bytes(b"pixels")
    return root


@pytest.fixture
def server(tree: Path, serve: Serve) -> Server:
    return serve(tree)


@pytest.fixture(params=["path", "file", "http"])
def url(request: pytest.FixtureRequest, tree: Path) -> str:
    if request.param == "http":
        return request.getfixturevalue("server").url
    return str(tree) if request.param == "path" else tree.as_uri()


def test_finds_every_light_curve_in_any_layout(url: str) -> None:
    items = list(open_source(url).items(Selection()))
    assert [item.name for item in items] == [Q1, Q2, OTHER, C1, ODD]
    assert [(i.star, i.mission, i.segment, i.cadence) for i in items] == [
        (6541920, "Kepler", 1, "long"),
        (6541920, "Kepler", 2, "long"),
        (11442793, "Kepler", 1, "long"),
        (200001049, "K2", 1, "long"),
        (None, None, None, None),
    ]


def test_reads_what_it_lists_whatever_the_name(url: str) -> None:
    source = open_source(url)
    for item in source.items(Selection()):
        assert read_item(item, source.settings) == item.name.encode()
        assert pickle.loads(pickle.dumps(item)) == item


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(stars=(11442793,)), [OTHER, ODD]),
        (Selection(segments=(2,)), [Q2, ODD]),
        (Selection(mission="K2"), [C1, ODD]),
        (Selection(cadence="short"), [SHORT, ODD]),
        (Selection(stars=(1,)), [ODD]),
    ],
)
def test_selects(url: str, selection: Selection, names: list[str]) -> None:
    assert [item.name for item in open_source(url).items(selection)] == names


def test_caller_leaves_out_what_is_done(url: str) -> None:
    kept = open_source(url).items(Selection(), wanted=lambda item: item.name != Q1)
    assert [item.name for item in kept] == [Q2, OTHER, C1, ODD]


def test_fingerprint_follows_the_content(url: str, tree: Path) -> None:
    source = open_source(url)

    def fingerprints() -> list[str | None]:
        return [fingerprint_of(item, source.settings) for item in source.items(Selection())]

    before = fingerprints()
    assert None not in before
    assert fingerprints() == before
    changed = tree / "0065/006541920" / Q1
    changed.write_bytes(b"a newer processing")
    os.utime(changed, (2e9, 2e9))
    after = fingerprints()
    assert after[0] != before[0]
    assert after[1:] == before[1:]


def test_listing_asks_once_a_folder_and_never_for_a_file(server: Server) -> None:
    list(open_source(server.url).items(Selection()))
    assert len(server.requests) == 8
    assert {path[-1] for _, path in server.requests} == {"/"}


def test_one_connection_serves_many_files(server: Server) -> None:
    source = open_source(server.url)
    items = list(source.items(Selection()))
    before = server.connections
    for _ in range(5):
        for item in items:
            read_item(item, source.settings)
    assert server.connections - before <= 1


def test_parallel_requests_are_limited(server: Server) -> None:
    source = open_source(server.url, parallel=2)
    items = list(source.items(Selection())) * 4
    server.busiest, server.delay = 0, 0.02
    threads = [threading.Thread(target=read_item, args=(item, source.settings)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.busiest == 2


@pytest.mark.parametrize("status", [401, 403, 405, 407, 451, 501])
def test_a_file_that_is_refused_is_told_from_a_dead_server(server: Server, status: int) -> None:
    source = open_source(server.url)
    item, other = list(source.items(Selection()))[:2]
    server.faults = [refuse(status)]
    with pytest.raises(RefusedItemError, match=rf"{Q1}: .*{status}"):
        read_item(item, source.settings)
    assert read_item(other, source.settings) == other.name.encode()
    # A server may refuse HEAD and give the file.
    server.faults = [refuse(status)]
    assert fingerprint_of(item, source.settings) is None


def test_a_file_at_which_the_server_fails_for_good_is_told_from_a_dead_server(
    server: Server,
) -> None:
    source = open_source(server.url, patience=0.3)
    item, other = list(source.items(Selection()))[:2]
    server.faults = [lambda handler: Q1 in handler.path and refuse(500)(handler)] * 100
    with pytest.raises(FailingItemError, match=rf"{Q1}: the server answers 500 .*who keeps"):
        read_item(item, source.settings)
    assert fingerprint_of(item, source.settings) is None
    assert read_item(other, source.settings) == other.name.encode()


def test_a_link_to_a_folder_that_is_gone_ends_no_listing(server: Server) -> None:
    before = {item.url for item in open_source(server.url).items(Selection())}
    path = "/0065/006541920/"
    gone = server.url.rstrip("/") + path
    server.faults = [lambda handler: handler.path == path and refuse(404)(handler)] * 100
    source = open_source(server.url)
    found = {item.url for item in source.items(Selection())}
    assert found == {url for url in before if not url.startswith(gone)}
    assert 0 < len(found) < len(before)
    assert source.seen.links == 1


@pytest.mark.parametrize("page", [0, 3])
def test_a_page_that_is_refused_ends_the_listing(server: Server, page: int) -> None:
    server.faults = [*[lambda handler: False] * page, refuse(403)]
    with pytest.raises(SourceError, match=r"access refused \(403\); this source must be public"):
        list(open_source(server.url).items(Selection()))


@pytest.mark.parametrize("fault", [refuse(503), refuse(429), refuse(500), cut_short])
def test_transient_failures_are_ridden_out(server: Server, fault: Callable[..., bool]) -> None:
    source = open_source(server.url)
    item = next(iter(source.items(Selection())))
    server.faults = [fault, fault]
    assert read_item(item, source.settings) == item.name.encode()
    assert server.faults == []


def test_retry_after_is_honoured(server: Server) -> None:
    source = open_source(server.url)
    item = next(iter(source.items(Selection())))
    server.faults = [refuse(503, retry_after="1")]
    start = time.monotonic()
    read_item(item, source.settings)
    assert time.monotonic() - start >= 1.0


def test_patience_ends_with_a_sentence(server: Server) -> None:
    source = open_source(server.url, patience=0.5)
    server.faults = [refuse(503)] * 50
    with pytest.raises(SourceError, match=r"answers 503 .* try later"):
        list(source.items(Selection()))


def test_patience_with_a_dead_server_is_spent_once(tmp_path: Path, serve: Serve) -> None:
    for number in range(200):
        (tmp_path / f"{number}").mkdir()
    server = serve(tmp_path)
    server.faults = [lambda handler: False, *[refuse(503)] * 5000]
    start = time.monotonic()
    with pytest.raises(SourceError, match="answers 503"):
        list(open_source(server.url, parallel=2, patience=0.4).items(Selection()))
    assert time.monotonic() - start < 4
    # The root, and the two folders that were asked for together.
    assert len({path for _, path in server.requests}) == 3


def test_after_a_failure_no_call_begins() -> None:
    called = []
    go = threading.Event()

    def fails(number: int) -> None:
        called.append(number)
        go.wait()
        raise SourceError(f"dead since {number}")

    with Together(2) as requests:
        asked = [requests.submit(fails, number) for number in range(100)]
        go.set()
        failures = {str(one.exception()) for one in asked}
    assert sorted(called) == [0, 1]
    assert failures <= {"dead since 0", "dead since 1"}


def test_unreachable_server(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:9 cannot be reached \(.*refused"):
        list(open_source("http://127.0.0.1:9/kepler/", patience=0.3).items(Selection()))


def test_missing_folder(server: Server, tree: Path) -> None:
    with pytest.raises(SourceError, match="no such folder on the server"):
        list(open_source(server.url + "nowhere").items(Selection()))
    with pytest.raises(SourceError, match="no such file or folder"):
        list(open_source(str(tree / "nowhere")).items(Selection()))


def test_a_file_that_went_away_is_told_from_a_dead_server(url: str, tree: Path) -> None:
    source = open_source(url)
    item = next(iter(source.items(Selection())))
    (tree / "0065/006541920" / Q1).unlink()
    with pytest.raises(MissingItemError, match=Q1):
        read_item(item, source.settings)


def test_one_file_is_a_source_too(url: str) -> None:
    items = list(open_source(url.rstrip("/") + "/0065/006541920/" + Q1).items(Selection()))
    assert [item.name for item in items] == [Q1]


def test_something_that_is_no_listing(server: Server) -> None:
    server.faults = [some_json]
    with pytest.raises(SourceError, match="not a listing of a folder but application/json"):
        list(open_source(server.url).items(Selection()))


def test_gzipped_files_are_unpacked(tmp_path: Path) -> None:
    (tmp_path / (Q1 + ".gz")).write_bytes(gzip.compress(b"light"))
    (tmp_path / (Q2 + ".gz")).write_bytes(gzip.compress(b"light" * 100)[:-6])
    source = open_source(str(tmp_path))
    whole, damaged = source.items(Selection())
    assert (whole.star, whole.segment) == (6541920, 1)
    assert read_item(whole, source.settings) == b"light"
    with pytest.raises(MissingItemError, match="damaged gzip"):
        read_item(damaged, source.settings)


@pytest.mark.parametrize("kind", ["path", "http", "gz", "tar", "zip"])
def test_a_file_too_large_for_a_light_curve_is_not_read(
    tmp_path: Path, serve: Serve, kind: str
) -> None:
    url = str(tmp_path)
    large = tmp_path / "image.fits"
    with large.open("wb") as file:
        file.truncate(64_000_001)
    if kind == "http":
        url = serve(tmp_path).url
    elif kind == "tar":
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            tar.add(large, arcname=large.name)
    elif kind == "zip":
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            packed.write(large, large.name)
    elif kind == "gz":
        (tmp_path / "image.fits.gz").write_bytes(gzip.compress(large.read_bytes(), 1))
    if kind not in ("path", "http"):
        large.unlink()
    source = open_source(url)
    tracemalloc.start()
    try:
        (item,) = source.items(Selection())
        with pytest.raises(ItemError, match=r"image\.fits.*more than 64 MB, and was not read"):
            read_item(item, source.settings)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A .gz file does not tell its size: it is unpacked up to the limit.
    assert peak < 10_000_000 or kind == "gz"
    with pytest.raises(ItemError, match="more than 64 MB"):
        unpacked(gzip.compress(bytes(64_000_001), 1), "image.fits")


@pytest.mark.parametrize("kind", ["path", "http", "tar"])
def test_a_name_that_is_no_utf8(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "sky"
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9.fits")).write_bytes(b"light")
    with tarfile.open(tmp_path / "sky.tar", "w") as tar:
        tar.add(folder, arcname="sky")
    server = Server(folder)
    source = open_source(
        {"path": str(folder), "http": server.url, "tar": str(tmp_path / "sky.tar")}[kind]
    )
    (item,) = source.items(Selection())
    assert item.name.replace("\ufffd", "") == "caf.fits"
    assert (item.name + item.url).encode("utf-8")
    assert read_item(item, source.settings) == b"light"
    server.close()


def test_the_page_of_another_server(server: Server, tree: Path) -> None:
    """Apache's: sorting links, the parent by its path, icons, other sites, a size column."""
    page = f"""<table><tr><th><a href="?C=N;O=D">Name</a> <a href="{Q2}?C=M">again</a></th></tr>
        <tr><td><img src="/icons/back.gif"></td><td><A HREF="/">Parent Directory</A></td></tr>
        <td><a class=x href='{Q1}'>{Q1[:20]}..&gt;</a></td><td>2015-09-25 01:11 </td><td>466K</td>
        <a href="{quote(ODD)}">odd</a> <a href="https://example.org/{Q2}">elsewhere</a>
        <a href="../deep/{OTHER}">beside</a> <a href="#top">top</a> <a name="x">no link</a>"""

    def apache(handler: SimpleHTTPRequestHandler) -> bool:
        body = page.encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html;charset=ISO-8859-1")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    server.faults = [apache]
    items = list(open_source(server.url + "0065/").items(Selection()))
    assert [(i.name, i.url) for i in items] == [
        (Q1, f"{server.url}0065/{Q1}"),
        (ODD, f"{server.url}0065/{quote(ODD)}"),
    ]


def test_reading_tells_the_fingerprint_of_what_was_read(url: str) -> None:
    source = open_source(url)
    for item in source.items(Selection()):
        data, fingerprint = read_with_fingerprint(item, source.settings)
        assert data == item.name.encode()
        assert fingerprint == fingerprint_of(item, source.settings)


def test_links_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / Q1).touch()
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert [item.name for item in open_source(str(tmp_path)).items(Selection())] == [Q1]


@pytest.mark.parametrize("words", [{"cadence": "fast"}, {"mission": "TESS"}])
def test_selection_refuses_unknown_words(words: dict[str, str]) -> None:
    with pytest.raises(SourceError, match="is unknown: choose"):
        Selection(**words)


def test_unknown_facts_never_exclude() -> None:
    chosen = Selection(stars=(1,), segments=(5,), mission="Kepler")
    assert chosen.admits(None, None, None, None)
    assert chosen.admits(1, "Kepler", 5, "long")
    assert not chosen.admits(1, "Kepler", 5, "short")
    assert not chosen.admits(2, None, None, None)


@pytest.mark.parametrize(
    ("asked", "segment", "admitted"),
    [(9, 91, True), (9, 92, True), (91, 91, True), (91, 92, False), (1, 111, False)],
)
def test_campaigns_in_two_parts(asked: int, segment: int, admitted: bool) -> None:
    chosen = Selection(segments=(asked,))
    assert chosen.admits(200000001, "K2", segment, "long") is admitted


def test_a_long_list_of_stars_costs_no_time_per_file() -> None:
    chosen = Selection(stars=tuple(range(100_000)))
    start = time.process_time()
    for _ in range(10_000):
        chosen.admits(10**8, "Kepler", 1, "long")
    assert time.process_time() - start < 1
    assert pickle.loads(pickle.dumps(chosen)) == chosen
    assert replace(chosen, stars=None).admits(10**8, "Kepler", 1, "long")


def test_item_without_data_is_small() -> None:
    assert len(pickle.dumps(Item.from_name(Q1, f"https://x/{Q1}"))) < 400
