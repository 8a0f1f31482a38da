"""`kepler-lens scores`: score the candidates of many stars on the fleet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kepler_lens.cli.shared import end_job

commands = typer.Typer()


@commands.command()
def scores(
    job: Annotated[
        Path,
        typer.Option(
            "--job", metavar="FILE", help="Everything from a JSON file, as the unit does."
        ),
    ],
) -> None:
    """Score every candidate of the server that the model has not scored, or those of some stars.

    The model is the one that was published last, or the one that the job names, or the package's
    own. Scores become series `transit.score` beside the candidates; those of other models stay.
    Leaves catalogue.csv, ranked by score, in the state folder, and says how far the candidates lie
    from what the model was trained on.

    Exit status: 0 all have a score; 3 all but those of some stars (the table has the reasons);
    4 stopped by a signal; 75 another such job is running; 1 anything else, in one sentence.

    Example: kepler-lens scores --job /etc/kepler-lens/scores.json
    """
    # Imported on demand, so that `--help` does not wait seconds for Dask and the search.
    from kepler_lens.jobs.scorer.driver import run_scores
    from kepler_lens.jobs.searcher.config import load_job

    wanted = load_job(job)
    report = run_scores(wanted, say=typer.echo)
    end_job(report, wanted.state)
