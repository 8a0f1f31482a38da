"""Keep what each star gives to a data set, and assemble the data set when all stars are done.

Each star has a file of records and, written after it, a file that says how many records there are.
A build that was stopped or killed therefore continues with the next star. The manifest is written
last.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from kepler_lens.classify.build import StarRecords
from kepler_lens.classify.dataset import Examples, class_counts, load
from kepler_lens.classify.labels import CLASSES, LabelTable
from kepler_lens.classify.manifest import (
    MANIFEST_FILE,
    DataSetError,
    Manifest,
    Shard,
    Source,
    file_sha256,
    read_manifest,
    write_manifest,
)
from kepler_lens.classify.records import contents, write_contents
from kepler_lens.classify.splits import PARTS, check_split, draw_parts, folds, held
from kepler_lens.code_digest import digest

RECORDS_A_SHARD = 1024
"""Records in one file of a data set (chosen: with all views and their scatter, a shard has 41
MB)."""
FOLDS = 5
"""Number of folds of the cross-validation that docs/training.md reports (chosen)."""
_PLAN_FILE = "plan.json"
SYNTHETIC_CODE = [
    ("kepler_lens.classify.synthetic", name) for name in ("quieted", "make", "candidates")
]
"""Modules and functions that decide which synthetic light curves are made, and what is found in
them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes into a data set. Stars that were made by different plans are never mixed.

    Attributes
    ----------
    recipe, digest : str
        Name of the recipe of the views, and hash of the code that makes them.
    light_curves : str
        Where the light curves come from.
    labels : tuple of Source
        Tables of labels; empty where the data set has synthetic examples only.
    signals : str
        One of `kepler_lens.classify.build.SIGNALS`.
    synthetic : tuple of str
        Kinds of `kepler_lens.classify.synthetic` to make of each star.
    copies : int
        Light curves of each kind.
    seed : int
        Seed of all random numbers.
    stars : tuple of int
        KIC or EPIC numbers.
    """

    recipe: str
    digest: str
    light_curves: str
    labels: tuple[Source, ...]
    signals: str
    synthetic: tuple[str, ...]
    copies: int
    seed: int
    stars: tuple[int, ...] = field(repr=False)

    def text(self) -> str:
        """Return the plan as JSON; equal plans give equal texts.

        With synthetic examples the text contains a hash of the code that makes them.
        """
        stars = hashlib.sha256(" ".join(map(str, sorted(self.stars))).encode()).hexdigest()
        content = asdict(self) | {"stars": stars}
        if self.synthetic:
            content["synthetic_code"] = digest(SYNTHETIC_CODE)
        return json.dumps(content, indent=1, sort_keys=True) + "\n"


def sources_of(table: LabelTable | None) -> tuple[Source, ...]:
    """Return the table that labels came from, as a tuple; an empty tuple for None."""
    if table is None:
        return ()
    return (Source(table.release, Path(table.path).name, table.sha256, table.exported),)


class Parts:
    """The folder of a data set, with what its stars have given so far.

    Parameters
    ----------
    folder : Path
        Created if needed.
    plan : Plan

    Raises
    ------
    DataSetError
        The folder holds another data set, or stars that were made by another plan.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.parts = folder / "parts"
        self.done = (folder / MANIFEST_FILE).is_file()
        if self.done:
            if read_manifest(folder).plan != plan.text():
                raise DataSetError(
                    f"{folder}: there is a data set that was made in another way (other recipe, "
                    "labels, stars, seed or code): name another folder, or remove this one."
                )
            return
        self.parts.mkdir(parents=True, exist_ok=True)
        path = self.parts / _PLAN_FILE
        if not path.is_file():
            _write(path, plan.text())
        elif path.read_text(encoding="utf-8") != plan.text():
            raise DataSetError(
                f"{self.parts}: there are stars of a data set that was begun in another way (other "
                "recipe, labels, stars, seed or code): name another folder, or remove this one."
            )

    def missing(self) -> list[int]:
        """List the stars that are not made yet."""
        if self.done:
            return []
        return [star for star in sorted(self.plan.stars) if not self._said(star).is_file()]

    def put(self, result: StarRecords) -> None:
        """Write the records of a star to the folder."""
        if result.contents:
            write_contents(self._records(result.star), result.contents)
        said = {"records": len(result.contents), "left_out": result.left_out}
        _write(self._said(result.star), json.dumps(said) + "\n")

    def assemble(self) -> Manifest:
        """Write the shards from the records of all stars, draw the splits and write the manifest.

        Returns
        -------
        Manifest

        Raises
        ------
        DataSetError
            Stars are missing, or no star gave a record.
        RecordError
            The kept file of a star is damaged.
        """
        if self.done:
            return read_manifest(self.folder)
        if lacking := self.missing():
            raise DataSetError(
                f"{self.folder}: {len(lacking)} stars are to be made still, such as {lacking[0]}."
            )
        said = {
            star: json.loads(self._said(star).read_text(encoding="utf-8"))
            for star in sorted(self.plan.stars)
        }
        left_out = {name: why for each in said.values() for name, why in each["left_out"].items()}
        total = sum(each["records"] for each in said.values())
        if not total:
            why = next(iter(left_out.values()), "The labels know none of its stars.")
            raise DataSetError(f"{self.folder}: no star gave a record. {why}")
        for old in self.folder.glob("examples-*"):
            old.unlink()
        shards = self._shards([star for star, each in said.items() if each["records"]], total)
        examples = load([self.folder / shard.name for shard in shards], views=())
        if len(examples) != total:
            raise DataSetError(
                f"{self.parts}: {len(examples)} records are there of {total} that were made: "
                "remove the folder and make the data set anew."
            )
        manifest = _manifest(self.plan, examples, tuple(shards), left_out)
        write_manifest(self.folder, manifest)
        shutil.rmtree(self.parts)
        self.done = True
        return manifest

    def _shards(self, stars: Sequence[int], total: int) -> list[Shard]:
        count = -(-total // RECORDS_A_SHARD)
        records = self._contents(stars)
        shards = []
        for k in range(count):
            path = self.folder / f"examples-{k:05d}-of-{count:05d}"
            written = write_contents(path, islice(records, RECORDS_A_SHARD))
            shards.append(Shard(path.name, written, path.stat().st_size, file_sha256(path)))
        return shards

    def _contents(self, stars: Sequence[int]) -> Iterator[bytes]:
        for star in stars:
            yield from contents(self._records(star))

    def _records(self, star: int) -> Path:
        return self.parts / f"{star:09d}.records"

    def _said(self, star: int) -> Path:
        return self.parts / f"{star:09d}.json"


def _manifest(
    plan: Plan, examples: Examples, shards: tuple[Shard, ...], left_out: dict[str, str]
) -> Manifest:
    groups = np.unique(examples.group)
    group_parts: dict[str, list[int]] = {}
    folded: list[list[int]] = []
    which = (examples.group, examples.label, examples.synthetic)
    # A data set of few stars, such as one for evaluation only, cannot be split.
    if len(groups) >= len(PARTS):
        part = draw_parts(*which, plan.seed)
        kept = held(part, examples.synthetic)
        check_split(kept, examples.star, examples.group, examples.synthetic)
        group_parts = {
            name: np.unique(examples.group[part == k]).tolist() for k, name in enumerate(PARTS)
        }
    if len(groups) >= FOLDS:
        fold = folds(*which, FOLDS, plan.seed)
        folded = [np.unique(examples.group[fold == k]).tolist() for k in range(FOLDS)]
    made = class_counts(examples.label[examples.synthetic])
    return Manifest(
        recipe=plan.recipe,
        digest=plan.digest,
        plan=plan.text(),
        seed=plan.seed,
        light_curves=plan.light_curves,
        labels=plan.labels,
        counts=examples.counts(),
        synthetic={name: made[name] for name in CLASSES},
        stars=len(np.unique(examples.star)),
        groups=len(groups),
        shards=shards,
        parts=group_parts,
        folds=tuple(folded),
        left_out=left_out,
    )


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
