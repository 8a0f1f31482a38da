"""Read bulk tarballs once from beginning to end, without unpacking them to the disk.

An index of a compressed tarball takes as long as reading all of it, and going back takes that time
again. So one reader goes through the tarball and yields each wanted member with its content.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, Self, cast

from .base import Item, Selection, Wanted, choose
from .members import PackedFile, why
from .stream import opened


class TarballSource(PackedFile):
    """Light curve files in a tarball (.tar, .tgz, .tar.gz, .bz2, .xz); see `PackedFile`."""

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the wanted members with their content, in the order of the tarball.

        One member is in memory at a time; other members are skipped.
        """
        last = None
        try:
            with opened(self.url, self.settings) as raw, _unpacking(raw) as plain:
                with tarfile.open(
                    fileobj=plain, mode="r|", bufsize=2**18, tarinfo=_StrictHeader
                ) as tar:
                    while (member := tar.next()) is not None:
                        # tarfile keeps every header that it has passed, and there may be a million.
                        tar.members.clear()  # type: ignore[attr-defined]
                        last = member.name
                        if not member.isfile():
                            continue
                        found = self.member(
                            member.name, member.size, f"{int(member.mtime)}-{member.size}"
                        )
                        for item in choose([found], selection, wanted, self.seen):
                            yield self.with_content(item, partial(_content, tar, member))
                # The checksum of the compression is at the very end.
                while plain.read(2**20):
                    pass
        except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            after = f" after its member {last}" if last else ""
            raise self.unreadable("tarball", after, why(error)) from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(member)
    return content.read() if content else b""


class _StrictHeader(tarfile.TarInfo):
    """A member's header that must be complete.

    tarfile treats a header that is cut off, missing or damaged as the end of the tarball and drops
    the rest silently. Only a block of zeros is the end.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            what = "a damaged header" if len(buf) == tarfile.BLOCKSIZE else "it ends early"
            raise tarfile.ReadError(what) from error


def _unpacking(raw: BinaryIO) -> BinaryIO:
    """Return a reader of the uncompressed tarball; its first bytes tell the compression."""
    file = raw if hasattr(raw, "peek") else io.BufferedReader(cast(io.RawIOBase, raw))
    start = cast(io.BufferedReader, file).peek(6)[:6]
    if start.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if start.startswith(b"BZh"):
        return cast(BinaryIO, bz2.BZ2File(file))
    if start.startswith(b"\xfd7zXZ\x00"):
        return cast(BinaryIO, lzma.LZMAFile(file))
    return file
