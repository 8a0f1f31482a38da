"""The report and the catalogue of a search as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from kepler_lens.jobs.star_results import quarantined, shares
from kepler_lens.jobs.text import as_text, facts

_SHOWN = 100
"""Candidates in the table, the likeliest planets (chosen)."""
_COLUMNS = {
    "star": "kepid",
    "no.": "tce_plnt_num",
    "period [d]": "tce_period",
    "depth [ppm]": "tce_depth",
    "SNR": "tce_model_snr",
    "transits": "tce_num_transits",
    "score": "score",
    "disposition": "disposition",
}


def render_summary(
    report: dict[str, Any], rows: Sequence[dict[str, object]], width: int = 100
) -> str:
    """Return a search's report as text.

    Parameters
    ----------
    report : dict
        Content of report.json.
    rows : sequence of dict
        Rows of the catalogue that are of this search's stars, sorted.
    width : int, optional
        Columns of the terminal.
    """
    return as_text([*_candidates(rows), *quarantined(report), _facts(report)], width)


def _facts(report: dict[str, Any]) -> Table:
    rows = {
        "server": report["server"],
        "stars searched": f"{report['searched']:,} ({report['candidates']:,} candidates)",
        "stars skipped": f"{report['skipped']:,}, whose search stands",
        "stars quarantined": f"{report['quarantined']:,}",
        "stars per minute": f"{report['stars_per_minute']:,}",
        "took": f"{report['elapsed_s']:,} s",
    }
    if report["candidates_in_catalogue"] is not None:
        rows["in the catalogue"] = f"{report['candidates_in_catalogue']:,} candidates"
    rows |= shares(report)
    if report["message"]:
        rows["message"] = report["message"]
    return facts(f"Search {report['state']}", rows)


def _candidates(rows: Sequence[dict[str, object]]) -> list[Table]:
    if not rows:
        return []
    table = Table(title="Candidates", title_justify="left")
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name == "disposition" else "right")
    for row in rows[:_SHOWN]:
        table.add_row(*(Text(str(row[column])) for column in _COLUMNS.values()))
    if len(rows) > _SHOWN:
        table.add_row("…", *[""] * (len(_COLUMNS) - 2), f"{len(rows) - _SHOWN:,} more")
    return [table]
