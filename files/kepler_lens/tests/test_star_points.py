"""Points whose tick is a star's number, read for some stars and for all."""

import pytest

from kepler_lens.warp10.client import Token
from kepler_lens.warp10.star_points import forget, pages, points_of

READ = Token("read")


@pytest.fixture
def server(bare_memory):
    return bare_memory


def put(server, name, stars):
    server.update("".join(f"{star}// {name} '{star}'\n" for star in stars).encode())


@pytest.mark.parametrize("page", [1, 2, 3, 4, 100])
def test_every_point_comes_once_whatever_a_page_holds(server, warp10, page):
    names = {"a{M=x}": [0, 1, 5, 6, 900_000_000], "a{M=y}": [2, 5, 6], "a{M=z}": [2**36 - 1]}
    for name, stars in names.items():
        put(server, name, stars)
    put(server, "b{}", [4])
    # What is no star's number is left out.
    put(server, "a{M=x}", [2**36, 1_300_000_000_000_000])
    found = {"x": [], "y": [], "z": []}
    for piece in pages(warp10, READ, "a{}", page):
        assert piece.ticks == sorted(piece.ticks)
        assert piece.values == [str(star) for star in piece.ticks]
        found[piece.labels["M"]] += piece.ticks
    assert {f"a{{M={m}}}": sorted(stars) for m, stars in found.items()} == names
    # A request for each page of the longest series, and one that finds no more.
    assert len(server.asked) <= 1 + 9 // page + 1


def test_nothing_is_read_of_other_stars(server, warp10):
    put(server, "a{}", range(100))
    found = list(points_of(warp10, READ, "a", [7, 8, 200]))
    assert sorted(tick for series in found for tick in series.ticks) == [7, 8]
    assert len(server.asked) == 1
    assert list(points_of(warp10, READ, "a", [])) == []


def test_points_are_forgotten_and_their_neighbours_stay(server, warp10):
    put(server, "a{}", [6, 7, 8])
    forget(warp10, READ, "a{}", [7])
    assert [piece.ticks for piece in pages(warp10, READ, "a{}")] == [[6, 8]]
