"""What an import is told: a job file (JSON), or the same from the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kepler_lens.archive import Selection
from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.jobs.config import JobError, Tls, load, stars_of, tls_of
from kepler_lens.lightcurve import DEFAULT_COLUMNS

DEFAULT_STATE = "/var/lib/kepler-lens/import"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Files that hold the tokens, under the same path on every worker: only paths travel."""

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

    def __post_init__(self) -> None:
        unknown = [c for c in self.columns if c not in CLASS_OF_COLUMN]
        if unknown or not self.columns:
            raise JobError(
                f"Column {', '.join(unknown) or '(none)'} cannot be imported: "
                f"choose from {', '.join(CLASS_OF_COLUMN)}."
            )


def load_job(path: Path) -> Job:
    """Read a job file.

    Parameters
    ----------
    path : Path
        JSON object with the names of `Job`; ``selection``, ``tokens``, ``tls`` and ``archive`` are
        objects; ``selection`` may have ``stars_file``, a list of stars in a file, beside
        ``stars``.

    Raises
    ------
    JobError
        The file cannot be read, has an unknown or lacks a needed name.
    """
    return load(path, _job)


def _job(known: dict[str, Any]) -> Job:
    selection = dict(known.pop("selection", {}))
    stars = stars_of(selection.pop("stars", None), selection.pop("stars_file", None))
    segments = selection.pop("segments", None)
    tokens = known.pop("tokens") if "tokens" in known else {}
    return Job(
        selection=Selection(
            stars=stars,
            segments=None if segments is None else tuple(int(s) for s in segments),
            **selection,
        ),
        tokens=Tokens(**{name: Path(file) for name, file in tokens.items()}),
        tls=tls_of(known.get("scheduler"), known.pop("tls", None)),
        columns=tuple(known.pop("columns", DEFAULT_COLUMNS)),
        state=Path(known.pop("state", DEFAULT_STATE)),
        archive=Archive(**known.pop("archive", {})),
        **known,
    )
