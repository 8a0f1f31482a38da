"""Read the job file (JSON) of the building of a data set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kepler_lens.classify.build import SIGNALS
from kepler_lens.classify.labels import DR24
from kepler_lens.classify.synthetic import KINDS
from kepler_lens.jobs.config import JobError, Section, Tls, job_on_stars, load, words_in

DEFAULT_STATE = "/var/lib/kepler-lens/dataset"


class Tokens(Section, frozen=True):
    """Files that hold the tokens; only their paths are sent to the workers.

    Attributes
    ----------
    read : Path
        File of the read token; the path is the same on every worker.
    """

    read: Path


class Job(Section, frozen=True):
    """The building of one data set.

    Attributes
    ----------
    server : str
        URL of Warp 10.
    tokens : Tokens
    labels : Path
        Table of NASA's Exoplanet Archive, CSV.
    release : str
        Name of that table at the archive.
    name : str
        Name of the data set's folder in `state`.
    recipe : str
        Name of the recipe of views.
    signals : str
        One of `kepler_lens.classify.build.SIGNALS`.
    synthetic : tuple of str
        Kinds of `kepler_lens.classify.synthetic` to make of each star.
    copies : int
        Light curves of each kind.
    seed : int
        Seed of the splits and of the synthetic light curves.
    stars : tuple of int or None
        KIC numbers; None for every star of the server that the table contains.
    scheduler : str or None
        Address of a Dask scheduler; None starts workers on this machine.
    tls : Tls or None
        Certificates for a scheduler at ``tls://``.
    state : Path
        Folder of lock, status, report and data sets.
    """

    server: str
    tokens: Tokens
    labels: Path
    release: str = DR24
    name: str = "dataset"
    recipe: str = "search-1"
    signals: str = SIGNALS[0]
    synthetic: tuple[str, ...] = ()
    copies: int = 1
    seed: int = 0
    stars: tuple[int, ...] | None = None
    scheduler: str | None = None
    tls: Tls | None = None
    state: Path = Path(DEFAULT_STATE)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", self.name):
            raise JobError(
                f"The name {self.name!r} is none: small letters, digits, full stops and hyphens "
                "make the name of a data set."
            )
        if self.signals not in SIGNALS:
            raise JobError(f"There are no signals {self.signals}: choose {' or '.join(SIGNALS)}.")
        for kind in self.synthetic:
            if kind not in KINDS:
                raise JobError(f"{kind} cannot be made: choose from {', '.join(KINDS)}.")
        if self.signals == "none" and not self.synthetic:
            raise JobError(f"There is nothing to make: name kinds of {', '.join(KINDS)}.")
        if self.copies < 1:
            raise JobError(f"{self.copies} copies cannot be made: 1 is the least.")


def load_job(path: Path) -> Job:
    """Read a job file.

    Parameters
    ----------
    path : Path
        JSON object with the names of `Job`; ``tokens`` and ``tls`` are objects. The object may have
        ``stars_file``, a file with a list of stars, beside ``stars``. A star may have a name that
        is in the server's tags, see `kepler_lens.stars.lists`.

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
    return load(path, _job)


def _job(known: dict[str, Any]) -> Job:
    known["synthetic"] = words_in(known, "synthetic") or ()
    job: Job = job_on_stars(known, Job)
    return job
