"""The program behind the macro ``TRANSITS``: Warp 10's ``CALL`` runs it and asks it for searches.

`CALL` starts processes and keeps them. Each process first prints how many processes there may be.
Then it answers each request, one line, with one line; both are percent-encoded. An answer that
begins with a space is an error.

`CALL` makes a caller wait until a process is free. So there are two more processes than may search:
a free process that finds every slot taken answers at once that the server is busy.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from urllib.parse import quote, unquote_plus

from kepler_lens.errors import KeplerLensError
from kepler_lens.warp10.client import Token

SPARE = 2
"""Processes (chosen) that only answer that the others are busy."""

_NAME = "kepler_lens.jobs.searcher.call"
_PATIENCE = 600.0
"""Seconds for one search (chosen: a star of four years takes half a minute)."""


class CallError(KeplerLensError):
    """A request cannot be answered."""


@contextmanager
def slot(folder: Path, slots: int) -> Iterator[None]:
    """Hold one of the slots for a search, which all processes share.

    Parameters
    ----------
    folder : Path
        Folder of the lock files; made if needed.
    slots : int
        Number of slots.

    Raises
    ------
    CallError
        All slots are taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(slots):
        with (folder / f"slot-{number}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield
            return
    raise CallError(
        f"TRANSITS is busy: as many stars as may be, {slots}, are being searched. "
        "Try again in a minute."
    )


def answer(line: str, token_file: Path, folder: Path, slots: int, url: str) -> str:
    """Answer one request of `CALL`.

    Parameters
    ----------
    line : str
        Percent-encoded JSON with the caller's `token` and the `star`.
    token_file : Path
        File with the token that a caller must send.
    folder, slots
        See `slot`.
    url : str
        Server that has the star's light curve.

    Returns
    -------
    str
        A percent-encoded list of candidates (JSON), or a space and a percent-encoded error.
    """
    try:
        found = _search(line, token_file, folder, slots, url)
    except KeplerLensError as error:
        return " " + quote(str(error), safe="")
    return quote(found, safe="")


def _search(line: str, token_file: Path, folder: Path, slots: int, url: str) -> str:
    try:
        request = json.loads(unquote_plus(line))
        token, star = str(request["token"]), str(request["star"])
    except (ValueError, TypeError, KeyError):
        raise CallError("TRANSITS takes the call token and the number of a star.") from None
    # A comparison in constant time: its duration does not show how much of a guess is right.
    if not hmac.compare_digest(token.encode(), Token.from_file(token_file).reveal().encode()):
        raise CallError("This is not the call token: ask whoever runs the server for it.")
    if not (star.isascii() and star.isdigit()):
        raise CallError(f"{star[:40]} is no number of a star.")
    with slot(folder, slots):
        return _in_a_process(url, star)


def _in_a_process(url: str, star: str) -> str:
    """Search in a separate process: its memory is freed, and its crash ends nothing else."""
    try:
        done = subprocess.run(  # noqa: S603 - this module, and digits
            [sys.executable, "-m", _NAME, url, star],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CallError(f"The search of star {star} took more than {_PATIENCE:.0f} s.") from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == KeplerLensError.exit_status and done.stdout:
        raise CallError(done.stdout.strip())
    last = (done.stderr.strip().splitlines() or ["no word"])[-1]
    raise CallError(f"The search of star {star} ended with status {done.returncode}: {last}")


def search_one(url: str, star: int) -> str:
    """Search a star of the server.

    Parameters
    ----------
    url : str
        Server that has the star's light curve.
    star : int
        KIC or EPIC number.

    Returns
    -------
    str
        JSON: a list of candidates, each with the columns of the catalogue.

    Raises
    ------
    KeplerLensError
        The server does not have the star, or the star cannot be searched.
    """
    from kepler_lens.classify.bundle import Bundle
    from kepler_lens.classify.scoring import scored
    from kepler_lens.transit_search.report.table import row
    from kepler_lens.transit_search.search import search_and_vet
    from kepler_lens.transit_search.store.light_curve import from_server

    result = scored(search_and_vet(from_server(star, url, None)), Bundle.load())
    return json.dumps([row(result.search.observations, vetted) for vetted in result.candidates])


def serve(
    requests: TextIO, answers: TextIO, token_file: Path, folder: Path, slots: int, url: str
) -> None:
    """Answer requests until there are no more.

    Parameters
    ----------
    requests, answers : text stream
        A request is a line, and so is its answer.
    token_file, folder, slots, url
        See `answer`.
    """
    print(slots + SPARE, file=answers, flush=True)
    for line in requests:
        print(answer(line.strip(), token_file, folder, slots, url), file=answers, flush=True)


def main(arguments: list[str]) -> int:
    """Answer requests, or search one star.

    Parameters
    ----------
    arguments : list of str
        Token file, folder of locks, number of slots and URL to answer requests; URL and star to
        search.

    Returns
    -------
    int
        Exit status.
    """
    if len(arguments) == 2:
        try:
            sys.stdout.write(search_one(arguments[0], int(arguments[1])))
        except KeplerLensError as error:
            sys.stdout.write(str(error))
            return KeplerLensError.exit_status
    else:
        token_file, folder, slots, url = arguments
        serve(sys.stdin, sys.stdout, Path(token_file), Path(folder), int(slots), url)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
