"""Keep downloaded files on the disk with their checksums, to ask the archive less often."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_SMALL = 64 * 2**20
"""Limit of a cache, bytes (chosen). Up to this limit, the cache is checked after every file that it
keeps; above it, after one file in 64."""
_PART = ".part-"
"""How files begin that are being written."""
_ABANDONED_S = 3600.0
"""Age, seconds, at which such a file is taken for one whose writer was killed (chosen: a light
curve is written within seconds)."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """Facts about a kept file, in a file beside it (the sidecar).

    Attributes
    ----------
    url : str
        URL of the file.
    sha256 : str
        Hash of the content, 64 hexadecimal digits.
    fingerprint : str or None
        As the source gave it at the download; None where it gave none.
    etag, modified : str or None
        ETag and Last-Modified of the server, with which it can be asked whether the file has
        changed.
    """

    url: str
    sha256: str
    fingerprint: str | None = None
    etag: str | None = None
    modified: str | None = None


class Cache:
    """A folder of kept files; several processes may share it.

    Every file is compared with its checksum when it is read. A damaged file, or one whose sidecar
    belongs to another version, is dropped as if it had not been kept.

    Parameters
    ----------
    folder : path
        Created when the first file is kept.
    limit : int
        Bytes; above it the files that were kept longest ago are dropped.
    """

    def __init__(self, folder: str | os.PathLike[str], limit: int) -> None:
        self.folder = Path(folder)
        self.limit = limit

    def entry(self, url: str) -> Entry | None:
        """Return the sidecar of a kept file; None where there is none."""
        try:
            return Entry(**json.loads(self._sidecar(url).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def data(self, entry: Entry) -> bytes | None:
        """Return the content of a kept file; None where it is gone or damaged."""
        try:
            data = self._content(entry.url).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            _log.warning("%s: kept copy is damaged and is fetched again", entry.url)
            self._drop(self._content(entry.url))
            return None
        return data

    def keep(
        self,
        url: str,
        data: bytes,
        *,
        fingerprint: str | None = None,
        etag: str | None = None,
        modified: str | None = None,
    ) -> None:
        """Keep a file. An error of the disk is only logged, since no import needs the cache.

        Parameters
        ----------
        url : str
        data : bytes
        fingerprint, etag, modified : str or None
            See `Entry`.
        """
        entry = Entry(url, hashlib.sha256(data).hexdigest(), fingerprint, etag, modified)
        try:
            content = self._content(url)
            content.parent.mkdir(parents=True, exist_ok=True)
            _write_atomically(content, data)
            _write_atomically(self._sidecar(url), json.dumps(asdict(entry)).encode())
            self._make_room()
        except OSError as error:
            _log.warning("%s: nothing is kept there (%s)", self.folder, error.strerror)

    def _content(self, url: str) -> Path:
        key = hashlib.sha256(url.encode()).hexdigest()
        return self.folder / key[:2] / f"{key}.fits"

    def _sidecar(self, url: str) -> Path:
        return self._content(url).with_suffix(".json")

    def _drop(self, content: Path) -> None:
        content.with_suffix(".json").unlink(missing_ok=True)
        content.unlink(missing_ok=True)

    def _make_room(self) -> None:
        """Drop the oldest files if the limit is passed.

        A look through the whole folder takes time, so one file in 64 (chosen) triggers it, at
        random. Processes then need no common state.
        """
        if self.limit > _SMALL and random.randrange(64):  # noqa: S311
            return
        old = time.time() - _ABANDONED_S
        for part in self.folder.glob(f"??/{_PART}*"):
            with suppress(FileNotFoundError):
                if part.stat().st_mtime < old:
                    part.unlink()
        kept = []
        for content in self.folder.glob("??/*.fits"):
            try:
                status = content.stat()
            except FileNotFoundError:
                continue
            kept.append((status.st_mtime, status.st_size, content))
        excess = sum(size for _, size, _ in kept) - self.limit
        for _, size, content in sorted(kept):
            if excess <= 0:
                return
            self._drop(content)
            excess -= size


def _write_atomically(path: Path, data: bytes) -> None:
    """Write beside the file and rename: a reader sees the old file or the new one, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_PART)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
