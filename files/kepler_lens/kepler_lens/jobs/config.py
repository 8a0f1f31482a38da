"""Read the parts that all job files have: fields, the scheduler's certificates, lists of stars."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kepler_lens.errors import KeplerLensError
from kepler_lens.stars.names import TagServer, stars_wanted

Job = TypeVar("Job")


class JobError(KeplerLensError):
    """A job file, or a job, cannot be understood."""


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files for the connection to the scheduler.

    Attributes
    ----------
    ca : Path
        Certificate of the authority.
    cert, key : Path
        Certificate and private key of this host.
    """

    ca: Path
    cert: Path
    key: Path


def tls_of(scheduler: str | None, files: dict[str, str] | None) -> Tls | None:
    """Read ``tls`` of a job.

    Parameters
    ----------
    scheduler : str or None
        Address of the scheduler.
    files : dict or None
        Names of `Tls` to paths.

    Returns
    -------
    Tls or None

    Raises
    ------
    JobError
        The scheduler is at ``tls://`` and the job has no ``tls``.
    """
    if files is None:
        if scheduler and scheduler.startswith("tls://"):
            raise JobError(f"The scheduler at {scheduler} needs tls: ca, cert and key.")
        return None
    return Tls(**{name: Path(file) for name, file in files.items()})


def load(path: Path, build: Callable[[dict[str, Any]], Job]) -> Job:
    """Read a job file.

    Parameters
    ----------
    path : Path
        JSON object.
    build : callable
        Makes the job from the fields of the object.

    Raises
    ------
    JobError
        The file cannot be read, has an unknown name, or lacks a needed one.
    """
    try:
        return build(dict(json.loads(path.read_text(encoding="utf-8"))))
    except OSError as error:
        raise JobError(f"Cannot read the job file {path}: {error.strerror}.") from None
    except json.JSONDecodeError as error:
        raise JobError(f"The job file {path} is no JSON: {error}.") from None
    except (TypeError, AttributeError, ValueError) as error:
        # The TypeError of a dataclass names the field that is unknown or missing.
        reason = str(error).split("__init__() ")[-1]
        raise JobError(f"The job file {path} cannot be understood: {reason}.") from None


def stars_of(
    known: dict[str, Any], server: str | None, read_token: Path | None
) -> tuple[int, ...] | None:
    """Remove ``stars`` and ``stars_file`` from the fields of a job, and return all their stars.

    Parameters
    ----------
    known : dict
        Fields of the job; loses both.
    server : str or None
        URL of the Warp 10 server whose tags have the names of stars.
    read_token : Path or None
        None for the token that the server makes public.

    Returns
    -------
    tuple of int or None
        KIC or EPIC numbers; None for all stars.

    Raises
    ------
    StarListError
        An entry is no star, or has a name that the server does not know.
    """
    typed, file = known.pop("stars", None), known.pop("stars_file", None)
    tags = TagServer(server, read_token) if server else None
    return stars_wanted(typed, Path(file) if file else None, tags, "stars")
