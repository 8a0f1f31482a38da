"""Format reports of jobs as text."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text


def as_text(parts: list[Table], width: int) -> str:
    """Return tables as text, one below the other.

    Parameters
    ----------
    parts : list of Table
    width : int
        Columns of the terminal.

    Returns
    -------
    str
    """
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(Group(*parts))
    return capture.get()


def duration(seconds: float) -> str:
    """Return a duration, given in seconds, as people say it."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole:02d} s" if minutes else f"{whole} s"


def facts(title: str, rows: Mapping[str, str]) -> Table:
    """Make a table of names and values."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table
