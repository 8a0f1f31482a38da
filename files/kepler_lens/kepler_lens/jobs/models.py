"""Choose the model that scores: the current one, another by its name, or the package's own.

The folder of models on the scheduler's host has a folder for each bundle, named after the bundle,
and a file ``current`` with the name of the current bundle. Where no bundle is published, the
package's own bundle scores. Every worker has that one; another bundle is sent to the workers with
the job.
"""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

from kepler_lens.classify.bundle import Bundle, BundleError
from kepler_lens.jobs.worker import Luggage, luggage

CURRENT_FILE = "current"
SHIPPED = "shipped"
"""Name that stands for the package's own bundle."""


def choose(models: Path, name: str = "") -> Bundle:
    """Load the bundle that is to score.

    Parameters
    ----------
    models : Path
        Folder of published bundles; it need not exist.
    name : str, optional
        Name of a bundle in that folder, or `SHIPPED`; by default the current one.

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        There is no bundle of that name, or it is damaged.
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
    """Copy a bundle to the folder of models and make it the current one.

    Parameters
    ----------
    models : Path
        Folder of published bundles; created if needed.
    bundle : Path
        Folder of the bundle.

    Returns
    -------
    str
        Name of the bundle.

    Raises
    ------
    BundleError
        The bundle is damaged.
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
    """Make a published bundle the current one.

    Raises
    ------
    BundleError
        See `choose`.
    """
    choose(models, name)
    models.mkdir(parents=True, exist_ok=True)
    part = models / f"{CURRENT_FILE}.part"
    part.write_text(f"{name}\n", encoding="utf-8")
    part.replace(models / CURRENT_FILE)


def packed(bundle: Bundle) -> tuple[str, Luggage | None]:
    """Return the key by which workers find a bundle, and the luggage that must be sent to them.

    Returns
    -------
    key : str
        Empty for the package's own bundle, which every worker has.
    luggage : Luggage or None
        None for the package's own bundle.
    """
    if bundle.name == Bundle.load().name:
        return "", None
    key = f"model-{bundle.name}"
    return key, Luggage(key, bundle.to_bytes())


@functools.cache
def unpacked(key: str) -> Bundle:
    """Return the bundle of a key, within a worker; see `packed`."""
    return Bundle.from_bytes(luggage(key), key) if key else Bundle.load()


def _current(models: Path) -> str:
    try:
        return (models / CURRENT_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
