"""Tags on light curves: which stars have planets or candidates, from NASA's Exoplanet Archive.

A star's tags are Warp 10 attributes on each of its light curve series: ``disposition`` (the best
of its candidates: CONFIRMED, CANDIDATE, FALSE POSITIVE or REFUTED), ``planets`` (names of the
confirmed ones, comma-separated), ``kois`` (names of all its Kepler Objects of Interest, such as
K00157.01), ``candidates`` (how many are confirmed or candidates), ``teff`` (kelvin) and ``radius``
(solar radii) of the star. FIND selects by them as by labels.

``/meta`` replaces all attributes of a series, so all attributes belong to this module: it writes
only what the tables contain, and removes what they no longer contain.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from kepler_lens.archive.base import Settings
from kepler_lens.archive.http import request
from kepler_lens.errors import KeplerLensError
from kepler_lens.gts import attribute_text, class_pattern, series_name
from kepler_lens.missions import STAR_LABEL, k2, kepler
from kepler_lens.stars.exoplanet_archive import DECIMAL, INTEGER, table_rows, table_text
from kepler_lens.warp10.client import Series, Token, Warp10
from kepler_lens.warp10.directory import Directory
from kepler_lens.warp10.number_pattern import number_pattern

TAP_URL = "https://exoplanetarchive.ipac.caltech.edu/TAP/sync"
DISPOSITIONS = ("CONFIRMED", "CANDIDATE", "FALSE POSITIVE", "REFUTED")
"""From the best to the worst."""

_KOI_COLUMNS = (
    "kepid", "kepoi_name", "kepler_name", "koi_disposition", "koi_steff", "koi_srad",
)  # fmt: skip
_K2_COLUMNS = ("pl_name", "hostname", "default_flag", "disposition", "st_teff", "st_rad")
_EPIC_COLUMN = "epic_hostname"
_EPIC = re.compile(rf"{k2.MISSION.catalogue} (\d{{9}})\b")
_TAP_TABLES = {
    "KOI": (_KOI_COLUMNS, "cumulative"),
    "K2": ((*_K2_COLUMNS, _EPIC_COLUMN), "k2pandc"),
}
_NUMBERS = {
    "kepid": INTEGER,
    "koi_steff": DECIMAL,
    "koi_srad": DECIMAL,
    "st_teff": DECIMAL,
    "st_rad": DECIMAL,
}
MOST_LOST = 0.1
"""Largest part of the tags that a run removes without `force`. Chosen: the archive's tables have
never lost a tenth of their stars from one year to the next."""

_STARS_A_QUERY = 500
_LINES_A_REQUEST = 5000
Row = Mapping[str, str]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of one star.

    Attributes
    ----------
    disposition
        One of `DISPOSITIONS`.
    planets
        Names of its confirmed planets, sorted.
    candidates
        Number of its transit signals that are confirmed planets or candidates.
    teff, radius
        Effective temperature (kelvin) and radius (solar radii); None if unknown.
    kois
        Names of its Kepler Objects of Interest, sorted, including false positives.
    """

    disposition: str
    planets: tuple[str, ...]
    candidates: int
    teff: float | None
    radius: float | None
    kois: tuple[str, ...] = ()

    def attributes(self) -> dict[str, str]:
        """Return the attributes of the star's series, without unknown values."""
        values = {
            "disposition": self.disposition,
            "planets": ",".join(self.planets),
            "kois": ",".join(self.kois),
            "candidates": str(self.candidates),
            "teff": "" if self.teff is None else f"{self.teff:.0f}",
            "radius": "" if self.radius is None else f"{self.radius:.3f}",
        }
        return {key: value for key, value in values.items() if value}


@dataclass(slots=True)
class Catalogue:
    """Tags by star, and the missions whose tables were read.

    Attributes
    ----------
    tags
        KIC or EPIC number to tags.
    missions
        Missions whose table was read: stars of these missions that the tables do not name lose
        their tags.
    nameless
        Host stars that a K2 table names without an EPIC number; they cannot be tagged.
    """

    tags: dict[int, Tags] = field(default_factory=dict)
    missions: set[str] = field(default_factory=set)
    nameless: set[str] = field(default_factory=set)

    def add_koi(self, rows: Iterable[Row]) -> None:
        """Add Kepler's cumulative table of Objects of Interest, one row for each candidate."""
        of_star = defaultdict(list)
        for row in rows:
            of_star[int(row["kepid"])].append(row)
        for star, its_rows in of_star.items():
            found = [(r["koi_disposition"], r["kepler_name"] or r["kepoi_name"]) for r in its_rows]
            tags = _tags(found, its_rows, "koi_steff", "koi_srad")
            kois = tuple(sorted({row["kepoi_name"] for row in its_rows} - {""}))
            self.tags[star] = replace(tags, kois=kois)
        self.missions.add(kepler.MISSION.name)

    def add_k2(self, rows: Iterable[Row]) -> None:
        """Add the table of K2 planets and candidates; a planet has one row for each publication."""
        of_star = defaultdict(list)
        for row in rows:
            match = _EPIC.search(row.get(_EPIC_COLUMN) or "") or _EPIC.match(row["hostname"])
            if match:
                of_star[int(match[1])].append(row)
            else:
                self.nameless.add(row["hostname"])
        for star, its_rows in of_star.items():
            # The default set of parameters first, because the first stellar values are used.
            its_rows.sort(key=lambda row: row["default_flag"] != "1")
            by_planet = {row["pl_name"]: row["disposition"] for row in reversed(its_rows)}
            found = [(disposition, name) for name, disposition in by_planet.items()]
            self.tags[star] = _tags(found, its_rows, "st_teff", "st_rad")
        self.missions.add(k2.MISSION.name)


@dataclass(frozen=True, slots=True)
class TagReport:
    """Counts of a run of `apply_tags`.

    Attributes
    ----------
    stars
        Stars on the server that have tags now.
    series
        Series of these stars.
    changed
        Series whose attributes were written in this run.
    cleared
        Series whose tags were removed in this run.
    """

    stars: int
    series: int
    changed: int
    cleared: int


class TagsLostError(KeplerLensError):
    """The tables would remove the tags of too many stars."""


def apply_tags(
    warp10: Warp10,
    catalogue: Catalogue,
    *,
    read_token: Token,
    write_token: Token,
    force: bool = False,
) -> TagReport:
    """Set the attributes of the light curve series to those of the catalogue.

    Only existing series are written, and only if their attributes differ: a second run writes
    nothing.

    Parameters
    ----------
    warp10 : Warp10
    catalogue : Catalogue
    read_token, write_token : Token
    force : bool
        Whether to remove tags of any number of stars.

    Raises
    ------
    Warp10Error
        The server cannot be reached or refuses.
    TagsLostError
        Without `force`, more than `MOST_LOST` of the tags would be removed; nothing is changed.
    """
    tagged = list(_series_of(warp10, catalogue.tags, read_token))
    lines, differing = [], []
    for series in tagged:
        wanted = catalogue.tags[int(series.labels[STAR_LABEL])].attributes()
        if series.attributes != wanted:
            differing.append(series)
            lines.append(_meta_line(series, wanted))
    before = [
        series
        for series in warp10.find(_selector("disposition~.%2B"), read_token)
        if series.labels.get("MISSION") in catalogue.missions
    ]
    stale = [s for s in before if int(s.labels[STAR_LABEL]) not in catalogue.tags]
    if len(stale) > MOST_LOST * len(before) and not force:
        lost, all_ = (len({s.labels[STAR_LABEL] for s in some}) for some in (stale, before))
        raise TagsLostError(
            f"The tables do not name {lost:,} of the {all_:,} stars that have tags, which "
            "would lose them: nothing is changed. Is a table cut, or a part? If it is right, "
            "say --force."
        )
    # The notes hold the tags: they are deleted first, so that nobody reads old tags if this dies.
    directory = Directory(warp10, read_token, write_token)
    touched = sorted({int(series.labels[STAR_LABEL]) for series in [*differing, *stale]})
    directory.forget(touched)
    for batch in _batched(lines + [_meta_line(series, {}) for series in stale], _LINES_A_REQUEST):
        warp10.meta(batch, write_token)
    directory.note(touched)
    stars = {series.labels[STAR_LABEL] for series in tagged}
    return TagReport(len(stars), len(tagged), len(lines), len(stale))


def read_table(path: str | Path, kind: str) -> list[dict[str, str]]:
    """Read a table that the Exoplanet Archive exported as CSV (comment lines begin with #).

    Parameters
    ----------
    path
        The file.
    kind
        'KOI' or 'K2', which decides the columns that the table must have.

    Raises
    ------
    SourceError
        The file cannot be read or lacks a column.
    """
    return _rows(table_text(path, kind), kind, str(path))


def query_table(kind: str, *, url: str = TAP_URL, patience: float = 60.0) -> list[dict[str, str]]:
    """Read a table from the Exoplanet Archive's TAP service, by one synchronous query.

    The tables are ``cumulative`` (KOI) and ``k2pandc`` (K2), as documented at
    https://exoplanetarchive.ipac.caltech.edu/docs/TAP/usingTAP.html.

    Parameters
    ----------
    kind
        'KOI' or 'K2'.
    url
        Address of the service.
    patience
        Seconds during which a failed request is repeated.

    Raises
    ------
    SourceError
        The service does not answer, or does not answer with the table.
    """
    columns, table = _TAP_TABLES[kind]
    query = " ".join(("select", ",".join(columns), "from", table))
    address = f"{url}?{urlencode({'query': query, 'format': 'csv'})}"
    response = request("GET", address, Settings(patience=patience))
    return _rows(response.content.decode("utf-8", errors="replace"), kind, url)


def _rows(text: str, kind: str, where: str) -> list[dict[str, str]]:
    columns = _KOI_COLUMNS if kind == "KOI" else _K2_COLUMNS
    return table_rows(text, kind, where, columns, _NUMBERS)


def _tags(found: Collection[tuple[str, str]], rows: Iterable[Row], teff: str, radius: str) -> Tags:
    rows = list(rows)
    return Tags(
        disposition=min((disposition for disposition, _ in found), key=_rank),
        planets=tuple(sorted({name for disposition, name in found if disposition == "CONFIRMED"})),
        candidates=sum(disposition in DISPOSITIONS[:2] for disposition, _ in found),
        teff=_first_number(rows, teff),
        radius=_first_number(rows, radius),
    )


def _rank(disposition: str) -> int:
    return DISPOSITIONS.index(disposition) if disposition in DISPOSITIONS else len(DISPOSITIONS)


def _first_number(rows: Iterable[Row], column: str) -> float | None:
    return next((float(row[column]) for row in rows if row[column]), None)


def _series_of(warp10: Warp10, stars: Iterable[int], token: Token) -> Iterator[Series]:
    for batch in _batched(sorted(stars), _STARS_A_QUERY):
        yield from warp10.find(_selector(f"{STAR_LABEL}~{number_pattern(batch)}"), token)


def _batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(things)
    while batch := list(islice(left, size)):
        yield batch


def _selector(labels: str) -> str:
    return f"~({class_pattern()}){{{labels}}}"


def _meta_line(series: Series, attributes: Mapping[str, str]) -> str:
    return series_name(series.classname, series.labels) + attribute_text(attributes)
