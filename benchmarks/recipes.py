"""Compare the scores of the recipes of views: the table of docs/training.md, from FITS files.

    make bench-recipes             compare search-1 with astronet-1 on the stars at hand
    make bench-recipes ACCEPT=1    and, if they agree, list both in the package's model

A model lists the recipes whose views it scores, with the hash of the code that makes the views.
After a change of that code, the model refuses these views until this program has shown that the
scores have not changed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from kepler_lens.classify.bundle import HASH_FILE, MODEL_FILE, Bundle, shipped, write
from kepler_lens.classify.recipes import recipe
from kepler_lens.classify.scalars import of_candidate
from kepler_lens.classify.views import ViewError
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.train.recipes import accepted
from kepler_lens.transit_search.preparation.observations import observations_of
from kepler_lens.transit_search.search import search_and_vet

DATA = Path(
    os.environ.get("HELLOEXOWORLD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)
STARS = ("kepler/006541920", "kepler/011442793", "systems/003323887", "systems/003239945")
"""Stars with several candidates: Kepler-11, -90, -9 and -167."""
MEDIAN, LARGEST = 0.02, 0.10
"""Allowed differences of scores (chosen)."""


def differences(bundle: Bundle) -> list[float]:
    """Print the scores of all candidates by both recipes; return the differences."""
    found = []
    for folder in STARS:
        paths = sorted((DATA / folder).glob("*.fits"))
        curves = [read_light_curve(path, ("PDCSAP_FLUX", "SAP_QUALITY")) for path in paths]
        result = search_and_vet(observations_of(curves))
        star, count = result.search.observations, len(result.candidates)
        values = np.array([of_candidate(star, vetted, count) for vetted in result.candidates])
        ephemerides = [vetted.vetting.ephemeris for vetted in result.candidates]
        by_search = recipe("search-1").from_search(result.search)
        by_files = recipe("astronet-1").from_files(curves, ephemerides)
        for vetted, row, one, other in zip(
            result.candidates, values, by_search, by_files, strict=True
        ):
            if isinstance(one, ViewError) or isinstance(other, ViewError):
                continue
            scores = bundle.score([one, other], np.stack([row, row]))
            p, q = scores.p_planet
            found.append(abs(float(p - q)))
            print(
                f"{star.star:9d} {vetted.vetting.ephemeris.period_days:10.4f} d  "
                f"search-1 {p:.4f}  astronet-1 {q:.4f}  {vetted.vetting.disposition}",
                flush=True,
            )
    return found


def accept() -> str:
    """List the recipes of the present code in the package's model; return the model's new name.

    The tests compare astronet-1 with AstroNet's own records, and so show that it still makes the
    views on which the model was trained.
    """
    folder = shipped()
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    model = json.loads(files.pop(MODEL_FILE))
    del files[HASH_FILE], model["format"], model["files"]
    trained_on, _, _ = model["trained_on"]["recipe"].partition(" ")
    return write(folder, model | {"recipes": accepted(trained_on)}, files)[:12]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accept", action="store_true", help="list the recipes in the model")
    wanted = parser.parse_args()
    bundle = Bundle.load()
    found = differences(bundle)
    median, largest = float(np.median(found)), max(found)
    print(f"{len(found)} candidates: median difference {median:.4f}, largest {largest:.4f}")
    if median > MEDIAN or largest > LARGEST:
        print(f"More than the {MEDIAN} and {LARGEST} that are allowed: train anew.")
        return 1
    if wanted.accept:
        print(f"The package's model is now {accept()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
