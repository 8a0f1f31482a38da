"""What every job is told: how to read its file, the scheduler and its keys, lists of stars."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kepler_lens.errors import KeplerLensError

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


def stars_of(stars: list[Any] | None, file: str | None) -> tuple[int, ...] | None:
    """Join the stars named in a job and those in the file it names; None for all."""
    if file is not None:
        stars = [*(stars or []), *read_stars(Path(file))]
    return None if stars is None else tuple(int(star) for star in stars)


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
