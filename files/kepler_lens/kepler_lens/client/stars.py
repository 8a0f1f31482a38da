"""List the stars of a server, and what the server knows of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kepler_lens.client.endpoint import Endpoint
from kepler_lens.client.ranges import Range, bounds, one_of
from kepler_lens.client.script import literal
from kepler_lens.gts import CLASS_OF_COLUMN, class_pattern
from kepler_lens.missions import MISSIONS, STAR_LABEL
from kepler_lens.stars.lists import Name
from kepler_lens.stars.names import numbers_tagged
from kepler_lens.stars.tags import DISPOSITIONS
from kepler_lens.warp10.client import Series
from kepler_lens.warp10.number_pattern import number_pattern

if TYPE_CHECKING:
    from astropy.table import Table

_STARS_A_QUERY = 500
"""Stars that one selector names (chosen)."""
_FIND = """
{selector} PARSESELECTOR 'labels' STORE 'class' STORE
[ {token} $class $labels ] FIND <% DROP 's' STORE [ $s NAME $s LABELS $s ATTRIBUTES ] %> LMAP
"""
# Two classes, since fewer series are faster to find, and no star has errors or quality without a
# flux.
_FLUXES = f"~{class_pattern(CLASS_OF_COLUMN[c] for c in ('SAP_FLUX', 'PDCSAP_FLUX'))}"
_TAGS = ("disposition", "planets", "kois", "candidates", "teff", "radius")


def find(endpoint: Endpoint, selector: str) -> list[Series]:
    """List the series that a selector matches, without points, as `Warp10.find` does.

    Parameters
    ----------
    endpoint : Endpoint
    selector : str
        Such as ``sap.flux{MISSION=K2}``.

    Returns
    -------
    list of Series
    """
    (found,) = endpoint.ask(_FIND.format(token=endpoint.token, selector=literal(selector)))
    return [Series(name, labels, attributes, [], []) for name, labels, attributes in found]


class Names:
    """Ask a server for the numbers of names, see `kepler_lens.stars.names.NameServer`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.url = endpoint.url

    def numbers(self, names: Sequence[Name]) -> dict[Name, set[int]]:
        """Return the stars whose tags have each name; no star may have a name."""
        return numbers_tagged(names, lambda selector: find(self._endpoint, selector))


def stars_table(
    endpoint: Endpoint,
    numbers: Collection[int] | None,
    *,
    mission: str | None,
    disposition: str | None,
    candidates: bool | Range | None,
    teff: Range | None,
    radius: Range | None,
) -> Table:
    """Implement `kepler_lens.client.server.Server.stars`."""
    wanted = {
        "mission": one_of("mission", mission, tuple(MISSIONS)),
        "disposition": one_of("disposition", disposition, DISPOSITIONS),
    }
    if isinstance(candidates, bool):
        candidates = (1, None) if candidates else (0, 0)
    ranges = {
        "candidates": bounds("candidates", candidates),
        "teff": bounds("teff", teff),
        "radius": bounds("radius", radius),
    }
    labels = []
    if wanted["mission"]:
        labels.append(f"MISSION={wanted['mission']}")
    if wanted["disposition"]:
        labels.append(f"disposition={quote(wanted['disposition'])}")
    # A selector matches attributes as text, so it can only ask that the attribute exists.
    labels += [f"{name}~.%2B" for name, range_ in ranges.items() if range_ and name != "candidates"]
    rows = _rows(series for part in _parts(numbers, labels) for series in find(endpoint, part))
    return _table(
        [row for row in rows if all(_within(row, name, r) for name, r in ranges.items() if r)],
        endpoint.url,
    )


def _parts(numbers: Collection[int] | None, labels: list[str]) -> Iterator[str]:
    """Yield selectors, none of which matches too much for one answer."""
    if numbers is not None:
        ordered = sorted(numbers)
        for first in range(0, len(ordered), _STARS_A_QUERY):
            some = number_pattern(ordered[first : first + _STARS_A_QUERY])
            yield f"{_FLUXES}{{{','.join([f'{STAR_LABEL}~{some}', *labels])}}}"
    elif any(re.match("(disposition|teff|radius)[=~]", label) for label in labels):
        # One answer is enough, because only some thousand stars have tags.
        yield f"{_FLUXES}{{{','.join(labels)}}}"
    else:
        # One request for each last digit, because an answer with all of Kepler would be too large.
        for digit in range(10):
            yield f"{_FLUXES}{{{','.join([f'{STAR_LABEL}~.*{digit}', *labels])}}}"


def _rows(found: Iterable[Series]) -> list[dict[str, Any]]:
    """Join the series of each star to a row, and sort the rows by star."""
    rows: dict[int, dict[str, Any]] = {}
    for series in found:
        star = int(series.labels[STAR_LABEL])
        row = rows.setdefault(
            star,
            {
                "star": star,
                "object": series.labels.get("OBJECT", ""),
                "mission": series.labels.get("MISSION", ""),
                "cadences": set(),
                **_known(series.attributes),
            },
        )
        row["cadences"].add(series.labels.get("OBSMODE", "").removesuffix(" cadence"))
    for row in rows.values():
        row["cadences"] = ",".join(sorted(row["cadences"]))
    return [rows[star] for star in sorted(rows)]


def _known(tags: Mapping[str, str]) -> dict[str, Any]:
    return {
        "disposition": tags.get("disposition", ""),
        "planets": tags.get("planets", ""),
        "kois": tags.get("kois", ""),
        "candidates": int(tags.get("candidates", 0)),
        "teff": float(tags.get("teff", "nan")),
        "radius": float(tags.get("radius", "nan")),
    }


def _within(row: Mapping[str, Any], name: str, range_: tuple[float, float]) -> bool:
    return bool(range_[0] <= row[name] <= range_[1])


def _table(rows: list[dict[str, Any]], url: str) -> Table:
    from kepler_lens.client.tables import table

    return table("stars", rows, url)
