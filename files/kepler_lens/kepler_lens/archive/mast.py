"""Read the archive's own layout by star: MAST over https, and its public S3 bucket.

Kepler: ``…/kepler/lightcurves/0065/006541920/kplr006541920-….fits``;
K2: ``…/k2/lightcurves/c1/200000000/01000/ktwo200001049-c01_llc.fits``.
The bucket has the same folders below ``kepler/public/lightcurves`` and ``k2/public/lightcurves``.
"""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

from ..errors import SourceError
from . import names
from .base import Item, MissingItemError, Seen, Selection, Settings, Wanted, choose, in_order
from .listing import list_page, name_in
from .s3 import find, list_prefix

MAST_HTTPS = "https://archive.stsci.edu/missions/"
MAST_S3 = "s3://stpubdata/"

_ONE_MISSION = re.compile(r".*/(kepler|k2)/(?:public/)?lightcurves/?")
_MISSIONS = {"kepler": "Kepler", "k2": "K2"}
A = TypeVar("A")
B = TypeVar("B")


def mission_roots(url: str) -> dict[str, str]:
    """Return the folders of light curves by mission, if a URL names the archive's layout.

    Parameters
    ----------
    url : str
        ``…/kepler/lightcurves/`` or ``…/k2/lightcurves/`` for one mission; the folder
        ``…/missions/`` of a web server or the bucket ``s3://stpubdata/`` for both.

    Returns
    -------
    dict
        Mission to URL ending in '/'; empty where the URL names something else.
    """
    parts = urlsplit(url)
    base = url if url.endswith("/") else url + "/"
    if match := _ONE_MISSION.fullmatch(parts.path):
        return {_MISSIONS[match[1]]: base}
    if url.rstrip("/") == MAST_S3.rstrip("/"):
        return {name: f"{base}{key}/public/lightcurves/" for key, name in _MISSIONS.items()}
    if parts.scheme in ("http", "https") and parts.path.rstrip("/").endswith("/missions"):
        return {name: f"{base}{key}/lightcurves/" for key, name in _MISSIONS.items()}
    return {}


class ArchiveSource:
    """Light curves laid out by star, as in the archive.

    A list of stars takes one request per star (K2: one for each campaign and each folder of a
    thousand numbers). A whole quarter, or everything, needs a walk through all folders: the bucket
    lists a thousand files per request, the web server one star per request. For whole quarters use
    the bucket or the archive's tarballs.

    Parameters
    ----------
    url : str
        As `mission_roots` understands it.
    settings : Settings
        Limits and patience.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.settings = settings
        self.seen = Seen()
        self._roots = mission_roots(url)
        self._is_s3 = url.startswith("s3://")
        # Stars of one K2 campaign share folders of a thousand: each folder is listed once, not once
        # per star.
        self._k2_folder = lru_cache(maxsize=256)(self._files)

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the wanted files, grouped by star."""
        for mission, root in self._roots.items():
            if selection.mission not in (None, mission):
                continue
            if selection.stars is not None:
                stars = sorted({s for s in selection.stars if names.mission_of_star(s) == mission})
                files = self._of_stars(mission, root, stars, selection)
            elif mission == "Kepler":
                files = self._all_kepler(root)
            else:
                files = self._all_k2(root, selection)
            found = False
            for item in files:
                found = True
                yield from choose([item], selection, wanted, self.seen)
            # The listing of the root tells a wrong address from stars without files.
            if not found and not self._folders(root):
                self.seen.empty_page(root)

    def _of_stars(
        self, mission: str, root: str, stars: list[int], selection: Selection
    ) -> Iterator[Item]:
        def one(star: int) -> list[Item]:
            if mission == "Kepler":
                return self._kepler_star(root, star)
            return self._k2_star(root, star, selection)

        for files in self._ahead(one, stars):
            yield from in_order(files)

    def _kepler_star(self, root: str, star: int) -> list[Item]:
        number = f"{star:09d}"
        return self._files(f"{root}{number[:4]}/{number}/")

    def _k2_star(self, root: str, star: int, selection: Selection) -> list[Item]:
        files = []
        for campaign in _campaigns(selection):
            folder = f"{root}c{campaign}/{star // 100_000}00000/{star % 100_000 // 1000:02d}000/"
            files += [item for item in self._k2_folder(folder) if item.star == star]
        return files

    def _all_kepler(self, root: str) -> Iterator[Item]:
        for group in self._folders(root):
            if self._is_s3:
                yield from in_order(find(group, self.settings))
            else:
                for files in self._ahead(self._files, self._folders(group)):
                    yield from in_order(files)

    def _all_k2(self, root: str, selection: Selection) -> Iterator[Item]:
        # Each campaign's folders are in order of star, so merging them needs no list of all files.
        yield from heapq.merge(
            *(self._campaign(f"{root}c{campaign}/") for campaign in _campaigns(selection)),
            key=lambda item: (item.star or 0, item.segment or 0, item.name),
        )

    def _campaign(self, root: str) -> Iterator[Item]:
        try:
            groups = self._folders(root)
        except MissingItemError:
            return
        for group in groups:
            for folder in self._folders(group):
                yield from in_order(self._files(folder))

    def _folders(self, url: str) -> list[str]:
        """List the folders in a folder, sorted."""
        try:
            if self._is_s3:
                return sorted(list_prefix(url, self.settings)[0])
            return sorted(link for link in list_page(url, self.settings) if link.endswith("/"))
        except MissingItemError as error:
            if url in self._roots.values():
                raise SourceError(
                    f"{url}: the archive has no such folder; check the source's address"
                ) from error
            raise

    def _files(self, url: str) -> list[Item]:
        """List the files in a folder; none where there is no such folder."""
        try:
            if self._is_s3:
                return list_prefix(url, self.settings)[1]
            links = list_page(url, self.settings)
        except MissingItemError:
            return []
        return [Item.from_name(name_in(link), link) for link in links if not link.endswith("/")]

    def _ahead(self, call: Callable[[A], B], arguments: Iterable[A]) -> Iterator[B]:
        """Yield results in order, with as many requests under way as the limit allows."""
        limit = max(1, self.settings.parallel)
        with ThreadPoolExecutor(limit) as pool:
            running: deque[Future[B]] = deque()
            try:
                for argument in arguments:
                    running.append(pool.submit(call, argument))
                    if len(running) > 2 * limit:
                        yield running.popleft().result()
                while running:
                    yield running.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def _campaigns(selection: Selection) -> tuple[int, ...]:
    if selection.segments is None:
        return names.CAMPAIGNS
    return tuple(n for segment in selection.segments for n in names.campaign_numbers(segment))
