"""A server of Warp 10's endpoints that gives answers as they were written down."""

from __future__ import annotations

import json
import socket
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = tuple[Any, ...] | None
"""Status and text, perhaps the status line's reason and headers; None cuts the connection."""

VERSIONS = ("2.1.0", "3.5.0")


def written_down(version: str) -> list[dict[str, Any]]:
    """Give requests and their answers, those of 2.1.0 as a real server gave them.

    Those of 3.5.0 are made of its sources: the messages are those of its handlers and
    ``ThrowableUtils``, and the pages were made of them by the error handler of Jetty 9.4.57.
    """
    path = Path(__file__).parent / "data" / f"answers-{version}.json"
    records: list[dict[str, Any]] = json.loads(path.read_text())
    return records


def answer(record: dict[str, Any]) -> Answer:
    """Give what a server of the version answers to a request that was written down."""
    return (record["status"], "\n".join(record["page"]), record["reason"], record["headers"])


class Scripted(ThreadingHTTPServer):
    """Gives its answers in turn, the last one for ever."""

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.requests: list[tuple[str, str, bytes]] = []
        self.headers: list[Message] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def sent(request: BaseHTTPRequestHandler) -> bytes:
    """Read the body of a request, in chunks or whole."""
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers["Content-Length"]))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def do_POST(self) -> None:
        body = sent(self)
        self.server.requests.append((self.path, self.headers.get("X-Warp10-Token", ""), body))
        self.server.headers.append(self.headers)
        number = min(len(self.server.requests), len(self.server.answers)) - 1
        given = self.server.answers[number]
        if given is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, text, *more = given
        self.send_response(status, *more[:1])
        for name, value in more[1].items() if more[1:] else ():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        """Be quiet."""
