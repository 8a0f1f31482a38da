"""Write, read and check the manifest of a data set: its sources, counts, splits and files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kepler_lens.errors import KeplerLensError

MANIFEST_FILE = "manifest.json"
FORMAT = 1
"""Version of the format of a manifest; other versions are refused."""


class DataSetError(KeplerLensError):
    """A data set is damaged or incomplete, or is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A file of records.

    Attributes
    ----------
    name : str
        Name of the file.
    records : int
        Number of records in it.
    bytes : int
        Size of the file, bytes.
    sha256 : str
        Hash of the file, 64 hexadecimal digits.
    """

    name: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """A table of labels.

    Attributes
    ----------
    release : str
        Name of the table at NASA's Exoplanet Archive.
    file : str
        Name of the file.
    sha256 : str
        Hash of the file, 64 hexadecimal digits.
    exported : str
        When the archive wrote the file, in the archive's words; empty where unknown.
    """

    release: str
    file: str
    sha256: str
    exported: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Content of a data set's manifest; see `kepler_lens.classify.dataset`.

    Attributes
    ----------
    recipe, digest : str
        Name of the recipe of the views, and hash of the code and constants that decide them.
    plan : str
        All that decides the content of the data set, as `kepler_lens.classify.parts.Plan` writes
        it.
    seed : int
        Seed of the splits and of the synthetic light curves.
    light_curves : str
        Where the light curves came from.
    labels : tuple of Source
        Tables of labels.
    counts : dict
        Number of examples of each class and of `UNK`, without synthetic examples.
    synthetic : dict
        Number of synthetic examples of each class.
    stars, groups : int
        Number of stars, and of groups. Two groups share no star and no ephemeris.
    shards : tuple of Shard
    parts : dict
        'train', 'validation' and 'test' to the groups in each, by their smallest star; empty where
        there are fewer than three groups.
    folds : tuple of tuples of int
        Groups of each fold; empty where there are fewer than five groups.
    left_out : dict
        What is not in the data set, such as a star without a light curve, to the reason.
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
    """Write the manifest of a folder.

    It is the last file to be written, so a folder with a manifest is complete.
    """
    part = folder / f"{MANIFEST_FILE}.part"
    content = {"format": FORMAT, **asdict(manifest)}
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / MANIFEST_FILE)


def read_manifest(folder: str | Path) -> Manifest:
    """Read the manifest of a folder.

    Raises
    ------
    DataSetError
        The file is missing, is no manifest, or is of another format.
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
    """Check that all shards of a data set exist and are unchanged, byte by byte.

    Returns
    -------
    list of Path
        The shards.

    Raises
    ------
    DataSetError
        A shard is missing, or was changed.
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
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
