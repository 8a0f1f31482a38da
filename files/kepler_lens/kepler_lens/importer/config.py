"""What an import is told: a job file (JSON), or the same from the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kepler_lens.archive import Selection
from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.jobs.config import JobError, Tls, load, stars_of, tls_of
from kepler_lens.lightcurve import DEFAULT_COLUMNS
from kepler_lens.starlist import numbers_of, words_of

DEFAULT_STATE = "/var/lib/kepler-lens/import"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Files that hold the tokens, under the same path on every worker: only paths travel."""

    read: Path
    write: Path
    ledger_read: Path
    ledger_write: Path


@dataclass(frozen=True, slots=True)
class Archive:
    """How to treat the source.

    Attributes
    ----------
    parallel : int
        Requests at the same time, of each process.
    cache : str or None
        Folder on each worker that keeps downloaded files.
    """

    parallel: int = 4
    cache: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One import.

    Attributes
    ----------
    source : str
        URL or path, see `kepler_lens.archive.open_source`.
    server : str
        URL of Warp 10.
    tokens : Tokens
    selection : Selection
    columns : tuple of str
        FITS names.
    force : bool
        Push again what is in already.
    scheduler : str or None
        Address of a Dask scheduler; None starts workers on this machine.
    tls : Tls or None
        For a scheduler at ``tls://``.
    state : Path
        Folder of lock, status and report.
    archive : Archive
    server_free_bytes, server_total_bytes : int or None
        The disk that holds the server's data; None where unknown, and then not checked.
    server_heap_bytes : int or None
        The most that the server's heap may grow to; None as above.
    """

    source: str
    server: str
    tokens: Tokens
    selection: Selection = field(default_factory=Selection)
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    force: bool = False
    scheduler: str | None = None
    tls: Tls | None = None
    state: Path = Path(DEFAULT_STATE)
    archive: Archive = field(default_factory=Archive)
    server_free_bytes: int | None = None
    server_total_bytes: int | None = None
    server_heap_bytes: int | None = None

    def __post_init__(self) -> None:
        unknown = [c for c in self.columns if c not in CLASS_OF_COLUMN]
        if unknown or not self.columns:
            raise JobError(
                f"Column {', '.join(unknown) or '(none)'} cannot be imported: "
                f"choose from {', '.join(CLASS_OF_COLUMN)}."
            )


def load_job(path: Path, *, stars: bool = True) -> Job:
    """Read a job file.

    Parameters
    ----------
    path : Path
        JSON object with the names of `Job`; ``selection``, ``tokens``, ``tls`` and ``archive`` are
        objects; ``selection`` may have ``stars_file``, a list of stars in a file, beside
        ``stars``. Stars may have names that the server's tags know, see `kepler_lens.starlist`.
    stars : bool
        Whether to look at the list of stars, for which the server may be asked.

    Raises
    ------
    JobError
        The file cannot be read, has an unknown or lacks a needed name.
    StarListError
        Something is no star, or has a name that the server does not know.
    """
    return load(path, partial(_job, with_stars=stars))


def _job(known: dict[str, Any], *, with_stars: bool) -> Job:
    selection = dict(known.pop("selection", {}))
    if not with_stars:
        selection |= {"stars": None, "stars_file": None}
    stars = stars_of(selection, known.get("server"), None)
    segments = numbers_of(selection.pop("segments", None), "segments")
    columns = words_of(known.pop("columns", DEFAULT_COLUMNS), "columns")
    tokens = known.pop("tokens") if "tokens" in known else {}
    return Job(
        selection=Selection(
            stars=stars,
            segments=tuple(segments) or None,
            **selection,
        ),
        tokens=Tokens(**{name: Path(file) for name, file in tokens.items()}),
        tls=tls_of(known.get("scheduler"), known.pop("tls", None)),
        columns=tuple(columns),
        state=Path(known.pop("state", DEFAULT_STATE)),
        archive=Archive(**known.pop("archive", {})),
        **known,
    )
