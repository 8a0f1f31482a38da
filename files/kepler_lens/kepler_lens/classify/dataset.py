"""Read labelled candidates into arrays, from a data set with a manifest or from AstroNet's records.

A data set is a folder of TFRecord files (shards) and a manifest. AstroNet's published records are
TFRecord files without a manifest. This module reads and checks both, and puts them into arrays that
a training uses as a whole: all of DR24 with all views takes 0.65 GB.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.ephemerides import groups
from kepler_lens.classify.labels import CLASSES, UNKNOWN, LabelTable
from kepler_lens.classify.manifest import MANIFEST_FILE, DataSetError, read_manifest, verify
from kepler_lens.classify.records import (
    VIEW_LENGTHS,
    Record,
    RecordError,
    count_records,
    read_records,
)
from kepler_lens.classify.scalars import FEATURE_OF_SCALAR, SCALARS, of_record

ASTRONET = "astronet-1"
"""Recipe of records that name none, which are AstroNet's published records."""

LABEL = "av_training_set"
"""Feature of a record that holds the label."""
_NEEDED = ("kepid", "tce_plnt_num", "tce_period", "tce_time0bk", LABEL, "synthetic", "recipe")
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})")

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Labelled candidates as arrays; n is the number of candidates.

    Attributes
    ----------
    views : dict of str to float32[n, length]
        Lengths by `VIEW_LENGTHS`; in units of the transit's depth; 0 where an example lacks the
        view.
    has : dict of str to bool[n]
        Whether an example has the view.
    scalars : float32[n, 9]
        Columns by `SCALARS`, in their units; NaN where missing.
    label : int64[n]
        Index of `CLASSES`; -1 where unknown.
    star, number : int64[n]
        KIC number, and number of the signal in its star.
    epoch : float64[n]
        Centre of a transit, BKJD, days; NaN where unknown.
    group : int64[n]
        Number of the group, see `kepler_lens.classify.ephemerides.groups`.
    synthetic : bool[n]
        Whether the light curve was made by `kepler_lens.classify.synthetic`.
    file : int64[n]
        Index of `files`.
    offset : int64[n]
        Byte of the file at which the record begins.
    files : tuple of str
        Names of the files.
    recipe : str
        Name of the recipe of the views. A space and the digest of the recipe follow where the
        records have it.
    """

    views: dict[str, NDArray[np.float32]]
    has: dict[str, Bools]
    scalars: NDArray[np.float32]
    label: Ints
    star: Ints
    number: Ints
    epoch: NDArray[np.float64]
    group: Ints
    synthetic: Bools
    file: Ints
    offset: Ints
    files: tuple[str, ...]
    recipe: str

    def __len__(self) -> int:
        return len(self.label)

    def select(self, which: Bools | Ints) -> Examples:
        """Return some of the examples, by a mask (bool[n]) or by indices (int64[m])."""
        arrays = ("scalars", "label", "star", "number", "epoch", "group", "synthetic")
        taken = {name: getattr(self, name)[which] for name in (*arrays, "file", "offset")}
        views = {name: view[which] for name, view in self.views.items()}
        has = {name: mask[which] for name, mask in self.has.items()}
        return replace(self, views=views, has=has, **taken)

    def counts(self) -> dict[str, int]:
        """Count the examples of each class and of `UNKNOWN`, without the synthetic ones."""
        return class_counts(self.label[~self.synthetic])

    def where(self, index: int) -> str:
        """Name the candidate of an example, its file and the byte of its record in words."""
        return (
            f"star {self.star[index]}, candidate {self.number[index]} "
            f"({self.files[self.file[index]]}, byte {self.offset[index]})"
        )


def class_counts(label: Ints) -> dict[str, int]:
    """Count labels (int64[n], index of `CLASSES`, -1 for `UNKNOWN`) by class."""
    found = Counter(label.tolist())
    return {name: found[k] for k, name in enumerate(CLASSES)} | {UNKNOWN: found[-1]}


def load(
    paths: str | Path | Sequence[str | Path],
    *,
    views: Collection[str] | None = None,
    recipe: str | None = None,
    table: LabelTable | None = None,
    on_cut: Callable[[RecordError], None] | None = None,
) -> Examples:
    """Read data sets, folders or files of records, or patterns of file names (with ``*``).

    Parameters
    ----------
    paths : str, Path or several
    views : collection of str, optional
        Views to read; by default all.
    recipe : str, optional
        Name, or name and digest, of the recipe that the views must have.
    table : LabelTable, optional
        Tells how many signals a star has, for records that lack this number.
    on_cut : callable, optional
        See `read_records`. A data set with a manifest must be complete in any case.

    Returns
    -------
    examples : Examples
        In the order of the files.

    Raises
    ------
    DataSetError
        A shard is missing or was changed, a candidate occurs twice, there are no records, a view
        has no known name, or views are of another recipe.
    RecordError
        A file is damaged.
    """
    several = [paths] if isinstance(paths, (str, Path)) else paths
    files = [file for path in several for file in record_files(path)]
    names = tuple(VIEW_LENGTHS) if views is None else tuple(views)
    if unknown := set(names) - set(VIEW_LENGTHS):
        raise DataSetError(
            f"There is no view {min(unknown)!r}: there are {', '.join(VIEW_LENGTHS)}."
        )
    rows = _Rows(sum(count_records(file) for file in files), names, table)
    for number, file in enumerate(files):
        for record in read_records(file, rows.features, on_cut=on_cut):
            rows.add(number, record)
    if not rows.used:
        raise DataSetError(f"{', '.join(map(str, several))}: there are no records here.")
    examples = rows.examples(tuple(map(str, files)))
    _refuse_twice(examples)
    if recipe is not None and recipe != examples.recipe and recipe != examples.recipe.split()[0]:
        raise DataSetError(
            f"{examples.files[0]}: its views are of the recipe {examples.recipe}, {recipe} is "
            "asked for: make the data set anew with that recipe, or train anew with these."
        )
    return examples


def record_files(path: str | Path) -> list[Path]:
    """List the files of records that a path names, in order.

    Parameters
    ----------
    path : str or Path
        A data set (its shards are checked against the manifest), a folder, a file, or a pattern.

    Returns
    -------
    list of Path

    Raises
    ------
    DataSetError
        There are no such files, or a shard of a folder is missing.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if (path / MANIFEST_FILE).is_file():
        return verify(path, read_manifest(path))
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if f.is_file() and _SHARD.fullmatch(f.name))
        _refuse_gaps(path, files)
        words = "no file is named like train-00000-of-00008"
    else:
        pattern = path.relative_to(path.anchor)
        files = sorted(f for f in Path(path.anchor).glob(str(pattern)) if f.is_file())
        words = "there is no such file or folder"
    if not files:
        raise DataSetError(f"{path}: {words}: name a data set, or a folder or files of records.")
    return files


def check_trainable(examples: Examples) -> None:
    """Refuse examples from which a network cannot learn to tell planets from others.

    Raises
    ------
    DataSetError
        All labelled examples are planets, or none is.
    """
    counts = {name: count for name, count in class_counts(examples.label).items() if count}
    if "PC" not in counts or not set(counts) & set(CLASSES[1:]):
        have = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise DataSetError(
            f"{', '.join(examples.files)}: there are {have}: a network learns to tell PC from AFP "
            "or NTP, give it records of planets and of others."
        )


def relabelled(examples: Examples, table: LabelTable) -> tuple[Examples, list[str]]:
    """Replace the labels of the records by those of a table; synthetic examples keep their labels.

    Parameters
    ----------
    examples : Examples
    table : LabelTable

    Returns
    -------
    examples : Examples
        A candidate that the table does not contain, or contains with several labels, is unknown.
    ambiguous : list of str
        A sentence for each candidate that several signals with different labels match.
    """
    label, ambiguous = examples.label.copy(), []
    for i in np.flatnonzero(~examples.synthetic).tolist():
        period, duration = examples.scalars[i, :2].astype(float)
        match = table.match(int(examples.star[i]), period, float(examples.epoch[i]), duration)
        label[i] = CLASSES.index(match.label) if match.label in CLASSES else -1
        if match.ambiguous:
            ambiguous.append(f"{examples.where(i)} is {match.ambiguous} in {table.release}.")
    return replace(examples, label=label), ambiguous


class _Rows:
    """Arrays with a row for each record, filled one record at a time."""

    def __init__(self, count: int, names: Iterable[str], table: LabelTable | None) -> None:
        self.used = 0
        self.recipe: str | None = None
        self.multiplicity = {} if table is None else table.multiplicity()
        # The system gives memory only to pages that are written, so a view that no record has costs
        # none.
        self.views = {n: np.zeros((count, VIEW_LENGTHS[n]), np.float32) for n in names}
        self.has = {name: np.zeros(count, bool) for name in self.views}
        self.scalars = np.full((count, len(SCALARS)), np.nan, np.float32)
        self.epoch = np.full(count, np.nan)
        self.synthetic = np.zeros(count, bool)
        self.ints = {n: np.zeros(count, np.int64) for n in ("label", "star", "number", "file")}
        self.ints["offset"] = np.zeros(count, np.int64)
        scalar_features = (feature for feature, _ in FEATURE_OF_SCALAR.values())
        self.features = tuple(dict.fromkeys((*self.views, *_NEEDED, *scalar_features)))

    def add(self, file: int, record: Record) -> None:
        i = self.used
        star = record.integer("kepid")
        recipe = record.text("recipe") or ASTRONET
        # Recipe ASTRONET gives the published views bit by bit, so both may stand in one data set.
        if self.recipe is None or (self.recipe == ASTRONET and recipe.split()[0] == ASTRONET):
            self.recipe = recipe
        elif recipe not in (self.recipe, ASTRONET) or self.recipe.split()[0] != recipe.split()[0]:
            raise DataSetError(
                f"{record.file}: its views are of the recipe {recipe}, those before are of "
                f"{self.recipe}: data sets of one recipe can be taken together."
            )
        label = record.text(LABEL) or UNKNOWN
        if label not in (*CLASSES, UNKNOWN):
            raise record.error(
                f"has the label {label!r}: there are {', '.join(CLASSES)} and {UNKNOWN}."
            )
        values = {
            "label": CLASSES.index(label) if label in CLASSES else -1,
            "star": star,
            "number": record.integer("tce_plnt_num"),
            "file": file,
            "offset": record.offset,
        }
        for name, value in values.items():
            self.ints[name][i] = value
        self.scalars[i] = of_record(record, self.multiplicity.get(star, float("nan")))
        self.epoch[i] = record.number_of("tce_time0bk")
        self.synthetic[i] = record.number_of("synthetic") == 1
        for name, rows in self.views.items():
            view = record.view(name)
            if view is not None:
                rows[i], self.has[name][i] = view, True
        self.used += 1

    def examples(self, files: tuple[str, ...]) -> Examples:
        n = self.used
        there = [name for name, has in self.has.items() if has.any()]
        ints = {name: values[:n] for name, values in self.ints.items()}
        period = self.scalars[:n, 0].astype(np.float64)
        # A synthetic signal shares its times with no other star, so it gets no ephemeris for
        # grouping.
        period[self.synthetic[:n]] = np.nan
        return Examples(
            views={name: self.views[name][:n] for name in there},
            has={name: self.has[name][:n] for name in there},
            scalars=self.scalars[:n],
            epoch=self.epoch[:n],
            group=groups(ints["star"], period, self.epoch[:n]),
            synthetic=self.synthetic[:n],
            files=files,
            recipe=self.recipe or ASTRONET,
            **ints,
        )


def _refuse_gaps(folder: Path, files: Sequence[Path]) -> None:
    """Refuse a folder that lacks a shard; the names of shards say how many there are."""
    there = {file.name for file in files}
    for name in sorted(there):
        stem, _, count = _SHARD.fullmatch(name).groups()  # type: ignore[union-attr]
        for k in range(int(count)):
            if (wanted := f"{stem}-{k:05d}-of-{count}") not in there:
                raise DataSetError(
                    f"{folder / wanted}: the shard is missing: get it, or name the files to read."
                )


def _refuse_twice(examples: Examples) -> None:
    real = np.flatnonzero(~examples.synthetic)
    ids = np.stack([examples.star[real], examples.number[real]])
    order = np.lexsort(ids[::-1])
    same = np.flatnonzero((np.diff(ids[:, order]) == 0).all(axis=0))
    if len(same):
        one, other = sorted(int(k) for k in real[order[same[0] : same[0] + 2]])
        raise DataSetError(
            f"{examples.where(one)} is there twice, again in {examples.where(other)}: "
            "read each record once."
        )
