"""What every job is told: how to read its file, the scheduler and its keys, lists of stars."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kepler_lens.errors import KeplerLensError
from kepler_lens.named import TagServer, stars_wanted

Job = TypeVar("Job")


class JobError(KeplerLensError):
    """The job cannot be understood."""


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files for the connection to the scheduler."""

    ca: Path
    cert: Path
    key: Path


def tls_of(scheduler: str | None, files: dict[str, str] | None) -> Tls | None:
    """Read a job's ``tls``, and refuse a ``tls://`` scheduler without it."""
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
        Makes the job of the object's fields.

    Raises
    ------
    JobError
        The file cannot be read, has an unknown or lacks a needed name.
    """
    try:
        return build(dict(json.loads(path.read_text(encoding="utf-8"))))
    except OSError as error:
        raise JobError(f"Cannot read the job file {path}: {error.strerror}.") from None
    except json.JSONDecodeError as error:
        raise JobError(f"The job file {path} is no JSON: {error}.") from None
    except (TypeError, AttributeError, ValueError) as error:
        # TypeError of a dataclass names the field that is unknown or missing.
        reason = str(error).split("__init__() ")[-1]
        raise JobError(f"The job file {path} cannot be understood: {reason}.") from None


def stars_of(
    known: dict[str, Any], server: str | None, read_token: Path | None
) -> tuple[int, ...] | None:
    """Take ``stars`` and ``stars_file`` out of what a job says, and join them; None for all.

    Parameters
    ----------
    known : dict
        Loses both.
    server : str or None
        URL of the Warp 10 server whose tags say what names stand for.
    read_token : Path or None
        None for the token that the server makes public.

    Raises
    ------
    StarListError
        Something is no star, or has a name that the server does not know.
    """
    typed, file = known.pop("stars", None), known.pop("stars_file", None)
    tags = TagServer(server, read_token) if server else None
    return stars_wanted(typed, Path(file) if file else None, tags, "stars")
