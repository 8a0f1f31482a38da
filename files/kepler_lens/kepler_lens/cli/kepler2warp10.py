"""The command `kepler2warp10`: push files of light curves to a Warp 10 server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kepler_lens.cli.shared import SOME_FAILED, ServerOption, run
from kepler_lens.errors import InputRefusedError, KeplerLensError, LightCurveError
from kepler_lens.missions import STAR_LABEL

if TYPE_CHECKING:
    from kepler_lens.warp10.client import Token, Warp10

_ENDINGS = (".csv", ".gts")
_PIECE = 2**20
_STAR = re.compile(rb"[{,]" + STAR_LABEL.encode() + rb"=([0-9]{1,10})[,}]")

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def push(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Files ending in .csv or .gts, or folders of them.",
            show_default=False,
            exists=True,
        ),
    ],
    server: ServerOption,
    token_file: Annotated[Path, typer.Option(help="File of the write token.", show_default=False)],
) -> None:
    """Push light curves to a Warp 10 server, from CSV or GTS text as `kepler-lens convert` writes.

    A file that the server or the reader turns down is named and left out, the others are pushed;
    the exit status is then 3. Pushing a file again changes nothing. For whole missions use
    `kepler-lens import`, which remembers what is there.

    Examples
    --------
    `kepler2warp10 kepler11-q1.csv --server http://127.0.0.1:8080 --token-file write.token`

    `kepler2warp10 gts/ --server http://127.0.0.1:8080 --token-file write.token`
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from kepler_lens.warp10.client import Token, Warp10
    from kepler_lens.warp10.directory import CLASS
    from kepler_lens.warp10.star_points import forget

    token = Token.from_file(token_file)
    stars: set[int] = set()
    files = list(_files(paths))
    warp10 = Warp10(server, patience=30)
    pushed = failed = 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("pushing", total=sum(f.stat().st_size for f in files))
        for file in files:
            progress.update(task, description=file.name)
            try:
                points = _push(warp10, file, token, stars)
            except (LightCurveError, InputRefusedError) as error:
                failed += 1
                progress.console.print(f"{file}: left out. {error}", markup=False, soft_wrap=True)
            else:
                pushed += points
            progress.advance(task, file.stat().st_size)
    # The notes may lack new series of these stars; without a note, readers use the server's own
    # directory.
    forget(warp10, token, f"{CLASS}{{}}", sorted(stars))
    typer.echo(f"{pushed} points of {len(files) - failed} files pushed, {failed} files left out.")
    if failed:
        raise typer.Exit(SOME_FAILED)


def _push(warp10: Warp10, file: Path, token: Token, stars: set[int]) -> int:
    """Push a file, add its stars to `stars`, and return its number of points (lines)."""
    from kepler_lens.csv_text import from_csv
    from kepler_lens.gts import to_gts

    if file.suffix == ".csv":
        curve = from_csv(file.read_bytes(), file.name)
        text = to_gts(curve)
        stars.add(curve.star)
        warp10.update(text, token)
        return text.count(b"\n")
    lines = 0

    def pieces() -> Iterator[bytes]:
        nonlocal lines
        lines = 0
        with file.open("rb") as opened:
            while piece := opened.read(_PIECE) + opened.readline():
                lines += piece.count(b"\n")
                stars.update(map(int, _STAR.findall(piece)))
                yield piece

    warp10.update(pieces, token)
    return lines


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            if path.suffix not in _ENDINGS:
                raise KeplerLensError(
                    f"{path}: is neither .csv nor .gts. `kepler-lens convert` makes them from FITS."
                )
            yield path
            continue
        inside = sorted(f for f in path.rglob("*") if f.suffix in _ENDINGS)
        if not inside:
            raise KeplerLensError(f"{path}: there is no .csv or .gts file in this folder.")
        yield from inside


def main() -> None:
    """Run `kepler2warp10`."""
    run(app)
