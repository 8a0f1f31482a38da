"""The module that withdraws a token; the scenario guests runs it against a server."""

from __future__ import annotations

import getpass
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from ansible.module_utils.siphash import siphash
from ansible_modules import loaded

TOKEN = "a-token-that-somebody-else-knows"
KEY = "000102030405060708090a0b0c0d0e0f"


class Server(BaseHTTPRequestHandler):
    """Accepts a token until its list has an identifier, as the server would."""

    folder = None
    stubborn = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        listed = [line for path in self.folder.glob("*.trl") for line in path.open()]
        fine = body.startswith(f"'{TOKEN}'") and (self.stubborn or not listed)
        self.send_response(200 if fine else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def folder(tmp_path):
    for name in ("revoked", "tokens"):
        (tmp_path / name).mkdir()
    (tmp_path / "secrets.conf").write_text(f"warp.hash.token = hex:{KEY}\n")
    (tmp_path / "tokens/read.token").write_text(f"{TOKEN}\n")
    (tmp_path / "tokens/write.token").write_text("another\n")
    return tmp_path


@pytest.fixture
def url(folder, monkeypatch):
    monkeypatch.setattr(Server, "folder", folder / "revoked")
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def revocations(run_module, folder):
    def run(**arguments: object) -> dict[str, object]:
        given = {"folder": str(folder), "owner": getpass.getuser()}
        return run_module("warp10_revocations", **given | arguments)

    return run


def test_the_hash_is_that_of_its_paper():
    """SipHash-2-4, appendix A."""
    assert siphash(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5


def test_an_empty_list_is_made_once(revocations, folder):
    assert revocations(check=True)["changed"] is True
    assert list((folder / "revoked").iterdir()) == []
    assert revocations()["changed"] is True
    (path,) = (folder / "revoked").iterdir()
    digest = hashlib.md5(b"").hexdigest()
    assert re.fullmatch(rf"helloexoworld\.full\.\d{{13}}-{digest}\.trl", path.name)
    assert path.stat().st_mode & 0o777 == 0o600
    assert revocations()["changed"] is False
    assert list((folder / "revoked").iterdir()) == [path]


def test_a_token_is_withdrawn_once_and_its_file_is_gone(revocations, folder, url):
    revocations()
    dry = revocations(token=TOKEN, url=url, check=True)
    assert (dry["changed"], dry["own"], dry["accepted"]) == (True, ["read"], True)
    assert (folder / "tokens/read.token").exists()
    said = revocations(token=TOKEN, url=url)
    assert (said["changed"], said["own"], said["accepted"]) == (True, ["read"], True)
    assert [path.name for path in (folder / "tokens").iterdir()] == ["write.token"]
    (path,) = (folder / "revoked").iterdir()
    ident = loaded("warp10_revocations").ident(folder, TOKEN.encode())
    assert path.read_text() == f"{ident}\n"
    again = revocations(token=TOKEN, url=url)
    assert (again["changed"], again["own"], again["accepted"]) == (False, [], False)
    assert list((folder / "revoked").iterdir()) == [path]


def test_the_token_is_nowhere_in_the_result(revocations, url, folder):
    said = revocations(token=TOKEN, url=url)
    assert said["invocation"]["module_args"]["token"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert TOKEN not in json.dumps(said)


def test_a_server_that_still_takes_the_token_is_named(revocations, url, folder, monkeypatch):
    monkeypatch.setattr(Server, "stubborn", True)
    said = revocations(token=TOKEN, url=url, patience=0)
    assert said["failed"]
    assert "The server takes the token still after 0 s" in said["msg"]
    assert (folder / "tokens/read.token").exists()


def test_a_server_that_does_not_answer_is_named_and_nothing_is_changed(revocations, folder):
    said = revocations(token=TOKEN, url="http://127.0.0.1:9")
    assert said["failed"]
    assert "The server does not answer at http://127.0.0.1:9" in said["msg"]
    assert TOKEN not in json.dumps(said)
    assert list((folder / "revoked").iterdir()) == []
