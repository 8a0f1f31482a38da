"""A star in the browser: its light curve, the window, the fold, and its facts."""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import quote

import numpy as np
import pytest
import requests
from kepler_lens.gts import to_gts
from kepler_lens.lightcurve import read_light_curve
from kepler_lens.warp10.client import Token, Warp10
from kepler_lens.warp10.directory import Directory
from kepler_lens.warp10.register import Register
from lab import PROJECT, SERVER
from page import KEPLER_11
from playwright.sync_api import Error, Page, expect

READ = "@HELLOEXOWORLD/GETREADTOKEN"
FIVE_DAYS = (200.0, 205.0)


def tick(bkjd: float) -> int:
    return round((bkjd + 14245.5) * 86_400_000) * 1000


@pytest.fixture(scope="module")
def candidates(lab) -> list[dict]:
    found = lab.execute(f"{{ 'KEPLERID' '{KEPLER_11}' }} @HELLOEXOWORLD/CANDIDATES")[0]
    if not found:
        pytest.skip("Kepler-11 was not searched on this lab")
    return found


def table_of_curve(page: Page) -> list[list[str]]:
    page.locator(".curve .as-table summary").first.click()
    rows = page.locator(".curve").first.locator(".as-table tbody tr")
    expect(rows.first).to_be_visible()
    return [row.split("\t") for row in rows.all_inner_texts()]


def test_all_points_are_drawn_at_first(lab, open_page):
    page = open_page().star()
    size = lab.execute(
        f"[ {READ} 'pdcsap.flux' {{ 'KEPLERID' '{KEPLER_11}' 'OBSMODE' 'long cadence' }} "
        "MAXLONG MAXLONG ] FETCH MERGE SIZE"
    )[0]
    assert page.locator("[data-drawn]").get_attribute("data-drawn") == str(size)
    expect(page.locator(".readout").first).to_contain_text(f"{size:,} points: the median of each")


@pytest.mark.parametrize("classname", ["pdcsap.flux", "sap.flux"])
def test_near_points_are_those_of_the_server(lab, open_page, classname):
    first, last = FIVE_DAYS
    query = f"?from={first}&to={last}&unit=e&class={classname}"
    page = open_page().star(query=query)
    expect(page.locator("[data-points]")).to_have_attribute("data-points", re.compile(r"[1-9]\d*"))
    expect(page.locator(".readout").first).to_contain_text("each as it was measured")
    (series,) = lab.execute(
        f"[ {READ} '{classname}' {{ 'KEPLERID' '{KEPLER_11}' }} {tick(last)} "
        f"{tick(last) - tick(first)} ] FETCH MERGE SORT"
    )
    rows = table_of_curve(page)
    expected = [(f"{t / 86_400e6 - 14245.5:.4f}", f"{value:.2f}") for t, value in series["v"]]
    step = -(-len(expected) // 200)
    shown = [(row[0], row[2]) for row in rows]
    assert len(shown) > 100
    assert set(shown) <= set(expected)
    assert len(shown) >= len(expected) // step


def test_relative_flux_is_that_of_the_quarter(lab, open_page):
    page = open_page().star(query="?from=200&to=205")
    expect(page.locator("[data-points]")).to_have_attribute("data-points", re.compile(r"[1-9]\d*"))
    values = [float(row[2]) for row in table_of_curve(page)]
    assert 0.99 < min(values) < 1 < max(values) < 1.01


def test_drag_loads_the_points_of_the_window(open_page):
    page = open_page().star()
    box = page.locator(".u-over").first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.30, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.31, y, steps=4)
    page.mouse.up()
    expect(page.locator("[data-points]")).to_have_attribute("data-points", re.compile(r"[1-9]\d*"))
    found = re.search(r"from=([\d.]+)&to=([\d.]+)", page.url)
    assert found, page.url
    assert 5 < float(found[2]) - float(found[1]) < 40


def test_wheel_and_keys_zoom_and_the_whole_comes_back(open_page):
    page = open_page().star()
    over = page.locator(".u-over").first
    over.hover()
    page.mouse.wheel(0, -300)
    expect(page).to_have_url(re.compile("from="))
    page.locator(".frame").first.focus()
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("from="))
    for _ in range(12):
        page.keyboard.press("+")
    expect(page.locator("[data-points]")).to_have_attribute("data-points", re.compile(r"[1-9]\d*"))


def test_who_may_not_note_an_address_sees_the_points_and_keeps_the_window(open_page):
    visit = open_page()
    page = visit.star()
    page.locator(".fold [data-period]").wait_for()
    # Safari and Firefox do so after some hundred changes within seconds.
    page.evaluate(
        "() => { history.replaceState = () => { throw new DOMException('', 'SecurityError') } }"
    )
    page.locator(".frame").first.focus()
    for _ in range(12):
        page.keyboard.press("+")
    expect(page.locator("[data-points]")).to_have_attribute("data-points", re.compile(r"[1-9]\d*"))
    page.get_by_label("Period in days").fill("7.7")
    expect(page.locator(".fold [data-period]")).to_have_attribute("data-period", "7.7")
    page.get_by_label("Brightness").select_option("e")
    expect(page).to_have_url(re.compile("from=.*unit=e|unit=e.*from="))
    visit.errors.clear()


def test_points_that_nobody_awaits_any_more_are_not_announced(open_page):
    visit = open_page()
    page = visit.star()
    page.locator(".fold [data-period]").wait_for()
    status = page.locator(".curve .status")
    frame = page.locator(".frame").first

    def closer_and_back(said) -> None:
        frame.focus()
        for _ in range(3):
            page.keyboard.press("+")
        said()
        frame.focus()
        page.keyboard.press("0")
        expect(status).to_have_text("")
        expect(page.locator("[aria-busy]")).to_have_count(0)
        expect(page.get_by_role("alert")).to_have_count(0)

    visit.page.route("**/api/v0/exec", lambda route: None)
    closer_and_back(lambda: expect(status).to_have_text("Loading points …"))
    visit.page.unroute_all(behavior="ignoreErrors")
    refusal = {"status": 500, "headers": {"X-Warp10-Error-Message": "No."}, "body": "{}"}
    visit.page.route("**/api/v0/exec", lambda route: route.fulfill(**refusal))
    closer_and_back(lambda: expect(page.get_by_role("alert")).to_be_visible())


def test_candidates_are_listed_as_the_server_has_them(candidates, open_page):
    page = open_page().star()
    rows = page.locator(".candidates tbody tr")
    expect(rows).to_have_count(len(candidates))
    for row, known in zip(rows.all_inner_texts(), candidates, strict=True):
        assert f"{float(known['a']['period']):.4f}" in row
        assert known["a"]["disposition"].lower() in row
    page.get_by_label("Fold candidate 2").check()
    for name, verdict in candidates[1]["a"].items():
        if name.endswith(".verdict"):
            expect(page.locator(".vetting")).to_contain_text(verdict)
    if "score" in candidates[1]["a"]:
        expect(page.locator(".score")).to_contain_text(f"{float(candidates[1]['a']['score']):.3f}")


def test_the_page_of_plots_is_that_of_the_candidate_and_loaded_as_it_is_opened(
    front, candidates, open_page
):
    visit = open_page()
    loaded = []
    visit.page.on("request", lambda request: loaded.append(request.url))
    page = visit.star()
    page.get_by_label("Fold candidate 2").check()
    closed = page.locator(".plots summary")
    expect(closed).to_have_text("Page of plots")
    assert not [url for url in loaded if url.endswith(".png")]
    closed.click()
    picture = page.locator(".plots img")
    expect(picture).to_have_attribute("alt", re.compile(rf"candidate 2 of star {KEPLER_11}"))
    # The page's Content Security Policy refuses a function that is made from text.
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("picture => picture.naturalWidth") > 500
    brought = PROJECT / ".lab/front/pages" / KEPLER_11 / "2.png"
    assert front.get(f"/candidates/{KEPLER_11}/2.png").content == brought.read_bytes()


def test_a_star_without_pages_of_plots_is_no_error(front):
    answer = front.get("/candidates/757076/run")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_page_of_plots_of_another_search_is_not_offered(candidates, open_page):
    visit = open_page()
    visit.page.route("**/candidates/*/run", lambda route: route.fulfill(body="another\n"))
    page = visit.star()
    page.locator(".fold [data-period]").wait_for()
    expect(page.locator(".vetting table")).to_be_visible()
    expect(page.locator(".plots summary")).to_have_count(0)


def test_marks_are_switched_off(candidates, open_page):
    page = open_page().star(query="?from=200&to=205")
    canvas = page.locator(".curve canvas").first
    expect(page.get_by_label("Mark the transits of candidate 1")).to_be_checked()
    page.locator(".fold [data-period]").wait_for()
    before = canvas.screenshot()
    for number in range(1, len(candidates) + 1):
        page.get_by_label(f"Mark the transits of candidate {number}").uncheck()
    assert canvas.screenshot() != before


def deviations(page: Page) -> float:
    words = page.locator(".fold p.small[role=status]")
    expect(words).to_contain_text("deviations")
    return float(re.search(r"\((-?[\d.]+) deviations", words.inner_text())[1])


def test_fold_at_a_candidates_period_and_at_a_typed_one(candidates, open_page):
    page = open_page().star()
    period = page.get_by_label("Period in days")
    expect(period).to_have_value(re.compile(rf"{float(candidates[0]['a']['period']):.3f}\d*"))
    page.locator(".fold [data-period]").wait_for()
    assert deviations(page) > 20
    period.fill("7.7")
    expect(page.locator(".fold h2")).to_have_text("Fold at a typed period")
    assert abs(deviations(page)) < 8
    expect(page).to_have_url(re.compile("period=7.7"))


def depth_of_fold(page: Page) -> float:
    words = page.locator(".fold p.small[role=status]")
    expect(words).to_contain_text("Depth of the middle half")
    return float(re.search(r"middle half: (-?\d+) ", words.inner_text())[1])


def test_multiples_of_a_candidates_period_show_its_transits_and_a_click_leads_back(
    candidates, open_page
):
    page = open_page().star()
    page.locator(".fold [data-period]").wait_for()
    heading = page.locator(".fold h2")
    depth = depth_of_fold(page)
    assert depth > 50
    page.get_by_role("button", name="double").click()
    expect(heading).to_have_text("Fold at a typed period")
    assert 0.7 * depth < depth_of_fold(page) < 1.3 * depth
    page.get_by_label("Fold candidate 1").click()
    expect(heading).to_have_text("Fold of candidate 1")
    assert depth_of_fold(page) == depth
    # Every second window has no transit.
    page.get_by_role("button", name="half").click()
    expect(heading).to_have_text("Fold at a typed period")
    assert 0.25 * depth < depth_of_fold(page) < 0.75 * depth
    # The address of such a fold shows the same.
    known = candidates[0]["a"]
    page = open_page().star(
        query=f"?period={2 * float(known['period']):.4f}&epoch={known['epoch']}"
    )
    page.locator(".fold [data-period]").wait_for()
    assert depth_of_fold(page) > 0.5 * depth


def test_a_click_beside_a_candidates_number_folds_it_once(candidates, open_page):
    visit = open_page()
    asked = []
    visit.page.on("request", lambda request: asked.append(request.url.endswith("/run")))
    page = visit.star()
    page.locator(".fold [data-period]").wait_for()
    asked.clear()
    page.locator(".candidates tbody tr").nth(1).locator("label").click()
    expect(page.get_by_label("Fold candidate 2")).to_be_checked()
    expect(page.locator(".vetting h2")).to_contain_text("Candidate 2")
    assert asked.count(True) == 1


def test_an_address_carries_a_typed_fold(candidates, open_page):
    known = candidates[0]["a"]
    page = open_page().star(query=f"?period={known['period']}&epoch={known['epoch']}")
    page.locator(".fold [data-period]").wait_for()
    expect(page.get_by_label("Period in days")).to_have_value(
        re.compile(rf"{float(known['period']):.3f}\d*")
    )
    assert deviations(page) > 20


def test_of_two_trends_the_one_chosen_last_is_folded(open_page):
    visit = open_page()
    page = visit.star()
    page.locator(".fold [data-period]").wait_for()
    words = page.locator(".fold p.small[role=status]")
    held = []

    def hold(route) -> None:
        if "DETREND" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    visit.page.route("**/api/v0/exec", hold)
    page.get_by_label("Trend").select_option("3")
    page.get_by_label("Trend").select_option("6")
    expect(page.locator(".fold .wait")).to_be_visible()
    first, second = held
    second.continue_()
    expect(page.locator(".fold .wait")).to_have_count(0)
    # Should anybody still read the first answer, the fold would have no points.
    with suppress(Error):
        first.fulfill(body="[[]]")
    page.wait_for_timeout(500)
    expect(words).to_contain_text("Depth of the middle half")


def test_the_whole_period_stays_chosen_with_another_candidate(candidates, open_page):
    page = open_page().star()
    page.locator(".fold [data-period]").wait_for()
    page.get_by_label("Show").select_option("whole")
    page.get_by_label("Trend").select_option("6")
    # The candidate's own trend is another one, so the controls are made anew.
    page.get_by_label("Fold candidate 2").check()
    expect(page.get_by_label("Trend")).not_to_have_value("6")
    expect(page.get_by_label("Show")).to_have_value("whole")


def test_what_is_no_period_is_said(open_page):
    page = open_page().star()
    page.get_by_label("Period in days").fill("-3")
    expect(page.locator(".fold p.small[role=status]")).to_contain_text("greater than 0")


def test_what_else_happened_at_a_transit(candidates, open_page):
    page = open_page().star()
    middle = candidates[0]["v"][0][0] / 86_400e6 - 14245.5
    page.get_by_label("Instant, BKJD in days").fill(f"{middle:.3f}")
    page.get_by_role("button", name="Look").click()
    expect(page.locator(".moment li").filter(has_text="Candidate 1 transits at")).to_be_visible()


@pytest.fixture
def doubted(lab):
    """Write the quality of two cadences of Kepler-11 as an import of SAP_QUALITY does."""
    (series,) = lab.execute(
        f"[ {READ} 'pdcsap.flux' {{ 'KEPLERID' '{KEPLER_11}' }} {tick(203)} -2 ] FETCH"
    )[0]
    labels = ",".join(f"{k}={quote(v)}" for k, v in series["l"].items() if not k.startswith("."))
    ticks = sorted(point[0] for point in series["v"])
    lines = [
        f"{t}// sap.quality{{{labels}}} {flags}\n" for t, flags in zip(ticks, (0, 128), strict=True)
    ]
    token = lab.shell(SERVER, "cat /etc/warp10/tokens/write.token").strip()
    header = {"X-Warp10-Token": token}
    requests.post(f"{lab.url}/api/v0/update", "".join(lines), headers=header).raise_for_status()
    read = lab.shell(SERVER, "cat /etc/warp10/tokens/read.token").strip()
    tokens = Warp10(lab.url), Token(read), Token(token)
    Register(*tokens).write(
        [("sap.quality", {k: v for k, v in series["l"].items() if k != ".app"})]
    )
    Directory(*tokens).note([KEPLER_11])
    yield ticks
    chosen = {"selector": f"sap.quality{{{labels}}}", "start": ticks[0], "end": ticks[1]}
    requests.get(f"{lab.url}/api/v0/delete", chosen, headers=header).raise_for_status()


def test_the_quality_of_the_file_is_named(doubted, open_page):
    page = open_page().star(query="?from=200&to=205")
    expect(page.locator("[data-points]")).to_have_attribute("data-points", re.compile(r"[1-9]\d*"))
    bkjd = doubted[1] / 86_400e6 - 14245.5
    page.get_by_label("Instant, BKJD in days").fill(f"{bkjd:.3f}")
    page.get_by_role("button", name="Look").click()
    expect(page.locator(".moment li").filter(has_text="cosmic ray in the aperture")).to_be_visible()
    over = page.locator(".u-over").first
    width = over.bounding_box()["width"]
    over.hover(position={"x": width * (bkjd - 200) / 5, "y": 60})
    expect(page.locator(".readout").first).to_contain_text("cosmic ray in the aperture")


def test_a_quality_that_does_not_come_is_said(doubted, open_page):
    visit = open_page()

    def refuse(route) -> None:
        if "'sap.quality'" in (route.request.post_data or ""):
            route.fulfill(status=500, headers={"X-Warp10-Error-Message": "No."}, body="{}")
        else:
            route.continue_()

    visit.page.route("**/api/v0/exec", refuse)
    page = visit.star(query="?from=200&to=205")
    expect(page.locator(".curve").get_by_role("alert")).to_contain_text("No.")


@pytest.fixture
def k2(lab, data):
    """A star of campaign 5 of K2, from its file; deleted after the test."""
    curve = read_light_curve(min((data / "k2").glob("ktwo*-c05_llc.fits")))
    token = Token(lab.shell(SERVER, "cat /etc/warp10/tokens/write.token").strip())
    server = Warp10(lab.url)
    server.update(to_gts(curve), token)
    yield str(curve.star)
    server.delete(f"~.*{{KEPLERID={curve.star}}}", token)


def test_a_star_of_k2_has_its_campaign(lab, k2, open_page):
    page = open_page().star(k2)
    expect(page.locator("h1")).to_have_text(f"EPIC {k2}")
    expect(page.locator(".facts")).to_contain_text("mission K2")
    size = lab.execute(
        f"[ {READ} 'pdcsap.flux' {{ 'KEPLERID' '{k2}' }} MAXLONG MAXLONG ] FETCH 0 GET SIZE"
    )[0]
    expect(page.locator(".readout").first).to_contain_text(f"{size:,} points")
    rows = table_of_curve(page)
    # 27 April to 10 July 2015: the axis has these days, not the four years of Kepler.
    times = [float(row[0]) for row in rows]
    assert 2306 < min(times) < 2309
    assert 2379 < max(times) < 2383
    assert rows[0][1].startswith("2015-04-2")
    assert abs(np.median([float(row[2]) for row in rows]) - 1) < 1e-3
    page.locator(".u-over").first.hover(position={"x": 300, "y": 60})
    readout = page.locator(".readout").first
    expect(readout).to_contain_text("  ·  C5  ·  ")
    assert not re.search(r"\bQ-?\d", readout.inner_text())
    page.locator(".fold [data-period]").wait_for()


@pytest.fixture
def two_campaigns(lab):
    """A star of K2 that is brighter in its second campaign, made for this test."""
    star, rows = "200000302", []
    for begin, level in ((2307.5, 1000.0), (3420.0, 3000.0)):
        times = begin + np.arange(3000) / 48
        flux = np.random.default_rng(2).normal(level, level * 1e-4, times.size)
        rows += [(tick(time), value) for time, value in zip(times, flux, strict=True)]
    labels = f"KEPLERID={star},OBJECT=made,MISSION=K2,OBSMODE=long%20cadence"
    lines = [f"{at}// pdcsap.flux{{{labels}}} {value:.2f}" for at, value in rows]
    token = Token(lab.shell(SERVER, "cat /etc/warp10/tokens/write.token").strip())
    server = Warp10(lab.url)
    server.update("\n".join(lines).encode(), token)
    yield star
    server.delete(f"pdcsap.flux{{KEPLERID={star}}}", token)


def test_relative_flux_is_that_of_the_campaign_in_any_window(two_campaigns, open_page):
    page = open_page().star(two_campaigns)
    values = [float(row[2]) for row in table_of_curve(page)]
    assert np.abs(np.array(values) - 1).max() < 0.01
    page = open_page().star(two_campaigns, "?from=3430&to=3440")
    expect(page.locator("[data-points]")).to_have_attribute("data-points", re.compile(r"[1-9]\d*"))
    values = [float(row[2]) for row in table_of_curve(page)]
    assert len(values) > 100
    assert np.abs(np.array(values) - 1).max() < 0.01


def test_a_star_that_is_not_there_is_said_to_be_so(open_page):
    page = open_page().go("#/star/999")
    expect(page.get_by_role("alert")).to_contain_text("The server has no star 999.")


@pytest.mark.parametrize(
    "name", ["Kepler-11", "kepler 11 b", "KOI-157", "K00157.01", "KIC 6541920"]
)
def test_a_name_leads_to_its_star(lab, open_page, name):
    tagged = lab.execute(f"[ {READ} 'pdcsap.flux' {{ 'planets' '~.*Kepler-11 b.*' }} ] FIND SIZE")
    if "KIC" not in name and not tagged[0]:
        pytest.skip("the stars of this lab are not tagged")
    page = open_page().go("")
    box = page.get_by_label("Star: number or name")
    box.fill(name)
    box.press("Enter")
    expect(page.locator("[data-drawn]")).to_be_visible()
    expect(page.locator("h1")).to_contain_text(KEPLER_11)
