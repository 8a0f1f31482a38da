"""Many stars to import, made of one: the same light curves with numbers that no catalogue has."""

from __future__ import annotations

from pathlib import Path

from astropy.io import fits
from kepler_lens.simulation.simulate import simulate

FIRST = 900_100_001


def make_stars(folder: Path, original: Path, stars: int, first: int = FIRST) -> None:
    """Copy the FITS files of one star for each of many stars; simulate them if it is missing.

    Stars have different numbers of quarters: series of equal length, which may match the length of
    the server's buffer in memory, would be stored faster or slower than real series.
    """
    files = sorted(original.glob("*.fits"))
    if not files:
        print(f"No light curves at {original}: simulated ones are measured.")
        simulate(folder, stars=range(first, first + stars))
        return
    for star in range(first, first + stars):
        target = folder / str(star)
        target.mkdir()
        for path in files[star % 7 :]:
            with fits.open(path) as units:
                units[0].header["KEPLERID"] = star
                units[0].header["OBJECT"] = f"SIM {star}"
                units.writeto(target / path.name.replace(path.name[4:13], str(star)), checksum=True)
