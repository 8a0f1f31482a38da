"""What an import is told: a job file (JSON), or the same from the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kepler_lens.archive import Selection
from kepler_lens.errors import KeplerLensError
from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.lightcurve import DEFAULT_COLUMNS

DEFAULT_STATE = "/var/lib/kepler-lens/import"


class JobError(KeplerLensError):
    """The job cannot be understood."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Files that hold the tokens, under the same path on every worker: only paths travel."""

    write: Path
    ledger_read: Path
    ledger_write: Path


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files for the connection to the scheduler."""

    ca: Path
    cert: Path
    key: Path


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
        if self.scheduler and self.scheduler.startswith("tls://") and self.tls is None:
            raise JobError(f"The scheduler at {self.scheduler} needs tls: ca, cert and key.")


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
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return _job(fields)
    except OSError as error:
        raise JobError(f"Cannot read the job file {path}: {error.strerror}.") from None
    except json.JSONDecodeError as error:
        raise JobError(f"The job file {path} is no JSON: {error}.") from None
    except (TypeError, AttributeError, ValueError) as error:
        # TypeError of a dataclass names the field that is unknown or missing.
        reason = str(error).split("__init__() ")[-1]
        raise JobError(f"The job file {path} cannot be understood: {reason}.") from None


def _job(fields: dict[str, Any]) -> Job:
    known = dict(fields)
    selection = dict(known.pop("selection", {}))
    stars_file = selection.pop("stars_file", None)
    stars = selection.pop("stars", None)
    if stars_file is not None:
        stars = [*(stars or []), *read_stars(Path(stars_file))]
    segments = selection.pop("segments", None)
    tls = known.pop("tls", None)
    tokens = known.pop("tokens") if "tokens" in known else {}
    return Job(
        selection=Selection(
            stars=None if stars is None else tuple(int(star) for star in stars),
            segments=None if segments is None else tuple(int(s) for s in segments),
            **selection,
        ),
        tokens=Tokens(**{name: Path(file) for name, file in tokens.items()}),
        tls=None if tls is None else Tls(**{name: Path(file) for name, file in tls.items()}),
        columns=tuple(known.pop("columns", DEFAULT_COLUMNS)),
        state=Path(known.pop("state", DEFAULT_STATE)),
        archive=Archive(**known.pop("archive", {})),
        **known,
    )


def read_stars(path: Path) -> list[int]:
    """Read a list of stars: numbers apart by anything blank or commas, ``#`` begins a comment."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise JobError(f"Cannot read the list of stars {path}: {reason}.") from None
    stars = []
    for number, line in enumerate(text.splitlines(), start=1):
        for word in line.split("#", 1)[0].replace(",", " ").split():
            if not word.isascii() or not word.isdigit():
                raise JobError(f"{path}, line {number}: {word!r} is no KIC or EPIC number.")
            stars.append(int(word))
    if not stars:
        raise JobError(f"The list of stars {path} is empty: write KIC or EPIC numbers into it.")
    return stars
