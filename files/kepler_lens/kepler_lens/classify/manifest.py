"""The manifest of a data set: what it was made of, and by what its files are known to be whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kepler_lens.errors import KeplerLensError

MANIFEST_FILE = "manifest.json"
FORMAT = 1
"""Of the manifest; another is refused."""


class DataSetError(KeplerLensError):
    """A data set is damaged, not whole, or not what was asked for."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A file of records: its name, how many records it has, its size (bytes) and its SHA-256."""

    name: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """A table of labels: its release, file name, SHA-256, and when the archive exported it."""

    release: str
    file: str
    sha256: str
    exported: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """See `kepler_lens.classify.dataset`.

    Attributes
    ----------
    recipe, digest : str
        Name of the recipe of the views, and hash of the code and constants that decide them.
    plan : str
        All that decides what is in the data set, as `kepler_lens.classify.parts.Plan` writes it.
    seed : int
        Of the splits, and of all that is synthetic.
    light_curves : str
        Where they came from.
    labels : tuple of Source
    counts : dict
        Examples of each class and `UNK`, without the synthetic ones.
    synthetic : dict
        Synthetic examples of each class.
    stars, groups : int
        Groups share no star and no ephemeris.
    shards : tuple of Shard
    parts : dict
        'train', 'validation' and 'test' to the groups in each, by their smallest star; empty where
        there are fewer than three groups.
    folds : tuple of tuples of int
        The groups of each fold; empty where there are fewer than five.
    left_out : dict
        What is not in the data set, such as a star without a light curve, to why.
    """

    recipe: str
    digest: str
    plan: str
    seed: int
    light_curves: str
    labels: tuple[Source, ...]
    counts: Mapping[str, int]
    synthetic: Mapping[str, int]
    stars: int
    groups: int
    shards: tuple[Shard, ...]
    parts: Mapping[str, Sequence[int]]
    folds: tuple[Sequence[int], ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a folder's manifest: the last of its files, so that what has one is whole."""
    part = folder / f"{MANIFEST_FILE}.part"
    content = {"format": FORMAT, **asdict(manifest)}
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / MANIFEST_FILE)


def read_manifest(folder: str | Path) -> Manifest:
    """Read a folder's manifest.

    Raises
    ------
    DataSetError
        It is none, or of another format.
    """
    path = Path(folder) / MANIFEST_FILE
    make_anew = "make the data set anew with kepler-lens dataset"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content.pop("format")
        if found != FORMAT:
            raise DataSetError(f"{path}: its format is {found}, this is of {FORMAT}: {make_anew}.")
        for name, kind in (("shards", Shard), ("labels", Source)):
            content[name] = tuple(kind(**each) for each in content[name])
        return Manifest(**content | {"folds": tuple(content["folds"])})
    except OSError as error:
        raise DataSetError(
            f"{path}: there is no manifest ({error.strerror}): {make_anew}."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataSetError(
            f"{path}: this is no manifest of a data set ({error}): {make_anew}."
        ) from None


def verify(folder: str | Path, manifest: Manifest) -> list[Path]:
    """Check that all shards are there and whole, byte by byte.

    Returns
    -------
    list of Path
        The shards.

    Raises
    ------
    DataSetError
        One is missing, or was changed.
    """
    paths = []
    for shard in manifest.shards:
        path = Path(folder) / shard.name
        if not path.is_file():
            raise DataSetError(
                f"{path}: the shard is missing: copy the data set again, or make it anew."
            )
        size = path.stat().st_size
        if size != shard.bytes:
            raise DataSetError(
                f"{path}: the shard has {size} bytes, the manifest says {shard.bytes}: copy the "
                "data set again, or make it anew."
            )
        if file_sha256(path) != shard.sha256:
            raise DataSetError(
                f"{path}: the shard is damaged: its SHA-256 is not that of the manifest; copy the "
                "data set again, or make it anew."
            )
        paths.append(path)
    return paths


def file_sha256(path: Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
