"""Many stars to import, made of one: the same light curves under numbers that no catalogue uses."""

from __future__ import annotations

from pathlib import Path

from astropy.io import fits
from kepler_lens.simulate import simulate

FIRST = 900_100_001


def make_stars(folder: Path, original: Path, stars: int, first: int = FIRST) -> None:
    """Copy the FITS files of one star for each of many; simulate them where it is not there.

    Stars are observed for more or fewer quarters: series of one length, each as long as what the
    server holds back in memory, would be stored faster or slower than any real ones.
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
