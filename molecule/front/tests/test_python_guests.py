"""Python gives guests, through the front, what it gives the fleet from the data server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kepler_lens import connect

pytestmark = pytest.mark.usefixtures("data")
ASKED: dict[str, Callable[[Any], Any]] = {
    "a name": lambda server: server.number("Kepler-11 e"),
    "a KOI": lambda server: server.number("KOI-157.01"),
    "stars by names": lambda server: server.stars(["Kepler-11", "KOI-351", 6541920]),
    "stars by numbers": lambda server: server.stars(range(6541900, 6542100)),
    "stars by tags": lambda server: server.stars(disposition="CONFIRMED", teff=(5000, 6000)),
    "all stars": lambda server: server.stars(),
    "candidates of a star": lambda server: server.candidates("Kepler-11", period=(1, 100)),
    "candidates of many stars": lambda server: server.candidates(range(6541800, 6542400)),
    "a light curve": lambda server: server.light_curve("Kepler-11 b").to_timeseries(),
    "a script": lambda server: server.execute("6541920 'sap.flux' @HELLOEXOWORLD/LIGHTCURVE"),
}


@pytest.mark.parametrize("name", ASKED)
def test_guests_get_what_the_data_server_gives(front, name):
    here, there = (
        ASKED[name](server)
        for server in (connect(front.url, verify=front.authority), connect(front.lab.url))
    )
    if hasattr(here, "colnames"):
        assert len(there) > 0
        assert here.colnames == there.colnames
        for column in here.colnames:
            assert np.array_equal(
                *(
                    np.asarray(table[column].value if column == "time" else table[column]).astype(
                        str
                    )
                    for table in (here, there)
                )
            ), column
    else:
        assert here == there
