"""Find the star of a file whose name does not tell it, in the file's header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..errors import LightCurveError, SourceError
from ..lightcurve import read_light_curve
from . import ItemError, read_item
from .base import Item, Selection, Settings


def with_star(items: Iterable[Item], selection: Selection, settings: Settings) -> Iterator[Item]:
    """Find the star of files whose names do not tell it, and put files of one star together.

    Parameters
    ----------
    items : iterable of Item
        Grouped by star, see `Source.items`.
    selection : Selection
        Compared with the headers.
    settings : Settings
        How to read the files.

    Yields
    ------
    Item
        Without a star where the file cannot be read.
    """
    nameless = []
    broken: SourceError | None = None
    try:
        for item in items:
            if item.star is not None:
                yield item
            elif item.data is not None:
                # The content of such items is too large to hold until all files are known.
                found = _identified(item, settings)
                if _wanted(found, selection):
                    yield found
            else:
                nameless.append(_identified(item, settings))
    except SourceError as error:
        # The files that were listed before it are not lost.
        broken = error
    for item in sorted(nameless, key=lambda i: (i.star is None, i.star or 0, i.name)):
        if _wanted(item, selection):
            yield item
    if broken is not None:
        raise broken


def _identified(item: Item, settings: Settings) -> Item:
    try:
        curve = read_light_curve(read_item(item, settings), (), name=item.name)
    except (LightCurveError, ItemError):
        return item  # the next reader finds the same, and reports it
    return replace(
        item, star=curve.star, mission=curve.mission, segment=curve.segment, cadence=curve.cadence
    )


def _wanted(item: Item, selection: Selection) -> bool:
    return selection.admits(item.star, item.mission, item.segment, item.cadence)
