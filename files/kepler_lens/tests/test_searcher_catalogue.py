"""The catalogue of a state folder: right for the stars of a job, whole whoever dies when."""

import csv
import json
from urllib.parse import quote

import pytest

from kepler_lens.errors import Warp10Error
from kepler_lens.gts import attribute_text, series_name
from kepler_lens.jobs.searcher import catalogue as module
from kepler_lens.jobs.searcher.catalogue import CATALOGUE_FILE, Catalogue
from kepler_lens.transit_search.report.table import COLUMNS
from kepler_lens.transit_search.store import read as stored
from kepler_lens.transit_search.store.read import newest, rows_of, searched_stars
from kepler_lens.warp10.client import Token
from kepler_lens.warp10.star_points import SEARCH

READ = Token("read")


@pytest.fixture
def server(bare_memory):
    return bare_memory


@pytest.fixture
def bring(warp10, tmp_path):
    """Do to a catalogue what a job does to it."""

    def bring(*stars):
        catalogue = Catalogue(tmp_path)
        catalogue.touch(stars or None)
        return catalogue.bring(warp10, READ, stars or None)

    return bring


def search(server, star, *scores, run="a", count=None):
    """Write a search as `write.push` does: a candidate for each score; None for none."""
    for number, score in enumerate(scores, start=1):
        labels = {"KEPLERID": str(star), "CANDIDATE": str(number), "RUN": run}
        name = series_name("transit.candidate", labels)
        known = {"period": f"{number}.5", "disposition": "candidate", "comment": 'A "b", c.'}
        server.update(f"5// {name} 1.0\n".encode())
        server.meta((name + attribute_text(known)).encode())
        if score is not None:
            model = series_name("transit.score", labels | {"MODEL": "m"})
            server.update(f"5// {model} {score}\n".encode())
    about = {"run": run, "engine": "e", "candidates": len(scores) if count is None else count}
    server.update(f"{star}// {SEARCH}{{}} '{quote(json.dumps(about))}'\n".encode())


def forget(server, star):
    for name, kept in list(server.series.items()):
        if kept.labels.get("KEPLERID") == str(star):
            del server.series[name]


def rows(folder):
    with (folder / CATALOGUE_FILE).open(newline="") as file:
        table = list(csv.DictReader(file))
    assert all(tuple(row) == COLUMNS for row in table)
    return [(int(row["kepid"]), int(row["tce_plnt_num"]), row["score"]) for row in table]


def test_a_star_has_one_search_that_the_next_one_replaces(server, warp10):
    search(server, 7, 0.5)
    search(server, 8)
    assert newest(warp10, READ, 7).candidates == 1
    search(server, 7, 0.5, 0.25, run="b")
    assert (newest(warp10, READ, 7).run, newest(warp10, READ, 7).candidates) == ("b", 2)
    assert newest(warp10, READ, 9) is None
    assert sorted(star for piece in searched_stars(warp10, READ) for star in piece) == [7, 8]
    assert [name for name in server.series if name.startswith("star.")] == ["star.search{}"]


def test_a_search_that_makes_no_sense_is_named(server, warp10):
    server.update(b"7// star.search{} 'x'\n")
    with pytest.raises(Warp10Error, match="search of star 7 makes no sense"):
        newest(warp10, READ, 7)


def test_the_catalogue_has_what_counts_and_the_likeliest_planet_first(server, bring, tmp_path):
    search(server, 20, 0.5, None)
    search(server, 3, 0.9)
    search(server, 4)
    # What another run left beside it, and a search that died before its point.
    search(server, 20, 0.7, 0.8, 0.9, run="b")
    search(server, 20, 0.5, None)
    search(server, 5, 0.99)
    del server.series["star.search{}"].points[5]
    brought = bring()
    assert rows(tmp_path) == [(3, 1, "0.9000"), (20, 1, "0.5000"), (20, 2, "")]
    assert [row["kepid"] for row in brought.rows] == [3, 20, 20]
    assert brought.total == 3


def test_only_the_stars_of_a_job_are_read_and_the_others_stay(server, bring, tmp_path):
    for star in range(1, 9):
        search(server, star, star / 10)
    bring()
    search(server, 4, 0.95, None, run="b")
    forget(server, 5)
    search(server, 5, run="b")
    forget(server, 6)
    search(server, 1, 0.99, run="b")
    server.asked.clear()
    brought = bring(4, 5)
    assert [(row["kepid"], row["score"]) for row in brought.rows] == [(4, "0.9500"), (4, "")]
    assert brought.total == len(rows(tmp_path)) == 8
    stars = [star for star, _, _ in rows(tmp_path)]
    assert stars == [4, 8, 7, 6, 3, 2, 1, 4]
    # The search of one star that has candidates, these, and their scores.
    assert [what for what, _ in server.asked] == ["find", "exec", "fetch"]


@pytest.mark.parametrize(
    "content", [None, "", "kepid,score\n1,0.5\n", "right\n7,1\n", "right\nx\n"]
)
def test_a_file_that_is_none_of_this_version_is_made_anew(server, bring, tmp_path, content):
    search(server, 1, 0.5)
    search(server, 2, 0.6)
    if content is not None:
        header = ",".join(COLUMNS)
        (tmp_path / CATALOGUE_FILE).write_text(content.replace("right", header))
    brought = bring(2)
    assert rows(tmp_path) == [(2, 1, "0.6000"), (1, 1, "0.5000")]
    assert [row["kepid"] for row in brought.rows] == [2]


def test_what_a_job_that_died_has_changed_is_brought_by_the_next(
    server, warp10, bring, tmp_path, monkeypatch
):
    for star in (1, 2, 3):
        search(server, star, star / 10)
    bring()
    before = rows(tmp_path)
    Catalogue(tmp_path).touch([1])
    search(server, 1, 0.9, run="b")
    search(server, 2, 0.8, run="b")
    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "replace", killed)
        with pytest.raises(KilledError):
            Catalogue(tmp_path).bring(warp10, READ, [1])
    assert rows(tmp_path) == before
    bring(3)
    assert rows(tmp_path) == [(1, 1, "0.9000"), (3, 1, "0.3000"), (2, 1, "0.2000")]
    Catalogue(tmp_path).touch(None)
    bring(3)
    assert rows(tmp_path)[1] == (2, 1, "0.8000")
    # Nothing is left to do.
    forget(server, 2)
    bring(3)
    assert len(rows(tmp_path)) == 3


class KilledError(Exception):
    pass


def killed(*_):
    raise KilledError


def test_many_stars_are_read_as_all_are(server, bring, tmp_path, monkeypatch):
    search(server, 1, 0.5)
    bring()
    search(server, 2, 0.6)
    monkeypatch.setattr(module, "_MOST_STARS", 2)
    server.asked.clear()
    bring(3, 4, 5)
    assert [star for star, _, _ in rows(tmp_path)] == [2, 1]
    assert b"KEPLERID~.*0" in server.asked[0][1].replace(b"%7E", b"~").replace(b"%2A", b"*")


def test_a_search_that_ends_between_the_looks_is_read_again(server, warp10, monkeypatch):
    search(server, 7, 0.5, 0.6)
    search(server, 8, 0.1)
    points_of = stored.points_of

    def ends_meanwhile(*arguments):
        monkeypatch.setattr(stored, "points_of", points_of)
        forget(server, 7)
        search(server, 7, 0.7, run="b")
        return points_of(*arguments)

    monkeypatch.setattr(stored, "points_of", ends_meanwhile)
    found = sorted((row["kepid"], row["score"]) for row in rows_of(warp10, READ, [7, 8]))
    assert found == [(7, "0.7000"), (8, "0.1000")]


def test_a_star_that_lost_a_candidate_stops_nothing(server, warp10):
    search(server, 7, 0.5, count=2)
    search(server, 8, 0.1)
    found = [row["kepid"] for row in rows_of(warp10, READ, [7, 8])]
    assert sorted(found) == [7, 8]
