"""Read the archive's own layout by star: MAST over https, and its public S3 bucket.

Each mission has a folder of its own, ``…/kepler/lightcurves/`` and ``…/k2/lightcurves/``; which
folders lie below, the missions say (`kepler_lens.missions.mission.Files`). The bucket has the same
folders below ``kepler/public/lightcurves`` and ``k2/public/lightcurves``.
"""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

from kepler_lens.missions import MISSIONS, mission_of_star
from kepler_lens.missions.mission import MAST_S3, Files, Segments

from ..errors import SourceError
from .base import Item, MissingItemError, Seen, Selection, Settings, Wanted, choose, in_order
from .listing import list_page, name_in
from .s3 import find, list_prefix
from .together import Together

_MISSIONS = {each.files.folder: name for name, each in MISSIONS.items() if each.files.folder}
_ONE_MISSION = re.compile(rf".*/({'|'.join(_MISSIONS)})/(?:public/)?lightcurves/?")
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
        # Where stars share a folder, it is listed once and not once for each star.
        self._shared_folder = lru_cache(maxsize=256)(self._files)

    def items(self, selection: Selection, wanted: Wanted | None = None) -> Iterator[Item]:
        """Yield the wanted files, grouped by star."""
        for mission, root in self._roots.items():
            if selection.mission not in (None, mission):
                continue
            layout = MISSIONS[mission].files
            if selection.stars is not None:
                stars = sorted({s for s in selection.stars if mission_of_star(s) == mission})
                files = self._of_stars(layout, root, stars, selection.segments)
            else:
                files = self._all(layout, root, selection.segments)
            found = False
            for item in files:
                found = True
                yield from choose([item], selection, wanted, self.seen)
            # The listing of the root tells a wrong address from stars without files.
            if not found and not self._folders(root):
                self.seen.empty_page(root)

    def _of_stars(
        self, layout: Files, root: str, stars: list[int], segments: Segments
    ) -> Iterator[Item]:
        def one(star: int) -> list[Item]:
            folders = [root + folder for folder in layout.star_folders(star, segments)]
            if layout.has_own_folder:
                return [item for folder in folders for item in self._files(folder)]
            shared = (item for folder in folders for item in self._shared_folder(folder))
            return [item for item in shared if item.star == star]

        for files in self._ahead(one, stars):
            yield from in_order(files)

    def _all(self, layout: Files, root: str, segments: Segments) -> Iterator[Item]:
        tops = layout.tops(segments)
        if len(tops) == 1:
            yield from self._walk(root + tops[0], ahead=True)
            return
        # The folders below each are in order of star, so merging them needs no list of all files.
        yield from heapq.merge(
            *(self._walk(root + top, ahead=False) for top in tops),
            key=lambda item: (item.star or 0, item.segment or 0, item.name),
        )

    def _walk(self, top: str, *, ahead: bool) -> Iterator[Item]:
        """Yield the files two folders below one, in order of star; none where it is not there."""
        try:
            groups = self._folders(top)
        except MissingItemError:
            return
        for group in groups:
            if not ahead:
                for folder in self._folders(group):
                    yield from in_order(self._files(folder))
            elif self._is_s3:
                yield from in_order(find(group, self.settings))
            else:
                for files in self._ahead(self._files, self._folders(group)):
                    yield from in_order(files)

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
        with Together(limit) as requests:
            running: deque[Future[B]] = deque()
            for argument in arguments:
                running.append(requests.submit(call, argument))
                if len(running) > 2 * limit:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
