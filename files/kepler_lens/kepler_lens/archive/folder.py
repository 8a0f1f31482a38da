"""Read a local folder of FITS files, tarballs and zip files, in any layout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import SourceError
from .base import Item, Seen, Selection, Settings, Wanted, file_fingerprint, in_order
from .local import local_path
from .names import may_be_light_curve
from .packed import items_of_listing


class FolderSource:
    """FITS files, tarballs and zip files below a folder, or one FITS file.

    Parameters
    ----------
    url : str
        Path or file:// URL.
    settings : Settings
        For `read_item`.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.settings = settings
        self.seen = Seen()
        self.path = local_path(url)

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the wanted files, see `Source.items`."""
        if not self.path.exists():
            raise SourceError(
                f"{self.path}: no such file or folder; name a folder of FITS files or a tarball"
            )
        yield from items_of_listing(
            self.listed(), selection, wanted, settings=self.settings, seen=self.seen
        )

    def listed(self) -> Iterator[Item]:
        """Yield every file, in the order of the folders."""
        try:
            yield from self._walk()
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
            # A link may lead back to a folder above, so each folder is entered once.
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir():
                        todo.append(Path(entry.path))
                    elif entry.is_file():
                        yield _item(entry.name, Path(entry.path), entry.stat())
                    elif entry.is_symlink():
                        self.seen.dangling_link(entry.name)


def _item(name: str, path: Path, status: os.stat_result) -> Item:
    return Item.from_name(name, path.absolute().as_uri(), status.st_size, file_fingerprint(status))


def light_curve_paths(folder: Path) -> list[Path]:
    """List the files below a folder that may be light curves, of either cadence.

    Raises
    ------
    SourceError
        A folder cannot be read.
    """
    found = FolderSource(str(folder), Settings()).listed()
    light_curves = in_order(item for item in found if may_be_light_curve(item.name))
    return [folder / local_path(item.url).relative_to(folder.absolute()) for item in light_curves]
