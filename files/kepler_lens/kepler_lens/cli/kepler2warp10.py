"""The command `kepler2warp10`: push files of light curves to a Warp 10 server."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from kepler_lens.cli.shared import SOME_FAILED, ServerOption, run
from kepler_lens.errors import InputRefusedError, KeplerLensError, LightCurveError
from kepler_lens.missions import STAR_LABEL

if TYPE_CHECKING:
    from kepler_lens.warp10.client import Token, Warp10

_ENDINGS = (".csv", ".gts")
_PIECE = 2**20
"""Bytes that are read and sent together, but for the rest of a line (chosen)."""
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

    A file that cannot be read, or that the server turns down, is named and left out, the others are
    pushed; the exit status is then 3. Pushing a file again changes nothing. For whole missions use
    `kepler-lens import`, which remembers what is there.

    Examples
    --------
    `kepler2warp10 kepler11-q1.csv --server http://127.0.0.1:8080 --token-file write.token`

    `kepler2warp10 gts/ --server http://127.0.0.1:8080 --token-file write.token`
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from kepler_lens.warp10.client import Token, Warp10

    token = Token.from_file(token_file)
    stars: set[int] = set()
    files = list(_files(paths))
    warp10 = Warp10(server, patience=30)
    sizes = [_size(file) for file in files]
    pushed = failed = 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("pushing", total=sum(sizes))
        for file, size in zip(files, sizes, strict=True):
            progress.update(task, description=file.name)
            try:
                pushed += _push(warp10, file, token, stars)
            except (LightCurveError, InputRefusedError, OSError) as error:
                why = error.strerror or error if isinstance(error, OSError) else error
                failed += 1
                progress.console.print(f"{file}: left out. {why}", markup=False, soft_wrap=True)
            progress.advance(task, size)
    # Once more: an import may have noted the stars meanwhile.
    _forget(warp10, token, stars)
    typer.echo(f"{pushed} points of {len(files) - failed} files pushed, {failed} files left out.")
    if failed:
        raise typer.Exit(SOME_FAILED)


def _push(warp10: Warp10, file: Path, token: Token, stars: set[int]) -> int:
    """Push a file, add its stars to `stars`, and return its number of points (lines).

    The notes of its stars are deleted before, so that they are right whenever the command ends.
    """
    from kepler_lens.csv_text import from_csv
    from kepler_lens.gts import to_gts

    if file.suffix == ".csv":
        curve = from_csv(file.read_bytes(), file.name)
        text = to_gts(curve)
        _forget(warp10, token, {curve.star} - stars)
        stars.add(curve.star)
        warp10.update(text, token)
        return text.count(b"\n")
    lines = 0
    found: set[int] = set()
    for piece in _pieces(file):
        lines += piece.count(b"\n")
        found.update(map(int, _STAR.findall(piece)))
    _forget(warp10, token, found - stars)
    stars |= found
    warp10.update(partial(_pieces, file), token)
    return lines


def _pieces(file: Path) -> Iterator[bytes]:
    """Yield a file in pieces of whole lines."""
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE) + opened.readline():
            yield piece


def _forget(warp10: Warp10, token: Token, stars: Iterable[int]) -> None:
    """Delete the notes of some stars' series: a note may lack new ones.

    Without a note, readers use the server's own directory.
    """
    from kepler_lens.warp10.directory import CLASS
    from kepler_lens.warp10.star_points import forget

    forget(warp10, token, f"{CLASS}{{}}", sorted(stars))


def _size(file: Path) -> int:
    """Return a file's size in bytes; 0 where it cannot be read, which is found and said later."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            if path.suffix not in _ENDINGS:
                raise KeplerLensError(
                    f"{path}: is neither .csv nor .gts. `kepler-lens convert` makes them from FITS."
                )
            yield path
            continue
        below = os.walk(path, onerror=_unreadable)
        inside = sorted(
            file
            for folder, _, names in below
            for file in (Path(folder, name) for name in names)
            if file.suffix in _ENDINGS
        )
        if not inside:
            raise KeplerLensError(f"{path}: there is no .csv or .gts file in this folder.")
        yield from inside


def _unreadable(error: OSError) -> NoReturn:
    raise KeplerLensError(
        f"{error.filename}: cannot be read ({error.strerror}). "
        "Let this user read the folder and all below it."
    ) from error


def main() -> None:
    """Run `kepler2warp10`."""
    run(app)
