"""The search for stars on the page, and its tables to download."""

from __future__ import annotations

import csv
import io

import pytest
from astropy.io import votable
from page import KEPLER_11
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def candidates(lab) -> list[dict]:
    found = lab.execute("{ 'period' [ 5 25 ] } @HELLOEXOWORLD/CANDIDATES")[0]
    if not found:
        pytest.skip("no star of this lab was searched")
    return found


def periods(page) -> list[str]:
    rows = page.locator(".result tbody tr")
    expect(rows.first).to_be_visible()
    return [row.split("\t")[2] for row in rows.all_inner_texts()]


def expected(candidates) -> list[str]:
    return [f"{float(series['a']['period']):.4f}" for series in candidates]


def test_candidates_by_period(candidates, open_page):
    page = open_page().go("#/find")
    page.get_by_label("Period, at least").fill("5")
    page.get_by_label("Period, at most").fill("25")
    page.get_by_role("button", name="Find candidates").click()
    expect(
        page.get_by_role("status").filter(has_text=f"{len(candidates)} candidate")
    ).to_be_visible()
    assert periods(page) == expected(candidates)


def test_a_column_sorts_both_ways(candidates, open_page):
    page = open_page().go("#/find?list=candidates&period=5..25")
    wanted = sorted(expected(candidates), key=float)
    assert periods(page) == expected(candidates)
    head = page.get_by_role("columnheader", name="Period")
    head.get_by_role("button").click()
    assert periods(page) == wanted[::-1]
    expect(head).to_have_attribute("aria-sort", "descending")
    head.get_by_role("button").click()
    assert periods(page) == wanted


def test_tables_are_taken_along(candidates, open_page):
    page = open_page().go("#/find?list=candidates&period=5..25")
    assert periods(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    assert [f"{float(row['tce_period']):.4f}" for row in rows] == expected(candidates)
    with page.expect_download() as download:
        page.get_by_role("button", name="VOTable").click()
    table = votable.parse_single_table(str(download.value.path()), verify="exception").to_table()
    assert [f"{period:.4f}" for period in table["tce_period"]] == expected(candidates)
    assert str(table["tce_period"].unit) == "d"
    assert str(table["tce_prad"].unit) in ("Rearth", "earthRad", "R_earth")


def test_stars_by_what_is_known_of_them(lab, open_page):
    tagged = lab.execute(
        "[ @HELLOEXOWORLD/GETREADTOKEN 'pdcsap.flux' { 'disposition' 'CONFIRMED' } ] FIND "
        "<% DROP LABELS 'KEPLERID' GET %> LMAP UNIQUE"
    )[0]
    if not tagged:
        pytest.skip("the stars of this lab are not tagged")
    page = open_page().go("#/find?list=stars&known=CONFIRMED")
    rows = page.locator(".result tbody tr")
    expect(rows).to_have_count(len(tagged))
    assert {row.split("\t")[0] for row in rows.all_inner_texts()} == set(tagged)


def test_stars_by_how_many_planets_they_have(lab, open_page):
    tagged = lab.execute(
        "[ @HELLOEXOWORLD/GETREADTOKEN 'pdcsap.flux' {} ] FIND <% DROP 'one' STORE "
        "[ $one LABELS 'KEPLERID' GET $one ATTRIBUTES 'candidates' GET ] %> LMAP UNIQUE"
    )[0]
    many = {star for star, number in tagged if number is not None and int(number) >= 7}
    if not many:
        pytest.skip("the stars of this lab are not tagged")
    page = open_page().go("#/find")
    page.get_by_label("Planets and candidates, at least").fill("7")
    page.get_by_role("button", name="Find stars").click()
    rows = page.locator(".result tbody tr")
    expect(rows).to_have_count(len(many))
    assert {row.split("\t")[0] for row in rows.all_inner_texts()} == many
    assert len(many) < len({star for star, _ in tagged})


@pytest.mark.parametrize("typed", ["654", "6541920", "KIC 6541"])
def test_half_a_number_shows_stars_that_begin_so(open_page, typed):
    page = open_page().go("#/find")
    page.get_by_label("Name or number").press_sequentially(typed, delay=30)
    expect(page.locator(f'.result a[href="#/star/{KEPLER_11}"]')).to_be_visible()


@pytest.mark.parametrize(
    "typed",
    ["Kepler-", "(((", "*?+{|a", "'%00", "nobody", "the star Kepler 11 b", "a-b-c d e_f-g h"],
)
def test_half_a_name_is_no_error(open_page, typed):
    page = open_page().go("#/find")
    page.get_by_label("Name or number").press_sequentially(typed, delay=30)
    said = page.locator(".result").get_by_role("status")
    expect(said).to_contain_text("star")
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("typed", ["Kepler-11", "kepler 11 b", "Kepler_11-b"])
def test_a_name_is_found_whatever_separates_its_parts(lab, open_page, typed):
    tagged = lab.execute(
        "[ @HELLOEXOWORLD/GETREADTOKEN 'pdcsap.flux' { 'planets' '~.*Kepler-11 b.*' } ] FIND SIZE"
    )[0]
    if not tagged:
        pytest.skip("the stars of this lab are not tagged")
    page = open_page().go("#/find")
    page.get_by_label("Name or number").fill(typed)
    expect(page.locator(f'.result a[href="#/star/{KEPLER_11}"]')).to_be_visible()


def test_a_suggestion_that_is_refused_comes_later(open_page):
    visit = open_page()
    visit.command_time()
    visit.refuse_once("nobody")
    page = visit.go("#/find")
    page.get_by_label("Name or number").fill("nobody")
    expect(page.get_by_role("alert")).to_contain_text("Later. The page asks again by itself")
    visit.pass_time()
    expect(page.locator(".result")).to_contain_text("that begins with “nobody”")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_what_was_asked_by_the_address_comes_though_somebody_began_to_type(open_page):
    visit = open_page()
    held = []
    visit.page.route("**/api/v0/exec", lambda route: held.append(route))
    page = visit.go("#/find")
    wait = page.get_by_role("status").filter(has_text="Looking for candidates")
    expect(wait).to_be_visible()
    name = page.get_by_label("Name or number")
    name.fill("abc")
    name.fill("ab")
    for route in held:
        route.continue_()
    visit.page.unroute("**/api/v0/exec")
    expect(page.locator(".result")).to_contain_text("candidate")
    expect(wait).to_have_count(0)


def test_a_suggestion_that_is_not_wanted_any_more_is_not_awaited(open_page):
    visit = open_page()
    page = visit.go("#/find")
    expect(page.locator(".result").get_by_role("status")).to_be_visible()
    visit.page.route("**/api/v0/exec", lambda route: None)
    name = page.get_by_label("Name or number")
    name.fill("abc")
    wait = page.get_by_role("status").filter(has_text="Looking for stars")
    expect(wait).to_be_visible()
    name.fill("ab")
    expect(wait).to_have_count(0)


def test_an_empty_server_has_no_star_at_random(open_page):
    """The notice stays, although the list that the page began with comes after it."""
    visit = open_page()
    lists = []

    def none(route) -> None:
        if "RAND" in (route.request.post_data or ""):
            route.fulfill(json=[""])
        else:
            lists.append(route)

    visit.page.route("**/api/v0/exec", none)
    page = visit.go("#/find")
    page.get_by_role("button", name="One at random").click()
    notice = page.get_by_role("alert").filter(has_text="The server has no star yet. Import some")
    expect(notice).to_be_visible()
    for route in lists:
        route.continue_()
    expect(page.locator(".result table")).to_be_visible()
    expect(notice).to_be_visible()


def test_a_star_at_random_is_drawn(open_page):
    page = open_page().go("#/find")
    page.get_by_role("button", name="One at random").click()
    expect(page.locator("[data-drawn]")).to_be_visible()


def test_nothing_found_says_what_to_do(open_page):
    page = open_page().go("#/find?list=candidates&period=0.01..0.02")
    expect(page.locator(".result")).to_contain_text("There are no such candidates. Widen")
