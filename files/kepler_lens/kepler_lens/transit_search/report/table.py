"""A search result as a table: columns as in the TCE table of the NASA Exoplanet Archive."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from kepler_lens.transit_search.preparation.observations import Observations
from kepler_lens.transit_search.score import Score
from kepler_lens.transit_search.search import Vetted
from kepler_lens.transit_search.vetting.vet import SUN_IN_EARTH_RADII

SCORE_COLUMNS = ("score", "score_spread", "score_outside", "score_model")
"""Probability that the candidate is a planet; its standard deviation over the ensemble; whether the
candidate lies outside the model's training data (yes or no); name of the model. All are empty where
no model has scored the candidate."""

TRANSIT_COLUMNS = (
    *("kepid", "tce_plnt_num", "transit", "time_bkjd", "computed_bkjd", "late_hours"),
    *("depth_ppm", "depth_err_ppm"),
)
"""Columns of the table of transits: star and candidate; number of the transit, 0 at the epoch; its
middle as it was found and by the mean period (BKJD, days); observed minus computed (hours, 0 where
transits are in time); depth by the matched filter and its error (ppm)."""

COLUMNS = (
    *("kepid", "tce_plnt_num", "tce_period", "tce_time0bk", "tce_duration", "tce_depth"),
    *("tce_depth_err", "tce_model_snr", "tce_max_mult_ev", "tce_num_transits", "tce_prad"),
    *("disposition", "comment", *SCORE_COLUMNS),
)
"""Columns of the catalogue: star and number of the candidate; period (days), epoch (BKJD, days),
duration (hours), depth and its error (ppm), SNR, multiple-event statistic, observed transits,
radius (Earth radii, empty where the star's radius is not known); disposition and the verdicts
against a planet; `SCORE_COLUMNS`."""


def row(observations: Observations, vetted: Vetted) -> dict[str, object]:
    """Return a candidate's row, by `COLUMNS`."""
    vetting, ephemeris = vetted.vetting, vetted.vetting.ephemeris
    radius = observations.stellar.get("RADIUS")
    ratio = (max(vetting.depth_ppm, 0) / 1e6) ** 0.5
    return {
        "kepid": observations.star,
        "tce_plnt_num": vetted.candidate.number,
        "tce_period": round(ephemeris.period_days, 6),
        "tce_time0bk": round(ephemeris.epoch_bkjd, 4),
        "tce_duration": round(ephemeris.duration_hours, 3),
        "tce_depth": round(vetting.depth_ppm, 1),
        "tce_depth_err": round(vetting.depth_error_ppm, 1),
        "tce_model_snr": round(vetting.snr, 1),
        "tce_max_mult_ev": round(vetted.candidate.statistic, 2),
        "tce_num_transits": len(vetting.transits.number),
        "tce_prad": round(radius * ratio * SUN_IN_EARTH_RADII, 2) if radius else "",
        "disposition": vetting.disposition,
        "comment": " ".join(test.verdict for test in vetting.tests if not test.passed),
        **score_row(vetted.score.score if vetted.score else None),
    }


def score_row(score: Score | None) -> dict[str, object]:
    """Return a score by `SCORE_COLUMNS`, empty texts where there is none."""
    if score is None:
        return dict.fromkeys(SCORE_COLUMNS, "")
    spread, outside = f"{score.spread:.4f}", "yes" if score.outside else "no"
    return dict(
        zip(SCORE_COLUMNS, (f"{score.p_planet:.4f}", spread, outside, score.model), strict=True)
    )


def transit_rows(observations: Observations, vetted: Vetted) -> list[dict[str, object]]:
    """Return a row for each observed transit of a candidate, by `TRANSIT_COLUMNS`."""
    ephemeris, found = vetted.vetting.ephemeris, vetted.vetting.transits
    late = ephemeris.late(found.number)
    return [
        {
            "kepid": observations.star,
            "tce_plnt_num": vetted.candidate.number,
            "transit": int(number),
            "time_bkjd": round(float(time), 4),
            "computed_bkjd": round(float(time - behind), 4),
            "late_hours": round(24 * float(behind), 3),
            "depth_ppm": round(1e6 * float(n / d), 1),
            "depth_err_ppm": round(1e6 / float(d) ** 0.5, 1),
        }
        for number, time, behind, n, d in zip(
            found.number, found.time, late, found.n, found.d, strict=True
        )
    ]


def rank(row: Mapping[str, object]) -> tuple[float, int, int]:
    """Return the key by which a row is sorted.

    The likeliest planet is first and rows without a score are last; equal ones go by star and
    number.

    Parameters
    ----------
    row : mapping
        By `COLUMNS`, or the same as text.

    Raises
    ------
    ValueError
        A value is no number.
    """
    score = -float(str(row["score"])) if row["score"] != "" else 1.0
    return score, int(str(row["kepid"])), int(str(row["tce_plnt_num"]))


def write_csv(
    file: TextIO, rows: Iterable[Mapping[str, object]], columns: Sequence[str] = COLUMNS
) -> None:
    """Write a catalogue, or another table.

    Parameters
    ----------
    file : text stream
    rows : iterable of mapping
        By the columns.
    columns : sequence of str, optional
    """
    table = csv.DictWriter(file, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
