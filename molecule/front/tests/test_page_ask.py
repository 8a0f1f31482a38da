"""The editor for WarpScript, and the tour."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

STEPS = 10


def ask(visit, script: str, more: str = "") -> Page:
    page = visit.go(f"#/ask?script={quote(script)}{more}")
    expect(page.locator(".editor[data-ready]")).to_be_visible()
    return page


def run(page: Page) -> None:
    page.get_by_role("button", name="Run").click()


def test_a_result_is_plot_table_and_json(lab, open_page):
    script = "6541920 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE 0 GET"
    page = ask(open_page(), script)
    run(page)
    box = page.locator(".result[data-form]")
    expect(box).to_have_attribute("data-form", "plot")
    expect(box.locator("canvas")).to_be_visible()
    form = page.get_by_label("Show as")
    form.select_option("table")
    (series,) = lab.execute(script)
    expect(box.locator("tbody tr").first).to_contain_text(str(series["v"][0][-1]))
    form.select_option("JSON")
    expect(box.locator("pre")).to_contain_text('"c": "pdcsap.flux"')
    with page.expect_download() as download:
        page.get_by_role("button", name="Save JSON").click()
    assert json.loads(download.value.path().read_text()) == lab.execute(script)


def test_an_error_names_its_line(open_page):
    page = ask(open_page(), "1 2 +\n\n3 NOSUCHFUNCTION\n4")
    run(page)
    said = page.get_by_role("alert")
    expect(said).to_contain_text("Unknown function 'NOSUCHFUNCTION'")
    expect(said).to_contain_text("line 3")
    expect(page.locator(".cm-fault")).to_have_text("3 NOSUCHFUNCTION")


def test_an_error_within_a_macro_is_its_own_sentence(open_page):
    page = ask(open_page(), "999 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE")
    run(page)
    expect(page.get_by_role("alert").locator("strong")).to_have_text(
        "The server has no long cadence of star 999 in pdcsap.flux."
    )


def test_help_and_completion_come_from_the_macros(lab, open_page):
    page = ask(open_page(), "")
    (about,) = lab.execute("INFOMODE @HELLOEXOWORLD/DETREND")
    summary = page.locator(".help summary").filter(has_text="DETREND")
    summary.click()
    expect(page.locator(".help details[open]")).to_contain_text(about["desc"])
    page.get_by_label("WarpScript").click()
    page.keyboard.type("@HELLOEXOWORLD/DET")
    expect(page.get_by_role("option").first).to_contain_text("@HELLOEXOWORLD/DETREND")
    page.wait_for_timeout(150)  # CodeMirror ignores a choice within 75 ms after it shows the list
    page.keyboard.press("Enter")
    expect(page.locator(".cm-content")).to_have_text("@HELLOEXOWORLD/DETREND")


def test_the_address_carries_the_script(open_page):
    page = ask(open_page(), "")
    page.get_by_label("WarpScript").click()
    page.keyboard.type("40 2 +")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".result")).to_contain_text("42")
    assert "script=40" in page.url
    other = open_page()
    other.page.goto(page.url)
    expect(other.page.locator(".cm-content")).to_have_text("40 2 +")


def test_a_result_of_many_stars_is_drawn(open_page):
    visit = open_page()
    series = [
        {
            "c": "made",
            "l": {"KEPLERID": str(star)},
            "a": {},
            "v": [[(1_300_000_000 + 1800 * i + star) * 10**6, star + i] for i in range(50)],
        }
        for star in range(2000)
    ]

    def give(route) -> None:
        if route.request.post_data == "7 7 +":
            route.fulfill(json=[series])
        else:
            route.continue_()

    visit.page.route("**/api/v0/exec", give)
    page = ask(visit, "7 7 +")
    run(page)
    expect(page.locator(".result canvas")).to_be_visible()
    legend = page.locator(".legend li")
    expect(legend).to_have_count(25)
    expect(legend.last).to_have_text("1,976 more, drawn in one colour")
    expect(page.locator(".readout")).to_contain_text("100,000 points")


def test_macros_that_are_refused_come_later(open_page):
    visit = open_page()
    visit.command_time()
    visit.refuse_once("INFOMODE @HELLOEXOWORLD/FOLD")
    page = ask(visit, "1")
    expect(page.locator(".help").get_by_role("alert")).to_contain_text("Later.")
    visit.pass_time()
    expect(page.locator(".help summary").filter(has_text="FOLD")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_script_that_is_too_long_is_not_sent(open_page):
    page = ask(open_page(), "")
    page.get_by_label("WarpScript").click()
    page.keyboard.insert_text("// " + "x" * 70_000)
    run(page)
    expect(page.get_by_role("alert")).to_contain_text("bytes")


def test_one_can_leave_the_editor_by_keyboard(open_page):
    page = ask(open_page(), "1")
    page.get_by_label("WarpScript").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Run")).to_be_focused()


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_each_step_of_the_tour_runs(open_page, step):
    page = open_page().go(f"#/tour/{step}")
    expect(page.locator("article")).to_contain_text(f"Step {step} of {STEPS}")
    run(page)
    expect(page.locator("[data-done]")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".result").locator("canvas, table").first).to_be_visible()


@pytest.mark.parametrize(
    ("step", "quantity"),
    [
        (2, "flux [electrons/s]"),
        (3, "flux [electrons/s]"),
        (4, "relative flux"),
        (5, "relative flux"),
        (6, "depth [ppm]"),
        (8, "relative flux"),
    ],
)
def test_a_step_of_the_tour_says_its_unit(open_page, step, quantity):
    page = open_page().go(f"#/tour/{step}")
    run(page)
    page.get_by_text("As a table").click()
    # The y axis has the same words, which are drawn and no text.
    expect(page.get_by_role("columnheader", name=quantity)).to_be_visible()


def test_the_rhythm_of_the_tour_is_that_of_planets(open_page):
    page = open_page().go("#/tour/7")
    run(page)
    expect(page.locator("[data-done]")).to_be_visible()
    rows = [r.split("\t") for r in page.locator(".result tbody tr").all_inner_texts()]
    days = {float(row[0]) for row in rows}
    # The periods of planets c and d of Kepler-11, or twice and three times that of c.
    assert days & {13.0, 26.0, 39.1}, rows
    assert days & {22.7}, rows


def test_the_tour_leads_on(open_page):
    page = open_page().go("#/tour/1")
    page.get_by_role("link", name="A week →").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A week")
    page.get_by_role("link", name="Open it in the editor").click()
    expect(page.locator(".cm-content")).to_contain_text("FETCH")
    expect(page).to_have_url(re.compile("script="))
