"""Compare one search of Kepler-11, 0.5 to 500 days, with other programs.

Needs the packages of requirements/bench.txt. All searches run on one core in one process, on the
same light curve without its variability. This project's search also fits the noise; the other
programs get it as input.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import search_gerbls
from kepler_lens.transit_search.detection.periods import DURATIONS_HOURS, fold, peaks_of
from kepler_lens.transit_search.detection.refinement import refine
from kepler_lens.transit_search.preparation.prepare import detrended, event_bank, prepare
from search import PLANETS, RESULTS, load, recovery_of_both
from search_gerbls import LONGEST, SEGMENTS, SHORTEST


def timed(name: str, run: Callable[[], float], rounds: int) -> float:
    """Run a search several times; print the shortest processor time and the strongest period."""
    seconds, best = [], 0.0
    for _ in range(rounds):
        began = time.process_time()
        best = run()
        seconds.append(time.process_time() - began)
    known = min(PLANETS["006541920"], key=lambda p: abs(p - best))
    verdict = "a planet's" if abs(best / known - 1) < 1e-3 else "no planet's"
    print(f"{name:32} {min(seconds):7.2f} s   strongest period {best:.4f} d, {verdict}", flush=True)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip", nargs="*", default=[], choices=("tls", "bls"))
    parser.add_argument("--results", type=Path, default=RESULTS, help="those of search.py")
    arguments = parser.parse_args()
    skip = arguments.skip
    star = load("006541920")
    prepared = prepare(star)
    nothing = np.zeros(len(prepared.time), bool)
    flux = 1 + detrended(prepared, nothing)
    t, error = prepared.time, prepared.sigma * prepared.noise.white

    def own() -> float:
        bank = event_bank(prepare(star), nothing, DURATIONS_HOURS)
        peaks = peaks_of(fold(bank, star.density, LONGEST), bank)
        signals = [refine(peak.period_days, bank, [peak.index]) for peak in peaks]
        return max(signals, key=lambda s: s.statistic).ephemeris.period_days

    def compared(name: str, theirs: float) -> None:
        print(
            f"  {name} over this search {theirs / ours:.1f}, "
            f"over it without the noise, which {name} is given: {theirs / folded:.1f}"
        )

    def folding() -> float:
        bank = event_bank(prepared, nothing, DURATIONS_HOURS)
        peaks = peaks_of(fold(bank, star.density, LONGEST), bank)
        return max(peaks, key=lambda p: p.statistic).period_days

    def gerbls() -> float:
        period, power = search_gerbls.spectrum(t, flux, error, star.density)
        return float(period[int(np.argmax(power))])

    own()
    ours = timed("this search, all of it", own, 3)
    folded = timed("this search, without the noise", folding, 3)
    theirs = timed("gerbls, six segments", gerbls, 3)
    compared("gerbls", theirs)
    print("  planets that both were given (bench-search):")
    for line in recovery_of_both(arguments.results):
        print("   ", line)
    if "bls" not in skip:
        from astropy.timeseries import BoxLeastSquares

        def bls() -> float:
            periods = np.exp(np.arange(np.log(SHORTEST), np.log(LONGEST), 4.6e-5))
            best = (0.0, 0.0)
            model = BoxLeastSquares(t, flux, error)
            for low, high in pairwise(SEGMENTS):
                part = periods[(periods >= low) & (periods < high)]
                power = model.power(part, search_gerbls.durations(low, high, star.density))
                k = int(np.argmax(power.power))
                best = max(best, (float(power.power[k]), float(part[k])))
            return best[1]

        compared("BoxLeastSquares", timed("BoxLeastSquares, 150,000 periods", bls, 1))
    if "tls" not in skip:
        from transitleastsquares import transitleastsquares

        def tls() -> float:
            found = transitleastsquares(t, flux, error, verbose=False).power(
                period_min=SHORTEST, period_max=LONGEST, use_threads=1, show_progress_bar=False
            )
            return float(found.period)

        compared("transitleastsquares", timed("transitleastsquares", tls, 1))


if __name__ == "__main__":
    main()
