"""Light curves of NASA's Kepler and K2 missions: from FITS files to Warp 10, and from Warp 10.

>>> from kepler_lens import read_light_curve
>>> lc = read_light_curve("kplr006541920-2009166043257_llc.fits")  # doctest: +SKIP
>>> time_us, flux = lc.series("PDCSAP_FLUX")  # doctest: +SKIP

>>> from kepler_lens import search
>>> [found.vetting.ephemeris.period_days for found in search(lc).candidates]  # doctest: +SKIP

>>> from kepler_lens import connect
>>> curve = connect("http://127.0.0.1:8080").light_curve("Kepler-11")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kepler_lens.client.server import connect
    from kepler_lens.lightcurve import LightCurve, read_light_curve
    from kepler_lens.transit_search.search import search
    from kepler_lens.warp10.client import Token, Warp10

__all__ = ["LightCurve", "Token", "Warp10", "connect", "read_light_curve", "search"]
__version__ = "0.2.0"

_MODULES = {
    "LightCurve": "kepler_lens.lightcurve",
    "Token": "kepler_lens.warp10.client",
    "Warp10": "kepler_lens.warp10.client",
    "connect": "kepler_lens.client.server",
    "read_light_curve": "kepler_lens.lightcurve",
    "search": "kepler_lens.transit_search.search",
}


def __getattr__(name: str) -> Any:
    # Imported on demand, so that `kepler-lens --help` waits neither for NumPy nor for requests.
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
