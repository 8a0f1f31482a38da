"""Read a folder of an S3 bucket with FITS files and tarballs, in any layout."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import SourceError
from .base import Item, Seen, Selection, Settings, Wanted
from .packed import items_of_listing
from .s3 import find


class S3Source:
    """FITS files, tarballs and zip files below a prefix of a bucket, in any layout.

    Parameters
    ----------
    url : str
        s3://BUCKET/PREFIX.
    settings : Settings
        Limits, patience and the address of the service.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.settings = settings
        self.seen = Seen()

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the wanted files, see `Source.items`."""
        files = find(self.url, self.settings)
        if not files:
            raise SourceError(f"{self.url}: there is nothing below it; check bucket and prefix")
        yield from items_of_listing(
            files, selection, wanted, settings=self.settings, seen=self.seen
        )
