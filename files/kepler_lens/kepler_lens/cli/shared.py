"""What the commands share: options, messages, and how a command ends."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from kepler_lens.errors import KeplerLensError

if TYPE_CHECKING:
    from collections.abc import Mapping

SOME_FAILED = 3
"""Exit status of a command that left out bad files and finished the rest."""


class Cadence(StrEnum):
    """Interval between measurements of the flux: 29.4 min (long) or 58.8 s (short)."""

    LONG = "long"
    SHORT = "short"


ServerOption = Annotated[
    str,
    typer.Option("--server", help="The Warp 10 server, such as http://127.0.0.1:8080."),
]


def say(line: str) -> None:
    """Print a line to standard error."""
    typer.echo(line, err=True)


def end(left_out: int, done: int = 1) -> None:
    """End a command with `SOME_FAILED` if files were left out, and with 1 if none was done."""
    if left_out:
        raise typer.Exit(SOME_FAILED if done else 1)


def end_job(report: Mapping[str, Any], folder: Path) -> NoReturn:
    """Print a job's table, and end the command with the exit status of the job.

    Parameters
    ----------
    report : mapping
        Report of the job, see `kepler_lens.jobs.report`.
    folder : Path
        State folder of the job.

    Raises
    ------
    KeplerLensError
        The job has failed.
    """
    from kepler_lens.jobs.report import FAILED, SUMMARY_FILE

    typer.echo((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    if report["state"] == FAILED:
        raise KeplerLensError(report["message"])
    raise typer.Exit(report["exit_status"])


def run(application: typer.Typer) -> None:
    """Run a command; print an error of the package on one line and end with its exit status."""
    try:
        application()
    except KeplerLensError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_status)
    except OSError as error:
        typer.echo(f"Error: {error.filename or 'file'}: {error.strerror or error}", err=True)
        sys.exit(1)
