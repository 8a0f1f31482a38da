"""Write the report of a job of scores as text for people."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from kepler_lens.jobs.star_results import quarantined, shares
from kepler_lens.jobs.text import as_text, facts


def render_summary(report: dict[str, Any], width: int = 100) -> str:
    """Return the report of a job of scores as text.

    Parameters
    ----------
    report : dict
        Content of report.json.
    width : int
        Columns of the terminal.

    Returns
    -------
    str
    """
    return as_text([*_drift(report), *quarantined(report), _facts(report)], width)


def _facts(report: dict[str, Any]) -> Table:
    scores, outside = report["scores"], report["outside"]
    rows = {
        "server": report["server"],
        "model": report["model"],
        "stars scored": f"{report['scored']:,} ({report['candidates']:,} candidates)",
        "stars skipped": f"{report['skipped']:,}, without candidates or scored by this model",
        "stars quarantined": f"{report['quarantined']:,}",
        "likely planets": f"{report['likely_planets']:,} of {scores:,} (9 in 10 are right)",
        "not to be trusted": f"{outside:,} of {scores:,}, unlike the training set",
        "took": f"{report['elapsed_s']:,} s",
        **shares(report),
    }
    if report["message"]:
        rows["message"] = report["message"]
    return facts(f"Scores {report['state']}", rows)


def _drift(report: dict[str, Any]) -> list[Table]:
    if not report["drift"]:
        return []
    table = Table(title="Drift from the training set", title_justify="left")
    table.add_column("scalar, or what the networks see")
    for name in ("shift of the median [deviations]", "beyond 3 deviations", "missing"):
        table.add_column(name, justify="right")
    for name, of in report["drift"].items():
        table.add_row(name, f"{of['shift']:+.2f}", f"{of['far']:.1%}", f"{of['missing']:.1%}")
    return [table]
