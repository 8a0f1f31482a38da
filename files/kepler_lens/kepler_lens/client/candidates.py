"""List the candidates of the server's searches."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

from kepler_lens.client.endpoint import Endpoint
from kepler_lens.client.ranges import Range, bounds, one_of
from kepler_lens.client.script import literal
from kepler_lens.missions import STAR_LABEL
from kepler_lens.warp10.number_pattern import number_pattern

if TYPE_CHECKING:
    from astropy.table import Table

DISPOSITIONS = ("candidate", "false positive")
_STARS_A_QUERY = 500
"""Stars that one request names (chosen)."""
# The macro selects the current run of the search; guests cannot see a run that is half written.
_SCRIPT = """
{{ {wanted} 'points' false }} @HELLOEXOWORLD/CANDIDATES
<% DROP 's' STORE [ $s LABELS $s ATTRIBUTES ] %> LMAP
"""


def candidates_table(
    endpoint: Endpoint,
    numbers: Collection[int] | None,
    *,
    disposition: str | None,
    **ranges: Range | None,
) -> Table:
    """Implement `kepler_lens.client.server.Server.candidates`."""
    from kepler_lens.client.tables import table

    wanted = one_of("disposition", disposition, DISPOSITIONS)
    conditions = {
        name: f"'{name}' [ {_number(range_[0])} {_number(range_[1])} ]"
        for name, given in ranges.items()
        if (range_ := bounds(name, given))
    }
    rows = []
    for stars in _parts(numbers):
        script = _SCRIPT.format(
            wanted=" ".join([f"'{STAR_LABEL}' {literal(stars)}", *conditions.values()])
        )
        (found,) = endpoint.ask(script)
        rows += [
            {
                **attributes,
                "star": labels[STAR_LABEL],
                "candidate": labels["CANDIDATE"],
            }
            for labels, attributes in found
            if wanted is None or attributes.get("disposition", "").lower() == wanted
        ]
    rows.sort(key=lambda row: (int(row["star"]), int(row["candidate"])))
    return table("candidates", rows, endpoint.url)


def _parts(numbers: Collection[int] | None) -> list[str]:
    """List conditions on the star, none of which matches too much for one answer."""
    if numbers is None:
        return [f"~.*{digit}" for digit in range(10)]
    ordered = sorted(numbers)
    if len(ordered) == 1:
        return [str(ordered[0])]
    return [
        f"~{number_pattern(ordered[first : first + _STARS_A_QUERY])}"
        for first in range(0, len(ordered), _STARS_A_QUERY)
    ]


def _number(value: float) -> str:
    # WarpScript has no literal for infinity.
    return f"{math.copysign(1e300, value)!r}" if math.isinf(value) else repr(value)
