"""How fast the page is, in Chromium: the first drawing of a star, and the points after a zoom.

The lab that LAB_NAME and LAB_PREFIX name is used where its server answers; else one is made, and
removed again. EXPLORER_URL names the page, as it is served; without it the development server of
`explorer/serve.mjs` stands between Chromium and the database. Prints one line for each promise; the
exit status is 1 where one is not kept.
"""

from __future__ import annotations

import gzip
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import requests
from kepler_lens.warp10 import Token, Warp10
from lab import DATA, PROJECT, SERVER, Lab, playbook
from page import CHROMIUM
from playwright.sync_api import Page, sync_playwright

EXPLORER = PROJECT / "explorer"
KEPLER_11, SHORT = 6541920, 900_000_301
SHORT_POINTS = 2_000_000
SHORT_SECONDS = 58.85
"""From one short cadence to the next (Kepler Archive Manual, section 2.1)."""
BATCH = 500_000
ROUNDS = 7
MUST = {"first": 1.0, "zoom": 0.3, "short": 1.5, "bytes": 300_000}
"""Seconds and bytes, from the issue's table."""


@contextmanager
def standing() -> Iterator[Lab]:
    """Give the lab that answers, or one for this run alone."""
    lab = Lab()
    try:
        requests.post(f"{lab.url}/api/v0/exec", data="1", timeout=5).raise_for_status()
        found = True
    except requests.RequestException:
        found = False
    if found:
        yield lab
        return
    try:
        words = ["-e", f"import_source={DATA / 'kepler'}", "-e", f"import_stars={KEPLER_11}"]
        run = playbook("import.yml", *words, "-e", "lab_distribution_wanted=wheel")
        assert run.rc == 0, run.output[-3000:]
        yield lab
    finally:
        playbook("playbooks/lab_down.yml", "-e", "lab_image_keep=true")


@contextmanager
def page_address(lab: Lab) -> Iterator[str]:
    """Where the page is."""
    if url := os.environ.get("EXPLORER_URL"):
        yield url.rstrip("/") + "/"
        return
    server = subprocess.Popen(
        [shutil.which("node") or "node", str(EXPLORER / "serve.mjs")],
        env=os.environ | {"WARP10_URL": lab.url, "PORT": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield server.stdout.readline().strip()
    finally:
        server.terminate()


@contextmanager
def short_cadence(lab: Lab) -> Iterator[int]:
    """Write a star of two million points, and take it away again."""
    token = Token(lab.shell(SERVER, "cat /etc/warp10/tokens/write.token").strip())
    warp10 = Warp10(lab.url)
    name = f"pdcsap.flux{{KEPLERID={SHORT},OBJECT=made,MISSION=Simulation,OBSMODE=short%20cadence}}"
    flux = np.random.default_rng(1).normal(50_000, 50, SHORT_POINTS).astype(np.float32)
    first = round((131.5 + 14245.5) * 86_400e6)
    ticks = first + (np.arange(SHORT_POINTS) * SHORT_SECONDS * 1e6).astype(np.int64)
    try:
        for start in range(0, SHORT_POINTS, BATCH):
            part = slice(start, start + BATCH)
            values = zip(ticks[part].tolist(), flux[part].tolist(), strict=True)
            lines = [f"={t}// {v!r}\n" for t, v in values]
            lines[0] = f"{ticks[start]}// {name} {float(flux[start])!r}\n"
            warp10.update("".join(lines).encode(), token)
        yield SHORT
    finally:
        # By the selector that has no other star in it.
        warp10.delete(f"pdcsap.flux{{KEPLERID={SHORT},OBSMODE=short%20cadence}}", token)


def marks(page: Page, name: str) -> list[float]:
    """Give the times of the page's own marks, seconds: their duration, or since its beginning."""
    return page.evaluate(
        "name => performance.getEntriesByName(name)"
        ".map(e => (e.entryType === 'mark' ? e.startTime : e.duration) / 1000)",
        name,
    )


def drawn(page: Page, address: str, rounds: int) -> list[float]:
    """Load a star's page again and again: seconds from the beginning of the page to its curve."""
    seconds = []
    for _ in range(rounds):
        page.goto("about:blank")
        page.goto(address)
        page.locator("[data-drawn]").wait_for(timeout=60_000)
        seconds += marks(page, "curve drawn")
        # What comes after the curve is work beside the next one.
        page.locator(".fold [data-period], .below .notice").first.wait_for(timeout=60_000)
    return seconds


def zoomed(page: Page, rounds: int) -> list[float]:
    """Zoom to some days here and there: seconds from the key to the points of the new window."""
    frame = page.locator(".frame").first
    frame.focus()
    for count in range(rounds):
        before = len(marks(page, "points drawn"))
        page.keyboard.press("0" if count == 0 else "+")
        if count == 0:
            continue
        page.wait_for_timeout(100)
        for _ in range(200):
            if len(marks(page, "points drawn")) > before:
                break
            page.wait_for_timeout(25)
    return marks(page, "points drawn")


def size() -> int:
    """Give the bytes of all scripts and styles, with gzip."""
    files = [*EXPLORER.glob("dist/*.js"), *EXPLORER.glob("dist/*.css")]
    return sum(len(gzip.compress(file.read_bytes())) for file in files)


def say(what: str, seconds: list[float], most: float) -> bool:
    """Print a figure beside its promise; whether that was kept."""
    middle = statistics.median(seconds)
    kept = middle <= most
    print(
        f"{what}: {middle:.2f} s, median of {len(seconds)} from {min(seconds):.2f} to "
        f"{max(seconds):.2f} s (at most {most} s: {'kept' if kept else 'NOT KEPT'})",
        flush=True,
    )
    return kept


def measured(lab: Lab, address: str) -> list[bool]:
    """Measure in one browser, the first visit of each page aside."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": 1280, "height": 900}, ignore_https_errors=True
        )
        page = context.new_page()
        star: Callable[[int], str] = lambda number: f"{address}#/star/{number}"  # noqa: E731
        first = drawn(page, star(KEPLER_11), 1 + ROUNDS)[1:]
        kept = [say("Kepler-11 first drawn, whole page, warm", first, MUST["first"])]
        kept.append(say("points after a zoom", zoomed(page, 1 + ROUNDS), MUST["zoom"]))
        with short_cadence(lab) as number:
            seconds = drawn(page, star(number) + "?mode=short", 1 + 3)[1:]
            what = f"star with {SHORT_POINTS:,} points, short cadence, first drawn"
            kept.append(say(what, seconds, MUST["short"]))
        browser.close()
    return kept


def main() -> int:
    """Measure and say."""
    all_bytes = size()
    kept = [all_bytes <= MUST["bytes"]]
    print(
        f"all scripts and styles, gzip: {all_bytes:,} bytes (at most {MUST['bytes']:,}: "
        f"{'kept' if kept[0] else 'NOT KEPT'})"
    )
    with standing() as lab, page_address(lab) as address:
        kept += measured(lab, address)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
