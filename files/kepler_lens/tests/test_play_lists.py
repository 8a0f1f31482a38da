"""Lists that a play is given are read as the package reads them, or refused before it begins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

PROJECT = Path(__file__).resolve().parents[3]
ROLES = ("import", "transits", "scores", "dataset")
INVENTORY = {
    "all": {"children": {g: {"hosts": {"h": {}}} for g in ("workers", "warp10", "scheduler")}}
}

# A role, a variable of it, what it is given, the field of the job file, and what stands there.
READ: list[tuple[str, str, object, str, object]] = [
    *(
        (role, f"{role}_stars", "100000926, KIC 100000925 Kepler-11 b", "stars", known)
        for role in ROLES
        for known in ([100000925, 100000926, "Kepler-11 b"],)
    ),
    *((role, f"{role}_stars", "", "stars", None) for role in ROLES),
    ("transits", "transits_stars", "my list.txt", "stars", [11442793, "Kepler-11"]),
    ("import", "import_stars", [6541920], "stars", [6541920]),
    ("import", "import_stars", ["KIC 2", 1, "K2-18 b"], "stars", [1, 2, "K2-18 b"]),
    ("import", "import_stars", 6541920, "stars", [6541920]),
    ("import", "import_stars", [], "stars", None),
    ("import", "import_stars", None, "stars", None),
    ("import", "import_segments", "1, 2 17", "segments", [1, 2, 17]),
    ("import", "import_segments", [0], "segments", [0]),
    ("import", "import_columns", "SAP_FLUX, SAP_QUALITY", "columns", ["SAP_FLUX", "SAP_QUALITY"]),
    ("import", "import_force", "false", "force", False),
    ("import", "import_force", "true", "force", True),
    ("dataset", "dataset_synthetic", "planet, inverted", "synthetic", ["planet", "inverted"]),
]
# A role, a variable of it, what it is given, and what is said.
REFUSED: list[tuple[str, str, object, str]] = [
    *(
        (role, f"{role}_stars", "1, 6541920.0", f"{role}_stars, entry 2: '6541920.0' is no star")
        for role in ROLES
    ),
    ("import", "import_stars", "757076-757218", "write each number by itself"),
    ("import", "import_stars", "stars.txt", "the file stars.txt is not there, on the machine"),
    ("import", "import_stars", "{{ 1 }}", "import_stars, entry 1: '{{' is no star"),
    ("import", "import_stars", " ", "import_stars names no star"),
    ("import", "import_segments", "1-3", "import_segments, entry 1: '1-3' is no whole number"),
    ("import", "import_columns", "SAP_FLUX; FLUX", "name columns of SAP_FLUX, PDCSAP_FLUX"),
    ("import", "import_columns", [], "name columns of SAP_FLUX, PDCSAP_FLUX"),
]


def case(number: int, role: str, variable: str) -> dict[str, Any]:
    """Make a block that keeps what a role would hand to its job, or why it refuses."""
    known = f"answers + [[{role}_settings, '']]"
    refused = "answers + [[{}, ansible_failed_result.msg]]"
    return {
        "vars": {variable: f"{{{{ given[{number}] }}}}"},
        "block": [
            {"include_role": {"name": role, "tasks_from": "preflight", "public": True}},
            {"set_fact": {"answers": f"{{{{ {known} }}}}"}},
        ],
        "rescue": [{"set_fact": {"answers": f"{{{{ {refused} }}}}"}}],
    }


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, Any], str]]:
    """Run the roles' own checks on everything above, without hosts, in one play."""
    folder = tmp_path_factory.mktemp("play")
    cases = [*READ, *REFUSED]
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {
            "answers": [],
            "import_source": "/x",
            "import_server_data_dir": "/x",
            "dataset_labels": "/etc/hostname",
            **{f"{role}_server": "http://127.0.0.1:9" for role in ROLES},
            **{f"{role}_scheduler": "" for role in ROLES},
        },
        "tasks": [
            *(case(number, role, variable) for number, (role, variable, *_) in enumerate(cases)),
            {"copy": {"content": "{{ answers | to_json }}", "dest": str(folder / "answers.json")}},
        ],
    }
    given = [
        {"__ansible_unsafe": value} if isinstance(value, str) else value
        for _, _, value, *_ in cases
    ]
    (folder / "play.yml").write_text(json.dumps([play]))
    (folder / "hosts.yml").write_text(json.dumps(INVENTORY))
    (folder / "my list.txt").write_bytes("KIC 11442793\r\nKepler-11\r\n".encode("utf-16"))
    words = ["-i", "hosts.yml", "play.yml", "-e", json.dumps({"given": given})]
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", *words],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return [tuple(answer) for answer in json.loads((folder / "answers.json").read_text())]


@pytest.mark.parametrize("number", range(len(READ)), ids=lambda n: f"{READ[n][1]}={READ[n][2]}")
def test_what_was_typed_is_in_the_job(
    answers: list[tuple[dict[str, Any], str]], number: int
) -> None:
    _, _, _, field, known = READ[number]
    settings, refused = answers[number]
    assert refused == ""
    assert {**settings.get("selection", {}), **settings}[field] == known


@pytest.mark.parametrize(
    "number", range(len(REFUSED)), ids=lambda n: f"{REFUSED[n][1]}={REFUSED[n][2]}"
)
def test_what_cannot_be_read_is_refused_in_a_sentence(
    answers: list[tuple[dict[str, Any], str]], number: int
) -> None:
    settings, refused = answers[len(READ) + number]
    assert settings == {}
    assert REFUSED[number][3] in refused
    assert "\n" not in refused.strip()
