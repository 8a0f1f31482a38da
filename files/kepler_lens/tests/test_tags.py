"""Tags from the Exoplanet Archive's tables, and on a real server where one is named."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from http_server import Serve, Server, refuse
from memory_server import Memory

from kepler_lens.errors import SourceError
from kepler_lens.stars.tags import (
    Catalogue,
    Tags,
    TagsLostError,
    apply_tags,
    query_table,
    read_table,
)
from kepler_lens.warp10.client import Token, Warp10

KOI = """# This file was produced by the NASA Exoplanet Archive
# COLUMN kepid: KepID
kepid,kepoi_name,kepler_name,koi_disposition,koi_steff,koi_srad,ra
6541920,K00157.05,Kepler-11 g,CONFIRMED,5657.00,1.0460,297.1
6541920,K00157.06,Kepler-11 b,CONFIRMED,5657.00,1.0460,297.1
6541920,K00157.07,,FALSE POSITIVE,5657.00,1.0460,297.1
1000001,K09001.01,,FALSE POSITIVE,,,290
1000002,K09002.01,,CANDIDATE,6000.4,,290
1000002,K09002.02,,FALSE POSITIVE,6000.4,,290
"""
K2 = """pl_name,hostname,default_flag,disposition,st_teff,st_rad
EPIC 211000001.01,EPIC 211000001,0,CANDIDATE,5000,1.5
EPIC 211000001.01,EPIC 211000001,1,CANDIDATE,5100,
EPIC 211000001 b,EPIC 211000001,1,CONFIRMED,,
K2-18 b,K2-18,1,CONFIRMED,3457,0.4445
"""
K2_TAP = """pl_name,hostname,default_flag,disposition,st_teff,st_rad,epic_hostname
"K2-18 b","K2-18",1,"CONFIRMED",3457.0,0.4445,"EPIC 201912552"
"K2-18 b","K2-18",0,"CONFIRMED",3503.0,0.411,"EPIC 201912552"
"""


def test_kepler_table(tmp_path: Path) -> None:
    (tmp_path / "koi.csv").write_text(KOI)
    catalogue = Catalogue()
    catalogue.add_koi(read_table(tmp_path / "koi.csv", "KOI"))
    assert catalogue.missions == {"Kepler"}
    assert catalogue.tags == {
        6541920: Tags(
            "CONFIRMED",
            ("Kepler-11 b", "Kepler-11 g"),
            2,
            5657.0,
            1.046,
            ("K00157.05", "K00157.06", "K00157.07"),
        ),
        1000001: Tags("FALSE POSITIVE", (), 0, None, None, ("K09001.01",)),
        1000002: Tags("CANDIDATE", (), 1, 6000.4, None, ("K09002.01", "K09002.02")),
    }
    assert catalogue.tags[6541920].attributes() == {
        "disposition": "CONFIRMED",
        "planets": "Kepler-11 b,Kepler-11 g",
        "kois": "K00157.05,K00157.06,K00157.07",
        "candidates": "2",
        "teff": "5657",
        "radius": "1.046",
    }
    assert catalogue.tags[1000001].attributes() == {
        "disposition": "FALSE POSITIVE",
        "kois": "K09001.01",
        "candidates": "0",
    }


def test_k2_table_counts_planets_not_rows(tmp_path: Path) -> None:
    (tmp_path / "k2.csv").write_text(K2)
    catalogue = Catalogue()
    catalogue.add_k2(read_table(tmp_path / "k2.csv", "K2"))
    assert catalogue.missions == {"K2"}
    assert catalogue.tags == {211000001: Tags("CONFIRMED", ("EPIC 211000001 b",), 2, 5100.0, 1.5)}
    assert catalogue.nameless == {"K2-18"}


def test_real_tables(data: Path) -> None:
    tables = data / "tables"
    catalogue = Catalogue()
    catalogue.add_koi(read_table(tables / "kepler_objects_of_interest.csv", "KOI"))
    catalogue.add_k2(read_table(tables / "k2_planets_and_candidates.csv", "K2"))
    kepler_11 = catalogue.tags[6541920]
    assert kepler_11.planets == tuple(f"Kepler-11 {letter}" for letter in "bcdefg")
    assert (kepler_11.candidates, kepler_11.disposition) == (6, "CONFIRMED")
    assert kepler_11.kois == tuple(f"K00157.0{number}" for number in range(1, 7))
    assert len(catalogue.tags[11442793].planets) == 7
    assert 11454304 not in catalogue.tags
    assert sum(star < 200_000_000 for star in catalogue.tags) == 8214
    assert {tags.disposition for tags in catalogue.tags.values()} <= {
        "CONFIRMED", "CANDIDATE", "FALSE POSITIVE", "REFUTED",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>sorry</html>", "no KOI table of the Exoplanet Archive, it has no column kepid"),
        (b"", "it has no column kepid"),
        (b"\xff\xfe\x00", "cannot be read"),
        (KOI[:-20].encode(), "row 6 .*has not 7 cells"),
        (KOI.replace("1000001,", "1000001,1,").encode(), "row 4 .*has not 7 cells"),
        (KOI.replace("5657.00,1.0460,297.1\n", "5657.00\n", 1).encode(), "row 1 .*has not 7"),
        (KOI.replace("koi_srad", "radius").encode(), "no column koi_srad"),
        (K2.encode(), "no KOI table"),
        (KOI.replace("1000001", "Kepler-11").encode(), "row 4 .*'Kepler-11' as its kepid"),
        (KOI.replace("1000001", "").encode(), "row 4 .*'' as its kepid"),
        (KOI.replace("6000.4", "hot").encode(), "row 5 .*'hot' as its koi_steff"),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "koi.csv").write_bytes(content)
    with pytest.raises(SourceError, match=rf"koi\.csv: .*{reason}"):
        Catalogue().add_koi(read_table(tmp_path / "koi.csv", "KOI"))
    with pytest.raises(SourceError, match="nowhere"):
        read_table(tmp_path / "nowhere.csv", "KOI")


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + KOI.encode(),
        KOI.replace("\n", "\r\n").encode(),
        KOI.encode("utf-16"),
        KOI.replace(",", ";").encode(),
        KOI.replace(",", "\t").encode(),
    ],
    ids=["byte order mark", "CRLF", "UTF-16", "semicolons", "tabs"],
)
def test_a_table_saved_by_another_program(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "koi.csv").write_bytes(content)
    rows = read_table(tmp_path / "koi.csv", "KOI")
    assert [row["kepid"] for row in rows] == 3 * ["6541920"] + ["1000001"] + 2 * ["1000002"]
    assert rows[0]["kepler_name"] == "Kepler-11 g"


def test_a_k2_table_cut_in_its_last_row(tmp_path: Path) -> None:
    (tmp_path / "k2.csv").write_text(K2[:-30])
    with pytest.raises(SourceError, match=r"row 4 of the K2 table has not 6 cells"):
        read_table(tmp_path / "k2.csv", "K2")


@pytest.fixture
def tap(tmp_path: Path, serve: Serve) -> Server:
    (tmp_path / "sync").write_text(K2_TAP)
    return serve(tmp_path)


def test_tap_service_knows_epic_numbers(tap: Server) -> None:
    tap.faults = [refuse(503)]
    catalogue = Catalogue()
    catalogue.add_k2(query_table("K2", url=tap.url + "sync"))
    assert catalogue.tags == {201912552: Tags("CONFIRMED", ("K2-18 b",), 1, 3457.0, 0.4445)}
    assert catalogue.nameless == set()
    asked = parse_qs(urlsplit(tap.requests[-1][1]).query)
    assert asked["format"] == ["csv"]
    assert asked["query"][0].endswith("epic_hostname from k2pandc")


def test_tap_service_that_answers_something_else(tap: Server) -> None:
    with pytest.raises(SourceError, match="no KOI table"):
        query_table("KOI", url=tap.url + "sync")
    with pytest.raises(SourceError, match="cannot be reached"):
        query_table("KOI", url="http://127.0.0.1:9/sync", patience=0.3)


class Sky:
    """Three stars of a mission of their own on a server; gone after the test."""

    mission = "TagTest"
    stars = (999100001, 999100002, 999100003)

    def __init__(self, url: str, tokens: Path) -> None:
        self.warp10 = Warp10(url, patience=10)
        self.read = Token.from_file(tokens / "read.token")
        self.write = Token.from_file(tokens / "write.token")
        self.remove()
        self.warp10.update(self.points(), self.write)

    def points(self) -> bytes:
        return b"".join(
            b"1000000// %s{KEPLERID=%d,MISSION=TagTest,OBJECT=a%%20b} 1.5\n" % (name, star)
            for star in self.stars
            for name in (b"sap.flux", b"pdcsap.flux")
        )

    def remove(self) -> None:
        self.warp10.delete("~.*{MISSION=TagTest}", self.write)

    def apply(self, tags: dict[int, Tags], *, force: bool = False) -> tuple[int, int, int, int]:
        report = apply_tags(
            self.warp10,
            Catalogue(tags, {self.mission}),
            read_token=self.read,
            write_token=self.write,
            force=force,
        )
        return report.stars, report.series, report.changed, report.cleared

    def found(self, selector: str) -> list[tuple[str, int]]:
        series = self.warp10.find(f"~.*{{MISSION=TagTest,{selector}}}", self.read)
        return sorted((s.classname, int(s.labels["KEPLERID"])) for s in series)


@pytest.fixture
def sky(real_server: tuple[str, Path]) -> Iterator[Sky]:
    made = Sky(*real_server)
    yield made
    made.remove()


@pytest.fixture
def sky_in_memory(memory: tuple[Memory, Path]) -> Sky:
    server, tokens = memory
    return Sky(server.url, tokens)


PLANETS = Tags("CONFIRMED", ("Kepler-11 b", "K{e}, 2%"), 3, 5657.0, 1.046)
SIGNAL = Tags("FALSE POSITIVE", (), 0, None, None)


def test_tags_on_a_server(sky: Sky) -> None:
    check_tags(sky)


def test_tags_on_a_server_in_memory(sky_in_memory: Sky) -> None:
    check_tags(sky_in_memory)


def check_tags(sky: Sky) -> None:
    first, second, _ = sky.stars
    unknown = 999100099
    tags = {first: PLANETS, second: SIGNAL, unknown: PLANETS}
    assert sky.apply(tags) == (2, 4, 4, 0)
    assert sky.found("disposition=CONFIRMED") == [("pdcsap.flux", first), ("sap.flux", first)]
    assert sky.found("planets~.*Kepler-11%20b.*") == [("pdcsap.flux", first), ("sap.flux", first)]
    (series, _) = sky.warp10.find(f"~.*{{KEPLERID={first}}}", sky.read)
    assert series.attributes == PLANETS.attributes()
    assert sky.found(f"KEPLERID={unknown}") == [], "a star that is not there was made up"

    assert sky.apply(tags) == (2, 4, 0, 0), "the second run wrote something"

    sky.warp10.update(sky.points(), sky.write)
    assert sky.apply(tags) == (2, 4, 0, 0), "an import took the tags away"

    with pytest.raises(TagsLostError, match=r"1 of the 2 stars .* nothing is changed"):
        sky.apply({first: SIGNAL})
    assert sky.apply(tags) == (2, 4, 0, 0), "a refused table changed something"
    assert sky.apply({first: SIGNAL}, force=True) == (1, 2, 2, 2)
    assert sky.found("disposition=CONFIRMED") == []
    assert sky.found("disposition~.*") == [("pdcsap.flux", first), ("sap.flux", first)]


def test_a_tenth_of_the_tags_may_go_without_force(sky_in_memory: Sky) -> None:
    sky_in_memory.stars = tuple(range(999100001, 999100021))
    sky_in_memory.warp10.update(sky_in_memory.points(), sky_in_memory.write)
    tags = dict.fromkeys(sky_in_memory.stars, PLANETS)
    assert sky_in_memory.apply(tags) == (20, 40, 40, 0)
    first, second, third = sky_in_memory.stars[:3]
    with pytest.raises(TagsLostError, match="3 of the 20 stars"):
        sky_in_memory.apply({s: t for s, t in tags.items() if s not in (first, second, third)})
    two_gone = {star: t for star, t in tags.items() if star not in (first, second)}
    assert sky_in_memory.apply(two_gone) == (18, 36, 0, 4)


def test_tags_of_another_mission_stay(sky: Sky) -> None:
    check_another_mission(sky)


def test_tags_of_another_mission_stay_in_memory(sky_in_memory: Sky) -> None:
    check_another_mission(sky_in_memory)


def check_another_mission(sky: Sky) -> None:
    sky.apply({sky.stars[0]: PLANETS})
    report = apply_tags(
        sky.warp10, Catalogue({}, {"Elsewhere"}), read_token=sky.read, write_token=sky.write
    )
    assert report.cleared == 0
    assert len(sky.found("disposition=CONFIRMED")) == 2
