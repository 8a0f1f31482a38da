"""Every variable of a role occurs in the tests, or has a reason why it does not."""

from __future__ import annotations

import re

import yaml
from plays import PROJECT

ROLES = {
    "job": "the roles that include it set them all, and their tests run the jobs",
}
VARIABLES = {
    "guest_state": "playbooks/front.yml sets it to front_state, which is tested",
    "lab_state": "playbooks/lab_down.yml sets it, with which each scenario ends",
    "lab_port": "each scenario's environment sets it, LAB_PORT=0",
    "lab_archive": "WARP10_ARCHIVE sets it: a release archive cannot be had everywhere",
    "lab_archive_checksum": "WARP10_ARCHIVE_CHECKSUM sets it, as above",
    "lab_source": "playbooks/lab.yml sets it to what a scenario imports",
    "lab_source_delay_ms": "benchmarks/bench.py sets it, to measure",
    "lab_folder": "a scenario's engine serves the other scenarios too, and is not started anew",
    "training_driver_repository": "NVIDIA's repository cannot be had everywhere",
    "training_folder": "the scenario training sets it, as training_{folder}",
}


def test_each_variable_occurs_in_a_test():
    folders = ("molecule", "tests")
    paths = [path for folder in folders for path in (PROJECT / folder).rglob("*")]
    text = "\n".join(
        path.read_text()
        for path in paths
        if path.suffix in (".py", ".yml") and path.name != "test_variables.py"
    )
    specs = {
        path.parents[1].name: yaml.safe_load(path.read_text())["argument_specs"]["main"]
        for path in (PROJECT / "roles").glob("*/meta/argument_specs.yml")
    }
    untested = {
        name
        for role, spec in specs.items()
        for name in spec.get("options", {})
        if role not in ROLES and not re.search(rf"\b{name}\b", text)
    }
    # A variable that is tested by now must leave the list.
    assert untested == set(VARIABLES)
