"""Which model scores: the one that was published, another by its name, or the package's own.

A folder of models (of the scheduler's host) has a folder for each bundle, by its name, and a file
``current`` with the name of the one that counts. Where nothing was published the package's own
bundle scores, which every worker has; another travels to the workers with the job.
"""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

from kepler_lens.classify.bundle import Bundle, BundleError
from kepler_lens.jobs.worker import Luggage, luggage

CURRENT_FILE = "current"
SHIPPED = "shipped"
"""Name by which the package's own bundle can be chosen."""


def choose(models: Path, name: str = "") -> Bundle:
    """Load the bundle that is to score.

    Parameters
    ----------
    models : Path
        Folder of what was published; need not be there.
    name : str, optional
        Of a bundle there, or `SHIPPED`; by default the one that counts.

    Raises
    ------
    BundleError
        There is none of that name, or it is damaged.
    """
    name = name or _current(models) or SHIPPED
    if name == SHIPPED:
        return Bundle.load()
    if Path(name).name != name or not (models / name).is_dir():
        there = sorted(path.name for path in models.glob("*") if path.is_dir())
        raise BundleError(
            f"{models} has no model {name}: there are {', '.join([*there, SHIPPED])}."
        )
    return Bundle.load(models / name)


def publish(models: Path, bundle: Path) -> str:
    """Copy a bundle to the models and make it the one that counts.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    BundleError
        It is damaged.
    """
    name = Bundle.load(bundle).name
    final, part = models / name, models / f"{name}.part"
    if not final.is_dir():
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(bundle, part)
        part.rename(final)
    make_current(models, name)
    return name


def make_current(models: Path, name: str) -> None:
    """Make a model the one that counts."""
    choose(models, name)
    models.mkdir(parents=True, exist_ok=True)
    part = models / f"{CURRENT_FILE}.part"
    part.write_text(f"{name}\n", encoding="utf-8")
    part.replace(models / CURRENT_FILE)


def packed(bundle: Bundle) -> tuple[str, Luggage | None]:
    """Give the key by which workers find a bundle, and what must be sent to them for it."""
    if bundle.name == Bundle.load().name:
        return "", None
    key = f"model-{bundle.name}"
    return key, Luggage(key, bundle.to_bytes())


@functools.cache
def unpacked(key: str) -> Bundle:
    """Give the bundle of a key in a worker; see `packed`."""
    return Bundle.from_bytes(luggage(key), key) if key else Bundle.load()


def _current(models: Path) -> str:
    try:
        return (models / CURRENT_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
