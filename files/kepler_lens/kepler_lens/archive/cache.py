"""Downloaded files kept on disk, each with its checksum, so that a repeat asks the archive less."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

_SMALL = 64 * 2**20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a kept file: the sidecar next to it.

    Attributes
    ----------
    url
        Where it came from.
    sha256
        Of the content, hexadecimal.
    fingerprint
        As the source told it when the file was fetched; None where it told none.
    etag, modified
        The server's ETag and Last-Modified, to ask whether the file is still the same.
    """

    url: str
    sha256: str
    fingerprint: str | None = None
    etag: str | None = None
    modified: str | None = None


class Cache:
    """A folder of kept files; several processes may share it.

    Every file is checked against its checksum when it is read: a damaged one, or one whose sidecar
    belongs to another version, is dropped and counts as never kept.

    Parameters
    ----------
    folder
        Made when the first file is kept.
    limit
        Bytes; above, the files kept longest ago are dropped.
    """

    def __init__(self, folder: str | os.PathLike[str], limit: int) -> None:
        self.folder = Path(folder)
        self.limit = limit

    def entry(self, url: str) -> Entry | None:
        """Sidecar of a kept file, None where there is none."""
        try:
            return Entry(**json.loads(self._sidecar(url).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def data(self, entry: Entry) -> bytes | None:
        """Content of a kept file, None where it is gone or damaged."""
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
        """Keep a file; a disk that refuses is logged, since the import can go on without."""
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
        """Drop the oldest files once the limit is passed.

        Looking through the whole folder costs time, so about one file in 64 does it, drawn by
        chance: that needs no state shared between processes.
        """
        if self.limit > _SMALL and random.randrange(64):  # noqa: S311
            return
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
    """Write beside the file and rename: a reader sees the old or the new, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
