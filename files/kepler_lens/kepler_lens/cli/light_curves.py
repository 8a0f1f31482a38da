"""`kepler-lens convert` and `show`: light curves as tables and as pictures."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kepler_lens.cli.shared import Cadence, end, say
from kepler_lens.errors import KeplerLensError
from kepler_lens.missions import STAR_LABEL

if TYPE_CHECKING:
    from kepler_lens.lightcurve import LightCurve
    from kepler_lens.plot import Points

commands = typer.Typer()


class Form(StrEnum):
    """Format to which a light curve can be converted."""

    CSV = "csv"
    GTS = "gts"


@commands.command()
def convert(
    files: Annotated[
        list[Path],
        typer.Argument(help="FITS files, or folders of them.", show_default=False, exists=True),
    ],
    to: Annotated[Form, typer.Option(help="CSV for people, GTS text for Warp 10.")] = Form.CSV,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder to write to, made if needed; otherwise standard output."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="FITS column, may be repeated. Default: SAP_FLUX and PDCSAP_FLUX."),
    ] = None,
) -> None:
    """Convert light curve files to CSV or to the input format of Warp 10 (GTS text).

    A damaged file is named and left out, the others are converted; the exit status is then 3
    (1 where none can be read). Files of one name in several folders keep the names of their
    folders. Times are TDB at the barycentre, in microseconds since 1970.

    Examples
    --------
    `kepler-lens convert kplr006541920-2009166043257_llc.fits > kepler11-q1.csv`

    `kepler-lens convert --to gts --column PDCSAP_FLUX -o gts/ ~/kepler/006541920/`
    """
    from kepler_lens.csv_text import to_csv
    from kepler_lens.files import LightCurveFiles, names_of_tables
    from kepler_lens.gts import CLASS_OF_COLUMN, to_gts
    from kepler_lens.missions import DEFAULT_COLUMNS

    columns = column or list(DEFAULT_COLUMNS)
    if unknown := [c for c in columns if c not in CLASS_OF_COLUMN]:
        known = ", ".join(CLASS_OF_COLUMN)
        raise typer.BadParameter(
            f"no column {unknown[0]!r}; there are {known}", param_hint="--column"
        )
    found = LightCurveFiles(files, say)
    if to is Form.CSV and output is None and len(found.paths) > 1:
        raise typer.BadParameter(
            f"{len(found.paths)} files make as many tables: name a folder with --output",
            param_hint="--output",
        )
    names = names_of_tables(found.paths, f".{to}")
    write = to_csv if to is Form.CSV else to_gts
    for file, curve in found.read(columns):
        text = write(curve, columns)
        if output:
            table = output / names[file]
            table.parent.mkdir(parents=True, exist_ok=True)
            table.write_bytes(text)
        else:
            sys.stdout.buffer.write(text)
    end(found.left_out, len(found.paths) - found.left_out)


@commands.command()
def show(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="FITS files of one star, or a folder.", show_default=False, exists=True
        ),
    ] = None,
    star: Annotated[
        str | None,
        typer.Option(help="KIC or EPIC number, or a name that the tags of the --server know."),
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="The Warp 10 server, such as http://127.0.0.1:8080.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="Read token's file. Default: the token that the server makes public."),
    ] = None,
    cadence: Annotated[Cadence, typer.Option(help="Which series of the star.")] = Cadence.LONG,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Picture to write (.png, .svg or .pdf)."),
    ] = Path("light-curve.png"),
) -> None:
    """Draw a star's light curve: SAP and PDCSAP flux against time, quarter by quarter.

    A damaged file is named and left out; the exit status is then 3 (1 where none can be read). Of
    several versions of a light curve the newest counts.

    Examples
    --------
    `kepler-lens show ~/kepler/006541920/ -o kepler-11.png`

    `kepler-lens show --star 6541920 --server http://127.0.0.1:8080 -o kepler-11.png`
    """
    from kepler_lens.plot import plot_light_curve

    if bool(files) == (star is not None):
        raise typer.BadParameter("name either files or a --star", param_hint="FILES")
    if output.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise typer.BadParameter("its name must end in .png, .svg or .pdf", param_hint="--output")
    left_out = 0
    if files:
        title, mission, series, left_out = _from_files(files, cadence)
    elif star is not None and server:
        from kepler_lens.stars.names import TagServer, star_wanted

        number = star_wanted(star, TagServer(server, token_file), "--star")
        title, mission, series = _from_server(number, server, token_file, cadence)
    else:
        raise typer.BadParameter("--star needs a --server to fetch from", param_hint="--server")
    plot_light_curve(series, title=title, mission=mission).savefig(output)
    typer.echo(f"{sum(len(p.value) for p in series.values())} points drawn: {output}")
    end(left_out)


def _from_files(paths: list[Path], cadence: Cadence) -> tuple[str, str, dict[str, Points], int]:
    from kepler_lens.files import LightCurveFiles, newest
    from kepler_lens.plot import join

    files = LightCurveFiles(paths, say)
    curves = newest(files.read(), say)
    if len({lc.star for lc in curves}) > 1:
        raise KeplerLensError("These files are of several stars: name those of one.")
    chosen: list[LightCurve] = [lc for lc in curves if lc.cadence == cadence]
    if not curves:
        raise KeplerLensError(f"None of {len(files.paths)} files can be read.")
    if not chosen:
        raise KeplerLensError(f"None of these files is of {cadence} cadence.")
    series = {c: join([lc.series(c) for lc in chosen]) for c in chosen[0].columns}
    return chosen[0].labels["OBJECT"], chosen[0].mission, series, files.left_out


def _from_server(
    star: int, server: str, token_file: Path | None, cadence: Cadence
) -> tuple[str, str, dict[str, Points]]:
    from kepler_lens.gts import CLASS_OF_COLUMN
    from kepler_lens.plot import join
    from kepler_lens.warp10.client import Token, Warp10

    warp10 = Warp10(server, patience=10)
    token = Token.from_file(token_file) if token_file else warp10.public_token()
    selector = f"~(sap|pdcsap)\\.flux{{{STAR_LABEL}={star},OBSMODE={cadence}%20cadence}}"
    found = warp10.fetch(selector, token)
    if not found:
        raise KeplerLensError(f"The server {server} has no {cadence} cadence of star {star}.")
    columns = {classname: column for column, classname in CLASS_OF_COLUMN.items()}
    # There are several series of a class where the archive has changed a label between quarters.
    series = {
        columns[classname]: join([s.arrays() for s in found if s.classname == classname])
        for classname in dict.fromkeys(s.classname for s in found)
    }
    return found[0].labels["OBJECT"], found[0].labels["MISSION"], series
