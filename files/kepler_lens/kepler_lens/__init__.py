"""Light curves of NASA's Kepler and K2 missions, from FITS files into Warp 10.

>>> from kepler_lens import read_light_curve
>>> lc = read_light_curve("kplr006541920-2009166043257_llc.fits")  # doctest: +SKIP
>>> time_us, flux = lc.series("PDCSAP_FLUX")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kepler_lens.lightcurve import LightCurve, read_light_curve

__all__ = ["LightCurve", "read_light_curve"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # On demand: `kepler-lens --help` need not wait for astropy.
    if name in __all__:
        from kepler_lens import lightcurve

        return getattr(lightcurve, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
