"""Compute the tick of a star's file in the ledger, and the bucket in which the star is counted.

Ticks of the ledger are not times. The files of a star stand together, so one range of ticks has
them all. The stars of a bucket stand together too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kepler_lens.errors import KeplerLensError

CADENCES = 2**24
"""Ticks of a star, one for each cadence number (chosen: short cadence counts minutes and would
reach this number after 31 years)."""

STARS = 2**36
"""Star numbers that have ticks (chosen: KIC and EPIC numbers have nine digits, those of TESS
ten)."""

BUCKET_STARS = 2**14
"""Star numbers in a bucket. Chosen: in so many numbers Kepler has some 260 stars with 4,500 files,
which a server counts in one answer, and all of Kepler and K2 are in fewer than 4,000 buckets."""

Ticks = tuple[int, int]
"""First and last tick of a range, both included."""


class NoTickError(KeplerLensError):
    """The ledger has no tick for a star or for one of its files."""


def has_ticks(star: int) -> bool:
    """Return whether the ledger can hold a star of this number."""
    return 0 <= star < STARS


def tick_of(star: int, first_cadence: int) -> int:
    """Return the tick of a star's file.

    Parameters
    ----------
    star : int
        KIC or EPIC number.
    first_cadence : int
        CADENCENO of the file's first row.

    Raises
    ------
    NoTickError
        A number is outside of the range of the ledger.
    """
    if not has_ticks(star):
        raise NoTickError(f"Star {star} cannot be kept: numbers of stars go from 0 to {STARS - 1}.")
    if not 0 <= first_cadence < CADENCES:
        raise NoTickError(
            f"Star {star} has a light curve that begins at cadence {first_cadence}, which cannot "
            f"be kept: CADENCENO goes from 0 to {CADENCES - 1}."
        )
    return star * CADENCES + first_cadence


def star_of(tick: int) -> int:
    """Return the star whose file stands at a tick."""
    return tick // CADENCES


def ticks_of_star(star: int) -> Ticks:
    """Return the range of ticks of a star's files."""
    first = tick_of(star, 0)
    return first, first + CADENCES - 1


def bucket_of(star: int) -> int:
    """Return the bucket in which a star is counted."""
    return star // BUCKET_STARS


def buckets_of(stars: Iterable[int]) -> list[int]:
    """Return the buckets of some stars, each once, ascending."""
    return sorted({bucket_of(star) for star in stars})


def ticks_of_buckets(first: int, last: int) -> Ticks:
    """Return the range of ticks of all stars in the buckets from `first` to `last`."""
    return first * BUCKET_STARS * CADENCES, (last + 1) * BUCKET_STARS * CADENCES - 1


def runs_of(buckets: Iterable[int], most: int) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of adjacent buckets, ascending, at most `most` in a run."""
    first = last = None
    for bucket in sorted(set(buckets)):
        if first is None or last is None:
            first = last = bucket
        elif bucket == last + 1 and bucket - first < most:
            last = bucket
        else:
            yield first, last
            first = last = bucket
    if first is not None and last is not None:
        yield first, last
