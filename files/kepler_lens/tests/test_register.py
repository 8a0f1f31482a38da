"""The register: which series a star has, without a search of the directory."""

import json
from urllib.parse import unquote

import pytest

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import series_name
from kepler_lens.warp10.client import Token
from kepler_lens.warp10.register import SLICE, Key, Register

READ, WRITE = Token("read"), Token("write")
LONG = "long cadence"


@pytest.fixture
def server(bare_memory):
    return bare_memory


@pytest.fixture
def register(warp10):
    return Register(warp10, READ, WRITE)


def series(star, classname="sap.flux", mission="Kepler", **labels):
    known = {"OBJECT": f"KIC {star}", "INSTRUME": "Kepler Photometer"}
    return classname, {
        "KEPLERID": str(star),
        "MISSION": mission,
        "OBSMODE": LONG,
        **known,
        **labels,
    }


def rest(star, **labels):
    return {"OBJECT": f"KIC {star}", "INSTRUME": "Kepler Photometer"} | labels


def test_a_point_says_what_a_star_has(server, register):
    both = [series(6541920), series(6541920, "pdcsap.flux")]
    assert register.write(both) == 1
    (kept,) = server.series.values()
    assert (kept.classname, kept.labels) == ("star.curve", {"MISSION": "Kepler", "OBSMODE": LONG})
    ((tick, value),) = kept.points.items()
    assert tick == 6541920
    assert json.loads(unquote(value[1:-1])) == {
        "sap.flux": [rest(6541920)], "pdcsap.flux": [rest(6541920)]
    }  # fmt: skip


def test_a_register_for_reading_writes_nothing(server, warp10):
    with pytest.raises(Warp10Error, match="The register was opened for reading: name its write"):
        Register(warp10, READ).write([series(7)])
    assert server.series == {}


def test_what_is_known_stays_and_nothing_is_written_twice(server, register):
    register.write([series(7)])
    assert register.write([series(7)]) == 0
    assert register.write([series(7, "pdcsap.flux"), series(7, OBJECT="other")]) == 1
    assert register.write([series(7, mission="K2")]) == 1
    assert register.read([7, 8]) == {
        Key(7, "Kepler", LONG): {
            "sap.flux": [rest(7), rest(7, OBJECT="other")],
            "pdcsap.flux": [rest(7)],
        },
        Key(7, "K2", LONG): {"sap.flux": [rest(7)]},
    }
    server.asked.clear()
    register.write([series(7)])
    assert [what for what, _ in server.asked] == ["exec"]


def test_stars_are_listed_by_class_and_cadence(register):
    register.write([series(7), series(8, "pdcsap.flux"), series(9, OBSMODE="short cadence")])
    register.write([series(7, mission="K2"), series(5, mission="K2")])
    listed = [sorted(piece) for piece in register.stars("sap.flux", LONG)]
    assert sorted(listed) == [[5, 7], [7]]


def test_a_star_is_forgotten_and_its_neighbours_stay(register):
    register.write([series(6), series(7), series(8)])
    register.forget([7])
    assert {key.star for key in register.read([6, 7, 8])} == {6, 8}


@pytest.mark.parametrize("pieces", [SLICE, 2])
def test_series_that_nobody_noted_are_found(server, register, pieces, monkeypatch):
    monkeypatch.setattr("kepler_lens.warp10.register.SLICE", pieces)
    register.write([series(17), series(27), series(27, "pdcsap.flux")])
    for star in (7, 17, 27, 37, 6541920):
        server.update(b"".join(_point(*series(star, name)) for name in ("sap.flux", "pdcsap.flux")))
    # What cannot be named: others' series, and numbers that are written in another way.
    for other in (series("007"), series(2**40), series(7, "transit.dip"), series(7, MISSION="")):
        server.update(_point(*other))
    assert register.rebuild() == 4
    assert register.read([27]) == {
        Key(27, "Kepler", LONG): {"sap.flux": [rest(27)], "pdcsap.flux": [rest(27)]}
    }
    assert {key.star for key in register.read([7, 17, 27, 37, 6541920])} == {
        7, 17, 27, 37, 6541920
    }  # fmt: skip
    assert set(register.read([7])[Key(7, "Kepler", LONG)]) == {"sap.flux", "pdcsap.flux"}
    assert register.rebuild() == 0


def test_a_point_that_makes_no_sense_is_named(server, register):
    register.write([series(7)])
    (kept,) = server.series.values()
    kept.points[7] = "'x'"
    with pytest.raises(Warp10Error, match="of star 7 makes no sense"):
        register.read([7])


def _point(classname, labels):
    return f"5// {series_name(classname, labels)} 1.5\n".encode()
