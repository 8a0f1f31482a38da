"""Stars and candidates as tables: what is asked of the server, and what its answers become."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from astropy import units
from astropy.table import Table
from scripted_server import Scripted

from kepler_lens import connect
from kepler_lens.errors import KeplerLensError

KEPLER_11 = {
    "disposition": "CONFIRMED",
    "planets": "Kepler-11 b,Kepler-11 c",
    "kois": "K00157.01",
    "candidates": "6",
    "teff": "5663",
    "radius": "1.065",
}


def labels(star: int, mission: str = "Kepler", obsmode: str = "long cadence") -> dict[str, str]:
    name = f"{'EPIC' if mission == 'K2' else 'KIC'} {star}"
    return {"KEPLERID": str(star), "OBJECT": name, "MISSION": mission, "OBSMODE": obsmode}


FOUND = [
    ["sap.flux", labels(6541920), KEPLER_11],
    ["pdcsap.flux", labels(6541920), KEPLER_11],
    ["sap.flux", labels(6541920, obsmode="short cadence"), KEPLER_11],
    ["sap.flux", labels(9, "K2"), {"disposition": "CANDIDATE", "candidates": "1", "teff": "3500"}],
    ["sap.flux", labels(5), {}],
]


def selector(request: tuple[str, str, bytes]) -> str:
    return unquote(request[2].decode().split("'")[1])


@pytest.fixture
def server(scripted: Callable[..., Scripted]) -> Scripted:
    return scripted((200, json.dumps([FOUND])), (200, "[[]]"))


class TestStars:
    def test_a_row_for_each_star(self, server: Scripted) -> None:
        table = connect(server.url).stars()
        assert isinstance(table, Table)
        assert list(table["star"]) == [5, 9, 6541920]
        row = table[2]
        assert (row["object"], row["mission"], row["cadences"]) == (
            "KIC 6541920", "Kepler", "long,short",
        )  # fmt: skip
        assert (row["planets"], row["kois"], row["candidates"]) == (
            "Kepler-11 b,Kepler-11 c", "K00157.01", 6,
        )  # fmt: skip
        assert (row["teff"], row["radius"]) == (5663, 1.065)
        assert (table["teff"].unit, table["radius"].unit) == (units.K, units.R_sun)
        assert list(table["teff"].mask) == [True, False, False]
        assert table.meta["server"] == server.url
        assert all(table[name].description for name in table.colnames)
        # All of Kepler in one answer would be too much.
        assert [selector(request)[-2] for request in server.requests] == list("0123456789")

    @pytest.mark.parametrize(
        ("conditions", "stars"),
        [
            ({"candidates": True}, [9, 6541920]),
            ({"candidates": False}, [5]),
            ({"candidates": (2, None)}, [6541920]),
            ({"teff": (3000, 4000)}, [9]),
            ({"teff": (5663, 5663)}, [6541920]),
            ({"radius": (None, 2)}, [6541920]),
        ],
    )
    def test_ranges_are_held(
        self, server: Scripted, conditions: dict[str, Any], stars: list[int]
    ) -> None:
        assert list(connect(server.url).stars(**conditions)["star"]) == stars

    @pytest.mark.parametrize(
        ("conditions", "asked"),
        [
            ({"disposition": "confirmed"}, "disposition=CONFIRMED"),
            ({"disposition": "false positive"}, "disposition=FALSE%20POSITIVE"),
            ({"teff": (1, 2), "mission": "k2"}, "MISSION=K2,teff~.+"),
            ({"names": "KIC 5, 7", "mission": "Kepler"}, "KEPLERID~(5|7),MISSION=Kepler"),
            ({"names": [7, "5"]}, "KEPLERID~(5|7)"),
            ({"names": 7}, "KEPLERID~(7)"),
        ],
    )  # fmt: skip
    def test_what_the_server_can_select_it_does(
        self, server: Scripted, conditions: dict[str, Any], asked: str
    ) -> None:
        connect(server.url).stars(**conditions)
        assert len(server.requests) == 1
        text = selector(server.requests[0])
        assert unquote(text).endswith(f"{{{unquote(asked)}}}")

    def test_a_thousand_stars_are_asked_for_in_pieces(self, server: Scripted) -> None:
        connect(server.url).stars(range(1, 1001))
        assert len(server.requests) == 2
        assert max(len(body) for _, _, body in server.requests) < 10_000

    def test_none_is_an_empty_table(self, server: Scripted) -> None:
        table = connect(server.url).stars([])
        assert (len(table), table["teff"].unit, server.requests) == (0, units.K, [])

    @pytest.mark.parametrize(
        ("conditions", "said"),
        [
            ({"mission": "TESS"}, r"mission='TESS' is none of Kepler, K2, Simulation\."),
            ({"disposition": "sure"}, r"disposition='sure' is none of CONFIRMED, CANDIDATE, FALSE"),
            ({"teff": 5000}, r"teff=5000 is no range: give the smallest and the largest value"),
            ({"radius": (2, 1)}, r"radius=\(2, 1\) is no range"),
            ({"radius": (math.nan, 1)}, "is no range"),
            ({"candidates": "many"}, "candidates='many' is no range"),
            ({"names": "Kepler-"}, "^names, entry 1: 'Kepler-' is no star: write KIC or EPIC"),
            ({"names": " "}, "^names names no star"),
        ],
    )
    def test_a_condition_that_makes_no_sense(
        self, server: Scripted, conditions: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(KeplerLensError, match=said):
            connect(server.url).stars(**conditions)
        assert server.requests == []


def candidate(star: int, number: int, **known: str) -> list[dict[str, str]]:
    return [
        {"KEPLERID": str(star), "CANDIDATE": str(number), "RUN": "x"},
        {"period": "10.303900", "depth": "311.5", "disposition": "candidate", **known},
    ]


class TestCandidates:
    def test_units_and_order(self, scripted: Callable[..., Scripted]) -> None:
        found = [
            candidate(9, 1, score="0.9", transits="4", radius="1.9"),
            candidate(9, 10),
            candidate(9, 2, disposition="false positive", comment="deep"),
        ]
        server = scripted((200, json.dumps([found])))
        table = connect(server.url).candidates(9)
        assert list(table["candidate"]) == [1, 2, 10]
        assert list(table["period"]) == [10.3039] * 3
        assert (table["period"].unit, table["duration"].unit) == (units.d, units.h)
        assert table["depth"].to("").value == pytest.approx(311.5e-6)
        assert (table["radius"][0], table["radius"].unit) == (1.9, units.R_earth)
        assert list(table["score"].mask) == [False, True, True]
        assert list(table["transits"].mask) == [False, True, True]
        assert table["comment"][1] == "deep"
        (only,) = connect(server.url).candidates(9, disposition="False Positive")
        assert only["candidate"] == 2

    def test_ranges_go_to_the_macro(self, scripted: Callable[..., Scripted]) -> None:
        server = scripted((200, "[[]]"))
        ours = connect(server.url)
        ours.candidates([5, 7], period=(1, 30), score=(0.9, None))
        (text,) = [body.decode() for _, _, body in server.requests]
        assert "'period' [ 1.0 30.0 ]" in text
        assert "'score' [ 0.9 1e+300 ]" in text
        assert "'KEPLERID' '~%285%7C7%29'" in text
        assert len(ours.candidates()) == 0
        assert len(server.requests) == 11
