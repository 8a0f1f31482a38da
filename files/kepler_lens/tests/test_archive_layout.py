"""The archive's layout by star, over https and S3 (moto's server), on a small copy of it."""

from __future__ import annotations

import http.client
import io
import logging
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import botocore.exceptions
import pytest
import s3fs.errors
from http_server import Serve, Server, refuse
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from kepler_lens.archive import (
    MAST_HTTPS,
    MAST_S3,
    FailingItemError,
    MissingItemError,
    Selection,
    Source,
    fingerprint_of,
    open_source,
    read_item,
    s3,
)
from kepler_lens.archive.mast import mission_roots
from kepler_lens.errors import SourceError

KEPLER = [
    "0007/000757076/kplr000757076-2009131105131_llc.fits",
    "0065/006541920/kplr006541920-2009166043257_llc.fits",
    "0065/006541920/kplr006541920-2010009091648_llc.fits",
    "0065/006541920/kplr006541920-2010019161129_slc.fits",
    "0114/011442793/kplr011442793-2009166043257_llc.fits",
]
K2 = [
    "c1/200000000/01000/ktwo200001049-c01_llc.fits",
    "c5/211600000/23000/ktwo211623711-c05_llc.fits",
    "c5/211600000/23000/ktwo211623999-c05_llc.fits",
    "c18/211600000/23000/ktwo211623711-c18_llc.fits",
    "c91/200000000/01000/ktwo200001050-c91_llc.fits",
    "c92/200000000/01000/ktwo200001050-c92_llc.fits",
]
FIRST = "kplr006541920-2009166043257_llc.fits"


def content(path: str) -> bytes:
    return path.encode() * 10


@pytest.fixture
def web(tmp_path: Path, serve: Serve) -> Server:
    for root, paths in (("kepler", KEPLER), ("k2", K2)):
        for path in paths:
            file = tmp_path / "missions" / root / "lightcurves" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content(path))
    return serve(tmp_path)


@pytest.fixture(scope="module")
def s3_service() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def owner(service: str) -> Any:
    """Client of the bucket's owner; the package itself comes without credentials."""
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=service,
        aws_access_key_id="owner",
        aws_secret_access_key="owner",
    )


@pytest.fixture
def bucket(s3_service: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_service)
    client = owner(os.environ["AWS_ENDPOINT_URL_S3"])
    client.create_bucket(Bucket="stpubdata", ACL="public-read")
    for mission, paths in (("kepler", KEPLER), ("k2", K2)):
        for path in paths:
            key = f"{mission}/public/lightcurves/{path}"
            client.put_object(Bucket="stpubdata", Key=key, Body=content(path), ACL="public-read")
    return "s3://stpubdata/"


@pytest.fixture(params=["https", "s3"])
def source(request: pytest.FixtureRequest) -> Source:
    if request.param == "s3":
        return open_source(request.getfixturevalue("bucket"), patience=5)
    return open_source(request.getfixturevalue("web").url + "missions/", patience=5)


def names(source: Source, selection: Selection) -> list[str]:
    return [item.name for item in source.items(selection)]


def last(*paths: str) -> list[str]:
    return [path.rsplit("/", 1)[-1] for path in paths]


def test_everything_grouped_by_star(source: Source) -> None:
    assert names(source, Selection()) == last(
        *KEPLER[:3], KEPLER[4], K2[0], K2[4], K2[5], K2[1], K2[3], K2[2]
    )


@pytest.mark.parametrize(
    ("selection", "paths"),
    [
        (Selection(stars=(11442793, 6541920)), [KEPLER[1], KEPLER[2], KEPLER[4]]),
        (Selection(stars=(6541920,), segments=(4,)), [KEPLER[2]]),
        (Selection(stars=(6541920,), cadence="short"), [KEPLER[3]]),
        (Selection(stars=(211623711,)), [K2[1], K2[3]]),
        (Selection(stars=(200001050,), segments=(9,)), [K2[4], K2[5]]),
        (Selection(stars=(757076, 200001049)), [KEPLER[0], K2[0]]),
        (Selection(mission="Kepler", segments=(1,)), [KEPLER[1], KEPLER[4]]),
        (Selection(mission="K2", segments=(5,)), [K2[1], K2[2]]),
        (Selection(stars=(12345678, 987654321)), []),
    ],
)
def test_selects(source: Source, selection: Selection, paths: list[str]) -> None:
    assert names(source, selection) == last(*paths)


def test_reads_what_it_lists(source: Source) -> None:
    items = list(source.items(Selection()))
    for item in items:
        assert read_item(item, source.settings).decode().startswith(item.url.split("curves/")[1])
        assert fingerprint_of(item, source.settings) is not None
    prints = {fingerprint_of(item, source.settings) for item in items}
    assert len(prints) > 1


def test_chosen_stars_cost_one_request_each(web: Server) -> None:
    source = open_source(web.url + "missions/kepler/lightcurves")
    names(source, Selection(stars=(11442793, 6541920)))
    assert sorted(path for _, path in web.requests) == [
        "/missions/kepler/lightcurves/0065/006541920/",
        "/missions/kepler/lightcurves/0114/011442793/",
    ]


def test_stars_of_a_campaign_share_a_request(web: Server) -> None:
    source = open_source(web.url + "missions/k2/lightcurves/")
    assert len(names(source, Selection(stars=(211623711, 211623999), segments=(5,)))) == 2
    assert len(web.requests) <= 2


def test_a_wrong_root_is_no_empty_archive(web: Server, bucket: str) -> None:
    for root in (web.url + "elsewhere/missions/", web.url + "other/k2/lightcurves/"):
        for selection in (Selection(), Selection(stars=(6541920, 200001049))):
            with pytest.raises(SourceError, match="no such folder; check the source's address"):
                names(open_source(root), selection)
    with pytest.raises(SourceError, match="check"):
        names(open_source("s3://no-such-bucket/kepler/public/lightcurves/"), Selection())


def test_failures_in_the_middle_are_ridden_out(web: Server) -> None:
    source = open_source(web.url + "missions/")
    web.faults = [lambda handler: False, refuse(503), refuse(429, "0"), refuse(502)]
    assert len(names(source, Selection())) == 10


def test_any_prefix_of_a_bucket(bucket: str) -> None:
    found = names(open_source(bucket + "k2/public/lightcurves/c5/"), Selection())
    assert found == last(K2[1], K2[2])
    with pytest.raises(SourceError, match="nothing below it"):
        names(open_source(bucket + "kepler/nowhere/"), Selection())


def test_a_tarball_in_a_bucket(bucket: str, tmp_path: Path) -> None:
    (tmp_path / FIRST).write_bytes(content(FIRST))
    with tarfile.open(tmp_path / "q1.tgz", "w:gz") as tar:
        tar.add(tmp_path / FIRST, arcname=f"long/{FIRST}")
    client = owner(os.environ["AWS_ENDPOINT_URL_S3"])
    client.upload_file(str(tmp_path / "q1.tgz"), "stpubdata", "bulk/q1.tgz", {"ACL": "public-read"})
    (item,) = open_source(bucket + "bulk/q1.tgz").items(Selection())
    assert (item.name, item.data) == (FIRST, content(FIRST))
    with pytest.raises(SourceError, match="not there"):
        list(open_source(bucket + "bulk/q2.tgz").items(Selection()))


def bulk(folder: Path, bucket: str, kind: str, times: int = 20) -> str:
    """Put a tarball or zip file of several parts into the bucket, and return its URL."""
    path = folder / f"bulk.{kind}"
    path.parent.mkdir(exist_ok=True)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as packed:
            for file in KEPLER:
                packed.writestr(file, content(file) * times)
    else:
        # Compressed by nothing, so that it has several parts.
        how = {"mode": "w:gz", "compresslevel": 0} if kind == "tgz" else {"mode": "w"}
        with tarfile.open(path, **how) as tar:
            for file in KEPLER:
                member = tarfile.TarInfo(file)
                member.size = len(content(file) * times)
                tar.addfile(member, io.BytesIO(content(file) * times))
    client = owner(os.environ["AWS_ENDPOINT_URL_S3"])
    client.upload_file(str(path), "stpubdata", f"bulk/{path.name}", {"ACL": "public-read"})
    return f"{bucket}bulk/{path.name}"


def failing(monkeypatch: pytest.MonkeyPatch, failures: list[BaseException | None]) -> None:
    """Let requests for the content of objects fail in turn, but for each None."""
    ask = S3FileSystem._call_s3

    async def fails(self: S3FileSystem, method: str, *arguments: Any, **others: Any) -> Any:
        if method == "get_object" and failures and (failure := failures.pop(0)):
            raise failure
        return await ask(self, method, *arguments, **others)

    monkeypatch.setattr(S3FileSystem, "_call_s3", fails)
    # The program makes the pauses: s3fs tries once.
    monkeypatch.setattr(S3FileSystem, "retries", 1)
    monkeypatch.setattr(s3, "_PART_BYTES", 5000, raising=False)


def caused(error: OSError, cause: Exception) -> OSError:
    """Return an error with its cause."""
    error.__cause__ = cause
    return error


BROKEN = [
    TimeoutError(),
    http.client.IncompleteRead(b""),
    aiohttp.ClientPayloadError("Response payload is not completed"),
    botocore.exceptions.ReadTimeoutError(endpoint_url="https://s3"),
    botocore.exceptions.ResponseStreamingError(error="reset"),
    OSError("connection reset"),
    caused(OSError("read timed out"), botocore.exceptions.HTTPClientError(error="reset")),
]


def test_an_object_at_which_the_service_fails_for_good_is_told_from_a_dead_service(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_source(bucket + "kepler/public/lightcurves/", patience=0.1)
    item = next(iter(source.items(Selection())))
    for status, kind in ((500, FailingItemError), (503, SourceError)):
        answer = {"Error": {"Code": "Fault"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        fault = botocore.exceptions.ClientError(answer, "GetObject")
        failing(monkeypatch, [s3fs.errors.translate_boto_error(fault)] * 50)
        with pytest.raises(SourceError, match="S3 does not answer") as raised:
            read_item(item, source.settings)
        assert type(raised.value) is kind


@pytest.mark.parametrize("kind", ["tgz", "tar", "zip"])
def test_a_broken_download_from_a_bucket_goes_on(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    url = bulk(tmp_path, bucket, kind)
    # One after the other would make the pauses long.
    failures = [failure for broken in BROKEN for failure in (broken, None)]
    failing(monkeypatch, failures)
    items = list(open_source(url).items(Selection()))
    assert [item.name for item in items] == last(*KEPLER[:3], KEPLER[4])
    assert [item.data for item in items] == [content(KEPLER[n]) * 20 for n in (0, 1, 2, 4)]
    assert not failures


def test_patience_with_a_tarball_in_a_bucket_ends_with_a_sentence(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = bulk(tmp_path, bucket, "tgz")
    for failure in BROKEN:
        failing(monkeypatch, [failure] * 50)
        with pytest.raises(SourceError, match=r"bulk\.tgz.*S3 does not answer .*try later"):
            list(open_source(url, patience=0.1).items(Selection()))


def test_a_tarball_in_a_bucket_that_changes_underneath(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = bulk(tmp_path, bucket, "tar", times=200)
    failing(monkeypatch, [])
    items = open_source(url, patience=2).items(Selection())
    next(items)
    client = owner(os.environ["AWS_ENDPOINT_URL_S3"])
    client.put_object(Bucket="stpubdata", Key="bulk/bulk.tar", Body=b"-" * 60_000)
    with pytest.raises(SourceError, match="changed while it was read"):
        list(items)


def test_an_object_that_went_away(bucket: str) -> None:
    source = open_source(bucket)
    item = next(iter(source.items(Selection(stars=(6541920,)))))
    client = owner(os.environ["AWS_ENDPOINT_URL_S3"])
    client.delete_object(Bucket="stpubdata", Key=item.url.removeprefix(MAST_S3))
    with pytest.raises(MissingItemError, match="list the source again"):
        read_item(item, source.settings)


def test_an_unreachable_service_is_one_sentence() -> None:
    source = open_source(MAST_S3, patience=1, s3_endpoint="http://127.0.0.1:9")
    with pytest.raises(SourceError, match=r"S3 does not answer .* try later"):
        names(source, Selection(stars=(6541920,)))


def test_endpoint_travels_with_the_settings(bucket: str) -> None:
    source = open_source(bucket)
    (item,) = source.items(Selection(stars=(757076,)))
    os.environ.pop("AWS_ENDPOINT_URL_S3")
    assert read_item(item, source.settings) == content(KEPLER[0])


@pytest.mark.parametrize(
    ("url", "roots"),
    [
        (
            MAST_HTTPS,
            {"Kepler": MAST_HTTPS + "kepler/lightcurves/", "K2": MAST_HTTPS + "k2/lightcurves/"},
        ),
        (
            "s3://stpubdata",
            {
                "Kepler": MAST_S3 + "kepler/public/lightcurves/",
                "K2": MAST_S3 + "k2/public/lightcurves/",
            },
        ),
        (MAST_HTTPS + "k2/lightcurves", {"K2": MAST_HTTPS + "k2/lightcurves/"}),
        ("http://lab/files/", {}),
        ("http://lab/kepler/", {}),
        ("s3://mine/curves/", {}),
    ],
)
def test_which_urls_name_the_layout(url: str, roots: dict[str, str]) -> None:
    assert mission_roots(url) == roots
