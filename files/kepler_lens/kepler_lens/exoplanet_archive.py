"""Tables of NASA's Exoplanet Archive as it exports them: CSV below comments that begin with #."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from kepler_lens.errors import SourceError
from kepler_lens.text_file import decoded

DECIMAL = re.compile(r"(\d+\.?\d*([eE][+-]?\d+)?)?")
"""A number that is not negative, or nothing."""
INTEGER = re.compile(r"\d+")


def table_text(path: str | Path, kind: str) -> str:
    """Read a table's file.

    Raises
    ------
    SourceError
        It cannot be read.
    """
    try:
        return decoded(Path(path).read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: the {kind} table cannot be read ({error})") from error


def table_rows(
    text: str,
    kind: str,
    where: str,
    columns: Collection[str],
    numbers: Mapping[str, re.Pattern[str]],
) -> list[dict[str, str]]:
    """Read the rows of a table.

    Parameters
    ----------
    text : str
        Cells separated by commas, or by semicolons or tabs as spreadsheets save them.
    kind : str
        Name of the table, as the user knows it.
    where : str
        File or address, for messages.
    columns : collection of str
        What it must have.
    numbers : mapping
        Columns to the form of their values; those it lacks are not looked at.

    Raises
    ------
    SourceError
        A column is missing, a row has not one cell for each column, or a value is none of its
        form.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    table = csv.DictReader(lines, delimiter=_separator(lines[0] if lines else ""))
    missing = set(columns) - set(table.fieldnames or ())
    if missing:
        raise SourceError(
            f"{where}: this is no {kind} table of the Exoplanet Archive, it has no column "
            f"{min(missing)}"
        )
    rows = list(table)
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise SourceError(
                f"{where}: row {number} of the {kind} table has not {len(table.fieldnames or ())} "
                "cells as its first line has: the file is cut or damaged, get it again"
            )
        for column, form in numbers.items():
            value = row.get(column) or ""
            if column in row and not form.fullmatch(value):
                raise SourceError(
                    f"{where}: row {number} of the {kind} table has {value!r} as its {column}; "
                    "get the table again"
                )
    return rows


def _separator(header: str) -> str:
    """Find what stands between the names of the columns."""
    return max(",;\t", key=header.count)
