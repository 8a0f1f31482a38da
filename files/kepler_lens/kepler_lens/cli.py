"""The command `kepler-lens`.

`main` is the entry point. Other commands are in the modules of `COMMANDS`, which add them to `app`.
"""

from __future__ import annotations

import importlib
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from kepler_lens.errors import KeplerLensError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kepler_lens.lightcurve import LightCurve
    from kepler_lens.plot import Points

app = typer.Typer(
    help="Light curves of Kepler and K2: look at them, convert them, import them into Warp 10.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = (
    "cli_archive",
    "cli_dataset",
    "cli_estimate",
    "cli_import",
    "cli_scores",
    "cli_search",
    "cli_train",
    "cli_transits",
)
"""Modules that add their commands to `app`."""

SOME_FAILED = 3
"""Exit status of a command that left out bad files and finished the rest."""


class Form(StrEnum):
    """Format to which a light curve can be converted."""

    CSV = "csv"
    GTS = "gts"


class Cadence(StrEnum):
    """Interval between measurements of the flux: 29.4 min (long) or 58.8 s (short)."""

    LONG = "long"
    SHORT = "short"


ServerOption = Annotated[
    str,
    typer.Option("--server", help="The Warp 10 server, such as http://127.0.0.1:8080."),
]


@app.command()
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
    from kepler_lens.lightcurve import DEFAULT_COLUMNS

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


@app.command()
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
        from kepler_lens.named import TagServer, star_wanted

        number = star_wanted(star, TagServer(server, token_file), "--star")
        title, mission, series = _from_server(number, server, token_file, cadence)
    else:
        raise typer.BadParameter("--star needs a --server to fetch from", param_hint="--server")
    plot_light_curve(series, title=title, quarters=mission != "K2").savefig(output)
    typer.echo(f"{sum(len(p.value) for p in series.values())} points drawn: {output}")
    end(left_out)


@app.command()
def delete(
    stars: Annotated[
        list[str],
        typer.Argument(
            metavar="STAR…", help="KIC or EPIC numbers, or names that the server's tags know."
        ),
    ],
    server: ServerOption,
    token_file: Annotated[
        Path, typer.Option(help="File of the write token of the light curves.", show_default=False)
    ],
    ledger_token_file: Annotated[
        Path | None,
        typer.Option(
            help="File of the bookkeeping's write token. With it the next import brings the stars "
            "back; without it an import takes them for done, unless forced."
        ),
    ] = None,
    ledger_read_token_file: Annotated[
        Path | None,
        typer.Option(
            help="File of the bookkeeping's read token, with which the sums are kept at once; "
            "without it, `status` counts these stars' neighbours each time.",
        ),
    ] = None,
    results_token_file: Annotated[
        Path | None,
        typer.Option(
            help="File of the results' write token. With it go what searches found in the stars, "
            "and the dips that the server saw."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete stars from the server: all their series, points and tags.

    Examples
    --------
    `kepler-lens delete 6541920 --server http://127.0.0.1:8080 --token-file write.token
    --ledger-token-file ledger-write.token --ledger-read-token-file ledger-read.token`
    """
    from kepler_lens.directory import Directory
    from kepler_lens.gts import CLASS_OF_COLUMN
    from kepler_lens.ledger import Ledger
    from kepler_lens.named import TagServer, stars_wanted
    from kepler_lens.number_pattern import number_pattern
    from kepler_lens.register import Register
    from kepler_lens.star_points import LOOKS, SEARCH, forget
    from kepler_lens.warp10 import Token, Warp10

    numbers = stars_wanted(stars, None, TagServer(server), "STAR") or ()
    token = Token.from_file(token_file)
    ledger_token = Token.from_file(ledger_token_file) if ledger_token_file else None
    ledger_read = Token.from_file(ledger_read_token_file) if ledger_read_token_file else None
    results_token = Token.from_file(results_token_file) if results_token_file else None
    names = ", ".join(map(str, numbers))
    chosen = f"{{KEPLERID~{number_pattern(numbers)}}}"
    classes = "|".join(c.replace(".", r"\.") for c in CLASS_OF_COLUMN.values())
    meant = [(f"~({classes}){chosen}", token)]
    if results_token:
        meant.append((f"~transit\\..*{chosen}", results_token))
    warp10 = Warp10(server, patience=30)
    found = [series for one in meant for series in warp10.delete(*one, dry_run=True)]
    if not found and not ledger_token:
        raise KeplerLensError(f"The server {server} has nothing of {names}.")
    if not yes:
        typer.confirm(f"Delete {len(found)} series of {names} from {server}?", abort=True)
    if ledger_token:
        # The ledger first: if this command is interrupted, an import repairs the rest.
        ledger = Ledger(warp10, ledger_read or ledger_token, ledger_token)
        ledger.forget(numbers)
        if ledger_read:
            ledger.settle_own()
    # Then the register: as long as a series exists, this command can be repeated.
    Register(warp10, token, token).forget(numbers)
    Directory(warp10, token, token).forget(numbers)
    if results_token:
        # These series hold points of all stars, so they are not among the counted series.
        for name in (SEARCH, *LOOKS):
            forget(warp10, results_token, f"{name}{{}}", numbers)
    for one in meant:
        warp10.delete(*one)
    typer.echo(f"{len(found)} series of {names} deleted.")


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
    from kepler_lens.warp10 import Token, Warp10

    warp10 = Warp10(server, patience=10)
    token = Token.from_file(token_file) if token_file else warp10.public_token()
    selector = f"~(sap|pdcsap)\\.flux{{KEPLERID={star},OBSMODE={cadence}%20cadence}}"
    found = warp10.fetch(selector, token)
    if not found:
        raise KeplerLensError(f"The server {server} has no {cadence} cadence of star {star}.")
    columns = {classname: column for column, classname in CLASS_OF_COLUMN.items()}
    series = {columns[s.classname]: join([s.arrays()]) for s in found}
    return found[0].labels["OBJECT"], found[0].labels["MISSION"], series


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


def main() -> None:
    """Run `kepler-lens`."""
    for commands in COMMANDS:
        importlib.import_module(f"kepler_lens.{commands}")
    run(app)
