"""A local folder of FITS files, in any layout."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import SourceError
from .base import (
    Item,
    MissingItemError,
    Selection,
    Settings,
    Wanted,
    choose,
    file_fingerprint,
    in_order,
)
from .names import may_be_light_curve


class FolderSource:
    """FITS files below a folder, or one FITS file.

    Parameters
    ----------
    url
        Path or file:// URL.
    settings
        Handed on to `read_item`.
    """

    streaming = False

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.settings = settings
        self.path = local_path(url)

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the wanted files, grouped by star."""
        if not self.path.exists():
            raise SourceError(
                f"{self.path}: no such file or folder; name a folder of FITS files or a tarball"
            )
        yield from self.listed(lambda found: choose(found, selection, wanted))

    def listed(self, chosen: Callable[[Iterator[Item]], Iterable[Item]]) -> list[Item]:
        """List those of all files that `chosen` keeps, grouped by star and in order of time."""
        try:
            return in_order(chosen(self._walk()))
        except OSError as error:
            raise SourceError(
                f"{error.filename or self.path}: cannot be read ({error.strerror}); "
                "let this user read the folder and all below it"
            ) from error

    def _walk(self) -> Iterator[Item]:
        if self.path.is_file():
            yield _item(self.path.name, self.path, self.path.stat())
            return
        seen = set()
        todo = [self.path]
        while todo:
            folder = todo.pop()
            status = folder.stat()
            # A link may lead back to a folder above: each folder is entered once.
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir():
                        todo.append(Path(entry.path))
                    elif entry.is_file():
                        yield _item(entry.name, Path(entry.path), entry.stat())


def _item(name: str, path: Path, status: os.stat_result) -> Item:
    return Item.from_name(name, path.absolute().as_uri(), status.st_size, file_fingerprint(status))


def light_curve_paths(folder: Path) -> list[Path]:
    """Give the files below a folder that may be light curves, of either cadence.

    Raises
    ------
    SourceError
        A folder cannot be read.
    """
    found = FolderSource(str(folder), Settings()).listed(
        lambda items: (item for item in items if may_be_light_curve(item.name))
    )
    return [folder / local_path(item.url).relative_to(folder.absolute()) for item in found]


def local_path(url: str) -> Path:
    """Path of a file:// URL, or of a path taken as it is."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        # A name that is not UTF-8 is written as surrogates by the file system's own convention.
        return Path(unquote(parts.path, errors="surrogateescape"))
    return Path(url).expanduser()


def read_file(url: str) -> bytes:
    """Content of a local file.

    Raises
    ------
    MissingItemError
        The file is gone or cannot be read.
    """
    path = local_path(url)
    try:
        return path.read_bytes()
    except OSError as error:
        raise MissingItemError(
            f"{path}: cannot be read ({error.strerror}); "
            "workers must see the folder under the same path"
        ) from error


def fingerprint_file(url: str) -> str:
    """Fingerprint of a local file as it is now."""
    path = local_path(url)
    try:
        return file_fingerprint(path.stat())
    except OSError as error:
        raise MissingItemError(f"{path}: cannot be read ({error.strerror})") from error
