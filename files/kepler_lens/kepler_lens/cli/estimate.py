"""The command `kepler-lens estimate`."""

from __future__ import annotations

from typing import Annotated

import typer

from kepler_lens.cli.shared import Cadence

commands = typer.Typer()

_HEAP_PART = 0.25
"""Part of a host's memory that is the server's heap by default (`warp10_heap_percent`)."""


@commands.command()
def estimate(
    stars: Annotated[int, typer.Argument(min=1, help="How many stars.", show_default=False)],
    files: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Files of a star: quarters, campaigns or months. [default: 17; of short 6]",
        ),
    ] = None,
    cadence: Annotated[
        Cadence, typer.Option(help="How often the flux was measured.")
    ] = Cadence.LONG,
    columns: Annotated[int, typer.Option(min=1, max=5, help="Columns that are imported.")] = 2,
) -> None:
    """Say what a server for so many stars takes: disk, memory, and time.

    Constants measured with Warp 10 2.1.0, see `jobs.importer.estimate`; no server is asked.

    Example: kepler-lens estimate 550000 --files 9
    """
    from rich.console import Console
    from rich.table import Table

    from kepler_lens.jobs.importer import estimate as known
    from kepler_lens.jobs.text import duration

    each = known.TYPICAL_FILES_A_STAR[cadence] if files is None else files
    points = int(stars * each * known.TYPICAL_ROWS[cadence] * columns * known.FINITE)
    volume = known.Volume(int(stars * each), points, whole=True, series=stars * columns)
    heap = known.heap_bytes(volume.series)
    table = Table(show_header=False, box=None)
    for name, text in {
        "stars": f"{stars:,}",
        "files": f"{volume.files:,}",
        "points": f"{points:,}",
        "disk": known.gib(int(points * known.BYTES_A_POINT)),
        "disk while it compacts": known.gib(volume.disk_bytes),
        f"import at {known.POINTS_A_SECOND:,} points a second": duration(volume.seconds),
        "least heap": known.gib(heap),
        "memory of a host whose quarter that is": known.gib(int(heap / _HEAP_PART)),
        "from start until it answers": duration(known.start_seconds(volume.series)),
    }.items():
        table.add_row(name, text)
    Console(highlight=False).print(table)
