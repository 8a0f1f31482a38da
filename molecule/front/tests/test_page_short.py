"""A star of short cadence in the browser: a sample at once, then all points instead of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from kepler_lens.missions.kepler import QUARTER_STARTS
from kepler_lens.warp10.client import Token, Warp10
from lab import SERVER
from lab_front import slower
from playwright.sync_api import expect

STAR, BOTH = "900000302", "900000303"
STARTS = np.array(QUARTER_STARTS[1:])
POINTS = 10_000
"""Points of a quarter: a week of short cadence."""
ALL = len(STARTS) * POINTS


@contextmanager
def written(lab, star: str, mode: str, ticks: np.ndarray, flux: np.ndarray) -> Iterator[None]:
    """Write a star for the tests within, and delete it after them."""
    labels = f"KEPLERID={star},OBJECT=made,MISSION=Kepler,OBSMODE={mode}%20cadence"
    values = zip(ticks.ravel().tolist(), flux.ravel().round(2).tolist(), strict=True)
    lines = [f"{tick}// pdcsap.flux{{{labels}}} {value!r}" for tick, value in values]
    token = Token(lab.shell(SERVER, "cat /etc/warp10/tokens/write.token").strip())
    warp10 = Warp10(lab.url)
    warp10.update("\n".join(lines).encode(), token)
    yield
    warp10.delete(f"pdcsap.flux{{KEPLERID={star}}}", token)


@pytest.fixture(scope="module")
def star(lab):
    """Write a star that is fainter in every second quarter, and delete it after the tests."""
    begins = ((STARTS + 14245.5) * 86_400e6).round().astype(int)
    ticks = np.add.outer(begins, np.arange(POINTS) * 58_850_000)
    flux = np.random.default_rng(1).normal(50_000, 50, ticks.shape)
    flux[1::2] -= 5_000
    with written(lab, STAR, "short", ticks, flux):
        yield dict(zip((ticks.ravel() / 86_400e6 - 14245.5).round(4), flux.ravel(), strict=True))


@pytest.fixture
def of_both(lab):
    """A star with some days of each cadence, made for one test."""
    with ExitStack() as made:
        for mode, step in (("long", 1_765_500_000), ("short", 58_850_000)):
            ticks = (
                round((200 + 14245.5) * 86_400e6) + np.arange(10 * 86_400_000_000 // step) * step
            )
            flux = np.random.default_rng(3).normal(50_000, 50, ticks.shape)
            made.enter_context(written(lab, BOTH, mode, ticks, flux))
        yield BOTH


@pytest.fixture
def held(star, open_page):
    """The star's page with its sample, and a function that lets all points come."""
    visit, parts = open_page(), []

    def hold(route) -> None:
        # Only the requests for parts of the whole light curve have this text.
        if "true 'far' STORE" in (route.request.post_data or ""):
            parts.append(route)
        else:
            route.continue_()

    def let() -> None:
        for route in parts:
            route.continue_()

    visit.page.route("**/api/v0/exec", hold)
    page = visit.go(f"#/star/{STAR}?mode=short")
    expect(page.locator("[data-sample]")).to_be_visible()
    return page, let


def axis(page) -> bytes:
    """Return a picture of the ticks of the y axis."""
    box = page.locator(".curve canvas").first.bounding_box()
    clip = {"x": box["x"], "y": box["y"] + 10, "width": 55, "height": box["height"] - 60}
    return page.screenshot(clip=clip)


def test_a_sample_is_drawn_and_said_to_be_one_and_all_points_take_its_place(star, held):
    page, let = held
    status = page.locator(".curve [role=status]")
    expect(status).to_have_text("Sample …")
    expect(page.locator("[data-sample]")).to_have_attribute("aria-busy", "true")
    readout = page.locator(".readout").first
    expect(readout).to_contain_text(re.compile(r"a sample of [\d,]+ points, 16 of each 4\.9\d d"))
    page.locator(".curve .as-table summary").first.click()
    rows = page.locator(".curve").first.locator(".as-table tbody tr").all_inner_texts()
    assert 30 < len(rows) < 100
    # The value in the middle of each stretch is a point of the star, relative to its quarter.
    values = [float(row.split("\t")[2]) for row in rows]
    assert all(abs(value - 1) < 3e-3 for value in values)
    times = {round(float(row.split("\t")[0]), 4) for row in rows}
    known = np.array(list(star))
    assert all(np.abs(known - time).min() < 1e-3 for time in times)
    page.locator(".curve .as-table summary").first.click()
    before = axis(page)
    let()
    expect(page.locator("[data-sample]")).to_have_count(0)
    expect(status).to_have_text("Complete")
    # The share of guests holds while points come in, and they came in just before.
    drawn = page.locator("[data-drawn]")
    expect(drawn).to_have_attribute("data-drawn", str(ALL), timeout=30_000 * slower())
    expect(readout).to_contain_text(f"{ALL:,} points: the median of each")
    assert axis(page) == before, "the axis jumps as all points come"


def test_a_sample_that_does_not_come_is_done_without(star, open_page):
    """A server without the macro SAMPLE answers so."""
    visit = open_page()

    def refuse(route) -> None:
        if "SAMPLE" in (route.request.post_data or ""):
            route.fulfill(
                status=500, headers={"X-Warp10-Error-Message": "Unknown function"}, body="{}"
            )
        else:
            route.continue_()

    visit.page.route("**/api/v0/exec", refuse)
    page = visit.go(f"#/star/{STAR}?mode=short")
    drawn = page.locator("[data-drawn]")
    expect(drawn).to_have_attribute("data-drawn", str(ALL), timeout=30_000 * slower())
    expect(page.locator("[data-sample]")).to_have_count(0)


def test_a_sample_that_finds_no_place_is_asked_for_again(star, open_page):
    """Other guests have all places for a moment: all points would find none either."""
    visit = open_page()
    refused = []

    def first(route) -> None:
        if "SAMPLE" in (route.request.post_data or "") and not refused:
            refused.append(route)
            body = '{"error": "Too many scripts run at once."}'
            route.fulfill(status=429, content_type="application/json", body=body)
        elif "true 'far' STORE" in (route.request.post_data or ""):
            # All points do not come in this test.
            return
        else:
            route.continue_()

    visit.page.route("**/api/v0/exec", first)
    page = visit.go(f"#/star/{STAR}?mode=short")
    expect(page.get_by_role("alert")).to_contain_text("Too many scripts run at once.")
    expect(page.locator("[data-sample]")).to_be_visible(timeout=30_000 * slower())


def test_near_points_come_while_the_sample_stands(star, held):
    page, let = held
    page.locator(".frame").first.focus()
    for _ in range(16):
        page.keyboard.press("+")
    expect(page.locator("[data-points]")).to_be_visible()
    let()
    # All points have come, and the window stays where it is.
    expect(page.locator("[data-sample]")).to_have_count(0)
    assert "from=" in page.url
    page.locator(".frame").first.focus()
    page.keyboard.press("0")
    expect(page.locator(".readout").first).to_contain_text(f"{ALL:,} points")


def test_a_star_of_short_cadence_alone_is_not_folded_and_no_error(star, open_page):
    page = open_page().star(STAR, "?mode=short")
    fold = page.locator(".fold")
    expect(fold).to_contain_text(f"Only long cadence is folded, and star {STAR} has none")
    expect(page.locator(".candidates")).not_to_contain_text("with the fold")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_fold_says_that_it_is_of_another_cadence(of_both, open_page):
    page = open_page().star(of_both, "?mode=short")
    page.locator(".fold [data-period]").wait_for()
    words = "Long cadence is folded, not the short cadence that is drawn above."
    expect(page.locator(".fold")).to_contain_text(words)
    page = open_page().star(of_both)
    page.locator(".fold [data-period]").wait_for()
    expect(page.locator(".fold")).not_to_contain_text("Long cadence")


def test_a_star_is_opened_in_what_it_has(star, open_page):
    page = open_page().star(STAR)
    expect(page).to_have_url(re.compile("class=pdcsap.flux&mode=short"))
    expect(page.get_by_label("Cadence", exact=True)).to_have_value("short")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_title_of_a_star_without_a_name_is_its_number(star, open_page):
    page = open_page().go(f"#/star/{STAR}")
    expect(page.locator("[data-drawn]")).to_be_visible()
    expect(page).to_have_title(f"KIC {STAR}")


def test_what_an_address_names_and_a_star_lacks_is_said_with_a_way_on(star, open_page):
    page = open_page().go(f"#/star/{STAR}?class=sap.flux&mode=long")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(f"Star {STAR} has no sap.flux in long cadence.")
    page.get_by_role("link", name="pdcsap.flux, short cadence").click()
    expect(page.locator("[data-drawn]")).to_be_visible()
    expect(alert).to_have_count(0)
