"""Lists of stars as people write them: numbers and names, typed or in a file.

``6541920``, ``KIC 6541920``, ``EPIC-201912552``, ``Kepler-11``, ``K2-18 b``, ``KOI-157.01``:
separated by commas or blanks, or one a line; ``#`` begins a comment. `stars.names` resolves
names to numbers. This module needs only Python's standard library, because Ansible's controller
uses it too (``plugins/filter/typed.py``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kepler_lens.errors import KeplerLensError
from kepler_lens.missions import MISSIONS
from kepler_lens.text_file import decoded

_CATALOGUES = [each.catalogue for each in MISSIONS.values() if each.catalogue]
_ONE_OF = "|".join(_CATALOGUES)
_DIGITS = 9
_END = r"(?![^\s,])"
_NUMBER = re.compile(rf"(?:(?:{_ONE_OF})[\s_-]*)?([0-9]+){_END}", re.IGNORECASE)
_KOI = re.compile(rf"(?:KOI[\s_-]*0*([0-9]+)|K([0-9]{{5}}))(\.[0-9]{{2}})?{_END}", re.IGNORECASE)
_HOST = re.compile(
    rf"(?!(?:{_ONE_OF}|KOI)\b)(Kepler[\s_]*[0-9]+|[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*-[0-9]+)((?:\s*[A-Z])?(?:\s+[A-Z]{_END})?)"
    rf"{_END}",
    re.IGNORECASE,
)
_WORD = re.compile(rf"(?:(?:{_ONE_OF}|KOI|Kepler)\s+(?=[0-9]))?[^\s,]+", re.IGNORECASE)
_GAP = re.compile(r"[\s,]*")
_LINES = re.compile(r"\r\n|\n|\r")
_PATH = re.compile(r"[/\\]|^[~.]|\.[A-Za-z]\w*$")
_WHAT = f"{' or '.join(_CATALOGUES)} numbers, or names such as Kepler-11, K2-18 b or KOI-157"


class StarListError(KeplerLensError):
    """An entry that was typed, or is in a list, is no star."""


@dataclass(frozen=True, slots=True)
class Name:
    """A star that is written by a name of its planets.

    Attributes
    ----------
    text : str
        The name as it was written.
    attribute : str
        Tag that holds such names, see `kepler_lens.stars.tags`.
    pattern : str
        Regular expression that matches the name in the tag, in small letters; it has the same
        meaning in Python and in Java.
    where : str
        Place at which the name was written, for messages.
    """

    text: str
    attribute: str
    pattern: str
    where: str = field(default="", compare=False)


Star = int | Name


def read(text: str, where: str, *, by_line: bool = False) -> list[Star]:
    """Read a list of stars.

    Parameters
    ----------
    text : str
    where : str
        File or variable, for messages.
    by_line : bool
        Whether messages give the number of the line, as for a file, or the number of the entry.

    Returns
    -------
    list of int or Name
        In the order of the text, each once.

    Raises
    ------
    StarListError
        An entry is no star; the message names its place and what to write instead.
    """
    stars: dict[Star, None] = {}
    count = 0
    # If files were concatenated, a byte order mark may be in the middle of the text.
    for number, line in enumerate(_LINES.split(text.replace("\ufeff", " ")), start=1):
        for match, star in _entries(line.split("#", 1)[0]):
            count += 1
            position = f"{where}, {f'line {number}' if by_line else f'entry {count}'}"
            if star is None:
                raise StarListError(f"{position}: {match!r} is no star: {_hint(match)}.")
            stars.setdefault(star if isinstance(star, int) else replace(star, where=position))
    return list(stars)


def read_file(path: Path) -> list[Star]:
    """Read a list of stars from a file in UTF-8 or UTF-16.

    Raises
    ------
    StarListError
        The file cannot be read, is empty, or has an entry that is no star.
    """
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        raise StarListError(f"Cannot read the list of stars {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise StarListError(
            f"Cannot read the list of stars {path}: it is no text in UTF-8 or UTF-16."
        ) from None
    stars = read(text, str(path), by_line=True)
    if not stars:
        raise StarListError(f"The list of stars {path} is empty: write {_WHAT} into it.")
    return stars


def stars_of(value: Any, where: str) -> list[Star] | None:
    """Read stars that were typed, or that are in a job file or in an inventory.

    Parameters
    ----------
    value : str, int, list of them, or None
    where : str
        Option or variable of the value, for messages.

    Returns
    -------
    list of int or Name, or None
        None, which means every star, if nothing was typed.

    Raises
    ------
    StarListError
        An entry is no star, or the value has only blanks.
    """
    if value is None or value in ("", []):
        return None
    stars = read(_text(value), where)
    if not stars:
        raise StarListError(f"{where} names no star: write {_WHAT}.")
    return stars


def stars_or_file(value: Any, where: str) -> list[Star] | None:
    """Read stars that were typed, or read the file whose path was typed; see `stars_of`."""
    text = value.strip() if isinstance(value, str) else ""
    path = os.path.expanduser(text)  # noqa: PTH111 - Path refuses a user that there is not
    if os.path.isfile(path):  # noqa: PTH113 - Path refuses a text that is too long for a name
        return read_file(Path(path))
    if text and _PATH.search(text):
        why = "is a folder" if Path(path).is_dir() else "is not there"
        raise StarListError(
            f"{where}: the file {text} {why}, on the machine that runs this: name a file that "
            f"lists stars, or write {_WHAT}."
        )
    return stars_of(value, where)


def written(stars: Iterable[Star]) -> list[int | str]:
    """Return stars as a job file lists them: numbers, then names, each once and sorted."""
    known = list(stars)
    return [
        *sorted({star for star in known if isinstance(star, int)}),
        *sorted({star.text for star in known if isinstance(star, Name)}),
    ]


def words_of(value: Any, where: str) -> list[str]:
    """Read words that are separated by commas or blanks, or a list of such texts.

    Raises
    ------
    StarListError
        The value has only blanks.
    """
    if value is None or value in ("", []):
        return []
    words = _text(value).replace(",", " ").split()
    if not words:
        raise StarListError(f"{where} is blank: write words with commas or blanks between them.")
    return words


def numbers_of(value: Any, where: str) -> list[int]:
    """Read whole numbers that are separated by commas or blanks, such as quarters.

    Raises
    ------
    StarListError
        An entry is not a whole number from 0 on.
    """
    words = words_of(value, where)
    for count, word in enumerate(words, start=1):
        if not re.fullmatch(r"[0-9]{1,9}", word):
            raise StarListError(
                f"{where}, entry {count}: {word!r} is no whole number: write numbers such as "
                "1, 2, 17 with commas or blanks between them."
            )
    return [int(word) for word in words]


def _text(value: Any) -> str:
    # One line for each entry: no name or comment continues in the next entry of a list.
    return "\n".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _entries(line: str) -> Iterator[tuple[str, Star | None]]:
    """Yield each entry of a line as it is written, with its star, or None if it is no star."""
    at = _end(_GAP, line, 0)
    while at < len(line):
        if match := _NUMBER.match(line, at):
            yield match[0], _number(match[1]) or None
        elif match := _KOI.match(line, at):
            candidate = re.escape(match[3]) if match[3] else r"\.[0-9]{2}"
            pattern = f"k{_number(match[1] or match[2]):05d}{candidate}"
            yield match[0], Name(_one_blank(match[0]), "kois", pattern)
        elif match := _HOST.match(line, at):
            yield match[0], Name(_one_blank(match[0]), "planets", _host(match[1], match[2]))
        else:
            match = _WORD.match(line, at)
            assert match is not None  # noqa: S101 - no gap stands here, so a word does
            yield match[0], None
        at = _end(_GAP, line, match.end())


def _number(digits: str) -> int:
    """Return the number of a star, or 0 for what has too many digits to be one."""
    significant = digits.lstrip("0")
    return int(significant) if 0 < len(significant) <= _DIGITS else 0


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _host(name: str, letters: str) -> str:
    """Return a pattern of names of planets: of a star, of one star of a pair, or of one planet."""
    base = re.sub(r"kepler[\s_-]*", "kepler-", name.lower())
    parts = "".join(letters.lower().split())
    if not parts:
        return f"{base}( [a-z]){{0,2}}"
    if len(parts) == 1:
        return f"{base}(( [a-z])? ?{parts}| ?{parts} [a-z])"
    return f"{base} ?{parts[0]} {parts[1]}"


def _one_blank(text: str) -> str:
    return " ".join(text.split())


def _hint(word: str) -> str:
    """Return what to write instead of a word that is no star."""
    bare = re.sub(rf"^({_ONE_OF})[\s_-]*", "", word, flags=re.IGNORECASE)
    if match := re.fullmatch(r"0*([1-9][0-9]{0,8})\.[0-9]*", bare):
        return f"a number has no decimal point, write {match[1]}"
    if re.fullmatch(r"[0-9]+(-|\u2013|\.\.|:)[0-9]+", bare):
        return "write each number by itself, with commas or blanks between them"
    if re.fullmatch(r"0+", bare):
        return "numbers begin at 1"
    if re.fullmatch(r"[0-9]+", bare):
        return f"{' and '.join(_CATALOGUES)} numbers have {_DIGITS} digits at most"
    return f"write {_WHAT}, with commas or blanks between them"
