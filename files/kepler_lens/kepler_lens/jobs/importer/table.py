"""Write the report of an import as text for people."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from kepler_lens.jobs.text import as_text, facts
from kepler_lens.missions import STAR_LABEL

_REJECTED_SHOWN = 20
"""Rejected files that the text lists (chosen)."""
_ABSENT_SHOWN = 50
"""Missing stars that the text lists (chosen)."""


def render_summary(report: dict[str, Any], width: int = 100) -> str:
    """Return the report of an import as text.

    Parameters
    ----------
    report : dict
        Content of report.json.
    width : int
        Columns of the terminal.

    Returns
    -------
    str
        A table, the rejected files with reasons, and a query to paste.
    """
    tables = [_facts(report), *_rejected(report)]
    # The query is not wrapped, so that it can be pasted.
    return as_text(tables, width) + _query(report)


def _facts(report: dict[str, Any]) -> Table:
    rows = {
        "source": report["source"],
        "server": report["server"],
        "stars": f"{report['stars']:,}",
        "files": _files(report),
        "points pushed": f"{report['points']:,}",
        "points per second": f"{report['points_per_s']:,}",
        "took": f"{report['elapsed_s']:,} s",
        "rejected files": f"{report['quarantined']:,}",
    }
    if absent := report["absent_stars"]:
        shown = ", ".join(map(str, absent[:_ABSENT_SHOWN]))
        more = report["absent"] - len(absent[:_ABSENT_SHOWN])
        rows["not in the source"] = shown + (f" and {more:,} more in report.json" if more else "")
    if held := report["in_server"]:
        rows["now in the server"] = (
            f"{held['stars']:,} stars, {held['files']:,} files, {held['points']:,} points"
        )
    for name, share in report["workers"].items():
        rows[f"worker {name}"] = (
            f"{share['share']:.0%} of the points ({share['files']:,} files, "
            f"{share['points']:,} points)"
        )
    if report["message"]:
        rows["message"] = report["message"]
    return facts(f"Import {report['state']}", rows)


def _files(report: dict[str, Any]) -> str:
    kinds = ("pushed", "replaced", "unchanged", "superseded")
    counts = ", ".join(f"{report[kind]:,} {kind}" for kind in kinds if report[kind])
    return f"{report['files_done']:,}" + (f" ({counts})" if counts else "")


def _rejected(report: dict[str, Any]) -> list[Table]:
    tables = []
    for title, files, count in (
        ("Rejected files", report["rejected"], report["quarantined"]),
        ("Superseded files", report["superseded_files"], report["superseded"]),
    ):
        if not files:
            continue
        table = Table(title=title, title_justify="left")
        table.add_column("file", overflow="fold")
        table.add_column("reason", overflow="fold")
        for file in files[:_REJECTED_SHOWN]:
            table.add_row(Text(file["name"]), Text(file["reason"]))
        if count > _REJECTED_SHOWN:
            table.add_row("…", f"{count - _REJECTED_SHOWN:,} more in report.json")
        tables.append(table)
    return tables


def _query(report: dict[str, Any]) -> str:
    star = report["example_star"]
    if star is None:
        return ""
    return f"""Ask for the light curves of star {star} (name and number of points of each series):

curl -sS {report["server"]}/api/v0/exec --data-binary @- <<'END'
[ @HELLOEXOWORLD/GETREADTOKEN '~.*flux' {{ '{STAR_LABEL}' '{star}' }}
  '2009-01-01T00:00:00Z' '2019-01-01T00:00:00Z' ] FETCH
<% DROP DUP NAME SWAP SIZE 2 ->LIST %> LMAP
END
"""
