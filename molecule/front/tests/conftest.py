"""Fixtures of the page's tests."""

from page import address, browser, open_page

__all__ = ["address", "browser", "open_page"]
