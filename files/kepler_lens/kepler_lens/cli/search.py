"""`kepler-lens search`: search the light curve of one star for transits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from kepler_lens.cli.shared import end, say
from kepler_lens.errors import KeplerLensError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kepler_lens.transit_search.preparation.observations import Observations
    from kepler_lens.transit_search.search import Result

commands = typer.Typer()


@commands.command()
def search(
    star: Annotated[
        str,
        typer.Argument(
            help="KIC or EPIC number; with a --server also a name that its tags know, such as "
            "Kepler-11."
        ),
    ],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="FITS files of the star, or folders of them.", show_default=False, exists=True
        ),
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="The Warp 10 server, such as http://127.0.0.1:8080.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="Read token's file. Default: the token that the server makes public."),
    ] = None,
    column: Annotated[
        str, typer.Option(help="PDCSAP_FLUX, or SAP_FLUX as it was measured.")
    ] = "PDCSAP_FLUX",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write to. Default: search-STAR."),
    ] = None,
    results_token_file: Annotated[
        Path | None,
        typer.Option(help="File of the results' write token: write what is found to the --server."),
    ] = None,
    plots: Annotated[bool, typer.Option(help="Draw a page for each candidate.")] = True,
    model: Annotated[
        Path | None,
        typer.Option(help="Folder of the model bundle that scores. Default: the package's own."),
    ] = None,
) -> None:
    """Search a star for transiting planets, vet and score what is found.

    All periods from 0.17 days to half of what was observed are searched; every candidate is
    masked before the next is looked for, until nothing stands out of the noise. A score is the
    calibrated probability that a candidate is a planet. The folder gets
    candidates.csv, search.json with every figure, and one page of plots for each candidate. With
    the results' write token they also become series of the server, beside the light curve. Times
    are BKJD: days after noon of 1 January 2009 (TDB). Of several versions of a light curve the
    newest counts. A damaged file, and a quarter whose median flux is not positive, are named and
    left out; the exit status is then 3, and where a file is missing nothing is written to a server.

    Examples
    --------
    `kepler-lens search 6541920 ~/kepler/006541920/ -o kepler-11`

    `kepler-lens search 11442793 --server http://127.0.0.1:8080`
    """
    from kepler_lens.classify.bundle import Bundle
    from kepler_lens.classify.scoring import scored
    from kepler_lens.stars.names import TagServer, star_wanted
    from kepler_lens.transit_search.preparation.observations import FLUX_COLUMNS
    from kepler_lens.transit_search.report.files import write_result
    from kepler_lens.transit_search.search import search_and_vet

    if column not in FLUX_COLUMNS:
        raise typer.BadParameter(f"there are {' and '.join(FLUX_COLUMNS)}", param_hint="--column")
    if not files and not server:
        raise typer.BadParameter("name either files or a --server", param_hint="FILES")
    if files and server and not results_token_file:
        raise typer.BadParameter("name either files or a --server", param_hint="FILES")
    if results_token_file and not server:
        raise typer.BadParameter("needs a --server to write to", param_hint="--results-token-file")
    number = star_wanted(star, TagServer(server, token_file) if server else None, "STAR")
    fingerprint, left_out = "", 0
    quarters: list[str] = []
    if server and not files:
        from kepler_lens.transit_search.store.light_curve import curve_from_server

        curve = curve_from_server(number, server, token_file, column)
        observed, fingerprint = curve.observations(quarters.append), curve.fingerprint
    else:
        observed, left_out = _from_files(number, files or [], column, quarters.append)
    for line in quarters:
        say(line)
    result = scored(search_and_vet(observed), Bundle.load(model))
    folder = output or Path(f"search-{number}")
    written = write_result(folder, result, plots=plots)
    if left_out and results_token_file:
        raise KeplerLensError(
            f"Nothing was written to {server}: {left_out} files cannot be read, and what was found "
            f"without them ({folder}) would count as the whole star's."
        )
    if results_token_file and server:
        from kepler_lens.transit_search.store.write import push
        from kepler_lens.warp10.client import Token, Warp10

        results_token = Token.from_file(results_token_file)
        push(Warp10(server, patience=30), results_token, result, uuid4().hex, fingerprint)
    _print(result)
    typer.echo(f"{len(written)} files written: {folder}")
    end(left_out + len(quarters))


def _from_files(
    star: int, paths: list[Path], column: str, left_out: Callable[[str], object]
) -> tuple[Observations, int]:
    from kepler_lens.files import LightCurveFiles, newest
    from kepler_lens.transit_search.preparation.observations import FLUX_COLUMNS, observations_of

    files = LightCurveFiles(paths, say)
    mine = newest(files.read((*FLUX_COLUMNS, "SAP_QUALITY"), star), say)
    if not mine:
        unread = f", and {files.left_out} cannot be read" if files.left_out else ""
        raise KeplerLensError(f"None of the {len(files.paths)} files is of star {star}{unread}.")
    return observations_of(mine, column, left_out), files.left_out


def _print(result: Result) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from kepler_lens.transit_search.report.table import row

    observations = result.search.observations
    title = f"{observations.name}: {len(result.candidates)} candidates"
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True
    )
    for name in ("", "period\n[d]", "epoch\n[BKJD]", "duration\n[h]", "depth\n[ppm]", "SNR"):
        table.add_column(name, justify="right")
    table.add_column("transits", justify="right")
    table.add_column("score", justify="right")
    table.add_column("disposition", min_width=len("disposition"))
    for vetted in result.candidates:
        r = row(observations, vetted)
        names = ("tce_model_snr", "tce_num_transits", "score", "disposition")
        table.add_row(
            str(r["tce_plnt_num"]),
            f"{r['tce_period']:.5f}",
            f"{r['tce_time0bk']:.3f}",
            f"{r['tce_duration']:.2f}",
            f"{r['tce_depth']:.0f}",
            *(str(r[name]) for name in names),
        )
    console = Console()
    console.print(table)
    for event in result.search.single_transits:
        console.print(
            f"Lone event at BKJD {event.time_bkjd:.2f}: {event.depth_ppm:.0f} ppm for "
            f"{event.duration_hours:.1f} h ({event.statistic:.1f} deviations).",
            highlight=False,
        )
    for pair in result.search.pairs:
        console.print(str(pair), highlight=False)
    if not result.candidates:
        shortest, longest = result.search.periods_days
        console.print(
            f"Periods from {shortest:.2f} to {longest:.0f} days were searched. A planet "
            f"with a period of 10 days would have been found from {result.search.limit_ppm:.0f} "
            "ppm on.",
            highlight=False,
        )
