"""Run a training as a job: it reads a file, holds a lock, stops by a signal and writes a report."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from kepler_lens.classify.bundle import Bundle, BundleError
from kepler_lens.classify.dataset import Examples, load
from kepler_lens.classify.labels import LabelTable, read_tce_table
from kepler_lens.classify.manifest import file_sha256
from kepler_lens.classify.records import RecordError
from kepler_lens.jobs.config import JobError, Section, checked
from kepler_lens.jobs.config import load as load_file
from kepler_lens.jobs.driver import Driver, lock
from kepler_lens.jobs.report import Account
from kepler_lens.jobs.text import as_text, facts
from kepler_lens.run_name import new_run

DEFAULT_OUTPUT = "/var/lib/kepler-lens/training"
RUNS_FOLDER = "runs"
BUNDLE_FILE = "bundle"
"""File in the folder of a run: it has the hash of the bundle that was written from the run."""

Say = Callable[[str], None]


class Job(Section, frozen=True):
    """One training.

    Attributes
    ----------
    records : tuple of Path
        Data sets, folders or files of records.
    labels : tuple of Path
        Table of DR24's candidates (at most one); it tells how many signals a star has.
    output : Path
        Folder of lock, status, report, unfinished networks and bundle.
    name : str
        Name of the bundle's folder.
    members, epochs, seed : int
        See `kepler_lens.train.runs.Settings` and `kepler_lens.train.trainer.Plan`.
    folds, per_fold : int
        See `kepler_lens.train.runs.Settings`.
    threads : int
        Cores that the training uses.
    device : str
        'cpu', or 'gpu', which must then exist.
    take_intact : bool
        Whether to read a file that ends in the middle of a record up to that record.
    min_auc : float
        Least area under the ROC curve, out of fold, of a model that is worth publishing.
    """

    records: tuple[Path, ...]
    labels: tuple[Path, ...] = ()
    output: Path = Path(DEFAULT_OUTPUT)
    name: str = "trained"
    members: int = 5
    epochs: int = 30
    seed: int = 1
    folds: int = 5
    per_fold: int = 2
    threads: int = 1
    device: str = "cpu"
    take_intact: bool = False
    min_auc: float = 0.0

    def __post_init__(self) -> None:
        if not self.records:
            raise JobError("A training needs records: name at least one folder.")
        if self.device not in ("cpu", "gpu"):
            raise JobError(f"There is no device {self.device}: there are cpu and gpu.")
        if len(self.labels) > 1:
            raise JobError("There are several tables of labels: name the one of DR24's candidates.")


def load_job(path: Path) -> Job:
    """Read a job file (JSON, with the names of `Job`).

    Raises
    ------
    JobError
        The file cannot be read, or has a field that is unknown, missing or of another type.
    """
    job: Job = load_file(path, lambda known: checked(known, Job))
    return job


@dataclass(slots=True, kw_only=True)
class Progress(Account):
    """Account of one training.

    Attributes
    ----------
    networks : int
        Networks to train.
    network : int
        Networks that are finished.
    epoch, epochs : int
        Finished epochs of the current network, and the greatest number of them.
    loss, validation_loss : float or None
        Cross entropies of the last epoch.
    examples_per_s : float
        Examples per second in the last epoch.
    new_epochs : int
        Epochs that this job has trained; an earlier run may have trained others.
    device : str
        'cpu' or 'gpu'.
    gpu : dict
        See `gpu_load`.
    auc, published_auc : float or None
        Area under the ROC curve out of fold, of this model and of the package's own, on the same
        records.
    bundle : str
        Name of the bundle.
    worth_publishing : bool
        Whether `auc` reaches `published_auc` and the job's `min_auc`.
    trained_s : float
        Time of the training of `new_epochs`, seconds.
    """

    word: ClassVar[str] = "training"

    networks: int = 0
    network: int = 0
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    validation_loss: float | None = None
    examples_per_s: float = 0.0
    new_epochs: int = 0
    device: str = "cpu"
    gpu: dict[str, float] = field(default_factory=dict)
    auc: float | None = None
    published_auc: float | None = None
    bundle: str = ""
    worth_publishing: bool = False
    trained_s: float = 0.0

    def working(self) -> None:
        """Do nothing: the rate of a training counts by epoch."""

    @property
    def eta_s(self) -> float | None:
        """Seconds left if no network stops early; None before the first epoch."""
        if not self.new_epochs:
            return None
        left = (self.networks - self.network) * self.epochs - self.epoch
        return left * self.trained_s / self.new_epochs

    @property
    def changes(self) -> int:
        """Number of epochs that this job has trained."""
        return self.new_epochs

    def parts(self) -> list[str]:
        """List in words what has been done so far."""
        gpu = self.gpu
        return [
            f"{self.network} of {self.networks} networks",
            f"epoch {self.epoch} of {self.epochs}",
            *([f"loss {self.loss:.4f}"] if self.loss is not None else []),
            f"{self.examples_per_s:,.0f} examples/s on {self.device}",
            *([f"GPU {gpu['load']:.0f} %, {gpu['memory_mib']:,.0f} MiB"] if gpu else []),
        ]

    def sample(self) -> None:
        """Read the load of the GPU."""
        if self.device == "gpu":
            self.gpu = gpu_load()

    def status_fields(self) -> dict[str, Any]:
        """Return the figures of a training for status.json."""
        return {
            "networks_done": self.network,
            "networks_total": self.networks,
            "epoch": self.epoch,
            "epochs": self.epochs,
            "new_epochs": self.new_epochs,
            "loss": self.loss,
            "validation_loss": self.validation_loss,
            "examples_per_s": round(self.examples_per_s),
            "device": self.device,
            "gpu": self.gpu,
        }

    def results(self) -> dict[str, Any]:
        """Return the figures of report.json that status.json lacks."""
        return {
            "bundle": self.bundle,
            "auc": self.auc,
            "published_auc": self.published_auc,
            "worth_publishing": self.worth_publishing,
        }


def gpu_load() -> dict[str, float]:
    """Read the memory in use (MiB) and the load (%) of the GPU that uses the most memory.

    Returns
    -------
    dict
        ``memory_mib`` and ``load``; empty where they cannot be read.
    """
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return {}
    query = ["--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(  # noqa: S603 - the driver's own tool, fixed arguments
            [tool, *query], capture_output=True, text=True, timeout=5, check=True
        )
        rows = [[float(cell) for cell in line.split(",")] for line in done.stdout.splitlines()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    memory, load_percent = max(rows, default=[0.0, 0.0])
    return {"memory_mib": memory, "load": load_percent}


def run_training(job: Job, say: Say = lambda _: None) -> dict[str, Any]:
    """Run a training. A second run of the same job continues where the first stopped.

    Parameters
    ----------
    job : Job
    say : callable, optional
        Called with a line of progress every ten seconds.

    Returns
    -------
    dict
        The report (see `Progress`), with ``exit_status``: 0, or 4 if a signal stopped the training.

    Raises
    ------
    JobRunningError
        Another training holds the lock.
    KeplerLensError
        The training cannot continue; the report has the same sentence.
    """
    with lock(job.output, "training"):
        return _Driver(job, say).run()


class _Driver(Driver[Progress]):
    complete = "The model is trained."

    def __init__(self, job: Job, say: Say) -> None:
        progress = Progress(run=new_run(), server=socket.gethostname(), folder=job.output)
        super().__init__(progress, say)
        self.job = job

    def work(self) -> None:
        """Read the records, train, export and compare."""
        job, progress = self.job, self.progress
        progress.device, progress.epochs = job.device, job.epochs
        self.idle("reading the records")
        table = read_tce_table(job.labels[0]) if job.labels else None
        examples = self._load(job.records, table)
        self.idle("")
        self._train(examples)

    def _load(self, paths: tuple[Path, ...], table: LabelTable | None) -> Examples:
        def cut(error: RecordError) -> None:
            self.say(f"Warning: {error}")

        return load(paths, table=table, on_cut=cut if self.job.take_intact else None)

    def _train(self, examples: Examples) -> None:
        # Imported here, because TensorFlow takes seconds that a refused job should not wait for.
        from kepler_lens.train.device import use
        from kepler_lens.train.evaluate import compare
        from kepler_lens.train.export import export
        from kepler_lens.train.recipes import accepted
        from kepler_lens.train.runs import Settings, Unit, run, units
        from kepler_lens.train.trainer import Epoch, Plan, write_whole

        job, progress = self.job, self.progress
        use(job.device, job.threads)
        settings = Settings(
            folds=job.folds,
            per_fold=job.per_fold,
            members=job.members,
            seed=job.seed,
            plan=Plan(epochs=job.epochs),
        )

        def tell(_: Unit, number: int, count: int, epoch: Epoch) -> None:
            progress.network, progress.networks = number, count
            progress.epoch = epoch.epoch + 1
            progress.loss, progress.validation_loss = epoch.loss, epoch.validation_loss
            progress.examples_per_s = epoch.examples / max(epoch.seconds, 1e-9)
            progress.new_epochs += 1
            progress.trained_s += epoch.seconds
            self.idle("")

        folder = job.output / RUNS_FOLDER / job.name
        done = run(examples, folder, settings, tell)
        progress.network, progress.networks, progress.epoch = *[len(units(settings))] * 2, 0
        self.idle("writing the bundle")
        bundle = _written(folder, job.output / job.name)
        if bundle is None:
            releases = {table.stem: file_sha256(table) for table in job.labels}
            bundle = export(done, job.output / job.name, accepted(done.examples.recipe), releases)
            write_whole(folder / BUNDLE_FILE, bundle.sha256 + "\n")
        progress.bundle = bundle.name
        self.idle("comparing with the package's model")
        found = compare(bundle, Bundle.load(), examples)
        progress.auc, progress.published_auc = found.new, found.old
        progress.worth_publishing = found.new >= max(job.min_auc, found.old)

    def rejected(self) -> str:
        """Return an empty text: a record that cannot be trained on ends the training."""
        return ""

    def summary(self, report: dict[str, Any]) -> str:
        """Return the report of a training as text."""
        rows = {
            "host": report["server"],
            "device": report["device"],
            "networks": f"{report['networks_done']} of {report['networks_total']}",
            "epochs trained": f"{report['new_epochs']:,}",
            "examples per second": f"{report['examples_per_s']:,}",
            "took": f"{report['elapsed_s']:,} s",
        }
        if report["auc"] is not None:
            rows["bundle"] = report["bundle"]
            rows["AUC out of fold"] = f"{report['auc']:.4f}"
            rows["AUC of the package's model"] = f"{report['published_auc']:.4f}, same records"
            rows["worth publishing"] = "yes" if report["worth_publishing"] else "no: it is worse"
        if report["message"]:
            rows["message"] = report["message"]
        return as_text([facts(f"Training {report['state']}", rows)], 100)


def _written(run: Path, folder: Path) -> Bundle | None:
    """Return the bundle that was written from a run; None if there is none, or another."""
    try:
        bundle = Bundle.load(folder)
        mine = (run / BUNDLE_FILE).read_text(encoding="utf-8").strip()
    except (BundleError, OSError):
        return None
    return bundle if bundle.sha256 == mine else None
