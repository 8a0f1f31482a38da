"""The command `kepler-lens`: a module for each group of commands."""

from __future__ import annotations

import typer

from kepler_lens.cli import (
    archive,
    dataset,
    delete,
    estimate,
    imports,
    light_curves,
    scores,
    search,
    train,
    transits,
)
from kepler_lens.cli.shared import run

app = typer.Typer(
    help="Light curves of Kepler and K2: look at them, convert them, import them into Warp 10.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order of the help.
app.add_typer(light_curves.commands)
app.add_typer(delete.commands)
app.add_typer(archive.commands)
app.add_typer(dataset.commands)
app.add_typer(estimate.commands)
app.add_typer(imports.commands)
app.add_typer(scores.commands)
app.add_typer(search.commands)
app.add_typer(train.commands)
app.add_typer(transits.commands)


def main() -> None:
    """Run `kepler-lens`."""
    run(app)
