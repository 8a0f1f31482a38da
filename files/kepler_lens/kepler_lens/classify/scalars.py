"""Scalars that may be inputs of a network, and what may not because it gives the answer away.

All nine are what a search of our own measures, or knows of the star, so that a network trained on
the pipeline's candidates can score those of the search. All are positive, and their logarithms are
what a network gets; a value that is missing is NaN, and so is one that is not positive: the
pipeline writes 0 where a fit failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kepler_lens.classify.example import Writable
from kepler_lens.classify.records import VIEW_LENGTHS, Record
from kepler_lens.errors import KeplerLensError

if TYPE_CHECKING:
    from kepler_lens.search.catalogue import Vetted
    from kepler_lens.search.observations import Observations

SCALARS = (
    *("period", "duration", "depth", "snr", "mes", "transits", "multiplicity"),
    *("stellar_radius", "stellar_teff"),
)
"""Period (days), duration (hours), depth (ppm), signal to noise of the fit, the search's statistic
(multiple event statistic), transits, candidates of the star, and the star's radius (of the Sun's)
and effective temperature (kelvin)."""

HOURS_A_DAY = 24.0
FEATURE_OF_SCALAR: dict[str, tuple[str, float]] = {
    "period": ("tce_period", 1.0),
    "duration": ("tce_duration", HOURS_A_DAY),
    "depth": ("tce_depth", 1.0),
    "snr": ("tce_model_snr", 1.0),
    "mes": ("tce_max_mult_ev", 1.0),
    "transits": ("tce_num_transits", 1.0),
    "multiplicity": ("multiplicity", 1.0),
    "stellar_radius": ("tce_sradius", 1.0),
    "stellar_teff": ("tce_steff", 1.0),
}
"""Scalar to the name in a record, and what to multiply that with: a record's duration is in days.
AstroNet's records have no multiplicity."""

_ANSWERS = {
    **dict.fromkeys(("av_", "koi_"), "comes from the verdict of people or of another classifier"),
    **dict.fromkeys(
        ("tce_nkoi", "tce_rogue_flag", "kepoi_name", "kepler_name", "disposition", "label"),
        "comes from the verdict of people or of another classifier",
    ),
    **dict.fromkeys(
        (
            *("rowid", "rowupdate", "kepid", "keplerid", "tce_plnt_num", "candidate", "group"),
            *("tce_datalink_", "tce_delivname", "synthetic"),
        ),
        "names the candidate, so that a network can learn its answer by heart",
    ),
}
"""Beginnings of names that give the answer away, to why."""


class InputError(KeplerLensError):
    """A network may not have that input."""


def check_inputs(names: Iterable[str]) -> None:
    """Refuse inputs that give the answer away, or that no search measures.

    Parameters
    ----------
    names : iterable of str
        Scalars (`SCALARS`) and views (`kepler_lens.classify.records.VIEW_LENGTHS`).

    Raises
    ------
    InputError
        The first that cannot be an input, why, and what can be one.
    """
    for name in names:
        if name in SCALARS or name in VIEW_LENGTHS:
            continue
        folded = name.lower()
        why = next((why for start, why in _ANSWERS.items() if folded.startswith(start)), None)
        raise InputError(
            f"{name} cannot be an input: it {why or 'is not what a search of our own measures'}. "
            f"Scalars that can are {', '.join(SCALARS)}; the others are views."
        )


def scalars(values: Mapping[str, float]) -> NDArray[np.float32]:
    """Put scalars in order.

    Parameters
    ----------
    values : mapping
        Names of `SCALARS` to values; one that is not there is missing.

    Returns
    -------
    float32[9]
        By `SCALARS`, NaN where missing or not positive.

    Raises
    ------
    InputError
        A name is none of a scalar.
    """
    check_inputs(values)
    row = np.array([values.get(name, np.nan) for name in SCALARS], np.float64)
    row[~(np.isfinite(row) & (row > 0))] = np.nan
    return row.astype(np.float32)


def of_record(record: Record, multiplicity: float = float("nan")) -> NDArray[np.float32]:
    """Give a record's scalars.

    Parameters
    ----------
    record : Record
    multiplicity : float, optional
        Candidates of its star, for records that do not say it.

    Returns
    -------
    float32[9]
        See `scalars`.
    """
    values = {
        name: record.number_of(feature) * factor
        for name, (feature, factor) in FEATURE_OF_SCALAR.items()
    }
    if np.isnan(values["multiplicity"]):
        values["multiplicity"] = multiplicity
    return scalars(values)


def of_candidate(star: Observations, vetted: Vetted, multiplicity: int) -> NDArray[np.float32]:
    """Give the scalars of what the search found.

    Parameters
    ----------
    star : Observations
    vetted : Vetted
    multiplicity : int
        How many candidates the search found in the star.

    Returns
    -------
    float32[9]
        See `scalars`.
    """
    ephemeris, vetting = vetted.vetting.ephemeris, vetted.vetting
    values = {
        "period": ephemeris.period_days,
        "duration": ephemeris.duration_hours,
        "depth": vetting.depth_ppm,
        "snr": vetting.snr,
        "mes": vetted.candidate.statistic,
        "transits": len(vetting.found.number),
        "multiplicity": multiplicity,
    }
    for name, card in (("stellar_radius", "RADIUS"), ("stellar_teff", "TEFF")):
        values[name] = star.stellar.get(card, np.nan)
    return scalars(values)


def features(row: NDArray[np.float32]) -> dict[str, Writable]:
    """Name scalars (float32[9], by `SCALARS`) as a record has them; what is missing is left out."""
    return {
        feature: float(value) / factor
        for value, (feature, factor) in zip(row, FEATURE_OF_SCALAR.values(), strict=True)
        if np.isfinite(value)
    }


def transformed(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take logarithms: periods, depths and ratios are spread over orders of magnitude.

    Parameters
    ----------
    values : float32[..., 9]
        As `scalars` gives them.

    Returns
    -------
    float32[..., 9]
        Logarithms to base 10, NaN where missing. Mean and deviation, by which a network's inputs
        are standardised, belong to the model.
    """
    return np.log10(values, where=values > 0, out=np.full(values.shape, np.nan, np.float32))
