"""`kepler-lens train`, `evaluate` and `explain`: train, evaluate and explain a model bundle."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from kepler_lens.cli.shared import end_job
from kepler_lens.errors import KeplerLensError

if TYPE_CHECKING:
    from kepler_lens.classify.dataset import Examples
    from kepler_lens.train.runs import Unit
    from kepler_lens.train.trainer import Epoch
    from kepler_lens.transit_search.score import Occlusion

commands = typer.Typer()

RecordsArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Data sets, folders or files of records in AstroNet's layout.", show_default=False
    ),
]
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--table",
        help="NASA's table of DR24's TCEs, to take labels from it instead of the records'.",
        exists=True,
    ),
]
CutOption = Annotated[
    bool,
    typer.Option(help="Read a file that ends in the middle of a record up to there."),
]
ModelOption = Annotated[
    Path | None,
    typer.Option("--model", help="Folder of a model bundle. Default: the one of this package."),
]


@commands.command()
def train(
    records: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Data sets, folders or files of records in AstroNet's layout.", show_default=False
        ),
    ] = None,
    job: Annotated[
        Path | None,
        typer.Option(
            "--job", metavar="FILE", help="Everything from a JSON file, as the unit does."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the bundle, made if needed.")
    ] = Path("model"),
    run_folder: Annotated[
        Path | None,
        typer.Option("--run", help="Folder where the training goes on. Default: OUTPUT-run."),
    ] = None,
    table: TableOption = None,
    allow_cut: CutOption = False,
    members: Annotated[int, typer.Option(min=1, help="Networks of the ensemble.")] = 5,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    per_fold: Annotated[int, typer.Option(min=1, help="Networks a fold.")] = 2,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs a network, at most.")] = 30,
    rate: Annotated[float, typer.Option(min=0.0, help="Greatest learning rate.")] = 0.002,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds, weights and orders.")] = 1,
    scalar: Annotated[
        list[str] | None,
        typer.Option(
            help="Scalar that is an input, may be repeated. Default: period, duration, depth, snr, "
            "stellar_radius, stellar_teff."
        ),
    ] = None,
    branch: Annotated[
        list[str] | None,
        typer.Option(
            help="Branch of the networks, may be repeated. Default: all but global views."
        ),
    ] = None,
    backend: Annotated[str, typer.Option(help="tensorflow or jax.")] = "tensorflow",
    tensorboard: Annotated[
        Path | None, typer.Option(help="Folder for TensorBoard, which gets every epoch's losses.")
    ] = None,
) -> None:
    """Train an ensemble that tells planets from eclipses and noise, and write its model bundle.

    First networks are trained that leave out a fold of the stars each: they give the figures, the
    calibration and the thresholds. Then come the members of the ensemble. Started again with the
    same folder, a training goes on where it stopped, and ends with the same weights bit for bit.
    This needs the packages of requirements-train.txt.

    With --job the exit status is 0 when the model is trained; 4 stopped by a signal; 75 another
    training is running; 1 anything else, in one sentence.

    Examples
    --------
    `kepler-lens train astronet/ astronet_more/ --allow-cut --table q1_q17_dr24_tce.csv -o model`

    `kepler-lens train dataset/ -o model --members 2 --folds 3 --per-fold 1`
    """
    if bool(records) == (job is not None):
        raise typer.BadParameter("name either records or a --job", param_hint="RECORDS")
    if job is not None:
        _train_job(job)
    if backend not in ("tensorflow", "jax"):
        raise typer.BadParameter("there are tensorflow and jax", param_hint="--backend")
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise KeplerLensError(
            f"Training needs the packages of requirements-train.txt, and {error.name} is not here."
        ) from None
    from kepler_lens.classify.inputs import DEFAULT, USED
    from kepler_lens.train.export import export
    from kepler_lens.train.recipes import accepted
    from kepler_lens.train.runs import Settings, run
    from kepler_lens.train.trainer import Plan

    examples = _load(records or [], table, allow_cut=allow_cut)
    settings = Settings(
        folds=folds,
        per_fold=per_fold,
        members=members,
        seed=seed,
        scalars=tuple(scalar) if scalar else USED,
        branches=tuple(branch) if branch else DEFAULT,
        plan=Plan(epochs=epochs, rate=rate),
    )
    board = _board(tensorboard) if tensorboard else None

    def tell(unit: Unit, number: int, count: int, epoch: Epoch) -> None:
        if board:
            board(unit, epoch)
        typer.echo(
            f"network={number + 1}/{count} name={unit.name} epoch={epoch.epoch + 1}/{epochs} "
            f"loss={epoch.loss:.4f} validation_loss={epoch.validation_loss:.4f} "
            f"validation_brier={epoch.validation_brier:.4f} "
            f"examples_per_second={epoch.examples / max(epoch.seconds, 1e-9):.0f}"
        )

    done = run(examples, run_folder or Path(f"{output}-run"), settings, tell)
    releases = _releases(records or [], table)
    bundle = export(done, output, accepted(done.examples.recipe), releases)
    auc = bundle.model["figures"]["out_of_fold"]["auc"]
    typer.echo(
        f"Bundle {bundle.name}: AUC {auc[0]:.4f} [{auc[1]:.4f}, "
        f"{auc[2]:.4f}] out of fold, threshold of precision .9 "
        f"{bundle.threshold():.3f}: {output}"
    )


def _train_job(path: Path) -> NoReturn:
    from kepler_lens.jobs.trainer import load_job, run_training

    job = load_job(path)
    report = run_training(job, say=typer.echo)
    end_job(report, job.output)


@commands.command()
def evaluate(
    records: RecordsArgument,
    model: ModelOption = None,
    table: TableOption = None,
    allow_cut: CutOption = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV to write, a line a record.")
    ] = None,
    metrics: Annotated[
        bool,
        typer.Option(
            "--figures/--no-figures", help="Print figures; without them labels are not needed."
        ),
    ] = True,
) -> None:
    """Score labelled records with a model bundle, and print its figures with 95 % intervals.

    A record that the bundle was trained on counts by what networks said of it that had not seen it,
    and how many those are is said.

    Examples
    --------
    `kepler-lens evaluate astronet/ --table q1_q17_dr24_tce.csv -o scores.csv`

    `kepler-lens evaluate dataset/ --model model`
    """
    from kepler_lens.classify.bundle import Bundle
    from kepler_lens.train.evaluate import evaluate as judge
    from kepler_lens.train.evaluate import rows, write_csv
    from kepler_lens.train.metrics import METRICS

    bundle = Bundle.load(model)
    found = judge(bundle, _load(records, table, allow_cut=allow_cut))
    if output:
        write_csv(output, rows(found))
    counts = ", ".join(f"{n} {name}" for name, n in found.examples.counts().items() if n)
    typer.echo(
        f"Bundle {bundle.name}, {len(found.examples)} records ({counts}): {int(found.known.sum())} "
        "of them it was trained on, and they count by what networks said that had not seen them."
    )
    if metrics:
        values = found.metrics()
        for name, words in METRICS.items():
            typer.echo(f"{words:38s} {values[name]}")
        at = bundle.threshold()
        for name, share in found.by_class(at).items():
            typer.echo(f"{f'{name} at or above {at:.3f}':38s} {share}")
    if output:
        typer.echo(f"{len(found.examples)} lines written: {output}")


@commands.command()
def explain(
    records: RecordsArgument,
    star: Annotated[str, typer.Option(help="KIC or EPIC number of the candidate's star.")],
    number: Annotated[int, typer.Option(help="The candidate's number in its star.")] = 1,
    model: ModelOption = None,
    allow_cut: CutOption = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Picture to write (.png, .svg or .pdf).")
    ] = Path("explain.png"),
) -> None:
    """Show where in phase a candidate's score comes from, by masking one stretch after the other.

    Where the probability of a planet falls when a stretch is masked, that stretch spoke for a
    planet; where it rises, against one.

    Examples
    --------
    `kepler-lens explain astronet/ --star 6541920 --number 3 -o kepler-11-e.png`
    """
    import numpy as np

    from kepler_lens.classify.bundle import Bundle
    from kepler_lens.classify.explain import occlusion
    from kepler_lens.stars.names import star_wanted

    wanted = star_wanted(star, None, "--star")
    if output.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise typer.BadParameter("its name must end in .png, .svg or .pdf", param_hint="--output")
    bundle = Bundle.load(model)
    examples = _load(records, None, allow_cut=allow_cut)
    mine = np.flatnonzero((examples.star == wanted) & (examples.number == number))
    if not len(mine):
        raise KeplerLensError(f"The records have no candidate {number} of star {wanted}.")
    one = examples.select(mine[:1])
    views = {name: view[0] for name, view in one.views.items() if one.has[name][0]}
    found = occlusion(bundle, views, one.scalars[0])
    _draw(found, views, f"Star {wanted}, candidate {number}", output)
    scores = found.scores
    typer.echo(
        f"p_planet={scores.p_planet[0]:.4f} p_eclipse={scores.p_eclipse[0]:.4f} "
        f"p_noise={scores.p_noise[0]:.4f} spread={scores.spread[0]:.4f} "
        f"outside={bool(scores.outside[0])}: {output}"
    )


def _load(records: list[Path], table: Path | None, *, allow_cut: bool) -> Examples:
    from kepler_lens.classify.dataset import load, relabelled
    from kepler_lens.classify.labels import read_tce_table

    def warn(words: object) -> None:
        typer.echo(f"Warning: {words}", err=True)

    labels = read_tce_table(table) if table else None
    examples = load(list(records), table=labels, on_cut=warn if allow_cut else None)
    if labels is None:
        return examples
    examples, ambiguous = relabelled(examples, labels)
    for words in ambiguous:
        warn(words)
    return examples


def _releases(records: list[Path], table: Path | None) -> dict[str, str]:
    """Return release to SHA-256 of the tables of labels: those of the manifests and `table`."""
    from kepler_lens.classify.labels import DR24
    from kepler_lens.classify.manifest import MANIFEST_FILE, file_sha256, read_manifest

    found = {DR24: file_sha256(table)} if table else {}
    for folder in records:
        if (folder / MANIFEST_FILE).is_file():
            found |= {s.release: s.sha256 for s in read_manifest(folder).labels}
    return found


def _board(folder: Path) -> Callable[[Unit, Epoch], None]:
    import tensorflow as tf

    writers: dict[str, Any] = {}

    def write(unit: Unit, epoch: Epoch) -> None:
        if unit.name not in writers:
            writers[unit.name] = tf.summary.create_file_writer(str(folder / unit.name))
        with writers[unit.name].as_default(step=epoch.epoch):
            tf.summary.scalar("loss", epoch.loss)
            tf.summary.scalar("validation_loss", epoch.validation_loss)
            tf.summary.scalar("validation_brier", epoch.validation_brier)

    return write


def _draw(found: Occlusion, views: dict[str, object], title: str, output: Path) -> None:
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2, sharex="col")
    words = {"global_view": "phase (periods)", "local_view": "time (durations)"}
    for column, (name, phase) in enumerate(found.phase.items()):
        view = np.asarray(views[name])
        reach = float(phase[-1] + phase[1] - phase[0])
        axes[0, column].plot(np.linspace(-reach, reach, len(view)), view, ".", ms=2, color="0.3")
        axes[0, column].set_ylabel("flux (depths)")
        axes[1, column].axhline(0, color="0.8")
        axes[1, column].step(phase, found.change[name], where="mid", color="tab:blue")
        axes[1, column].set(xlabel=words[name], ylabel="change of p_planet if masked")
    figure.suptitle(f"{title}: p_planet {found.scores.p_planet[0]:.3f}")
    figure.savefig(output)
