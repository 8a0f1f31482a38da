"""Read the parts that all job files have: typed fields, certificates, lists of stars."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from kepler_lens.errors import KeplerLensError
from kepler_lens.stars.lists import words_of
from kepler_lens.stars.names import TagServer, stars_wanted

Job = TypeVar("Job")

_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
"""Types of JSON, as messages name them."""
_WRONG_TYPE = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>\w+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]+)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")
_WHERE = re.compile(r" - at `\$(?P<path>[^`]*)`$")


class JobError(KeplerLensError):
    """A job file, or a job, cannot be understood."""


class FieldError(JobError):
    """A field of a job file is unknown, missing or of another type; `load` adds the file's name."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object of a job file: `checked` refuses unknown fields, and values of another type."""


class Tls(Section, frozen=True):
    """PEM files for the connection to the scheduler.

    Attributes
    ----------
    ca : Path
        Certificate of the authority.
    cert, key : Path
        Certificate and private key of this host.
    """

    ca: Path
    cert: Path
    key: Path


def check_tls(scheduler: str | None, tls: Tls | None) -> None:
    """Check that a job has certificates if its scheduler needs them.

    Raises
    ------
    JobError
        The scheduler is at ``tls://`` and the job has no ``tls``.
    """
    if tls is None and scheduler and scheduler.startswith("tls://"):
        raise JobError(f"The scheduler at {scheduler} needs tls: ca, cert and key.")


def checked(value: object, model: Any, where: str = "") -> Any:
    """Return a value of a job file as the type that it must have.

    Parameters
    ----------
    value : object
        As JSON gives it.
    model : type
        A `Section`, or a type of JSON, or a union of such types.
    where : str, optional
        Name of the field; by default the value is the whole object.

    Returns
    -------
    object
        Of the type `model`.

    Raises
    ------
    FieldError
        A field has another type, is unknown or is missing; the error names the field.
    """
    try:
        return msgspec.convert(value, model, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise FieldError(_sentence(str(error), where)) from None


def _path(kind: type, value: object) -> object:
    if kind is not Path:
        raise NotImplementedError(f"Job files have no values of {kind}.")
    if not isinstance(value, str):
        # msgspec adds the name of the field.
        raise TypeError(f"Expected `str`, got `{_kind(value)}`")
    return Path(value)


def _kind(value: object) -> str:
    names = {dict: "object", list: "array", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _sentence(said: str, where: str) -> str:
    """Return msgspec's message as a sentence without its full stop."""
    found = _WHERE.search(said)
    path = f"{where}{found['path'] if found else ''}".lstrip(".")
    path = re.sub(r"\[(\d+)\]", lambda index: f", entry {int(index[1]) + 1}", path)
    if match := _WRONG_TYPE.match(said):
        wanted = " or ".join(_KINDS.get(kind, kind) for kind in match["wanted"].split(" | "))
        return (
            f"{path or 'the job'} must be {wanted}, and is {_KINDS.get(match['got'], match['got'])}"
        )
    inside = f" in {path}" if path else ""
    if match := _UNKNOWN.match(said):
        return f"there is no field {match['field']}{inside}"
    if match := _MISSING.match(said):
        return f"the field {match['field']} is missing{inside}"
    return f"{path}: {said}" if path else said


def load(path: Path, build: Callable[[dict[str, Any]], Job]) -> Job:
    """Read a job file.

    Parameters
    ----------
    path : Path
        JSON object.
    build : callable
        Makes the job from the fields of the object, see `checked`.

    Raises
    ------
    JobError
        The file cannot be read, or has a field that is unknown, missing or of another type; the
        error names the file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise JobError(f"Cannot read the job file {path}: {error.strerror}.") from None
    except ValueError as error:
        raise JobError(f"The job file {path} is no JSON: {error}.") from None
    try:
        return build(checked(content, dict[str, Any]))
    except FieldError as error:
        raise JobError(f"The job file {path} cannot be understood: {error}.") from None


def words_in(known: dict[str, Any], name: str) -> tuple[str, ...] | None:
    """Remove a field with a list of words from the fields of a job.

    Returns
    -------
    tuple of str or None
        None where the job does not have the field.

    Raises
    ------
    FieldError
        The field is neither text nor a list of texts.
    StarListError
        The text is blank.
    """
    if name not in known:
        return None
    return tuple(words_of(checked(known.pop(name), str | list[str] | None, name), name))


def job_on_stars(known: dict[str, Any], model: Any) -> Any:
    """Return a job on stars, whose ``stars`` and ``stars_file`` are read with its read token.

    Parameters
    ----------
    known : dict
        Fields of the job.
    model : type
        A `Section` with server, tokens, stars, scheduler and tls.

    Raises
    ------
    FieldError
        See `checked`.
    JobError
        See `check_tls`.
    StarListError
        See `stars_of`.
    """
    listed = StarFields.taken_from(known)
    job = checked(known, model)
    check_tls(job.scheduler, job.tls)
    return replace(job, stars=stars_of(listed, job.server, job.tokens.read))


class StarFields(NamedTuple):
    """The fields of a job that list stars.

    Attributes
    ----------
    stars : object
        ``stars`` as it was written; None for all stars.
    file : object
        ``stars_file``; None for none.
    """

    stars: Any
    file: Any

    @classmethod
    def taken_from(cls, known: dict[str, Any]) -> StarFields:
        """Remove the fields from those of a job."""
        return cls(known.pop("stars", None), known.pop("stars_file", None))


def stars_of(
    listed: StarFields, server: str | None, read_token: Path | None
) -> tuple[int, ...] | None:
    """Return the stars that a job lists.

    Parameters
    ----------
    listed : StarFields
    server : str or None
        URL of the Warp 10 server whose tags have the names of stars.
    read_token : Path or None
        None for the token that the server makes public.

    Returns
    -------
    tuple of int or None
        KIC or EPIC numbers; None for all stars.

    Raises
    ------
    FieldError
        ``stars_file`` is no text.
    StarListError
        An entry is no star, or has a name that the server does not know.
    """
    file: str | None = checked(listed.file, str | None, "stars_file")
    tags = TagServer(server, read_token) if server else None
    return stars_wanted(listed.stars, Path(file) if file else None, tags, "stars")
