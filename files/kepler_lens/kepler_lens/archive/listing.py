"""List folders of an http(s) server from its HTML pages, in any depth."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from ..errors import SourceError
from .base import Item, MissingItemError, Seen, Selection, Settings, Wanted, choose
from .http import request
from .packed import items_of_listing
from .together import Together

_HREF = re.compile(r"""<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)


class ListingSource:
    """FITS files, tarballs and zip files below a folder that a web server lists.

    A page lists names only, so items have no size and no fingerprint; `fingerprint_of` asks for
    those of one file. A listing takes one request per folder and none per file.

    Parameters
    ----------
    url : str
        http(s) URL of a folder, or of one FITS file.
    settings : Settings
        Limits and patience.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.settings = settings
        self.seen = Seen()

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the wanted files, see `Source.items`."""
        name = name_in(self.url)
        if re.search(r"\.fits?(\.gz)?$", name, re.IGNORECASE):
            yield from choose([Item.from_name(name, self.url)], selection, wanted, self.seen)
            return
        yield from items_of_listing(
            self._walk(), selection, wanted, settings=self.settings, seen=self.seen
        )

    def _walk(self) -> Iterator[Item]:
        root = self.url if self.url.endswith("/") else self.url + "/"
        try:
            first = list_page(root, self.settings)
        except MissingItemError as error:
            raise SourceError(
                f"{self.url}: there is no such folder on the server; check the address"
            ) from error
        if not first:
            self.seen.empty_page(root)
        entered = {root}
        with Together(self.settings.parallel) as requests:
            running: dict[Future[list[str] | None], str] = {}

            def enter(links: list[str]) -> Iterator[Item]:
                for link in links:
                    if not link.endswith("/"):
                        yield Item.from_name(name_in(link), link)
                    elif link not in entered:
                        entered.add(link)
                        running[requests.submit(self._links, link)] = link

            yield from enter(first)
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    link = running.pop(future)
                    links = future.result()
                    if links is None:
                        self.seen.dangling_link(link)
                    else:
                        yield from enter(links)

    def _links(self, url: str) -> list[str] | None:
        """Return the links of a folder's page; None where a link leads to no folder."""
        try:
            return list_page(url, self.settings)
        except MissingItemError:
            return None


def list_page(url: str, settings: Settings) -> list[str]:
    """List the links of a folder's page that lie below the folder, in the order of the page.

    Parameters
    ----------
    url : str
        URL of a folder, ending in '/'.
    settings : Settings
        Limits and patience.

    Returns
    -------
    list of str
        Absolute URLs.

    Raises
    ------
    MissingItemError
        There is no such folder.
    SourceError
        The server does not answer, or its answer is no listing.
    """
    response = request("GET", url, settings)
    kind = response.headers.get("Content-Type", "")
    if "html" not in kind.lower():
        raise SourceError(
            f"{url}: not a listing of a folder but {kind or 'of unknown type'}; "
            "name a folder that the server lists, a .fits file or a tarball"
        )
    # The server may have redirected the request; links are relative to the final address.
    base = response.url if response.url.endswith("/") else response.url + "/"
    text = response.content.decode("utf-8", errors="replace")
    links: dict[str, None] = {}
    for match in _HREF.finditer(text):
        href = html.unescape(match[1] or match[2] or match[3] or "")
        link = urldefrag(urljoin(base, href)).url
        # Links to sort the page have a query; links to the parent or to other sites have another
        # beginning.
        if link.startswith(base) and link != base and not urlsplit(link).query:
            links[link] = None
    return list(links)


def name_in(url: str) -> str:
    """Return the file name at the end of a URL, percent-decoded and without slashes."""
    return unquote(urlsplit(url).path).rsplit("/", 1)[-1]
