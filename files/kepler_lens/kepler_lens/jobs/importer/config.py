"""Read what an import is told: a job file (JSON), or the same from the command line."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from kepler_lens.archive import Selection
from kepler_lens.gts import CLASS_OF_COLUMN
from kepler_lens.jobs.config import (
    JobError,
    Section,
    StarFields,
    Tls,
    check_tls,
    checked,
    load,
    stars_of,
    words_in,
)
from kepler_lens.missions import DEFAULT_COLUMNS
from kepler_lens.stars.lists import numbers_of

DEFAULT_STATE = "/var/lib/kepler-lens/import"


class Tokens(Section, frozen=True):
    """Files that hold the tokens; only their paths are sent to the workers.

    Attributes
    ----------
    read, write : Path
        Tokens of the light curves. All paths are the same on every worker.
    ledger_read, ledger_write : Path
        Tokens of the ledger.
    """

    read: Path
    write: Path
    ledger_read: Path
    ledger_write: Path


class Archive(Section, frozen=True):
    """How to read from the source.

    Attributes
    ----------
    parallel : int
        Requests at the same time, for each process.
    cache : str or None
        Folder on each worker that keeps downloaded files; None keeps none.
    """

    parallel: int = 4
    cache: str | None = None


class Job(Section, frozen=True):
    """One import.

    Attributes
    ----------
    source : str
        URL or path, see `kepler_lens.archive.open_source`.
    server : str
        URL of Warp 10.
    tokens : Tokens
    selection : Selection
        Light curves to import.
    columns : tuple of str
        FITS names.
    force : bool
        Whether to push again what is in already.
    scheduler : str or None
        Address of a Dask scheduler; None starts workers on this machine.
    tls : Tls or None
        Certificates for a scheduler at ``tls://``.
    state : Path
        Folder of lock, status and report.
    archive : Archive
    server_free_bytes, server_total_bytes : int or None
        Free and total bytes of the disk with the server's data. None where unknown; the disk is
        then not checked.
    server_heap_bytes : int or None
        Greatest size of the server's heap, bytes. None where unknown; the heap is then not checked.
    """

    source: str
    server: str
    tokens: Tokens
    selection: Selection = Selection()
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    force: bool = False
    scheduler: str | None = None
    tls: Tls | None = None
    state: Path = Path(DEFAULT_STATE)
    archive: Archive = Archive()
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
        objects. The selection may have ``stars_file``, a file with a list of stars, beside
        ``stars``. A star may have a name that is in the server's tags, see `stars.lists`.
    stars : bool
        Whether to read the list of stars, for which the server may be asked.

    Returns
    -------
    Job

    Raises
    ------
    JobError
        The file cannot be read, or has a field that is unknown, missing or of another type.
    StarListError
        An entry is no star, or has a name that the server does not know.
    """
    return load(path, partial(_job, with_stars=stars))


class _Chosen(Section, frozen=True):
    """The fields of ``selection`` that are no list, see `kepler_lens.archive.Selection`."""

    mission: str | None = None
    cadence: str = "long"


def _job(known: dict[str, Any], *, with_stars: bool) -> Job:
    selection: dict[str, Any] = checked(known.pop("selection", {}), dict[str, Any], "selection")
    listed = StarFields.taken_from(selection)
    numbers = checked(
        selection.pop("segments", None), str | int | list[str | int] | None, "selection.segments"
    )
    chosen: _Chosen = checked(selection, _Chosen, "selection")
    columns = words_in(known, "columns")
    job: Job = checked(known, Job)
    check_tls(job.scheduler, job.tls)
    return replace(
        job,
        columns=DEFAULT_COLUMNS if columns is None else columns,
        selection=Selection(
            stars=stars_of(listed, job.server, None) if with_stars else None,
            segments=tuple(numbers_of(numbers, "segments")) or None,
            mission=chosen.mission,
            cadence=chosen.cadence,
        ),
    )
