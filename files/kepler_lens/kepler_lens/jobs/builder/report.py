"""Report on the building of a data set, while it runs and when it has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from rich.table import Table

from kepler_lens.jobs.builder.task import BUILT
from kepler_lens.jobs.star_results import StarProgress, quarantined, shares
from kepler_lens.jobs.text import as_text, facts


@dataclass(slots=True, kw_only=True)
class Progress(StarProgress):
    """Account of the building of one data set.

    Attributes
    ----------
    data_set : str
        Folder of the data set.
    labels : str
        Release of the table of labels.
    classes : dict of str to int
        Number of records of each class without synthetic ones; empty before the end.
    """

    word: ClassVar[str] = "building of a data set"
    done_word: ClassVar[str] = BUILT

    data_set: str = ""
    labels: str = ""
    classes: dict[str, int] = field(default_factory=dict)

    def status_fields(self) -> dict[str, Any]:
        """Return the figures of the job for status.json."""
        return StarProgress.status_fields(self) | {"data_set": self.data_set, "labels": self.labels}

    def results(self) -> dict[str, Any]:
        """Return the figures of report.json that status.json lacks."""
        return StarProgress.results(self) | {"classes": self.classes}


def render_summary(report: dict[str, Any], width: int = 100) -> str:
    """Return the report of a data set as text.

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
    return as_text([*quarantined(report), _facts(report)], width)


def _facts(report: dict[str, Any]) -> Table:
    rows = {
        "server": report["server"],
        "labels": report["labels"],
        "stars built": f"{report['built']:,} ({report['candidates']:,} records)",
        "stars skipped": f"{report['skipped']:,}, built before",
        "stars left out": f"{report['quarantined']:,}",
        "records": ", ".join(f"{count:,} {name}" for name, count in report["classes"].items()),
        "data set": report["data_set"],
        "took": f"{report['elapsed_s']:,} s",
        **shares(report),
    }
    if report["message"]:
        rows["message"] = report["message"]
    return facts(f"Data set {report['state']}", rows)
