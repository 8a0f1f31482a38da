"""What is typed for the Makefile's variables reaches Ansible as it was typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible import context
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars

PROJECT = Path(__file__).resolve().parents[3]

VARIABLES = {
    "import": {"SOURCE": "import_source", "STARS": "import_stars"},
    "transits": {"STARS": "transits_stars"},
    "dataset": {"LABELS": "dataset_labels", "STARS": "dataset_stars"},
    "training": {"RECORDS": "training_records", "LABELS": "training_labels"},
    "scores": {"STARS": "scores_stars", "BUNDLE": "scores_bundle"},
    "tag": {"KOI": "tag_koi", "K2": "tag_k2"},
    "status": {},
    "lab": {},
    "lab-down": {},
}

TYPED = (
    "100000925, 100000926",
    "/srv/my dir/of light curves ",
    "/srv/o'brien's",
    'a "quoted" word',
    "$HOME and $$ and ${PATH} and $x",
    "$(touch made) `touch made` $(shell touch made)",
    "$(never closed",
    "6541920\n11442793",
    "a=b, c=d # no comment",
    "{{ playbook_dir }} and {% if",
    "back\\slash; a & b | c > d * ? !",
    "étoile ☆",
    "@file",
)


def parsed(words: list[str]) -> dict[str, object]:
    """Give the variables that Ansible reads from its arguments."""
    extra = tuple(words[n + 1] for n, word in enumerate(words) if word == "-e")
    context.CLIARGS = ImmutableDict(extra_vars=extra)
    load_extra_vars.__dict__.pop("extra_vars", None)
    return dict(load_extra_vars(DataLoader()))


@pytest.mark.parametrize(
    ("target", "typed"),
    [("import", typed) for typed in TYPED]
    + [(target, "\n".join(TYPED)) for target, names in VARIABLES.items() if names],
)
def test_every_variable_arrives_as_it_was_typed(make, target: str, typed: str) -> None:
    names = VARIABLES[target]
    words, done = make(target, *(f"{name}={typed}" for name in names))
    assert done.returncode == 0, done.stderr
    assert words is not None
    assert parsed(words) == dict.fromkeys(names.values(), typed)
    assert not (PROJECT / "made").exists()


def test_braces_are_no_template(make) -> None:
    words, _ = make("import", "SOURCE={{ 1 + 1 }}")
    assert words is not None
    assert json.loads(words[-1]) == {"import_source": {"__ansible_unsafe": "{{ 1 + 1 }}"}}


def test_variables_of_the_environment_are_taken_too(make) -> None:
    words, _ = make("import", SOURCE="/srv/$(a) 'b'", STARS="1, 2")
    assert words is not None
    assert parsed(words) == {"import_source": "/srv/$(a) 'b'", "import_stars": "1, 2"}


@pytest.mark.parametrize("target", VARIABLES)
def test_every_target_takes_an_inventory_and_vars(make, target: str) -> None:
    words, done = make(target, "INVENTORY=my hosts/it's.yml", "VARS=a=1 b='x y'")
    assert done.returncode == 0, done.stderr
    assert words is not None
    assert words[0].endswith(".yml")
    assert words[words.index("-i") + 1] == "my hosts/it's.yml"
    assert parsed(words) == {"a": "1", "b": "x y"}
    words, _ = make(target)
    assert words is not None
    assert len(words) == 1, "what was not typed was handed over"


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        (
            "import_cadence=short import_force=true",
            {"import_cadence": "short", "import_force": "true"},
        ),
        ("  import_force=true\n", {"import_force": "true"}),
        ("a='it is' b=\"it's\"", {"a": "it is", "b": "it's"}),
        ("a=$(b) c=$HOME", {"a": "$(b)", "c": "$HOME"}),
        ('{"a": [1, 2], "b": "it\'s $(c)"}', {"a": [1, 2], "b": "it's $(c)"}),
        ("{a: 1, b: [x, y]}", {"a": 1, "b": ["x", "y"]}),
    ],
)
def test_vars_are_pairs_or_json(make, typed: str, known: dict[str, object]) -> None:
    words, done = make("import", f"VARS={typed}")
    assert done.returncode == 0, done.stderr
    assert words is not None
    assert parsed(words) == known


def test_vars_may_name_a_file_and_outweigh_the_others(make, tmp_path: Path) -> None:
    (tmp_path / "my vars.yml").write_text("a: [1, 2]\n")
    words, _ = make("import", f"VARS=@{tmp_path}/my vars.yml")
    assert words is not None
    assert parsed(words) == {"a": [1, 2]}
    words, _ = make("import", "STARS=1", "VARS=import_stars=2")
    assert words is not None
    assert parsed(words) == {"import_stars": "2"}


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("import_stars=1, 2", "'2' is no name=value"),
        ("import_source=/srv/my dir", "'dir' is no name=value"),
        ("import_source=/srv/o'brien", "no other half"),
        ("import_force", "'import_force' is no name=value"),
        ('{"a": ', "no JSON"),
        ("[1, 2]", "no map"),
    ],
)
def test_vars_that_cannot_be_read_start_nothing(make, typed: str, named: str) -> None:
    words, done = make("import", f"VARS={typed}")
    assert done.returncode != 0
    assert words is None, "a playbook was run"
    assert done.stderr.startswith("VARS cannot be read: ")
    assert named in done.stderr
    assert "Traceback" not in done.stderr
