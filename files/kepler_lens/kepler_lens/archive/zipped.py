"""Read zip files, such as those of the archive's portal, without unpacking them to the disk."""

from __future__ import annotations

import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, cast

from .base import Item, Selection, Wanted, choose
from .members import PackedFile, why
from .stream import opened


class ZipSource(PackedFile):
    """Light curve files in a zip file; see `PackedFile`."""

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the wanted members with their content, in the order of the zip file."""
        last = None
        try:
            with self._whole() as raw, zipfile.ZipFile(raw) as packed:
                members = (member for member in packed.infolist() if not member.is_dir())
                for member in members:
                    last = member.filename
                    found = self.member(
                        member.filename, member.file_size, f"{member.CRC:08x}-{member.file_size}"
                    )
                    for item in choose([found], selection, wanted, self.seen):
                        yield self.with_content(item, partial(packed.read, member))
        except (
            zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError,
            NotImplementedError, ValueError,
        ) as error:  # fmt: skip
            at = f" at its member {last}" if last else ""
            raise self.unreadable("zip file", at, why(error)) from error

    @contextmanager
    def _whole(self) -> Iterator[BinaryIO]:
        """Open the file in place, or download all of it: its list of members is at its end."""
        with opened(self.url, self.settings) as file:
            if file.seekable():
                yield file
                return
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(file, copy, 2**20)
                yield cast(BinaryIO, copy)
