"""The module that installs macros; the scenarios run it against a server."""

from __future__ import annotations

import getpass
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

SECRET = "send.0123456789abcdef0123456789abcdef"


class Server(BaseHTTPRequestHandler):
    """Reads every text as one macro, but for one with an error."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        bad = "NOSUCHFUNCTION" in body
        self.send_response(500 if bad else 200)
        if bad:
            line = body.split("NOSUCHFUNCTION")[0].count("\n") + 1
            self.send_header("X-Warp10-Error-Line", str(line))
            self.send_header("X-Warp10-Error-Message", "Unknown function 'NOSUCHFUNCTION'")
        self.end_headers()
        self.wfile.write(b"" if bad else b'[1,"MACRO"]')

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def url():
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def macros(run_module, tmp_path):
    (tmp_path / "secrets.conf").write_text(f"other = x\nsend = {SECRET}\n")

    def run(*files: dict[str, object], **arguments: object) -> dict[str, object]:
        given = {"files": list(files), "owner": getpass.getuser()}
        return run_module("warp10_macros", **given | arguments)

    return run


def test_a_file_is_written_on_a_change_and_shown(macros, tmp_path):
    path = tmp_path / "macros/SKY/A.mc2"
    file = {"path": str(path), "text": "<% 'ä' %>\n\n"}
    said = macros(file, diff=True)
    assert (said["changed"], said["files"]) == (True, [str(path)])
    assert said["diff"][0]["after"] == "<% 'ä' %>\n" == path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert macros(file)["changed"] is False
    (change,) = macros(file | {"text": "<% 2 %>"}, diff=True)["diff"]
    assert (change["before"], change["after"]) == ("<% 'ä' %>\n", "<% 2 %>\n")


@pytest.mark.parametrize("kind", ["file", "token"])
def test_a_secret_is_in_the_file_alone(macros, tmp_path, kind):
    path, source = tmp_path / "A.mc2", tmp_path / "secrets.conf"
    file = {"path": str(path), "text": "<% '@TOKEN@' %>"}
    given = {"token": SECRET} if kind == "token" else {}
    file |= {"secret": {"file": str(source), "key": "send"}} if kind == "file" else {}
    for _ in range(2):
        said = macros(file, diff=True, **given)
        assert path.read_text() == f"<% '{SECRET}' %>\n"
        assert SECRET not in json.dumps(said)
    assert said["changed"] is False
    # A secret of before is not shown either.
    source.write_text("send = another\n")
    said = macros(file, diff=True, **({"token": "another"} if kind == "token" else {}))
    assert said["changed"]
    assert SECRET not in json.dumps(said)


def test_a_secret_of_an_earlier_version_of_the_file_is_not_shown(macros, tmp_path):
    path = tmp_path / "A.mc2"
    path.write_text(f"<% '{SECRET}' %>\n")
    said = macros({"path": str(path), "text": "<% 1 %>"}, diff=True)
    assert said["changed"]
    assert SECRET not in json.dumps(said)


@pytest.mark.parametrize(("key", "words"), [(None, "There is no "), ("absent", "has no absent")])
def test_a_secret_that_is_missing_is_named(macros, tmp_path, key, words):
    source = tmp_path / ("secrets.conf" if key else "nowhere.token")
    secret = {"file": str(source), **({"key": key} if key else {})}
    file = {"path": str(tmp_path / "A.mc2"), "text": "@TOKEN@", "secret": secret}
    said = macros(file)
    assert said["failed"]
    assert words in said["msg"]
    assert str(source) in said["msg"]
    assert not (tmp_path / "A.mc2").exists()
    dry = macros(file, check=True)
    assert (dry["changed"], dry["files"]) == (True, [str(tmp_path / "A.mc2")])


def test_what_the_server_cannot_read_stays_as_it_was(macros, tmp_path, url):
    bad, good = tmp_path / "BAD.mc2", tmp_path / "GOOD.mc2"
    bad.write_text("before\n")
    wrong = {"path": str(bad), "text": "<%\n NOSUCHFUNCTION\n%>"}
    right = {"path": str(good), "text": "<% 1 %>"}
    for script in (False, True):
        said = macros(wrong | {"script": script}, right, url=url)
        assert said["failed"]
        assert "what was there stays: BAD.mc2: line 2: Unknown function" in said["msg"]
        assert bad.read_text() == "before\n"
        assert good.exists()
    assert said["files"] == []


def test_a_server_that_is_away_is_named_but_not_missed_in_a_dry_run(macros, tmp_path):
    file = {"path": str(tmp_path / "A.mc2"), "text": "<% 1 %>"}
    away = "http://127.0.0.1:9"
    said = macros(file, url=away)
    assert said["failed"]
    assert f"Warp 10 at {away} cannot check the macros" in said["msg"]
    assert macros(file, url=away, check=True, owner="nobody-here")["changed"]
    assert not (tmp_path / "A.mc2").exists()


def test_files_of_before_are_removed(macros, tmp_path):
    old, kept = tmp_path / "m/OLD.mc2", tmp_path / "m/KEPT.mc2"
    file = {"path": str(kept), "text": "<% 1 %>"}
    macros(file, file | {"path": str(old)})
    other = tmp_path / "m/x.txt"
    other.touch()
    pattern = [f"{tmp_path}/m/**/*.mc2"]
    assert macros(file, remove=pattern, check=True)["files"] == [str(old)]
    assert old.exists()
    assert macros(file, remove=pattern)["files"] == [str(old)]
    assert (old.exists(), kept.exists(), other.exists()) == (False, True, True)
    assert macros(file, remove=pattern)["changed"] is False
