"""`kepler-lens delete`: take stars out of a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kepler_lens.cli.shared import ServerOption
from kepler_lens.errors import KeplerLensError
from kepler_lens.missions import STAR_LABEL

commands = typer.Typer()


@commands.command()
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
    from kepler_lens.gts import class_pattern
    from kepler_lens.ledger import Ledger
    from kepler_lens.stars.names import TagServer, stars_wanted
    from kepler_lens.warp10.client import Token, Warp10
    from kepler_lens.warp10.directory import Directory
    from kepler_lens.warp10.number_pattern import number_pattern
    from kepler_lens.warp10.register import Register
    from kepler_lens.warp10.star_points import SEARCH, WATCH_CLASSES, forget

    numbers = stars_wanted(stars, None, TagServer(server), "STAR") or ()
    token = Token.from_file(token_file)
    ledger_token = Token.from_file(ledger_token_file) if ledger_token_file else None
    ledger_read = Token.from_file(ledger_read_token_file) if ledger_read_token_file else None
    results_token = Token.from_file(results_token_file) if results_token_file else None
    names = ", ".join(map(str, numbers))
    chosen = f"{{{STAR_LABEL}~{number_pattern(numbers)}}}"
    meant = [(f"~({class_pattern()}){chosen}", token)]
    if results_token:
        meant.append((f"~transit\\..*{chosen}", results_token))
    warp10 = Warp10(server, patience=30)
    found = [series for one in meant for series in warp10.delete(*one, dry_run=True)]
    if not found and not ledger_token:
        raise KeplerLensError(f"The server {server} has nothing of {names}.")
    if not yes:
        typer.confirm(f"Delete {len(found)} series of {names} from {server}?", abort=True)
    ledger = Ledger(warp10, ledger_read or ledger_token, ledger_token) if ledger_token else None
    if ledger:
        # The ledger first: if this command is interrupted, an import repairs the rest.
        ledger.forget(numbers)
    # Then the register: as long as a series exists, this command can be repeated.
    Register(warp10, token, token).forget(numbers)
    Directory(warp10, token, token).forget(numbers)
    if results_token:
        # These series hold points of all stars, so they are not among the counted series.
        for name in (SEARCH, *WATCH_CLASSES):
            forget(warp10, results_token, f"{name}{{}}", numbers)
    for one in meant:
        warp10.delete(*one)
    if ledger:
        # An import beside this command may have taken a star for done before its points were gone.
        ledger.forget(numbers)
        if ledger_read:
            ledger.settle_own()
    typer.echo(f"{len(found)} series of {names} deleted.")
