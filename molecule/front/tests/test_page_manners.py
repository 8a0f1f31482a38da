"""On every page: no errors, no other host, accessible to all, and text is never markup."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from page import AXE, KEPLER_11
from playwright.sync_api import Page, expect

PAGES = {
    "find": ("#/find", ".result tbody tr"),
    "star": (f"#/star/{KEPLER_11}", ".fold [data-period]"),
    "ask": ("#/ask?run=1", ".result[data-form]"),
    "tour": ("#/tour/2", ".script"),
}
MARKUP = "<img src=x onerror=document.title='taken'>"
SHOWN = r"from=([-\d.]+)&to=([-\d.]+)"
RARE = """
const real = history.replaceState.bind(history);
window.changes = 0;
history.replaceState = (...given) => {
  window.changes += 1;
  if (window.changes < 3) throw new DOMException("too often", "SecurityError");
  real(...given);
};
"""
"""A browser that refuses the first two changes of the address."""
OWN = "7 7 +"
"""A script that the page itself does not send."""
CUT = f"""
const real = fetch;
window.sent = 0;
window.fetch = (address, given) => {{
  if (given?.body !== "{OWN}") return real(address, given);
  window.sent += 1;
  return Promise.resolve(new Response(new ReadableStream({{
    start: (body) => body.enqueue(new TextEncoder().encode("[1")),
    pull: (body) => body.error(new TypeError("network error")),
  }})));
}};
"""
"""Answers to that script break off."""


def opened(open_page, name: str, **given) -> Page:
    fragment, ready = PAGES[name]
    page = open_page(**given).go(fragment)
    page.locator(ready).first.wait_for()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(open_page, name, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not here: npm ci in explorer/")
    page = opened(open_page, name, scheme=scheme, init=AXE)
    for details in page.locator(".as-table").all():
        details.locator("summary").click()
    found = page.evaluate("async () => (await axe.run()).violations")
    bad = [
        (v["id"], v["impact"], [n["html"][:200] for n in v["nodes"]][:3])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert bad == []


@pytest.mark.parametrize("width", [390, 1280, 2000])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_window(open_page, name, width):
    page = opened(open_page, name, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_policy_is_strict_and_holds(open_page):
    visit = open_page()
    answer = visit.page.goto(visit.address)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    # A violation is noticed: the browser refuses an inline style and reports it.
    visit.page.evaluate("document.body.setAttribute('style', 'color: red')")
    assert visit.page.evaluate("document.body.style.color") == ""
    assert any("Content Security Policy" in error for error in visit.errors)
    visit.errors.clear()


def test_names_with_markup_are_text(open_page):
    visit = open_page()

    def with_markup(route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("Kepler-11", MARKUP))

    visit.page.route("**/api/v0/exec", with_markup)
    page = visit.star()
    expect(page.locator("h1")).to_contain_text(MARKUP)
    assert page.locator("main img").count() == 0
    page = visit.go("#/find?list=stars&known=CONFIRMED")
    expect(page.locator(".result tbody")).to_contain_text(MARKUP)
    assert page.locator("main img").count() == 0
    assert page.title() != "taken"


def test_results_with_markup_are_text(open_page):
    visit = open_page()
    page = visit.go(
        "#/ask?run=1&script="
        + f"NEWGTS '{MARKUP.replace(chr(39), chr(96))}' RENAME 1 NaN NaN NaN 2 ADDVALUE".replace(
            " ", "%20"
        )
    )
    for form in ("plot", "table", "JSON"):
        page.locator(".result[data-form]").wait_for()
        page.get_by_label("Show as").select_option(form)
        expect(page.locator(".result")).to_contain_text("<img src=x")
        assert page.locator("main img").count() == 0


def test_a_message_with_markup_is_text(open_page):
    page = open_page().go("#/ask?run=1&script=%27%3Cimg%20src=x%3E%27%20MSGFAIL")
    expect(page.get_by_role("alert")).to_contain_text("<img src=x>")
    assert page.locator("main img").count() == 0


def test_the_focus_goes_on_at_the_heading_of_the_next_view(open_page):
    page = opened(open_page, "find")
    assert page.evaluate("document.activeElement === document.body")
    page.get_by_role("link", name="Ask", exact=True).click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Ask in WarpScript")
    expect(heading).to_be_focused()


def test_a_select_that_makes_the_page_anew_keeps_the_focus(open_page):
    page = opened(open_page, "star")
    select = page.get_by_label("Brightness")
    select.focus()
    select.select_option("e")
    expect(page).to_have_url(re.compile("unit=e"))
    expect(page.locator("[data-drawn]")).to_be_visible()
    expect(select).to_have_value("e")
    expect(select).to_be_focused()


def test_a_key_says_what_it_has_led_to(open_page):
    page = opened(open_page, "star")
    frame = page.locator(".curve .frame").first
    expect(frame).to_have_accessible_description(re.compile("n and p show the next"))
    frame.focus()
    page.keyboard.press("+")
    said = page.locator(".curve [aria-live=polite]").first
    expect(said).to_have_text(re.compile(r"^From \d+\.\d\d to \d+\.\d\d: time \[BKJD"))


def test_a_wheel_changes_the_address_seldom_and_a_refusal_is_no_error(open_page):
    visit = open_page()
    visit.page.add_init_script(RARE)
    page = visit.star()
    page.locator(".u-over").first.hover()
    for _ in range(15):
        page.mouse.wheel(0, -100)
        page.mouse.wheel(0, -100)
        page.mouse.wheel(0, 100)
    expect(page).to_have_url(re.compile("from="))
    assert page.evaluate("window.changes") < 15
    # The address is that of the last notch, also for those who leave at once.
    page.locator(".frame").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.evaluate("document.body.click()")
    first, last = (float(part) for part in re.search(SHOWN, page.url).groups())
    said = page.locator(".curve [aria-live=polite]").first.inner_text()
    assert said.startswith(f"From {first:.2f} to {last:.2f}:")


def test_the_keyboard_alone_finds_and_folds_a_star(open_page):
    page = open_page().go("#/find")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.type(KEPLER_11)
    page.keyboard.press("Enter")
    expect(page.locator("[data-drawn]")).to_be_visible()
    page.locator(".fold [data-period]").wait_for()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.getAttribute('aria-label') ?? 'nameless'")
        )
    assert {"Period in days", "Closer", "Instant, BKJD in days"} <= reached
    assert any(name.startswith("Light curve of star") for name in reached)


def with_own_script(visit, view: str) -> Page:
    """Run a script that the visitor wrote, in the editor or in the tour."""
    if view == "ask":
        return visit.go(f"#/ask?script={quote(OWN)}&run=1")
    page = visit.go("#/tour/1")
    page.get_by_label("Script of step 1").fill(OWN)
    page.get_by_role("button", name="Run").click()
    return page


def test_a_wait_shows_itself(open_page):
    visit = open_page()
    held = []
    visit.page.route("**/api/v0/exec", lambda route: held.append(route))
    page = visit.go(f"#/star/{KEPLER_11}")
    expect(page.get_by_role("status").filter(has_text="Loading the light curve")).to_be_visible()
    for route in held:
        route.continue_()
    visit.page.unroute("**/api/v0/exec")
    expect(page.locator("[data-drawn]")).to_be_visible()


@pytest.mark.parametrize("view", ["ask", "tour"])
@pytest.mark.parametrize("status", [502, 504])
def test_a_script_of_ones_own_that_has_run_is_not_sent_again(open_page, status, view):
    visit = open_page()
    visit.command_time()
    sent = []

    def refuse(route) -> None:
        if OWN not in (route.request.post_data or ""):
            route.continue_()
            return
        sent.append(route)
        body = json.dumps({"error": "It has ended."})
        route.fulfill(status=status, content_type="application/json", body=body)

    visit.page.route("**/api/v0/exec", refuse)
    page = with_own_script(visit, view)
    alert = page.get_by_role("alert").first
    expect(alert).to_contain_text("It has ended. It was not sent again: run it with less data.")
    visit.pass_time()
    assert len(sent) == 1


@pytest.mark.parametrize("view", ["ask", "tour"])
def test_a_script_of_ones_own_whose_answer_breaks_off_is_not_sent_again(open_page, view):
    visit = open_page()
    visit.command_time()
    visit.page.add_init_script(CUT)
    page = with_own_script(visit, view)
    alert = page.get_by_role("alert").first
    expect(alert).to_contain_text("broke off. It was not sent again: run it with less data.")
    visit.pass_time()
    assert page.evaluate("window.sent") == 1


def test_a_fault_of_the_pages_own_script_names_no_line(open_page):
    visit = open_page()
    headers = {"X-Warp10-Error-Message": "It went wrong", "X-Warp10-Error-Line": "7"}
    visit.page.route(
        "**/api/v0/exec", lambda route: route.fulfill(status=500, headers=headers, body="{}")
    )
    page = visit.go("#/find")
    expect(page.get_by_role("alert")).to_contain_text("It went wrong. Load the page again")
    expect(page.get_by_role("alert")).not_to_contain_text("line")


@pytest.mark.parametrize(
    ("status", "sentence"), [(429, "Too many scripts at once."), (504, "The script took too long.")]
)
def test_a_refusal_is_said_and_the_page_asks_again(open_page, status, sentence):
    visit = open_page()
    visit.command_time()
    refused = []

    def refuse(route) -> None:
        # The page asks for the light curve and for what is known of the star.
        if len(refused) < 2:
            refused.append(route)
            route.fulfill(
                status=status,
                content_type="application/json",
                body=json.dumps({"error": sentence}),
            )
        else:
            route.continue_()

    visit.page.route("**/api/v0/exec", refuse)
    page = visit.go(f"#/star/{KEPLER_11}")
    expect(page.get_by_role("alert").first).to_contain_text(sentence)
    visit.pass_time()
    expect(page.locator("[data-drawn]")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
