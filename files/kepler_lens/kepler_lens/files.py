"""Light curve files that a command is given, found and read as by an import.

The files of a folder are those that an import lists, in all folders below it, plain or .gz. A file
that cannot be read is named and left out; the other files are read.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from kepler_lens.archive import ItemError, MissingItemError, unpacked
from kepler_lens.archive.folder import light_curve_paths
from kepler_lens.archive.names import facts_of
from kepler_lens.archive.sizes import check_size, size_reason
from kepler_lens.errors import KeplerLensError, LightCurveError
from kepler_lens.lightcurve import LightCurve, read_light_curve, version
from kepler_lens.missions import DEFAULT_COLUMNS


class LightCurveFiles:
    """The files that a command was given, and the number of files that were left out.

    Parameters
    ----------
    paths : iterable of Path
        Files, of any name, and folders.
    refused : callable
        Called with the reason (str) for each file that is left out.

    Attributes
    ----------
    paths : list of Path
        All files; those of a folder are grouped by star and in order of time.
    left_out : int
        Number of files that could not be read so far.

    Raises
    ------
    KeplerLensError
        A folder holds no light curve file, or cannot be read.
    """

    def __init__(self, paths: Iterable[Path], refused: Callable[[str], object]) -> None:
        self.paths = list(dict.fromkeys(each for path in paths for each in _files(path)))
        self.left_out = 0
        self._refused = refused

    def read(
        self, columns: Sequence[str] = DEFAULT_COLUMNS, star: int | None = None
    ) -> Iterator[tuple[Path, LightCurve]]:
        """Read one file after the other.

        Parameters
        ----------
        columns : sequence of str
            FITS names.
        star : int, optional
            Yield only the files of this star; files whose name is that of another star are not
            read.

        Yields
        ------
        (Path, LightCurve)
            Each file that can be read.
        """
        for path in self.paths:
            if star is not None and facts_of(path.name).star not in (None, star):
                continue
            try:
                curve = read_file(path, columns)
            except KeplerLensError as error:
                self.left_out += 1
                self._refused(str(error))
                continue
            if star in (None, curve.star):
                yield path, curve


def newest(
    read: Iterable[tuple[Path, LightCurve]], superseded: Callable[[str], object] = lambda _: None
) -> list[LightCurve]:
    """Keep the newest version of each light curve, as an import does.

    Parameters
    ----------
    read : iterable of (Path, LightCurve)
    superseded : callable, optional
        Called with a sentence that names the older and the newer file.

    Returns
    -------
    list of LightCurve
        One for each star, mission, cadence and first cadence number.
    """
    best: dict[tuple[int, str, str, int], tuple[Path, LightCurve]] = {}
    for path, curve in read:
        key = (curve.star, curve.mission, curve.cadence, curve.first_cadence)
        if key not in best:
            best[key] = path, curve
            continue
        old, new = sorted([best[key], (path, curve)], key=lambda one: _version(one[1]))
        best[key] = new
        superseded(f"{old[0]}: left out, {new[0]} is the newer file of the same cadences")
    return [curve for _, curve in best.values()]


def _version(curve: LightCurve) -> tuple[tuple[int, ...], str]:
    return version(curve.filever, curve.date)


def read_file(path: Path, columns: Sequence[str] = DEFAULT_COLUMNS) -> LightCurve:
    """Read one light curve file, plain or .gz.

    Raises
    ------
    LightCurveError
        The file cannot be read, or is not an intact light curve.
    """
    try:
        check_size(str(path), path.stat().st_size)
        data = unpacked(path.read_bytes(), str(path))
    except OSError as error:
        raise LightCurveError(str(path), f"cannot be read ({error.strerror})") from error
    except MissingItemError as error:
        raise LightCurveError(str(path), "is a damaged .gz file") from error
    except ItemError as error:
        raise LightCurveError(str(path), size_reason()) from error
    return read_light_curve(data, columns, name=str(path))


def names_of_tables(paths: Sequence[Path], suffix: str) -> dict[Path, str]:
    """Return a name for each file below one folder; equal names get their folders' names, too.

    Parameters
    ----------
    paths : sequence of Path
    suffix : str
        Suffix of the names, with its dot.

    Returns
    -------
    dict
        Path to name, a relative path with `suffix`. No two names are equal.
    """
    # Resolved, without any "..": a name must not lead out of the folder.
    folders = {path: path.parent.resolve() for path in paths}
    common = os.path.commonpath(folders.values()) if paths else ""
    below = {path: Path(os.path.relpath(folder, common)) for path, folder in folders.items()}
    names = {path: _stem(path) for path in paths}
    # The second round separates a file and its compressed copy in one folder.
    for longer in (_stem, lambda path: path.name):
        shared = Counter(names.values())
        names |= {p: str(below[p] / longer(p)) for p in paths if shared[names[p]] > 1}
    return {path: f"{name}{suffix}" for path, name in names.items()}


def _stem(path: Path) -> str:
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return plain.stem


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    inside = light_curve_paths(path)
    if not inside:
        raise KeplerLensError(
            f"{path}: there is no light curve file (.fits or .fits.gz) in this folder or below it."
        )
    return inside
