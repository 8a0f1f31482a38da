"""Zip files, as the archive's portal hands them out; their members are never unpacked to disk."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from ..errors import SourceError
from .base import Item, Seen, Selection, Settings, Wanted, choose
from .stream import opened


class ZipSource:
    """Light curve files in a zip file, local, http(s) or S3.

    Parameters
    ----------
    url
        Path or URL.
    settings
        Patience of the download: a lost connection goes on where it broke.
    seen
        Counts its members, beside those of the folder that it lies in.
    """

    def __init__(self, url: str, settings: Settings, seen: Seen | None = None) -> None:
        self.url = url
        self.settings = settings
        self.seen = seen or Seen()

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the wanted members with their content, in the zip file's order."""
        last = None
        try:
            with self._whole() as raw, zipfile.ZipFile(raw) as packed:
                members = (member for member in packed.infolist() if not member.is_dir())
                for member in members:
                    last = member.filename
                    for item in choose([self._item(member)], selection, wanted, self.seen):
                        yield item.with_data(packed.read(member))
        except (
            zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError,
        ) as error:  # fmt: skip
            at = f" at its member {last}" if last else ""
            raise SourceError(
                f"{self.url}: the zip file cannot be read{at} ({str(error).rstrip('.')}); "
                "fetch it again: what was read so far stays imported"
            ) from error

    def _item(self, member: zipfile.ZipInfo) -> Item:
        return Item.from_name(
            member.filename.rsplit("/", 1)[-1],
            f"{self.url}#{member.filename}",
            member.file_size,
            f"{member.CRC:08x}-{member.file_size}",
        )

    @contextmanager
    def _whole(self) -> Iterator[BinaryIO]:
        """Open the file where it is, or fetch it: its list of members stands at its end."""
        with opened(self.url, self.settings) as file:
            if file.seekable():
                yield file
                return
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(file, copy, 2**20)
                yield cast(BinaryIO, copy)
