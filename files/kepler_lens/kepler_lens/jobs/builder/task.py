"""Build the records of one star, within a Dask worker; this module knows nothing of the driver.

The task writes nothing: its result travels back to the driver. Building a star twice gives the same
result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kepler_lens.classify.build import StarRecords, StarSettings, records_of_star
from kepler_lens.classify.curves import COLUMN
from kepler_lens.classify.recipes import recipe
from kepler_lens.errors import KeplerLensError
from kepler_lens.jobs.builder.config import Tokens
from kepler_lens.jobs.star_results import QUARANTINED, StarResult, attempt
from kepler_lens.jobs.worker import worker_name
from kepler_lens.transit_search.preparation.observations import Observations
from kepler_lens.transit_search.store.light_curve import fetch_curve
from kepler_lens.warp10.client import Token, Warp10

BUILT = "built"


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """Settings that are the same for all stars of a data set; small, and without secrets.

    Attributes
    ----------
    server : str
        URL of Warp 10.
    tokens : Tokens
    recipe, digest : str
        Name and hash of the recipe of the views.
    """

    server: str
    tokens: Tokens
    recipe: str
    digest: str


@dataclass(frozen=True, slots=True)
class Star:
    """A star to build.

    Attributes
    ----------
    number : int
        KIC or EPIC number.
    settings : StarSettings
        Settings, with the signals that the table of labels has of the star.
    """

    number: int
    settings: StarSettings


@dataclass(slots=True)
class BuildResult(StarResult):
    """Result of a star; ``candidates`` is the number of its records.

    Attributes
    ----------
    records : StarRecords or None
        None where the star failed.
    """

    records: StarRecords | None = field(default=None, repr=False)


def build_star(star: Star, settings: BuildSettings, *, worker: str = "") -> BuildResult:
    """Make the records of a star.

    Parameters
    ----------
    star : Star
    settings : BuildSettings
    worker : str, optional
        Name in the report; by default that of the Dask worker.

    Returns
    -------
    BuildResult
        ``fatal`` has a failure that all other stars would have too (token, server, another version
        of the package).
    """
    result = BuildResult(worker or worker_name(), star.number)
    with attempt(result):
        made = _records(star, settings, result.left_out.append)
        result.records, result.candidates = made, len(made.contents)
        result.reason = made.left_out.get(f"star {star.number}", "")
        result.outcome = QUARANTINED if result.reason else BUILT
    return result


def _records(star: Star, settings: BuildSettings, left_out: Callable[[str], object]) -> StarRecords:
    makes = recipe(settings.recipe)
    if makes.digest != settings.digest:
        raise KeplerLensError(
            f"A worker has another version of the recipe {makes.name} than the scheduler: "
            "provision all hosts again."
        )
    warp10, token = Warp10(settings.server), Token.from_file(settings.tokens.read)

    def curve_of(number: int) -> Observations:
        return fetch_curve(warp10, token, number, COLUMN).observations(left_out)

    return records_of_star(star.number, curve_of, star.settings, makes)
