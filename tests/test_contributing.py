"""CONTRIBUTING.md agrees with the project."""

from __future__ import annotations

import re

import pytest
import yaml
from plays import PROJECT

PAGE = (PROJECT / "CONTRIBUTING.md").read_text()
PACKAGE = PROJECT / "files/kepler_lens/kepler_lens"


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of the table of a section, without the head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [line.strip("| ").split(" | ") for line in lines[2:]]


def test_every_role_has_its_scenarios():
    said = {name.strip("`"): re.findall(r"`(\w+)`", last) for name, _, last in rows(ROLES)}
    assert set(said) == {path.name for path in (PROJECT / "roles").iterdir()}
    there = {path.parent.name for path in (PROJECT / "molecule").glob("*/molecule.yml")}
    assert {name for names in said.values() for name in names} == there
    assert all(said.values())


ROLES = "Which scenario for which role"


@pytest.mark.parametrize(("question", "answer"), rows("Where is …?"))
def test_an_answer_names_what_is_there(question, answer):
    """Each file exists, and one of the files contains each word of the answer."""
    paths = [PROJECT / word for word in re.findall(r"`([\w./]+/[\w.]+)`", answer)]
    links = [PROJECT / word for word in re.findall(r"\]\(([\w./-]+)", answer)]
    # NAME is a placeholder for the name of a new file.
    named = [path for path in paths + links if "NAME" not in path.name]
    assert named, question
    texts = [path.read_text() for path in named]
    for word in re.findall(r"`([\w.]+)`", answer):
        assert any(word in text for text in texts), word


def test_an_answer_of_a_section_of_a_page_leads_there():
    for page, anchor in re.findall(r"\]\(([\w./-]+)#([\w-]+)\)", PAGE):
        titles = re.findall(r"^#+ (.*)$", (PROJECT / page).read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}


@pytest.mark.parametrize(
    "title", ["The way of a file through the import", "The way of a light curve through a search"]
)
def test_a_walk_goes_through_files_that_are_there(title):
    lines = [line for line in section(title).splitlines() if line]
    assert len(lines) == 10
    for line in lines:
        paths = re.findall(r"`([\w./]+\.(?:py|yml))`|`([\w]+/)`", line)
        beside = (PACKAGE / paths[0][0]).parent
        for path, folder in paths:
            home = PROJECT if path.startswith("roles/") else PACKAGE
            # A name without a folder is that of a file beside the first one of the line.
            assert any((at / (path or folder)).exists() for at in (home, beside)), line
        assert paths, line


def test_what_is_to_be_typed_is_there():
    makefile = (PROJECT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", PAGE):
        assert f"\n{target}:" in makefile, target


def test_the_workflow_calls_what_ci_calls():
    workflow = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text())
    commands = [
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    ]
    assert commands == ["make lint", "make unit", ".ci/run"]
