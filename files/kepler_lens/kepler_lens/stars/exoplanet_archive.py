"""Tables as NASA's Exoplanet Archive exports them: comments that begin with #, then CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from kepler_lens.errors import SourceError
from kepler_lens.text_file import decoded

DECIMAL = re.compile(r"(\d+\.?\d*([eE][+-]?\d+)?)?")
"""A number that is not negative, or an empty text."""
INTEGER = re.compile(r"\d+")


def table_text(path: str | Path, kind: str) -> str:
    """Read the text of a table's file.

    Parameters
    ----------
    path : str or Path
    kind : str
        Name of the table, for messages.

    Raises
    ------
    SourceError
        The file cannot be read.
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
        Cells are separated by commas, or by semicolons or tabs as spreadsheets save them.
    kind : str
        Name of the table, as the user knows it.
    where : str
        File or address, for messages.
    columns : collection of str
        Columns that the table must have.
    numbers : mapping
        Column to the pattern of its values; columns that the table lacks are not checked.

    Returns
    -------
    list of dict
        For each row a map from column to cell.

    Raises
    ------
    SourceError
        A column is missing, a row does not have one cell for each column, or a value does not match
        its pattern.
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
    """Return the character that separates the names of the columns."""
    return max(",;\t", key=header.count)
