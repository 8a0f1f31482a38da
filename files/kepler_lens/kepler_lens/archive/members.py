"""Share the code of tarballs and zip files, whose members come with their content."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import SourceError
from .base import Item, Seen, Settings
from .sizes import too_large


class PackedFile:
    """A file with light curve files in it, local, http(s) or S3.

    Parameters
    ----------
    url : str
        Path or URL.
    settings : Settings
        Patience of the download; a lost connection continues where it broke.
    seen : Seen, optional
        Counts the members, and the other files of the folder that has this file.
    """

    def __init__(self, url: str, settings: Settings, seen: Seen | None = None) -> None:
        self.url = url
        self.settings = settings
        self.seen = seen or Seen()

    def member(self, path: str, size: int, fingerprint: str) -> Item:
        """Make the item of a member, still without its content."""
        return Item.from_name(path.rsplit("/", 1)[-1], f"{self.url}#{path}", size, fingerprint)

    def with_content(self, item: Item, read: Callable[[], bytes]) -> Item:
        """Read a member's content, unless it is too large: whoever reads the item finds that."""
        return item if too_large(item.size) else item.with_data(read())

    def unreadable(self, what: str, where: str, why: str) -> SourceError:
        """Make the error of a file that cannot be read to its end."""
        return SourceError(
            f"{self.url}: the {what} cannot be read{where} ({why}); "
            "fetch it again: what was read so far stays imported"
        )


def why(error: BaseException) -> str:
    """Return the words of an error, without a full stop; its name where it has none."""
    return str(error).rstrip(".") or type(error).__name__
