"""`kepler-lens transits`: search many stars on the fleet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kepler_lens.cli.shared import end_job

commands = typer.Typer()


@commands.command()
def transits(
    job: Annotated[
        Path,
        typer.Option(
            "--job", metavar="FILE", help="Everything from a JSON file, as the unit does."
        ),
    ],
) -> None:
    """Search every star of the server for transits, or those that a job names.

    A star is searched again only where its light curve or the search itself has changed, so
    running it again goes on where it stopped. Leaves catalogue.csv and the candidates' pages in
    the state folder.

    Exit status: 0 all are searched; 3 all but those that cannot be (the table has the reasons);
    4 stopped by a signal; 75 another search is running; 1 anything else, in one sentence.

    Example: kepler-lens transits --job /etc/kepler-lens/transits.json
    """
    # Imported on demand, so that `--help` does not wait seconds for Dask and the search.
    from kepler_lens.jobs.searcher.config import load_job
    from kepler_lens.jobs.searcher.driver import run_search

    wanted = load_job(job)
    report = run_search(wanted, say=typer.echo)
    end_job(report, wanted.state)
