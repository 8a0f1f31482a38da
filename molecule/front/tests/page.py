"""The page in a real browser: its address, and the rules for every visit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lab import PROJECT
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

KEPLER_11 = "6541920"
EXPLORER = PROJECT / "explorer"
AXE = EXPLORER / "node_modules" / "axe-core" / "axe.min.js"
BUILDS = ("chromium-headless-shell", "chromium")
"""Debian's two builds of the browser; the first has no window, and a page takes half the time."""
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BUILDS)), "")
PATIENCE_MS = 20_000
"""Chosen for a lab on two cores that other scenarios share; a benchmark measures speeds."""
REPEATED_WITHIN_MS = 4_000
"""Chosen: more than the 3 s that the page waits before it repeats a request."""

expect.set_options(timeout=PATIENCE_MS)


class Visit:
    """An open page, with its errors and the hosts of its requests."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _console(self, message) -> None:
        # The browser writes a line for each status from 400 on; the page itself explains them.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def _request(self, request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data"):
            self.hosts.add(parts.netloc)

    def go(self, fragment: str) -> Page:
        self.page.goto(self.address + fragment)
        return self.page

    def command_time(self) -> None:
        """Let the page's time pass by `pass_time` too, from the next address on."""
        self.page.clock.install()

    def pass_time(self) -> None:
        """Let more time pass for the page than it waits before it repeats a request.

        A request that the page then sends has reached the test's route when this returns.
        """
        self.page.clock.run_for(REPEATED_WITHIN_MS)
        # The browser reports requests in their order, so this answer comes after the others' begin.
        assert self.page.evaluate("fetch('/explorer.json').then((answer) => answer.ok)")

    def refuse_once(self, words: str) -> None:
        """Answer the first script that has these words with a refusal that passes."""
        refused = []

        def refuse(route) -> None:
            if words in (route.request.post_data or "") and not refused:
                refused.append(route)
                route.fulfill(
                    status=429, content_type="application/json", body='{"error": "Later."}'
                )
            else:
                route.continue_()

        self.page.route("**/api/v0/exec", refuse)

    def star(self, number: str = KEPLER_11, query: str = "") -> Page:
        """Open a star and wait until it is drawn."""
        page = self.go(f"#/star/{number}{query}")
        expect(page.locator("[data-drawn]")).to_be_visible()
        return page

    def keeps_to_its_manners(self) -> None:
        assert self.errors == []
        assert self.hosts == {urlsplit(self.address).netloc}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM or not Path(CHROMIUM).exists():
        pytest.skip("there is no Chromium here: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        # A container has no user namespaces for the sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Callable[[int, str], BrowserContext]:
    """Give one context for each width and colour scheme: a new one for each test takes a second."""
    made: dict[tuple[int, str], BrowserContext] = {}

    def context(width: int, scheme: str) -> BrowserContext:
        if (width, scheme) not in made:
            made[width, scheme] = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme=scheme,
                # The browser does not know the lab's own authority.
                ignore_https_errors=True,
            )
        return made[width, scheme]

    return context


@pytest.fixture
def open_page(contexts, address: str) -> Iterator[Callable[..., Visit]]:
    """Open pages; at the end of the test, check that each had no errors and no other host."""
    visits: list[Visit] = []

    def opened(width: int = 1280, scheme: str = "light", init: Path | None = None) -> Visit:
        page = contexts(width, scheme).new_page()
        if init:
            # The debugger adds the script, so the Content Security Policy does not apply.
            page.add_init_script(path=init)
        visit = Visit(page, address)
        visits.append(visit)
        return visit

    yield opened
    for visit in visits:
        visit.page.unroute_all(behavior="ignoreErrors")
        visit.page.close()
    for visit in visits:
        visit.keeps_to_its_manners()
