"""Make the records of one star: its signals with views, scalars and labels.

`records_of_star` does the work for one star, on this machine or in a worker of the fleet.
`kepler_lens.classify.parts` keeps the results and assembles them when all stars are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify import scalars as scalar
from kepler_lens.classify import synthetic
from kepler_lens.classify.dataset import LABEL
from kepler_lens.classify.example import Writable, encode
from kepler_lens.classify.labels import UNKNOWN, Known, LabelTable
from kepler_lens.classify.recipes import Recipe
from kepler_lens.classify.views import ViewError
from kepler_lens.errors import LightCurveError
from kepler_lens.transit_search.detection.candidates import Candidate, Detections
from kepler_lens.transit_search.detection.ephemeris import Ephemeris, observed_transits
from kepler_lens.transit_search.preparation.observations import NotSearchableError, Observations
from kepler_lens.transit_search.preparation.prepare import event_bank, prepare
from kepler_lens.transit_search.search import Vetted, search_and_vet
from kepler_lens.transit_search.vetting.vet import vet

SIGNALS = ("table", "search", "none")
"""Source of the signals that become examples: the table, the package's own search, or none, where
only synthetic examples are wanted."""


@dataclass(frozen=True, slots=True)
class StarSettings:
    """Settings that are the same for all stars of a data set.

    Attributes
    ----------
    table : LabelTable or None
        May hold one star only where it is sent to a worker (`LabelTable.of`). None means that only
        synthetic examples are made.
    signals : str
        One of `SIGNALS`.
    synthetic : tuple of str
        Kinds of `kepler_lens.classify.synthetic` to make of each star.
    copies : int
        Light curves of each kind.
    seed : int
        Seed of the synthetic light curves.
    """

    table: LabelTable | None
    signals: str = SIGNALS[0]
    synthetic: tuple[str, ...] = ()
    copies: int = 1
    seed: int = 0


@dataclass(slots=True)
class StarRecords:
    """Records of one star.

    Attributes
    ----------
    star : int
        KIC or EPIC number.
    contents : list of bytes
        Serialized records.
    left_out : dict
        Name of the star, or of a signal that has no record, to the reason.
    """

    star: int
    contents: list[bytes] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Signal:
    """A signal that becomes an example.

    Attributes
    ----------
    name : str
        Name of the signal in messages.
    number : int
        Number of the candidate in its star.
    ephemeris : Ephemeris
    label : str
        One of `kepler_lens.classify.labels.CLASSES`.
    scalars : float32[9]
        By `kepler_lens.classify.scalars.SCALARS`.
    kind : str
        Kind of synthetic light curve; empty for a real one.
    """

    name: str
    number: int
    ephemeris: Ephemeris
    label: str
    scalars: NDArray[np.float32]
    kind: str = ""


def records_of_star(
    star: int, curve_of: Callable[[int], Observations], settings: StarSettings, recipe: Recipe
) -> StarRecords:
    """Make the records of one star.

    Parameters
    ----------
    star : int
        KIC or EPIC number.
    curve_of : callable
        Returns the light curve of a star, or raises NotSearchableError or LightCurveError.
    settings : StarSettings
    recipe : Recipe

    Returns
    -------
    StarRecords
        ``left_out`` names a star without a usable light curve, a signal without views, and a signal
        that several labels match.
    """
    result = StarRecords(star)
    try:
        observed = curve_of(star)
        for search, signals in _light_curves(observed, settings, result):
            _add(result, search, signals, recipe)
    except (NotSearchableError, LightCurveError, ViewError) as error:
        result.left_out[f"star {star}"] = str(error)
    return result


def _light_curves(
    observations: Observations, settings: StarSettings, result: StarRecords
) -> Iterator[tuple[Detections, list[_Signal | None]]]:
    """Yield the star's search and those of light curves made of it, with labelled signals.

    Each candidate of a search has a signal, or None where it has no label.
    """
    own: list[Ephemeris] = []
    if settings.table and settings.signals != "none":
        if settings.signals == "table":
            search, signals = _of_table(
                observations, settings.table.of_star.get(observations.star, ())
            )
        else:
            search, signals = _of_search(observations, settings.table, result)
        yield search, signals
        own = [each.ephemeris for each in search.candidates]
    if not settings.synthetic:
        return
    quiet = synthetic.quieted(observations, own)
    for kind, copy in product(settings.synthetic, range(settings.copies)):
        try:
            made = synthetic.make(quiet, kind, settings.seed, copy)
            search, found = synthetic.candidates(made)
        except NotSearchableError as error:
            result.left_out[f"star {observations.star} ({kind} {copy + 1})"] = str(error)
            continue
        yield search, [_signal(search, each, label, kind, copy) for each, label in found]


def _of_table(
    observations: Observations, known: Sequence[Known]
) -> tuple[Detections, list[_Signal | None]]:
    """Measure the table's signals in the way in which the search measures its own."""
    search = Detections(observations, prepare(observations), (), (), np.inf)
    candidates = []
    for each in known:
        ephemeris = Ephemeris(each.period_days, each.epoch_bkjd, each.duration_hours)
        (events,) = event_bank(search.prepared, _nowhere(search), [ephemeris.duration_hours])
        transits = observed_transits(ephemeris, events)
        candidates.append(Candidate(each.number, ephemeris, transits.mes, 0.0, transits))
    search = replace(search, candidates=tuple(candidates))
    signals = []
    for each, candidate in zip(known, candidates, strict=True):
        vetting = vet(search.prepared, candidate.ephemeris, search.others(candidate.number))
        label = None if each.label == UNKNOWN else each.label
        signals.append(_signal(search, Vetted(candidate, vetting), label))
    return search, signals


def _nowhere(search: Detections) -> NDArray[np.bool_]:
    return np.zeros(len(search.prepared.time), bool)


def _of_search(
    observations: Observations, table: LabelTable, result: StarRecords
) -> tuple[Detections, list[_Signal | None]]:
    found = search_and_vet(observations)
    signals = []
    for each in found.candidates:
        at = each.vetting.ephemeris
        match = table.match(observations.star, at.period_days, at.epoch_bkjd, at.duration_hours)
        if match.ambiguous:
            name = f"star {observations.star}, candidate {each.candidate.number}"
            result.left_out[name] = f"{match.ambiguous} match it in {table.release}."
        label = None if match.label == UNKNOWN else match.label
        signals.append(_signal(found.search, each, label))
    return found.search, signals


def _signal(
    search: Detections, vetted: Vetted, label: str | None, kind: str = "", copy: int = 0
) -> _Signal | None:
    if label is None:
        return None
    number, star = vetted.candidate.number, search.observations
    name = f"star {star.star}, candidate {number}{f' ({kind} {copy + 1})' if kind else ''}"
    row = scalar.of_candidate(star, vetted, len(search.candidates))
    return _Signal(name, number, vetted.vetting.ephemeris, label, row, kind)


def _add(
    result: StarRecords, search: Detections, signals: Sequence[_Signal | None], recipe: Recipe
) -> None:
    if not any(signals):
        return
    for signal, views in zip(signals, recipe.from_search(search), strict=True):
        if signal is None:
            continue
        if isinstance(views, ViewError):
            result.left_out[signal.name] = str(views)
            continue
        values: dict[str, Writable] = {
            **views,
            **scalar.features(signal.scalars),
            "kepid": search.observations.star,
            "tce_plnt_num": signal.number,
            "tce_time0bk": signal.ephemeris.epoch_bkjd,
            LABEL: signal.label,
            "recipe": f"{recipe.name} {recipe.digest}",
        }
        if signal.kind:
            values |= {"synthetic": 1, "synthetic_kind": signal.kind}
        result.contents.append(encode(values))
