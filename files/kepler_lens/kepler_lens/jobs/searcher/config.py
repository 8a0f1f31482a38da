"""The settings of a search of many stars, from a job file (JSON)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kepler_lens.jobs.config import JobError, Section, Tls, job_on_stars, load

DEFAULT_STATE = "/var/lib/kepler-lens/transits"
DEFAULT_MODELS = "/var/lib/kepler-lens/models"
COLUMNS = ("PDCSAP_FLUX", "SAP_FLUX")


class Tokens(Section, frozen=True):
    """Files of the tokens, with the same path on every worker: only paths travel to workers.

    Attributes
    ----------
    read : Path
        File of a read token.
    results_write : Path
        File of the write token for results.
    """

    read: Path
    results_write: Path


class Job(Section, frozen=True):
    """One search of many stars.

    Attributes
    ----------
    server : str
        URL of Warp 10.
    tokens : Tokens
    stars : tuple of int or None
        KIC or EPIC numbers; None for every star of the server.
    column : str
        FITS name, one of `COLUMNS`; any other raises a JobError.
    force : bool
        Whether to search a star again although its last search had the same light curve and the
        same version of the search.
    scheduler : str or None
        Address of a Dask scheduler; None starts workers on this machine.
    tls : Tls or None
        For a scheduler at ``tls://``.
    state : Path
        Folder of lock, status, report, catalogue and pages.
    models : Path
        Folder of the published models, see `kepler_lens.jobs.models`.
    model : str
        Name of the model that scores candidates; empty for the one that counts.
    """

    server: str
    tokens: Tokens
    stars: tuple[int, ...] | None = None
    column: str = "PDCSAP_FLUX"
    force: bool = False
    scheduler: str | None = None
    tls: Tls | None = None
    state: Path = Path(DEFAULT_STATE)
    models: Path = Path(DEFAULT_MODELS)
    model: str = ""

    def __post_init__(self) -> None:
        if self.column not in COLUMNS:
            raise JobError(f"{self.column} cannot be searched: choose from {', '.join(COLUMNS)}.")


def load_job(path: Path) -> Job:
    """Read a job file.

    Parameters
    ----------
    path : Path
        JSON object with the names of `Job`. ``tokens`` and ``tls`` are objects. Beside ``stars``
        there may be ``stars_file``, a file with a list of stars. Stars may have names that the
        server's tags know, see `kepler_lens.stars.lists`.

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
    job: Job = load(path, partial(job_on_stars, model=Job))
    return job
