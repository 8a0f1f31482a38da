"""Certificates: an authority that the machine trusts serves, any other is refused in a sentence."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from http_server import Serve
from tls_files import certificate

NAME = "kplr006541920-2009166043257_llc.fits"
LIST = """
import sys
from kepler_lens.archive import Selection, open_source
from kepler_lens.errors import SourceError
try:
    print([item.name for item in open_source(sys.argv[1], patience=60).items(Selection())])
except SourceError as error:
    print(error)
"""


@pytest.fixture
def server(tmp_path: Path, serve: Serve) -> tuple[str, Path]:
    (tmp_path / "sky").mkdir()
    (tmp_path / "sky" / NAME).touch()
    cert, key = certificate(tmp_path)
    running = serve(tmp_path / "sky")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    running.http.socket = context.wrap_socket(running.http.socket, server_side=True)
    return running.url.replace("http://", "https://"), cert


def listing(url: str, **environment: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.endswith(("_CA_BUNDLE", "_CERT_FILE"))}
    kept |= environment | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", LIST, url],
        env=kept, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.strip()


def test_the_machine_s_authorities_count(server: tuple[str, Path]) -> None:
    url, bundle = server
    assert listing(url, SSL_CERT_FILE=str(bundle)) == f"['{NAME}']"
    assert listing(url, REQUESTS_CA_BUNDLE=str(bundle)) == f"['{NAME}']"


def test_an_unknown_authority_is_refused(server: tuple[str, Path]) -> None:
    began = time.monotonic()
    said = listing(server[0])
    assert time.monotonic() - began < 30, "no patience helps against a wrong certificate"
    assert "certificate of 127.0.0.1" in said
    assert "is not trusted; add your network's authority" in said
