"""Label candidates as planets or not, by tables of NASA's Exoplanet Archive.

Two kinds of tables have labels. The table of Kepler's threshold-crossing events (TCE) of DR24 has
the training set of the Autovetter, ``av_training_set`` (Catanzarite 2015, KSCI-19091). The tables
of Kepler's Objects of Interest (KOI) have a disposition, and four flags that say why a signal is no
planet.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kepler_lens.errors import SourceError
from kepler_lens.stars.exoplanet_archive import DECIMAL, INTEGER, table_rows, table_text

CLASSES = ("PC", "AFP", "NTP")
"""Planet candidate, astrophysical false positive (eclipse), and not transit-like (noise)."""
UNKNOWN = "UNK"
"""Label of a signal whose class nobody knows; such a signal is not trained on."""

PERIOD_TOLERANCE = 1e-3
"""Periods are equal within this share of the period (chosen: a harmonic is farther away, and so is
a second planet of the star)."""

DR24 = "q1_q17_dr24_tce"
CUMULATIVE = "cumulative"

_TCE_COLUMNS = (
    *("kepid", "tce_plnt_num", "tce_period", "tce_time0bk", "tce_duration", "av_training_set"),
)
_TCE_NUMBERS = {"kepid": INTEGER, "tce_plnt_num": INTEGER} | dict.fromkeys(
    ("tce_period", "tce_time0bk", "tce_duration"), DECIMAL
)
_DR24_COUNTS = {"PC": 3600, "AFP": 9596, "NTP": 2541, UNKNOWN: 4630}
"""Number of rows with each label in the table of DR24."""
_DR24_DIGEST = "aaa44b6506966a3c91b534914873dca0245e9caf07cd03cddb9f3ce749cab157"
"""SHA-256 of star, number and label of all rows, in order. Two exports of the table differ in the
digits of other columns."""

_FLAGS = ("koi_fpflag_nt", "koi_fpflag_ss", "koi_fpflag_co", "koi_fpflag_ec")
_KOI_COLUMNS = (
    *("kepid", "kepoi_name", "koi_disposition", *_FLAGS),
    *("koi_period", "koi_time0bk", "koi_duration", "koi_tce_delivname"),
)
_KOI_NUMBERS = {"kepid": INTEGER} | dict.fromkeys(
    ("koi_period", "koi_time0bk", "koi_duration"), DECIMAL
)
_KOI_DELIVERIES = {
    CUMULATIVE: {"q1_q17_dr25_tce", "q1_q17_dr24_tce", "q1_q16_tce", ""},
    "q1_q17_dr25_koi": {"q1_q17_dr25_tce"},
    "q1_q17_dr24_koi": {"q1_q17_dr24_tce"},
}
"""KOI table to the searches that its rows come from (``koi_tce_delivname``)."""


class LabelError(SourceError):
    """A file is no table of labels, or is that of another release."""


@dataclass(frozen=True, slots=True)
class Known:
    """A signal of a table.

    Attributes
    ----------
    star : int
        KIC number.
    number : int
        The pipeline's number of the signal in its star; for a KOI, the digits after the full stop
        of its name.
    name : str
        Name of the signal in messages.
    period_days, epoch_bkjd, duration_hours : float
        Ephemeris: period (days), centre of a transit (BKJD, days), duration (hours).
    label : str
        One of `CLASSES`, or `UNKNOWN`.
    """

    star: int
    number: int
    name: str
    period_days: float
    epoch_bkjd: float
    duration_hours: float
    label: str


@dataclass(frozen=True, slots=True)
class Match:
    """Signals of a table that match a candidate.

    Attributes
    ----------
    known : tuple of Known
        Signals that match, the nearest in time first. There is more than one where the pipeline
        found a signal more than once.
    """

    known: tuple[Known, ...] = ()

    @property
    def label(self) -> str:
        """One of `CLASSES`; `UNKNOWN` where no signal matches, or their labels differ."""
        labels = {known.label for known in self.known}
        return labels.pop() if len(labels) == 1 else UNKNOWN

    @property
    def ambiguous(self) -> str:
        """Names of the signals that match with different labels; empty if labels agree."""
        if len({known.label for known in self.known}) < 2:
            return ""
        return " and ".join(f"{known.name} ({known.label})" for known in self.known)


@dataclass(frozen=True, slots=True)
class LabelTable:
    """A table of labels.

    Attributes
    ----------
    release : str
        Name of the table at the archive.
    path : str
        Path of the file.
    exported : str
        When the archive wrote the file, as the comments in the file say; empty where they do not.
    sha256 : str
        Hash of the file, 64 hexadecimal digits.
    of_star : dict
        KIC number to the signals of the star.
    """

    release: str
    path: str
    exported: str
    sha256: str
    of_star: Mapping[int, tuple[Known, ...]] = field(repr=False)

    def counts(self) -> dict[str, int]:
        """Count the signals of each class and of `UNKNOWN`."""
        found = Counter(known.label for signals in self.of_star.values() for known in signals)
        return {label: found[label] for label in (*CLASSES, UNKNOWN)}

    def multiplicity(self) -> dict[int, int]:
        """Count the signals of each star; return KIC number to count."""
        return {star: len(signals) for star, signals in self.of_star.items()}

    def of(self, star: int) -> LabelTable:
        """Return the table with one star only, to be sent with that star."""
        return replace(self, of_star={star: self.of_star.get(star, ())})

    def match(
        self, star: int, period_days: float, epoch_bkjd: float, duration_hours: float
    ) -> Match:
        """Find the signals of the table that match a candidate.

        A signal matches if its period is equal within 0.1 % and its transit is the same: the centre
        of one lies within the other. A harmonic does not match, because its label may differ: a
        binary at half its period is taken for a planet.

        Parameters
        ----------
        star : int
            KIC number.
        period_days : float
        epoch_bkjd : float
            Centre of any transit, BKJD, days.
        duration_hours : float

        Returns
        -------
        Match
        """
        found = []
        for known in self.of_star.get(star, ()):
            if abs(period_days / known.period_days - 1) > PERIOD_TOLERANCE:
                continue
            away = epoch_bkjd - known.epoch_bkjd
            away = abs(away - round(away / period_days) * period_days)
            if away <= max(duration_hours, known.duration_hours) / 24 / 2:
                found.append((away, known.number, known))
        return Match(tuple(known for _, _, known in sorted(found, key=lambda each: each[:2])))


def read_labels(path: str | Path, release: str) -> LabelTable:
    """Read a table of TCEs or of KOIs, as the name of its release says.

    Parameters
    ----------
    path : str or Path
        CSV file.
    release : str
        Name of the table at NASA's Exoplanet Archive.

    Returns
    -------
    LabelTable

    Raises
    ------
    SourceError
        The file is another table, or cannot be read.
    """
    read = read_tce_table if release.endswith("_tce") else read_koi_table
    return read(path, release)


def read_tce_table(path: str | Path, release: str = DR24) -> LabelTable:
    """Read a table of threshold-crossing events with the Autovetter's training set.

    Parameters
    ----------
    path : str or Path
        CSV file, exported from the archive. Columns that are not needed are ignored. Rows may be
        missing, such as those of other stars.
    release : str
        `DR24`, the only release that has labels.

    Returns
    -------
    LabelTable

    Raises
    ------
    LabelError
        The table is of another release, or was changed.
    SourceError
        The file cannot be read.
    """
    if release != DR24:
        raise LabelError(f"{path}: there are no labels in {release}, only in {DR24}.")
    text = table_text(path, "TCE")
    rows = table_rows(text, f"TCE {release}", str(path), _TCE_COLUMNS, _TCE_NUMBERS)
    _only(str(path), release, {row.get("tce_delivname") or DR24 for row in rows}, {DR24})
    known = [
        Known(
            int(row["kepid"]),
            int(row["tce_plnt_num"]),
            f"TCE {int(row['kepid'])}-{int(row['tce_plnt_num']):02d}",
            *_ephemeris(row, "tce", str(path)),
            row["av_training_set"],
        )
        for row in rows
    ]
    counts = Counter(each.label for each in known)
    for label, count in counts.items():
        if count > _DR24_COUNTS.get(label, 0):
            raise LabelError(
                f"{path}: {count} rows are {label!r}, {release} has {_DR24_COUNTS.get(label, 0)}: "
                "this is a table of another release, get that of the release again"
            )
    if len(known) == sum(_DR24_COUNTS.values()):
        digits = "\n".join(
            f"{each.star} {each.number} {each.label}"
            for each in sorted(known, key=lambda each: (each.star, each.number))
        )
        if hashlib.sha256(digits.encode()).hexdigest() != _DR24_DIGEST:
            raise LabelError(
                f"{path}: the labels are not those of {release}: the table was changed, get it "
                "again"
            )
    return _table(release, path, text, known)


def read_koi_table(path: str | Path, release: str = CUMULATIVE) -> LabelTable:
    """Read a table of Kepler's Objects of Interest; `koi_label` decides the labels.

    Parameters
    ----------
    path : str or Path
        CSV file, exported from the archive. Rows may be missing.
    release : str
        'cumulative', 'q1_q17_dr25_koi' or 'q1_q17_dr24_koi'.

    Returns
    -------
    LabelTable

    Raises
    ------
    LabelError
        The table is of another release.
    SourceError
        The file cannot be read.
    """
    if release not in _KOI_DELIVERIES:
        names = ", ".join(_KOI_DELIVERIES)
        raise LabelError(f"{path}: there is no KOI table {release!r}, there are {names}.")
    text = table_text(path, "KOI")
    rows = table_rows(text, "KOI", str(path), _KOI_COLUMNS, _KOI_NUMBERS)
    _only(str(path), release, {r["koi_tce_delivname"] for r in rows}, _KOI_DELIVERIES[release])
    known = [
        Known(
            int(row["kepid"]),
            int(row["kepoi_name"].partition(".")[2] or 0),
            f"KOI {row['kepoi_name']}",
            *_ephemeris(row, "koi", str(path)),
            koi_label(row),
        )
        for row in rows
    ]
    return _table(release, path, text, known)


def koi_label(row: Mapping[str, str]) -> str:
    """Return the class of a Kepler Object of Interest.

    A confirmed planet or a candidate without a flag is PC. A false positive with a flag for a
    stellar eclipse, a centroid offset or a shared ephemeris is AFP, with or without the flag for
    not transit-like: DR24's training set calls 203 of the 260 such signals that it contains AFP
    (`test_classify_labels`). A false positive with the flag for not transit-like alone is NTP. A
    row that contradicts itself is UNK: a planet with a flag, a false positive without one, or a
    flag that is neither 0 nor 1.

    Parameters
    ----------
    row : mapping
        ``koi_disposition`` and the four ``koi_fpflag_…``, as text.

    Returns
    -------
    str
        One of `CLASSES`, or `UNKNOWN`.
    """
    flags = [row[name] for name in _FLAGS]
    if set(flags) - {"0", "1"}:
        return UNKNOWN
    noise, *eclipse = (flag == "1" for flag in flags)
    flagged = noise or any(eclipse)
    if row["koi_disposition"] in ("CONFIRMED", "CANDIDATE"):
        return UNKNOWN if flagged else "PC"
    if row["koi_disposition"] != "FALSE POSITIVE" or not flagged:
        return UNKNOWN
    return "AFP" if any(eclipse) else "NTP"


def _only(path: str, release: str, deliveries: set[str], allowed: set[str]) -> None:
    if other := sorted(deliveries - allowed):
        raise LabelError(
            f"{path}: this is no table of {release}: it has rows of {other[0] or 'no search'}; "
            "get that of the release, or name the release that it is"
        )


def _ephemeris(row: Mapping[str, str], kind: str, path: str) -> tuple[float, float, float]:
    columns = (f"{kind}_period", f"{kind}_time0bk", f"{kind}_duration")
    for column in columns:
        if not row[column] or (column == columns[0] and float(row[column]) == 0):
            raise LabelError(
                f"{path}: star {row['kepid']} has {row[column]!r} as its {column}; get the table "
                "again, or leave the row out"
            )
    period, epoch, duration = (float(row[column]) for column in columns)
    return period, epoch, duration


def _table(release: str, path: str | Path, text: str, known: list[Known]) -> LabelTable:
    if not known:
        raise LabelError(f"{path}: the table has no rows; get it again")
    of_star = defaultdict(list)
    for each in known:
        of_star[each.star].append(each)
    dates = [line[1:].strip() for line in text.splitlines()[1:2] if line.startswith("#")]
    digest = hashlib.sha256(text.encode()).hexdigest()
    signals = {star: tuple(its) for star, its in sorted(of_star.items())}
    return LabelTable(release, str(path), "".join(dates), digest, signals)
