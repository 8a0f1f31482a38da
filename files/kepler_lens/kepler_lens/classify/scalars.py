"""List the scalars that may be inputs of a network, and refuse those that reveal the label.

The search of this package measures all nine, or knows them of the star. A network that is trained
on the pipeline's candidates can therefore score those of the search. All are positive, and the
network gets their logarithms. A missing value is NaN. A value that is not positive is NaN too,
since the pipeline writes 0 where a fit failed.
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
    from kepler_lens.transit_search.preparation.observations import Observations
    from kepler_lens.transit_search.search import Vetted

SCALARS = (
    *("period", "duration", "depth", "snr", "mes", "transits", "multiplicity"),
    *("stellar_radius", "stellar_teff"),
)
"""Period (days), duration (hours), depth (ppm), signal to noise of the fit, multiple-event
statistic of the search, number of transits, number of candidates of the star, radius of the star
(solar radii) and effective temperature of the star (K)."""

HOURS_A_DAY = 24.0
"""Hours in a day."""
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
"""Scalar to the name of its feature in a record, and the factor from the feature to the scalar. The
duration in a record is in days. AstroNet's records have no multiplicity."""

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
"""Beginning of a feature's name to the reason why the feature reveals the label."""


class InputError(KeplerLensError):
    """A network may not have that input."""


def check_inputs(names: Iterable[str]) -> None:
    """Refuse inputs that reveal the label, or that no search measures.

    Parameters
    ----------
    names : iterable of str
        Scalars (`SCALARS`) and views (`kepler_lens.classify.records.VIEW_LENGTHS`).

    Raises
    ------
    InputError
        A name cannot be an input. The sentence names the first of them, the reason, and the
        possible scalars.
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
    """Put scalars in the order of `SCALARS`.

    Parameters
    ----------
    values : mapping
        Name of a scalar to its value, in the unit of `SCALARS`; a scalar without a name here is
        missing.

    Returns
    -------
    float32[9]
        In the order of `SCALARS`; NaN where missing or not positive.

    Raises
    ------
    InputError
        A name is not that of a scalar or view.
    """
    check_inputs(values)
    row = np.array([values.get(name, np.nan) for name in SCALARS], np.float64)
    row[~(np.isfinite(row) & (row > 0))] = np.nan
    return row.astype(np.float32)


def of_record(record: Record, multiplicity: float = float("nan")) -> NDArray[np.float32]:
    """Return the scalars of a record.

    Parameters
    ----------
    record : Record
    multiplicity : float, optional
        Number of candidates of the star, for a record that lacks it.

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


def of_candidate(
    observations: Observations, vetted: Vetted, multiplicity: int
) -> NDArray[np.float32]:
    """Return the scalars of a candidate that the search found.

    Parameters
    ----------
    observations : Observations
    vetted : Vetted
    multiplicity : int
        Number of candidates that the search found in the star.

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
        "transits": len(vetting.transits.number),
        "multiplicity": multiplicity,
    }
    for name, card in (("stellar_radius", "RADIUS"), ("stellar_teff", "TEFF")):
        values[name] = observations.stellar.get(card, np.nan)
    return scalars(values)


def features(row: NDArray[np.float32]) -> dict[str, Writable]:
    """Name scalars (float32[9], by `SCALARS`) as a record does, without those that are missing."""
    return {
        feature: float(value) / factor
        for value, (feature, factor) in zip(row, FEATURE_OF_SCALAR.values(), strict=True)
        if np.isfinite(value)
    }


def transformed(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the logarithms of scalars, because their values span orders of magnitude.

    Parameters
    ----------
    values : float32[..., 9]
        As `scalars` returns them.

    Returns
    -------
    float32[..., 9]
        Logarithms to base 10, NaN where missing. The mean and the deviation that standardise a
        network's inputs belong to the model.
    """
    return np.log10(values, where=values > 0, out=np.full(values.shape, np.nan, np.float32))
