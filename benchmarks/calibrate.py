"""Measure the basis of the search's thresholds: whole searches of light curves without planets.

    make bench-search PART=calibrate             some hours of one core; goes on where it stopped
    python benchmarks/calibrate.py table         print what has been measured so far
    python benchmarks/calibrate.py write         write that as thresholds.json

The points in transit of a star's planets are left out, the flux is inverted and, for most kinds of
stars with several quarters (`ONCE`), their order is changed. Signals that the search then finds
are noise. Lowered thresholds show also signals slightly below the thresholds. The table shows, for
each kind of star and each range of periods, the margin that one star in a hundred exceeds by chance
over all periods, from the exponential tail of the signals, and how often signals pass the
thresholds in force.

The table separates stars on which thresholds were chosen; the other stars test the choice.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import hard_stars
import numpy as np
from kepler_lens.missions.kepler import LONG_CADENCE_DAYS
from kepler_lens.transit_search.detection import detect as search_engine
from kepler_lens.transit_search.detection import thresholds
from kepler_lens.transit_search.detection.detect import find_candidates
from kepler_lens.transit_search.detection.periods import SHORTEST_PERIOD_DAYS
from kepler_lens.transit_search.preparation.observations import NotSearchableError, Observations
from kepler_lens.transit_search.search import search_and_vet
from kepler_lens.transit_search.version import engine
from kepler_lens.transit_search.vetting.vet import CANDIDATE
from search import SIMULATED, append, interval, load, measured, part_of

RESULTS = Path(__file__).with_name("calibration.jsonl")
SUMMARY = Path(__file__).with_name("thresholds.json")
SEED = 40_000
"""Seed of other light curves than those of `search.py` (chosen)."""
LOWERED = 0.7
"""How far every threshold is lowered: enough for a tail, and the search still ends (chosen)."""
LEAST_EXCESS = 9.0
"""Least excess of a chain that is followed (chosen: below `detect._CHAINED`)."""
LEAST_TAIL = 5
"""Least number of light curves near a threshold for which a tail is fitted (chosen)."""
FALSE_ALARMS = 0.01
"""Allowed part of stars without planets in which the search finds a candidate."""
TURNS = 60
"""Light curves of a star of several quarters (chosen: some hours of one core in all)."""


@dataclass(frozen=True)
class Source:
    """A star from which light curves are made.

    Attributes
    ----------
    kind : str
        Kind of star, a part of the table.
    name : str
    read : callable
        Returns the star's observations.
    chosen_on : bool
        Whether a threshold was chosen on this star.
    """

    kind: str
    name: str
    read: Callable[[], Observations]
    chosen_on: bool = False


def single_quarters(folder: str) -> list[Source]:
    """Return one star for each file of a folder."""
    count = len(sorted((hard_stars.DATA / folder).glob("*.fits")))
    return [
        Source("one quarter", f"{folder} {k}", partial(hard_stars.files, folder, slice(k, k + 1)))
        for k in range(count)
    ]


PULSATORS = 12
"""Simulated pulsating stars (chosen)."""
ONCE = ("one quarter", "pulsating, simulated")
"""Kinds of stars whose quarters keep their order: those with one quarter, and made pulsating stars,
whose coherent waves would jump between quarters. 011454304 is the only real star of its kind."""


def pulsating(number: int) -> Observations:
    """Return a simulated star with pulsations like those of 011454304 added to its flux.

    Five groups of eight frequencies between 0.3 and 4.2 per day have amplitudes of 30 to 1,000 ppm.
    Amplitude and phase of each drift by a tenth within 200 to 900 days, so that what is left of a
    subtracted sine wave fills the frequencies around it (all chosen).
    """
    quiet = load(SIMULATED[number % len(SIMULATED)])
    rng = np.random.default_rng([SEED, number])
    light = np.zeros(len(quiet.time))
    for middle in rng.uniform(0.4, 4.0, 5):
        for per_day in rng.normal(middle, 0.05, 8):
            begin, other = rng.uniform(0, 2 * np.pi, 2)
            drift = 0.1 * np.sin(2 * np.pi * quiet.time / rng.uniform(200.0, 900.0) + other)
            angle = 2 * np.pi * per_day * quiet.time + begin + drift
            light += 10 ** rng.uniform(-4.5, -3.0) * (1 + drift) * np.sin(angle)
    return replace(quiet, flux=(1 + quiet.flux) * (1 + light) - 1)


SOURCES = (
    Source("quiet", "Kepler-11", partial(load, "006541920"), chosen_on=True),
    Source("quiet", "Kepler-90", partial(load, "011442793"), chosen_on=True),
    Source("quiet", "Kepler-167", partial(hard_stars.files, "systems/003239945")),
    Source("quiet", "Kepler-9", partial(hard_stars.files, "systems/003323887")),
    Source("SAP", "Kepler-11", partial(load, "006541920", "SAP_FLUX"), chosen_on=True),
    Source("SAP", "Kepler-90", partial(load, "011442793", "SAP_FLUX"), chosen_on=True),
    Source("SAP", "Kepler-7", partial(hard_stars.public, 5780885)),
    Source("SAP, spotted", "Kepler-30", partial(hard_stars.public, 3832474)),
    Source("pulsating", "011454304", partial(load, "011454304"), chosen_on=True),
    *(
        Source("pulsating, simulated", f"pulsator {k}", partial(pulsating, k))
        for k in range(PULSATORS)
    ),
    *(Source("simulated", name, partial(load, name), name in SIMULATED) for name in SIMULATED),
    *(Source("simulated", f"9000002{k:02d}", partial(load, f"9000002{k:02d}")) for k in (1, 3, 7)),
    *single_quarters("red_giants"),
    *(
        Source("one quarter", folder.name, partial(hard_stars.files, f"kepler/{folder.name}"))
        for folder in sorted((hard_stars.DATA / "kepler").glob("*"))
        if len(list(folder.glob("*.fits"))) == 1
    ),
)


MOST_IN_TRANSIT = 0.5
"""Part of a light curve that a planet's transits take at most (chosen: a third for one of 0.2 d).
Waves of a pulsating star that are taken for transits may take all of it."""


@cache
def without_planets(source: Source) -> Observations:
    """Return a star without the points in transit of its candidates."""
    observed = source.read()
    keep = np.ones(len(observed.time), bool)
    for candidate in find_candidates(observed).candidates:
        hours = candidate.ephemeris.hours_from_middle(observed.time)
        outside = np.abs(hours) > 0.8 * candidate.ephemeris.duration_hours + 0.3
        if outside.mean() >= 1 - MOST_IN_TRANSIT:
            keep &= outside
    return replace(
        observed,
        time=observed.time[keep],
        flux=observed.flux[keep],
        quarter=np.unique(observed.quarter[keep], return_inverse=True)[1].astype(np.int32),
        level=observed.level[np.unique(observed.quarter[keep])],
    )


def inverted(observed: Observations, order: np.ndarray) -> Observations:
    """Return a light curve with inverted flux and its quarters in another order; gaps stay."""
    parts = [observed.time[observed.quarter == q] for q in range(len(observed.level))]
    gaps = [after[0] - before[-1] for before, after in pairwise(parts)]
    time, begin = [], observed.time[0]
    for place, q in enumerate(order):
        time.append(parts[q] - parts[q][0] + begin)
        begin = time[-1][-1] + (gaps[place] if place < len(gaps) else LONG_CADENCE_DAYS)
    return replace(
        observed,
        time=np.concatenate(time),
        flux=-np.concatenate([observed.flux[observed.quarter == q] for q in order]),
        quarter=np.repeat(np.arange(len(order), dtype=np.int32), [len(parts[q]) for q in order]),
        level=observed.level[order],
    )


@contextmanager
def lowered() -> Iterator[list[float]]:
    """Lower the thresholds within a context, and yield the list of excesses of followed chains.

    The search itself does not change: only the numbers that its statistics are compared with do.
    """
    homes = {
        "_THRESHOLDS": thresholds,
        "_PULSATING": thresholds,
        "_CHAINED": search_engine,
        "_early_or_late": search_engine,
    }
    before = {name: getattr(home, name) for name, home in homes.items()}
    followed: list[float] = []

    def noticing(*what: object) -> tuple[object, float]:
        signal, excess = before["_early_or_late"](*what)
        if signal is not None:
            followed.append(round(float(excess), 3))
        return signal, excess

    for name in ("_THRESHOLDS", "_PULSATING"):
        lower = tuple((days, value - LOWERED) for days, value in before[name])
        setattr(thresholds, name, lower)
    search_engine._CHAINED = LEAST_EXCESS
    search_engine._early_or_late = noticing
    try:
        yield followed
    finally:
        for name, home in homes.items():
            setattr(home, name, before[name])


def trials() -> Iterator[tuple[str, Source, int]]:
    """Yield every light curve: name, star, and number of its order of quarters, stars in turn."""
    for turn in range(TURNS):
        for source in SOURCES:
            if turn == 0 or source.kind not in ONCE:
                yield f"{source.kind}; {source.name}; {turn}", source, turn


def trial(source: Source, turn: int) -> dict[str, object]:
    """Search one light curve without planets with lowered thresholds."""
    quiet = without_planets(source)
    rng = np.random.default_rng([SEED, turn])
    count = len(quiet.level)
    order = np.arange(count) if turn == 0 else rng.permutation(count)
    with lowered() as followed:
        result = search_and_vet(inverted(quiet, order))
        inside = [v.candidate for v in result.candidates if v.vetting.disposition == CANDIDATE]
    # With lowered thresholds, the masks of weak signals may make others that no search would find.
    again = any(c.statistic - c.threshold > LOWERED for c in inside)
    found = search_and_vet(inverted(quiet, order)).candidates if again else ()
    return {
        "alarm": any(vetted.vetting.disposition == CANDIDATE for vetted in found),
        "chains": sorted(followed, reverse=True),
        "pulsating": bool(result.search.prepared.pulsating),
        "rows": [
            {
                "period": round(c.ephemeris.period_days, 5),
                "statistic": round(c.statistic, 3),
                "margin": round(c.statistic - c.threshold - LOWERED, 3),
                "late": bool(c.ephemeris.late_days),
                "candidate": vetted.vetting.disposition == CANDIDATE,
            }
            for vetted in result.candidates
            for c in (vetted.candidate,)
        ],
    }


def tail(margins: list[float], count: int, part: float) -> str:
    """Describe the margin over the threshold that a part of all light curves exceeds.

    The margin is from an exponential tail of the margins above the lowered threshold.
    """
    above = np.array([margin + LOWERED for margin in margins if margin > -LOWERED])
    if len(above) < LEAST_TAIL:
        over = int((above > LOWERED).sum())
        return f"exceeded by {interval(over, count).strip()}, too few for a tail"
    exceeded = float(np.mean(above)) * float(np.log(len(above) / count / part)) - LOWERED
    return f"{part:.1%} of curves exceed {exceeded:+.2f}"


def table(results: Path, version: str = "") -> None:
    """Print the false alarms and the largest margins, kind by kind."""
    done = measured(results, version)
    stars = sorted({tuple(key.split("; ")[:2]) for key in done})
    print(
        f"engine {version or engine()}: {len(done)} curves of {len(stars)} stars, "
        "without planets, inverted"
    )
    on = {(s.kind, s.name) for s in SOURCES if s.chosen_on}
    for kind in dict.fromkeys(source.kind for source in SOURCES):
        mine = {k: row for k, row in done.items() if k.startswith(f"{kind}; ")}
        for known, words in ((True, "thresholds were chosen on"), (False, "not looked at before")):
            rows = [r for k, r in mine.items() if (tuple(k.split("; ")[:2]) in on) is known]
            if not rows:
                continue
            alarms = sum(passes(row) for row in rows)
            print(f"{kind}, {words}: {interval(alarms, len(rows))} with a candidate")
        if not mine:
            continue
        part = FALSE_ALARMS / len(ranges(kind))
        for shortest, longest in ranges(kind):
            best = [largest(row, shortest, longest) for row in mine.values()]
            near = sum(margin > -LOWERED for margin in best)
            reached = f"largest {max(best):+.2f}, " if near else ""
            print(
                f"    {shortest:g} to {longest:g} d: {near} of {len(mine)} come within {LOWERED} "
                f"of the threshold, {reached}{tail(best, len(mine), part)}"
            )
        excess = [max(row["chains"], default=0.0) for row in mine.values()]
        followed = sum(e > 0 for e in excess)
        print(f"    chains: {followed} followed, largest excess {max(excess):.2f}")


def in_force(kind: str) -> tuple[tuple[float, float], ...]:
    """Return the thresholds of a kind of star: longest period, days, and statistic."""
    return thresholds._PULSATING if kind.startswith("pulsating") else thresholds._THRESHOLDS


def ranges(kind: str) -> list[tuple[float, float]]:
    """Return the ranges of periods that have their own threshold for a kind of star, days."""
    ends = [days for days, _ in in_force(kind)]
    return list(zip([SHORTEST_PERIOD_DAYS, *ends[:-1]], ends, strict=True))


def summary(done: dict[str, dict[str, object]], version: str) -> dict[str, object]:
    """Return what the thresholds in force are worth by the light curves of one engine.

    Parameters
    ----------
    done : dict of str to dict
        Name of each light curve (`trials`) to its row.
    version : str
        The engine that searched them.

    Returns
    -------
    dict
        ``engine``; ``quantile``, the part of stars that may have a false candidate; ``curves`` and
        ``stars``; and for each kind of star its ``curves``, ``stars``, those that thresholds were
        ``chosen_on``, ``alarms`` (light curves with a candidate) and ``ranges``: ``days``, the
        longest period (None: any), ``threshold``, ``largest``, the largest statistic less its
        threshold (None: none is within `LOWERED` below it), and ``near``, how many light curves
        have one there.
    """
    kinds: dict[str, object] = {}
    for kind in dict.fromkeys(key.split("; ")[0] for key in sorted(done)):
        mine = {key: row for key, row in done.items() if key.startswith(f"{kind}; ")}
        stars = {key.split("; ")[1] for key in mine}
        steps = []
        for (days, value), within in zip(in_force(kind), ranges(kind), strict=True):
            margins = [m for row in mine.values() if (m := largest(row, *within)) > -LOWERED]
            steps.append(
                {
                    "days": days if np.isfinite(days) else None,
                    "threshold": value,
                    "near": len(margins),
                    "largest": max(margins, default=None),
                }
            )
        kinds[kind] = {
            "curves": len(mine),
            "stars": len(stars),
            "chosen_on": sorted(
                s.name for s in SOURCES if s.kind == kind and s.name in stars and s.chosen_on
            ),
            "alarms": sum(passes(row) for row in mine.values()),
            "ranges": steps,
        }
    return {
        "engine": version,
        "quantile": FALSE_ALARMS,
        "curves": len(done),
        "stars": len({tuple(key.split("; ")[:2]) for key in done}),
        "kinds": kinds,
    }


def largest(row: dict[str, object], shortest: float, longest: float) -> float:
    """Return the largest margin of a candidate of these periods over the threshold in force.

    A margin above 0 counts where a search with the thresholds in force has a candidate, too.
    """
    margins = [
        found["margin"]
        for found in row["rows"]
        if found["candidate"] and shortest < found["period"] <= longest
        if found["margin"] <= 0 or row.get("alarm", True)
    ]
    return max(margins, default=-9.0)


def passes(row: dict[str, object]) -> bool:
    """Return whether a light curve has a candidate by the thresholds in force."""
    if "alarm" in row:
        return bool(row["alarm"])
    chained = max(row["chains"], default=0.0) > search_engine._CHAINED
    return any(
        found["candidate"] and found["margin"] > 0 and (chained or not found["late"])
        for found in row["rows"]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("all", "table", "write"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    kinds = sorted({source.kind for source in SOURCES})
    parser.add_argument("--kind", action="append", choices=kinds, help="only stars of this kind")
    parser.add_argument("--engine", default="", help="whose curves the table is of")
    parser.add_argument(
        "--part", type=part_of, default=(0, 1), help="0/2: every second curve, from the first on"
    )
    arguments = parser.parse_args()
    results, (part, parts) = arguments.results, arguments.part
    if arguments.what == "table":
        table(results, arguments.engine)
        return
    if arguments.what == "write":
        version = arguments.engine or engine()
        text = json.dumps(summary(measured(results, version), version), indent=1)
        SUMMARY.write_text(text + "\n", encoding="utf-8")
        return
    done = measured(results)
    for index, (key, source, turn) in enumerate(trials()):
        if index % parts != part or key in done:
            continue
        if arguments.kind and source.kind not in arguments.kind:
            continue
        try:
            row = trial(source, turn)
        except (FileNotFoundError, NotSearchableError) as why:
            print(f"{key}: left out: {why}", file=sys.stderr)
            continue
        append(results, {"trial": key, "engine": engine(), **row})
    table(results)


if __name__ == "__main__":
    main()
