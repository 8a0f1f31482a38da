"""The files of the page, without a browser: small, complete, and without another host."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

EXPLORER = Path(__file__).parents[1] / "explorer"
DIST, SRC = EXPLORER / "dist", EXPLORER / "src"
MOST_BYTES = 300_000
"""Bytes of all scripts and styles with gzip, the promised limit."""
MOST_AT_FIRST = 80_000
"""Bytes with gzip before the first light curve (chosen); the editor is loaded on demand."""


def zipped(*names: str) -> int:
    return sum(len(gzip.compress((DIST / name).read_bytes())) for name in names)


def test_scripts_and_styles_are_small():
    names = [f.name for f in DIST.iterdir() if f.suffix in (".js", ".css")]
    assert {"app.js", "app.css", "editor.js"} == set(names)
    assert zipped(*names) <= MOST_BYTES
    assert zipped("app.js", "app.css") <= MOST_AT_FIRST


def test_the_page_names_only_its_own_files():
    page = (DIST / "index.html").read_text()
    for name in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert (DIST / name).is_file()
    assert " style=" not in page
    assert "<style" not in page


@pytest.mark.parametrize("file", sorted(DIST.glob("*.*s")), ids=lambda f: f.name)
def test_no_other_host_is_in_the_files(file):
    hosts = set(re.findall(r"https?://([\w.-]+)", file.read_text()))
    # These are names of XML languages, which no browser fetches; a VOTable has one.
    assert hosts <= {"www.w3.org", "www.ivoa.net"}


def test_nothing_is_ever_put_as_markup():
    for file in SRC.glob("*.ts"):
        text = file.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser"):
            assert way not in text, f"{file.name} has {way}"


def test_the_lock_file_pins_by_hash_and_names_no_registry():
    lock = json.loads((EXPLORER / "package-lock.json").read_text())
    packages = {name: about for name, about in lock["packages"].items() if name}
    assert packages
    for name, about in packages.items():
        assert about["integrity"].startswith("sha512-"), name
        assert "resolved" not in about, name


def test_quarters_begin_as_the_package_has_them():
    from kepler_lens.missions.kepler import QUARTER_STARTS

    text = (SRC / "time.ts").read_text()
    (numbers,) = re.findall(r"QUARTER_STARTS = \[([^\]]+)\]", text)
    assert tuple(float(n) for n in numbers.replace("\n", " ").split(",") if n.strip()) == (
        QUARTER_STARTS
    )


def test_bits_of_quality_are_named_as_the_package_names_them():
    from kepler_lens.missions.kepler import QUALITY

    text = (SRC / "quality.ts").read_text()
    named = re.findall(r"^  \[(\d+), \"([^\"]+)\"\],$", text, re.MULTILINE)
    assert [(words, int(bit)) for bit, words in named] == list(QUALITY.items())


def test_licences_of_what_is_bundled_are_there():
    text = (DIST / "licenses.txt").read_text()
    for name in ("uplot", "@codemirror/view", "@lezer/common"):
        assert re.search(rf"^{re.escape(name)} \d", text, re.MULTILINE)
    assert "Permission is hereby granted" in text
