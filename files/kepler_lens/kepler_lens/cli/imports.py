"""``kepler-lens import`` and ``kepler-lens status``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from kepler_lens.cli.shared import end_job
from kepler_lens.errors import KeplerLensError
from kepler_lens.missions import k2, kepler

if TYPE_CHECKING:
    from kepler_lens.jobs.importer.config import Tokens
    from kepler_lens.warp10.client import Warp10

commands = typer.Typer()

HOME_STATE = Path("~/.local/state/kepler-lens/import")
SYSTEM_JOB = Path("/etc/kepler-lens/import.json")
SYSTEM_TOKENS = Path("/etc/kepler-lens/tokens")

JobOption = Annotated[
    Path | None,
    typer.Option("--job", metavar="FILE", help="Everything from a JSON file, as the unit does."),
]
TokensOption = Annotated[
    Path,
    typer.Option(
        "--tokens",
        metavar="FOLDER",
        help="Folder of read.token, write.token, ledger-read.token and ledger-write.token.",
    ),
]
StateOption = Annotated[
    Path, typer.Option("--state", metavar="FOLDER", help="Folder of lock, status and report.")
]
ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Warp 10, such as http://127.0.0.1:8080."),
]


@commands.command("import")
def import_(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="Folder, tarball, zip file, or URL (https://, s3://) of FITS files.",
        ),
    ] = None,
    job: JobOption = None,
    star: Annotated[
        list[str] | None,
        typer.Option(
            "--star",
            help="KIC or EPIC number, or a name that the server's tags know, such as Kepler-11; "
            "may be repeated.",
        ),
    ] = None,
    stars_file: Annotated[
        Path | None, typer.Option("--stars-file", help="A file with such stars.")
    ] = None,
    quarter: Annotated[
        list[int] | None, typer.Option("--quarter", help="Kepler's; may be repeated.")
    ] = None,
    campaign: Annotated[
        list[int] | None, typer.Option("--campaign", help="K2's; may be repeated.")
    ] = None,
    cadence: Annotated[str, typer.Option("--cadence", help="long or short.")] = "long",
    columns: Annotated[
        str, typer.Option("--columns", help="FITS names, with commas between them.")
    ] = "SAP_FLUX,PDCSAP_FLUX",
    force: Annotated[bool, typer.Option("--force", help="Push again what is in already.")] = False,
    server: ServerOption = None,
    tokens: TokensOption = SYSTEM_TOKENS,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="Dask scheduler; without one, workers are started on this machine.",
        ),
    ] = None,
    state: StateOption = HOME_STATE,
    server_free_bytes: Annotated[
        int | None,
        typer.Option(help="What is free on the disk of the server's data; checked before."),
    ] = None,
    server_total_bytes: Annotated[
        int | None, typer.Option(help="The size of that disk, of which a part is kept free.")
    ] = None,
    server_heap_bytes: Annotated[
        int | None, typer.Option(help="What the server's heap may grow to; checked before.")
    ] = None,
) -> None:
    """Import light curves into Warp 10.

    What is in already is left out, so running it again goes on where it stopped; a file that
    changed replaces what it had brought.

    Tarballs and zip files in a folder are read one after the other.

    Exit status: 0 all is in; 3 all is in but for rejected files and stars that the source does not
    have (the table names both); 4 stopped by a signal; 75 another import is
    running; 1 anything else, in one sentence.

    Example: kepler-lens import ./fits --server http://127.0.0.1:8080 --tokens ./tokens
    """
    # Imported on demand, so that `--help` does not wait a second for Dask and astropy.
    from kepler_lens.jobs.importer.config import load_job
    from kepler_lens.jobs.importer.driver import run_import
    from kepler_lens.stars.lists import words_of
    from kepler_lens.stars.names import TagServer, stars_wanted

    if job is not None:
        if source is not None:
            raise KeplerLensError("Give either SOURCE or --job FILE: a job file names its source.")
        wanted = load_job(job)
    else:
        mission = _mission(quarter, campaign)
        wanted = _job_of(
            source,
            server,
            tokens,
            columns=tuple(name.upper() for name in words_of(columns, "--columns")),
            selection={
                "stars": stars_wanted(
                    star, stars_file, TagServer(server) if server else None, "--star"
                ),
                "segments": tuple(quarter or campaign or ()) or None,
                "mission": mission,
                "cadence": cadence,
            },
            force=force,
            scheduler=scheduler,
            state=state.expanduser(),
        )
    if server_free_bytes is not None:
        wanted = replace(
            wanted, server_free_bytes=server_free_bytes, server_total_bytes=server_total_bytes
        )
    if server_heap_bytes is not None:
        wanted = replace(wanted, server_heap_bytes=server_heap_bytes)
    report = run_import(wanted, say=typer.echo)
    end_job(report, wanted.state)


@commands.command()
def status(
    job: JobOption = None,
    server: ServerOption = None,
    tokens: TokensOption = SYSTEM_TOKENS,
    state: StateOption = HOME_STATE,
    report: Annotated[
        bool, typer.Option("--report", help="Show the last import's table instead.")
    ] = False,
    width: Annotated[int, typer.Option("--width", help="Columns of that table.")] = 100,
    recount: Annotated[
        bool,
        typer.Option(
            "--recount", help="Count anew all that is there, and say by how much the sums were off."
        ),
    ] = False,
) -> None:
    """Say what is in the server and what the import does: one key=value a line.

    `stars`, `files` and `points` count what has been imported completely; `sums` is `right`, or
    `in progress` while an import writes more than is counted for this answer, or has been stopped.
    Where an import is set up as a service, its job file is the default. `--recount` needs all four
    tokens; it also names all series of light curves in the register, where readers look for them.
    """
    from kepler_lens.jobs.importer.config import load_job
    from kepler_lens.jobs.importer.table import render_summary
    from kepler_lens.jobs.report import REPORT_FILE, STATUS_FILE
    from kepler_lens.ledger import Ledger
    from kepler_lens.warp10.client import Token, Warp10

    folder, files = state.expanduser(), _tokens(tokens)
    if job is None and server is None and state == HOME_STATE and SYSTEM_JOB.exists():
        job = SYSTEM_JOB
    if job is not None:
        # The status does not need the list of stars, which may be unreadable.
        known = load_job(job, stars=False)
        folder, files, server = known.state, known.tokens, known.server
    if report:
        content = _read(folder / REPORT_FILE)
        if content is None:
            raise KeplerLensError(f"No import has ended yet: {folder} holds no {REPORT_FILE}.")
        typer.echo(render_summary(content, width), nl=False)
        return
    if server is None:
        raise KeplerLensError("Name the server: --server URL, or --job FILE.")
    warp10 = Warp10(server, patience=5.0)
    recounted = _recount(warp10, files) if recount else {}
    summary = Ledger(warp10, Token.from_file(files.ledger_read)).summary()
    lines: dict[str, Any] = {
        "warp10_url": warp10.url,
        "stars": summary.stars,
        "files": summary.files,
        "points": summary.points,
        "sums": "right" if summary.whole else "in progress",
        **recounted,
    }
    last = _read(folder / STATUS_FILE) or {"state": "none"}
    for key in (
        *("state", "message", "source", "started", "updated", "elapsed_s"),
        *("files_done", "files_total", "points", "points_per_s", "eta_s", "quarantined"),
    ):
        lines[f"import_{key}"] = last.get(key)
    for key, value in lines.items():
        typer.echo(f"{key}={'' if value is None else value}")


def _recount(warp10: Warp10, files: Tokens) -> dict[str, int]:
    from dataclasses import asdict

    from kepler_lens.ledger import Sums
    from kepler_lens.warp10.client import Token
    from kepler_lens.warp10.directory import Directory
    from kepler_lens.warp10.register import Register

    read, write, ledger_read, ledger_write = (
        Token.from_file(file)
        for file in (files.read, files.write, files.ledger_read, files.ledger_write)
    )
    off = Sums(warp10, ledger_read, ledger_write).recount()
    register = Register(warp10, read, write)
    registered = register.rebuild()
    directory = Directory(warp10, read, write)
    noted = sum(directory.note(stars, adjacent=True) for stars in register.every_star())
    return {f"off_{name}": value for name, value in asdict(off).items()} | {
        "registered": registered,
        "noted": noted,
    }


def _mission(quarters: list[int] | None, campaigns: list[int] | None) -> str | None:
    if quarters and campaigns:
        raise KeplerLensError("Quarters are Kepler's and campaigns K2's: give one or the other.")
    if campaigns:
        return k2.MISSION.name
    return kepler.MISSION.name if quarters else None


def _job_of(
    source: str | None,
    server: str | None,
    tokens: Path,
    *,
    selection: dict[str, Any],
    **others: Any,
) -> Any:
    from kepler_lens.archive import Selection
    from kepler_lens.jobs.importer.config import Job

    if source is None or server is None:
        raise KeplerLensError("Name the SOURCE and --server URL, or give --job FILE.")
    return Job(source, server, _tokens(tokens), Selection(**selection), **others)


def _tokens(folder: Path) -> Tokens:
    from kepler_lens.jobs.importer.config import Tokens

    names = ("read", "write", "ledger-read", "ledger-write")
    return Tokens(*(folder / f"{name}.token" for name in names))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise KeplerLensError(f"Cannot read {path}: {error}.") from None
    return content
