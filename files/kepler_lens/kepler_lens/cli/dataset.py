"""`kepler-lens dataset`: labelled candidates with their views, for a training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kepler_lens.cli.shared import end, end_job, say
from kepler_lens.errors import KeplerLensError

if TYPE_CHECKING:
    from kepler_lens.classify.dataset import Examples
    from kepler_lens.classify.manifest import Manifest

commands = typer.Typer()

_SAY_EVERY = 20


@commands.command()
def dataset(
    output: Annotated[
        Path | None,
        typer.Argument(help="Folder of the data set, made if needed.", show_default=False),
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option(help="Folder of FITS files, in any layout.", exists=True, file_okay=False),
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="Or the Warp 10 server, such as http://127.0.0.1:8080.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="Read token's file. Default: the token that the server makes public."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Table of NASA's Exoplanet Archive as CSV: TCEs of DR24, or KOIs.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    release: Annotated[
        str,
        typer.Option(
            help="What table that is: q1_q17_dr24_tce, or of the KOI tables cumulative, "
            "q1_q17_dr25_koi or q1_q17_dr24_koi. Another one is refused."
        ),
    ] = "q1_q17_dr24_tce",
    recipe: Annotated[
        str,
        typer.Option(
            help="How views are made: search-1 from the light curve that the search has freed of "
            "its star's variability, astronet-1 as in AstroNet's published records."
        ),
    ] = "search-1",
    signals: Annotated[
        str,
        typer.Option(
            help="table: the signals of the table. search: what this package's search finds, "
            "matched to the table by star, period and epoch. none: only what is --synthetic, which "
            "needs no table."
        ),
    ] = "table",
    synthetic: Annotated[
        list[str] | None,
        typer.Option(
            help="Add planets and impostors made of each light curve: planet, eclipse, "
            "eclipse_half, inverted, scrambled. May be repeated."
        ),
    ] = None,
    copies: Annotated[
        int, typer.Option(min=1, help="Light curves to make of each star and --synthetic.")
    ] = 1,
    star: Annotated[
        list[str] | None,
        typer.Option(
            help="KIC number, with a --server also a name that its tags know; may be repeated. "
            "Default: all that the table knows; without one, all."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the splits and of what is synthetic.")] = 0,
    check: Annotated[
        bool, typer.Option("--check", help="Build nothing: check the folder that is named.")
    ] = False,
    job: Annotated[
        Path | None,
        typer.Option(
            "--job", metavar="FILE", help="Everything from a JSON file, on the fleet, as the unit."
        ),
    ] = None,
) -> None:
    """Build a data set of labelled candidates, or check one.

    Each star's candidates become records: views of the folded light curve, scalars such as depth
    and period, and the label (PC planet, AFP eclipse, NTP noise). The folder gets shards of
    TFRecords in AstroNet's own layout, and manifest.json with their checksums, the recipe, the
    labels' release and the splits into train, validation and test, which share no star and no
    ephemeris. Stopped and started again it goes on with the next star. What the labels do not
    know, or know twice with different labels, is left out and named.

    With --check every record is read, of AstroNet's published files too, and what is there is
    counted; a damaged or missing file is named, and the exit status is not 0.

    With --job the stars of a Warp 10 server are taken on the fleet. Exit status: 0 the data set is
    whole; 3 whole but for stars that are left out (the table has the reasons); 4 stopped by a
    signal; 75 another such job is running; 1 anything else, in one sentence.

    Examples
    --------
    `kepler-lens dataset dr24/ --files ~/kepler --labels q1_q17_dr24_tce.csv`

    `kepler-lens dataset mine/ --server http://127.0.0.1:8080 --labels koi.csv
    --release cumulative --signals search --synthetic inverted --synthetic eclipse_half`

    `kepler-lens dataset made/ --files ~/kepler --signals none --synthetic scrambled --copies 5`

    `kepler-lens dataset --check dr24/`
    """
    from kepler_lens.classify.build import SIGNALS, StarSettings, records_of_star
    from kepler_lens.classify.curves import from_folder, from_server
    from kepler_lens.classify.labels import read_labels
    from kepler_lens.classify.parts import Parts, Plan, sources_of
    from kepler_lens.classify.recipes import recipe as recipe_of
    from kepler_lens.classify.synthetic import KINDS
    from kepler_lens.jobs.defects import DefectError, Defects, defect
    from kepler_lens.stars.names import TagServer, stars_wanted

    if job is not None:
        _run(job)
    if output is None:
        raise typer.BadParameter("name the folder of the data set", param_hint="OUTPUT")
    if check:
        _check(output)
        return
    if (files is None) == (server is None):
        raise typer.BadParameter("name either --files or a --server", param_hint="--files")
    kinds = tuple(dict.fromkeys(synthetic or ()))
    if labels is None and signals != "none":
        raise typer.BadParameter("name the table of labels", param_hint="--labels")
    if signals == "none" and not kinds:
        raise typer.BadParameter("name what is made of a light curve", param_hint="--synthetic")
    for name, value, known in (
        ("--signals", signals, SIGNALS),
        *(("--synthetic", kind, KINDS) for kind in kinds),
    ):
        if value not in known:
            raise typer.BadParameter(f"there are {', '.join(known)}", param_hint=name)
    makes = recipe_of(recipe)
    table = read_labels(labels, release) if labels else None
    asked = stars_wanted(star, None, TagServer(server, token_file) if server else None, "--star")
    left_out: list[str] = []

    def leave_out(line: str) -> None:
        left_out.append(line)
        say(line)

    if files:
        stars, curve_of = from_folder(files, leave_out)
    else:
        stars, curve_of = from_server(server or "", token_file, leave_out)
    wanted = set(asked or stars)
    if table and not asked:
        wanted &= set(table.of_star)
    if not wanted:
        raise KeplerLensError(
            f"{labels}: the table knows none of the {len(stars)} stars with a light curve."
        )
    plan = Plan(
        recipe=makes.name,
        digest=makes.digest,
        light_curves=server or str(files),
        labels=sources_of(table),
        signals=signals,
        synthetic=kinds,
        copies=copies,
        seed=seed,
        stars=tuple(sorted(wanted)),
    )
    parts = Parts(output, plan)
    settings = StarSettings(table, signals, kinds, copies, seed)
    missing = parts.missing()
    defects = Defects()
    for done, number in enumerate(missing, start=len(wanted) - len(missing) + 1):
        try:
            parts.put(records_of_star(number, curve_of, settings, makes))
        except KeplerLensError:
            raise
        except Exception as error:
            defects.add(defect(error, f"star {number}"), f"star {number}")
        if done % _SAY_EVERY == 0:
            typer.echo(f"{done} of {len(wanted)} stars", err=True)
    if message := defects.sentence():
        raise DefectError(f"{message} The other stars are done: nothing is assembled yet.")
    manifest = parts.assemble()
    for name, why in manifest.left_out.items():
        typer.echo(f"Left out: {name}: {why}", err=True)
    _print_manifest(output, manifest)
    end(len(left_out))


def _run(job: Path) -> None:
    from kepler_lens.jobs.builder.config import load_job
    from kepler_lens.jobs.builder.driver import run_build

    wanted = load_job(job)
    report = run_build(wanted, say=typer.echo)
    end_job(report, wanted.state)


def _check(folder: Path) -> None:
    from kepler_lens.classify.dataset import load
    from kepler_lens.classify.manifest import MANIFEST_FILE, read_manifest
    from kepler_lens.classify.splits import PARTS, check_split, held, stored

    examples = load(folder)
    if (folder / MANIFEST_FILE).is_file():
        manifest = read_manifest(folder)
        if manifest.parts:
            part = stored(examples.group, [manifest.parts[name] for name in PARTS])
            part = held(part, examples.synthetic)
            check_split(part, examples.star, examples.group, examples.synthetic)
        _print_manifest(folder, manifest)
    else:
        _print_examples(folder, examples)


def _print_manifest(folder: Path, manifest: Manifest) -> None:
    counts = [f"{count} {name}" for name, count in manifest.counts.items() if count]
    if made := sum(manifest.synthetic.values()):
        counts.append(f"{made} synthetic")
    typer.echo(
        f"{folder}: {', '.join(counts)} of {manifest.stars} stars in "
        f"{manifest.groups} groups; recipe {manifest.recipe} {manifest.digest}; "
        f"{len(manifest.shards)} shards."
    )


def _print_examples(folder: Path, examples: Examples) -> None:
    counts = ", ".join(f"{count} {name}" for name, count in examples.counts().items() if count)
    stars, groups = len(set(examples.star.tolist())), len(set(examples.group.tolist()))
    typer.echo(
        f"{folder}: {counts} of {stars} stars in {groups} groups; recipe {examples.recipe}; "
        f"views {', '.join(examples.views)}."
    )
