"""``kepler-lens list``, ``fetch``, ``simulate`` and ``tag``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kepler_lens.cli.shared import Cadence, end, say
from kepler_lens.errors import KeplerLensError, LightCurveError
from kepler_lens.missions import mission_named
from kepler_lens.missions.mission import MAST_HTTPS

if TYPE_CHECKING:
    from kepler_lens.archive import Item, Selection, Source

commands = typer.Typer()

StarArgument = Annotated[str, typer.Argument(metavar="STAR", help="KIC or EPIC number.")]
SourceOption = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Where to look: the archive (https:// or s3://stpubdata/), a web server's folder, "
        "a local folder, a tarball or a zip file.",
    ),
]
SegmentOption = Annotated[
    list[int] | None,
    typer.Option("--quarter", "--campaign", help="Only this one; may be repeated."),
]
CadenceOption = Annotated[Cadence, typer.Option(help="How often the flux was measured.")]
_COMMAND_PATIENCE = 10.0


class Table(StrEnum):
    """A table of the Exoplanet Archive."""

    KOI = "KOI"
    K2 = "K2"


@commands.command("list")
def list_(
    star: StarArgument,
    source: SourceOption = MAST_HTTPS,
    segment: SegmentOption = None,
    cadence: Annotated[
        Cadence | None, typer.Option(help="How often the flux was measured. Default: both.")
    ] = None,
) -> None:
    """List what the archive has of a star: one file a line.

    Columns: quarter or campaign, cadence, size in bytes if known, URL.

    Examples
    --------
    `kepler-lens list 6541920`

    `kepler-lens list 211611158 --campaign 5 --source s3://stpubdata/`

    `kepler-lens list 6541920 --source ~/kepler`
    """
    from kepler_lens.archive import open_source
    from kepler_lens.archive.headers import with_star
    from kepler_lens.stars.names import star_wanted

    number = star_wanted(star, None, "STAR")
    count = 0
    for asked in [cadence] if cadence else Cadence:
        opened = open_source(source, patience=_COMMAND_PATIENCE)
        selection = _selection(number, segment, asked)
        for item in with_star(opened.items(selection), selection, opened.settings):
            if item.star is None:
                continue
            count += 1
            segment_text = mission_named(item.mission).segment_text
            where = "?" if item.segment is None else segment_text(item.segment)
            typer.echo(f"{where:4} {item.cadence:5} {item.size or '-':>9} {item.url}")
    if not count:
        raise _nothing(number, opened)


@commands.command()
def fetch(
    star: StarArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write to, made if needed.")
    ],
    source: SourceOption = MAST_HTTPS,
    segment: SegmentOption = None,
    cadence: CadenceOption = Cadence.LONG,
) -> None:
    """Fetch a star's light curve files; those already there and intact are kept.

    Each file is verified by its checksums before it gets its name. One that is damaged at the
    source, or that the source refuses, is named and left out; the exit status is then 3 (1 where
    none is intact).

    Examples
    --------
    `kepler-lens fetch 6541920 -o kepler-11/`

    `kepler-lens fetch 6541920 --quarter 4 --cadence short -o kepler-11/`
    """
    from kepler_lens.archive import ItemError, open_source, read_item
    from kepler_lens.archive.headers import with_star
    from kepler_lens.lightcurve import read_light_curve
    from kepler_lens.stars.names import star_wanted

    number = star_wanted(star, None, "STAR")
    opened = open_source(source, patience=_COMMAND_PATIENCE)
    output.mkdir(parents=True, exist_ok=True)
    count = left_out = 0
    selection = _selection(number, segment, cadence)
    taken: set[Path] = set()
    for item in with_star(opened.items(selection), selection, opened.settings):
        if item.star is None:
            continue
        count += 1
        path = _unlike(taken, output, item)
        if _is_intact(path):
            typer.echo(f"{path}: is there already")
            continue
        try:
            data = read_item(item, opened.settings)
            read_light_curve(data, name=item.url)
        except (LightCurveError, ItemError) as error:
            left_out += 1
            say(str(error))
            continue
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(data)
        part.replace(path)
        typer.echo(f"{path}: {len(data)} bytes")
    if not count:
        raise _nothing(number, opened)
    end(left_out, count - left_out)


@commands.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to write to, made if needed.")],
    stars: Annotated[int, typer.Option(help="How many stars.", min=1)] = 4,
    quarter: Annotated[
        list[int] | None,
        typer.Option(help="Quarter, 0 to 17; may be repeated. Default: 1 to 17."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.", min=0)] = 0,
    kind: Annotated[
        str,
        typer.Option(help="Of star: planets, timing, binary, contact, heartbeat or spots."),
    ] = "planets",
) -> None:
    """Write simulated light curves with planets in them, as files of the Kepler pipeline.

    Stars are numbered from 900000001, their mission is `Simulation`; three of four have planets,
    which `planets.csv` lists (period in days, epoch in BKJD, duration in hours, depth in ppm).

    Examples
    --------
    `kepler-lens simulate sky/`

    `kepler-lens simulate sky/ --stars 100 --quarter 1 --quarter 2 --seed 7`

    `kepler-lens simulate binaries/ --kind binary`
    """
    from kepler_lens.simulation.simulate import TRUTH_NAME
    from kepler_lens.simulation.simulate import simulate as write

    planets = write(folder, stars=stars, quarters=quarter, seed=seed, kind=kind)
    typer.echo(f"{stars} stars with {len(planets)} planets: {folder}, see {folder / TRUTH_NAME}")


@commands.command()
def tag(
    server: Annotated[str, typer.Option(help="The Warp 10 server, such as http://127.0.0.1:8080.")],
    token_file: Annotated[
        Path, typer.Option(help="File of the write token of the light curves.", show_default=False)
    ],
    koi: Annotated[
        Path | None, typer.Option(help="Kepler Objects of Interest, CSV of the Exoplanet Archive.")
    ] = None,
    k2: Annotated[
        Path | None, typer.Option(help="K2 planets and candidates, CSV of the Exoplanet Archive.")
    ] = None,
    tap: Annotated[
        bool, typer.Option("--tap", help="Ask the Exoplanet Archive for both tables.")
    ] = False,
    read_token_file: Annotated[
        Path | None,
        typer.Option(help="Read token's file. Default: the token that the server makes public."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take tags away, however many they are.")
    ] = False,
) -> None:
    """Tag the stars on the server that have planets or candidates.

    Attributes of the series: disposition, planets, kois, candidates, teff (K), radius (solar
    radii). FIND selects by them: `[ $token '~.*' { 'disposition' 'CONFIRMED' } ] FIND`, and
    wherever a star is named they tell what `Kepler-11` or `KOI-157` is. A star that the tables do
    not name any more loses its tags, but more than a tenth of all only with `--force`. A second
    run changes nothing.

    Examples
    --------
    `kepler-lens tag --tap --server http://127.0.0.1:8080 --token-file write.token`

    `kepler-lens tag --koi cumulative.csv --k2 k2pandc.csv --server http://127.0.0.1:8080
    --token-file write.token`
    """
    from kepler_lens.stars.tags import Catalogue, apply_tags, query_table, read_table
    from kepler_lens.warp10.client import Token, Warp10

    files = {Table.KOI: koi, Table.K2: k2}
    if tap == any(files.values()):
        raise typer.BadParameter("name table files (--koi, --k2) or --tap, one of the two")
    write_token = Token.from_file(token_file)
    catalogue = Catalogue()
    for table, file in files.items():
        if not tap and file is None:
            continue
        rows = query_table(table) if file is None else read_table(file, table)
        (catalogue.add_koi if table is Table.KOI else catalogue.add_k2)(rows)
    if catalogue.nameless:
        typer.echo(
            f"{len(catalogue.nameless)} K2 host stars stand in the table without an EPIC number "
            "and cannot be tagged; --tap has the numbers",
            err=True,
        )
    warp10 = Warp10(server, patience=_COMMAND_PATIENCE)
    read_token = Token.from_file(read_token_file) if read_token_file else warp10.public_token()
    done = apply_tags(
        warp10, catalogue, read_token=read_token, write_token=write_token, force=force
    )
    typer.echo(
        f"{done.stars} stars have tags; {done.changed + done.cleared} series changed"
        + (f", {done.cleared} of them lost theirs" if done.cleared else "")
    )


def _selection(star: int, segments: list[int] | None, cadence: Cadence) -> Selection:
    from kepler_lens.archive import Selection

    return Selection((star,), tuple(segments) if segments else None, cadence=cadence.value)


def _unlike(taken: set[Path], output: Path, item: Item) -> Path:
    """Return a path that no earlier file has: files of several folders may have equal names."""
    # Whatever a source calls its files, they stay in the folder.
    name = Path(item.name.removesuffix(".gz")).name
    path, number = output / name, 1
    while path in taken:
        number += 1
        path = output / f"{item.star}-{number}-{name}"
    taken.add(path)
    return path


def _nothing(star: int, source: Source) -> KeplerLensError:
    return KeplerLensError(
        f"{source.url} has no light curve of star {star} that was asked for; there is "
        f"{source.seen.words()}. {source.seen.advice()}"
    )


def _is_intact(path: Path) -> bool:
    from kepler_lens.files import read_file

    try:
        read_file(path)
    except LightCurveError:
        return False
    return True
