"""A server of Warp 10's endpoints that keeps series in memory, for tests that want no real one.

It knows what the package's client asks for, and nothing more: any of its tokens does for all, there
are no applications, and no WarpScript but the public token's macro, one that reads a light curve,
and the package's own: that which reads points in ranges, and that which notes series, of which it
does nothing.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote

import requests
from scripted_server import sent

from kepler_lens.gts import attribute_text, series_name
from kepler_lens.warp10.client import _series

PUBLIC = "public"

_RANGES = re.compile(
    r"// Read the points of ranges .*\n\[ (.*) \]\n<%\n.*\n  \[ '(.+?)' '(.+?)' \{"
)


@dataclass
class Kept:
    """One series: labels and attributes decoded, values as they were sent."""

    classname: str
    labels: dict[str, str]
    attributes: dict[str, str] = field(default_factory=dict)
    points: dict[int, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return series_name(self.classname, self.labels) + attribute_text(self.attributes)


class Memory(ThreadingHTTPServer):
    """Runs in a thread until it is closed.

    Parameters
    ----------
    tokens
        All others are refused.

    Attributes
    ----------
    series : dict
        Name, as `series_name` writes it, to what is kept.
    asked : list of (endpoint, body)
        Requests so far.
    """

    daemon_threads = True

    def __init__(self, tokens: set[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tokens = {*tokens, PUBLIC}
        self.series: dict[str, Kept] = {}
        self.asked: list[tuple[str, bytes]] = []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def answer(
        self, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], str]:
        """Return status, headers and text of the answer to a request."""
        what = path.rpartition("/")[2]
        with self.lock:
            self.asked.append((what, body))
            within = self.ranges(body) if what == "exec" else None
            token = within[2] if within else headers.get("X-Warp10-Token", PUBLIC)
            if token not in self.tokens:
                return 500, {"X-Warp10-Error-Message": "Invalid token."}, ""
            return 200, {}, getattr(self, what)(body)

    def of(self, name: str) -> Kept:
        """Give the series of a name, made where there is none."""
        known = _series(name)
        plain = series_name(known.classname, known.labels)
        return self.series.setdefault(plain, Kept(known.classname, known.labels))

    def matching(self, selectors: str) -> Iterator[Kept]:
        for kept in list(self.series.values()):
            if any(_matches(kept, selector) for selector in selectors.split()):
                yield kept

    def update(self, body: bytes) -> str:
        kept: Kept | None = None
        for line in body.decode().splitlines():
            place, _, rest = line.partition(" ")
            if not line.startswith("="):
                name, _, rest = rest.partition("} ")
                kept = self.of(name + "}")
            assert kept is not None
            kept.points[int(place.lstrip("=").split("/")[0])] = rest
        return ""

    def meta(self, body: bytes) -> str:
        for line in body.decode().splitlines():
            known = _series(line)
            kept = self.series.get(series_name(known.classname, known.labels))
            if kept is not None:
                kept.attributes = known.attributes
        return ""

    def find(self, body: bytes) -> str:
        return "\n".join(kept.text for kept in self.matching(_fields(body)["selector"]))

    def fetch(self, body: bytes) -> str:
        fields = _fields(body)
        last, span = int(fields["now"]), int(fields["timespan"])
        lines = []
        for kept in self.matching(fields["selector"]):
            # A span below zero is a count; of one tick, there is no need to look at all.
            there = kept.points if span != 1 else kept.points.keys() & {last}
            known = (t for t in there if t <= last and (span < 0 or t > last - span))
            ticks = sorted(known, reverse=True)[: -span if span < 0 else None]
            for number, tick in enumerate(ticks):
                name = "" if number else f" {kept.text}"
                lines.append(f"{'=' if number else ''}{tick}//{name} {kept.points[tick]}")
        return "\n".join(lines)

    def delete(self, body: bytes) -> str:
        fields = _fields(body)
        meant = list(self.matching(fields["selector"]))
        if "dryrun" not in fields:
            for kept in meant:
                if "deleteall" in fields:
                    del self.series[series_name(kept.classname, kept.labels)]
                    continue
                span = range(int(fields["start"]), int(fields["end"]) + 1)
                kept.points = {t: v for t, v in kept.points.items() if t not in span}
        return "\n".join(kept.text for kept in meant)

    def exec(self, body: bytes) -> str:
        if body.startswith(b"// Note the series of stars"):
            return "[0]"
        if asked := self.ranges(body):
            return json.dumps([self.in_ranges(*asked.groups())])
        if asked := re.search(
            rb"(\d+) '([\w.]+)' '(.+?)' MAXLONG MAXLONG @HELLOEXOWORLD/CURVE", body
        ):
            star, classname, mode = (word.decode() for word in asked.groups())
            selector = f"{classname}{{KEPLERID={star},OBSMODE={quote(mode)}}}"
            return json.dumps([[_as_texts(kept) for kept in self.matching(selector)]])
        assert body == b"@HELLOEXOWORLD/GETREADTOKEN", body
        return json.dumps([PUBLIC])

    def ranges(self, body: bytes) -> re.Match[str] | None:
        return _RANGES.match(body.decode())

    def in_ranges(self, ranges: str, token: str, classname: str) -> list[list[object]]:
        found = []
        for first, last in re.findall(r"\[ (\d+) (\d+) \]", ranges):
            span = range(int(first), int(last) + 1)
            mine = []
            for kept in self.matching(classname + "{}"):
                # Of one tick, there is no need to look at all.
                there = kept.points if len(span) > 1 else kept.points.keys() & {span[0]}
                ticks = sorted(tick for tick in there if tick in span)
                values = [unquote(kept.points[tick].strip("'")) for tick in ticks]
                mine += [[kept.labels, ticks, values]] if ticks else []
            found.append(mine)
        return found


def _as_texts(kept: Kept) -> list[object]:
    ticks = sorted(kept.points, reverse=True)
    values = " ".join(kept.points[tick] for tick in ticks)
    return [kept.labels, kept.attributes, " ".join(map(str, ticks)), values]


def _fields(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


def _matches(kept: Kept, selector: str) -> bool:
    classname, _, conditions = selector.partition("{")
    if not _fits(classname, kept.classname):
        return False
    known = kept.labels | kept.attributes
    for condition in filter(None, conditions.removesuffix("}").split(",")):
        name, sign, value = re.split("([=~])", condition, maxsplit=1)
        # What a series has not, nothing fits, not even .*
        mine = known.get(unquote(name))
        if mine is None or not _fits(("~" if sign == "~" else "") + value, mine):
            return False
    return True


def _fits(wanted: str, value: str) -> bool:
    wanted = unquote(wanted)
    if wanted.startswith("~"):
        return re.fullmatch(wanted[1:], value) is not None
    return wanted == value


class Near(requests.adapters.BaseAdapter):
    """Takes requests to a server of this process without a connection."""

    def __init__(self, server: Memory) -> None:
        super().__init__()
        self.server = server

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        answer = requests.Response()
        body = request.body.read()
        answer.status_code, headers, text = self.server.answer(request.url, request.headers, body)
        answer.headers.update(headers)
        answer._content, answer.request, answer.url = text.encode(), request, request.url
        return answer

    def close(self) -> None:
        """There is nothing to close."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the second part of each answer waits 40 ms for the client.
    disable_nagle_algorithm = True
    server: Memory

    def do_POST(self) -> None:
        status, headers, text = self.server.answer(self.path, self.headers, sent(self))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        """Be quiet."""
