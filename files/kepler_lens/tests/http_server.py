"""A real HTTP server for tests: threaded, lists folders, fails when told to."""

from __future__ import annotations

import functools
import http.server
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote


class Server:
    """A threaded server of a folder; `faults` answer first, `requests` are counted."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[tuple[str, str]] = []
        self.connections = 0
        self.faults: list[Callable[[http.server.SimpleHTTPRequestHandler], bool]] = []
        self.busy = self.busiest = 0
        self.delay = 0.0
        lock = threading.Lock()
        outer = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_GET(self) -> None:
                with lock:
                    outer.requests.append((self.command, unquote(self.path)))
                    outer.busy += 1
                    outer.busiest = max(outer.busiest, outer.busy)
                time.sleep(outer.delay)
                # Before the body: a client that has all of it asks on while this still ends.
                with lock:
                    outer.busy -= 1
                if outer.faults and outer.faults.pop(0)(self):
                    return
                if self.command == "HEAD":
                    super().do_HEAD()
                else:
                    super().do_GET()

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
        )
        # A client that hangs up is part of what is tested.
        self.http.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


Serve = Callable[[Path], Server]
"""Starts a server of a folder, which ends with the test; the fixture ``serve``."""


def refuse(status: int, retry_after: str | None = None) -> Callable[..., bool]:
    def fault(handler: http.server.SimpleHTTPRequestHandler) -> bool:
        handler.send_response(status)
        if retry_after is not None:
            handler.send_header("Retry-After", retry_after)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return fault


def cut_short(handler: http.server.SimpleHTTPRequestHandler) -> bool:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.write(b"SIMPLE")
    handler.close_connection = True
    return True


def some_json(handler: http.server.SimpleHTTPRequestHandler) -> bool:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "2")
    handler.end_headers()
    handler.wfile.write(b"{}")
    return True
