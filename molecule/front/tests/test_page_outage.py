"""The database stops and starts again while a page is open."""

from __future__ import annotations

import time

import pytest
import requests
from lab import SERVER
from page import KEPLER_11
from playwright.sync_api import expect

SAID_WITHIN_MS = 5000
BACK_WITHIN_MS = 90_000
"""Chosen: a server starts within a minute, and the page repeats its request every three seconds."""


@pytest.fixture
def outage(lab):
    """Stop the database, and start it again after the test in any case."""
    lab.shell(SERVER, "systemctl stop warp10")
    yield lambda: lab.shell(SERVER, "systemctl start warp10")
    lab.shell(SERVER, "systemctl start warp10")
    end = time.monotonic() + BACK_WITHIN_MS / 1000
    while not answers(lab):
        assert time.monotonic() < end, "the server does not come back"
        time.sleep(1)


def answers(lab) -> bool:
    try:
        return lab.execute("1") == [1]
    except (AssertionError, requests.RequestException):
        return False


def test_an_outage_is_said_at_once_and_passes_by_itself(open_page, outage):
    page = open_page().go(f"#/star/{KEPLER_11}")
    alert = page.get_by_role("alert").first
    expect(alert).to_be_visible(timeout=SAID_WITHIN_MS)
    expect(alert).to_contain_text("The page asks again by itself")
    outage()
    expect(page.locator("[data-drawn]")).to_be_visible(timeout=BACK_WITHIN_MS)
    expect(page.locator(".candidates")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
