"""Measure the speed of page and front, each figure with its promise.

If the server of the lab that LAB_NAME and LAB_PREFIX name answers, that lab is used; it needs a
front. Otherwise a lab is created, and removed afterwards. Chromium opens the page at the front.
Prints one line for each promise, with the load of this machine; the exit status is 1 if a promise
is not kept.
"""

from __future__ import annotations

import gzip
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import front
import numpy as np
import requests
from kepler_lens.warp10.client import Token, Warp10
from lab import DATA, PROJECT, SCHEDULER, SERVER, Lab, playbook
from page import CHROMIUM
from playwright.sync_api import Page, sync_playwright

EXPLORER = PROJECT / "explorer"
KEPLER_11, SHORT = 6541920, 900_000_301
SHORT_POINTS = 2_000_000
SHORT_SECONDS = 58.85
"""Seconds from one short cadence to the next (Kepler Archive Manual, section 2.1)."""
BATCH = 500_000
ROUNDS = 7
MUST = {"first": 1.0, "zoom": 0.3, "short": 1.5, "bytes": 300_000}
"""Promised limits: seconds, and bytes."""


@contextmanager
def standing() -> Iterator[Lab]:
    """Yield the lab that answers, or create one only for this run."""
    lab = Lab()
    try:
        requests.post(f"{lab.url}/api/v0/exec", data="1", timeout=5).raise_for_status()
        found = True
    except requests.RequestException:
        found = False
    if found:
        yield lab
        return
    os.environ["FRONT"] = "true"
    try:
        words = ["-e", f"import_source={DATA / 'kepler'}", "-e", f"import_stars={KEPLER_11}"]
        run = playbook("import.yml", *words, "-e", "lab_distribution_wanted=wheel")
        assert run.rc == 0, run.output[-3000:]
        # The page shows the candidates of a star, and guests request them.
        run = playbook("playbooks/transits.yml", "-e", f"transits_stars={KEPLER_11}")
        assert run.rc == 0, run.output[-3000:]
        yield lab
    finally:
        playbook("playbooks/lab_down.yml", "-e", "lab_image_keep=true")


@contextmanager
def entrance(lab: Lab) -> Iterator[tuple[str, str]]:
    """Yield the address of the front, and a file with the authority of its certificate."""
    url = f"https://{lab.prefix}.10/"
    with tempfile.TemporaryDirectory() as folder:
        authority = Path(folder) / "ca.pem"
        authority.write_text(lab.shell(SCHEDULER, "cat /etc/kepler-lens/ca/ca.pem"))
        try:
            requests.get(f"{url}health", verify=str(authority), timeout=20).raise_for_status()
        except requests.RequestException as error:
            sys.exit(
                f"The lab {lab.name} has no front that answers: make it by make explorer. {error}"
            )
        yield url, str(authority)


@contextmanager
def short_cadence(lab: Lab) -> Iterator[int]:
    """Write a star of two million points, and delete it afterwards."""
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
        # The selector matches only this star.
        warp10.delete(f"pdcsap.flux{{KEPLERID={SHORT},OBSMODE=short%20cadence}}", token)


def marks(page: Page, name: str) -> list[float]:
    """Return the page's own marks, seconds: durations, or times since the page began."""
    return page.evaluate(
        "name => performance.getEntriesByName(name)"
        ".map(e => (e.entryType === 'mark' ? e.startTime : e.duration) / 1000)",
        name,
    )


def drawn(page: Page, address: str, rounds: int) -> tuple[list[float], list[float]]:
    """Load a star's page repeatedly; return the seconds to its light curve, and to all points."""
    first, whole = [], []
    for _ in range(rounds):
        page.goto("about:blank")
        page.goto(address)
        page.locator("[data-drawn]:not([data-sample])").wait_for(timeout=60_000)
        # Wait for the rest of the page, which would slow down the next round.
        folded = page.locator(".fold [data-period]")
        folded.or_(page.get_by_text("Only long cadence is folded")).first.wait_for(timeout=60_000)
        first += marks(page, "curve drawn")
        whole += marks(page, "curve whole")
    return first, whole


def zoomed(page: Page, rounds: int) -> list[float]:
    """Zoom in by keys; return the seconds from each key to the points of the new window."""
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
    """Return the bytes of all scripts and styles with gzip."""
    files = [*EXPLORER.glob("dist/*.js"), *EXPLORER.glob("dist/*.css")]
    return sum(len(gzip.compress(file.read_bytes())) for file in files)


def say(what: str, kept: bool, figures: str) -> bool:
    """Print figures with their promise and the load of this machine; return `kept`."""
    words = "kept" if kept else "NOT KEPT"
    print(f"{what}: {figures}: {words}; load {os.getloadavg()[0]:.1f}", flush=True)
    return kept


def timed(what: str, seconds: list[float], most: float) -> bool:
    """Print the median of some times, seconds, with its promise; return whether it is kept."""
    middle = statistics.median(seconds)
    spread = f"median of {len(seconds)} from {min(seconds):.2f} to {max(seconds):.2f} s"
    return say(what, middle <= most, f"{middle:.2f} s, {spread} (at most {most} s)")


def page_rows(lab: Lab, address: str) -> list[bool]:
    """Measure the page in one browser, without the first visit of each page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": 1280, "height": 900}, ignore_https_errors=True
        )
        page = context.new_page()
        star: Callable[[int], str] = lambda number: f"{address}#/star/{number}"  # noqa: E731
        first, _ = drawn(page, star(KEPLER_11), 1 + ROUNDS)
        kept = [timed("Kepler-11 first drawn, whole page, warm", first[1:], MUST["first"])]
        kept.append(timed("points after a zoom", zoomed(page, 1 + ROUNDS), MUST["zoom"]))
        with short_cadence(lab) as number:
            first, whole = drawn(page, star(number) + "?mode=short", 1 + 3)
            what = f"star with {SHORT_POINTS:,} points, short cadence, first drawn"
            kept.append(timed(what, first[1:], MUST["short"]))
            print(f"  all of its points: {statistics.median(whole[1:]):.2f} s")
        browser.close()
    return kept


def main() -> int:
    """Measure all figures, and return the exit status."""
    if not Path(CHROMIUM).exists():
        print(f"There is no {CHROMIUM}: `ansible-playbook molecule/front/image.yml` installs it.")
        return 2
    with standing() as lab, entrance(lab) as (address, authority):
        kept = page_rows(lab, address)
        all_bytes = size()
        figures = f"{all_bytes:,} bytes (at most {MUST['bytes']:,})"
        kept.append(say("all scripts and styles, gzip", all_bytes <= MUST["bytes"], figures))
        kept.append(front.fetched(lab, address, authority, KEPLER_11, say))
        kept += front.python(lab, address, authority, KEPLER_11, say)
        kept += front.guests(lab, authority, KEPLER_11, say)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
