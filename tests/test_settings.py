"""Settings reach services and jobs, even if they are texts, as -e name=value gives them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from kepler_lens.jobs.builder.config import load_job as load_dataset
from kepler_lens.jobs.importer.config import Archive
from kepler_lens.jobs.importer.config import load_job as load_import
from kepler_lens.jobs.searcher.config import load_job as load_search
from kepler_lens.jobs.trainer import load_job as load_training
from plays import PROJECT

SERVER, SCHEDULER, WORKER = (f"{name}.example.org" for name in ("warp10", "scheduler", "worker1"))
# Host to role to templates that are written for the host with the variables of the role.
WRITTEN = {
    SERVER: {
        "warp10": ["common.conf.j2", "log4j.properties.j2", "start.j2", "warp10.service.j2"],
        "base": ["helloexoworld.nft.j2"],
        "macros": ["transits.j2", "watch.mc2.j2"],
    },
    SCHEDULER: {"fleet": ["kepler-scheduler.service.j2"], "base": ["helloexoworld.nft.j2"]},
    WORKER: {"fleet": ["kepler-worker.service.j2"], "base": ["helloexoworld.nft.j2"]},
}
FACTS = {"distribution_major_version": "12", "architecture": "x86_64"}
LOOSE = {"warp10_version": "1", "warp10_java_packages": {}, "warp10_main_class": "Main"}
LOOSE |= {"warp10_classpath": "/jar", "ansible_facts": FACTS}
TOKENS = ["read", "write", "ledger_read", "ledger_write"]
# Job to the function that reads its settings, its tokens, the variables set, and the job's values.
JOBS: dict[str, tuple[Any, list[str], dict[str, Any], dict[str, Any]]] = {
    "import": (
        load_import,
        TOKENS,
        {
            "import_source": "/srv/sky",
            "import_stars": "900000001, 900000002",
            "import_mission": "Kepler",
            "import_segments": "2 3",
            "import_cadence": "short",
            "import_columns": "SAP_FLUX_ERR, SAP_QUALITY",
            "import_force": "true",
            "import_archive_requests": "12",
            "import_cache": "/srv/cache",
            "import_server": "http://192.0.2.99:1",
        },
        {
            "source": "/srv/sky",
            "columns": ("SAP_FLUX_ERR", "SAP_QUALITY"),
            "force": True,
            # Two workers share the requests.
            "archive": Archive(parallel=6, cache="/srv/cache"),
            "server": "http://192.0.2.99:1",
        },
    ),
    "transits": (
        load_search,
        ["read", "results_write"],
        {
            "transits_stars": "900000001",
            "transits_column": "SAP_FLUX",
            "transits_force": "true",
            "transits_model": 12,
        },
        {"stars": (900000001,), "column": "SAP_FLUX", "force": True, "model": "12"},
    ),
    "scores": (
        load_search,
        ["read", "results_write"],
        {
            "scores_stars": "900000001",
            "scores_column": "SAP_FLUX",
            "scores_force": "true",
            "scores_model": 12,
        },
        {"stars": (900000001,), "column": "SAP_FLUX", "force": True, "model": "12"},
    ),
    "dataset": (
        load_dataset,
        ["read"],
        {
            "dataset_labels": "/srv/koi.csv",
            "dataset_release": "cumulative",
            "dataset_name": 2024,
            "dataset_recipe": "astronet-1",
            "dataset_signals": "search",
            "dataset_synthetic": "planet, eclipse",
            "dataset_copies": "3",
            "dataset_stars": "900000001",
            "dataset_seed": "7",
        },
        {
            "release": "cumulative",
            "name": "2024",
            "recipe": "astronet-1",
            "signals": "search",
            "synthetic": ("planet", "eclipse"),
            "copies": 3,
            "stars": (900000001,),
            "seed": 7,
        },
    ),
    "training": (
        load_training,
        [],
        {
            "training_records": "/srv/records",
            "training_name": 2024,
            "training_members": "2",
            "training_folds": "3",
            "training_networks_per_fold": "4",
            "training_epochs": "6",
            "training_seed": "7",
            "training_threads": "8",
            "training_take_intact": "true",
            "training_min_auc": "0.9",
        },
        {
            "name": "2024",
            "members": 2,
            "folds": 3,
            "per_fold": 4,
            "epochs": 6,
            "seed": 7,
            "threads": 8,
            "take_intact": True,
            "min_auc": 0.9,
        },
    ),
}


ADDRESSES = [
    *("import_server", "import_scheduler", "import_shown_url"),
    *("transits_server", "transits_scheduler", "transits_shown_url"),
    *("scores_server", "scores_scheduler", "scores_shown_url"),
    *("dataset_server", "dataset_scheduler", "dataset_shown_url"),
]


def options(role: str) -> dict[str, dict[str, Any]]:
    text = (PROJECT / f"roles/{role}/meta/argument_specs.yml").read_text()
    return yaml.safe_load(text)["argument_specs"]["main"].get("options", {})


def typed(role: str) -> dict[str, str]:
    """Return the default values of a role's numbers and switches as texts."""
    return {
        name: str(option["default"]).lower()
        for name, option in options(role).items()
        if isinstance(option.get("default"), int | float)
    }


@pytest.mark.parametrize("host", WRITTEN)
def test_texts_do_what_numbers_and_switches_do(render, host):
    roles = WRITTEN[host]
    sources = {
        f"{role}-{name}"[:-3]: f"roles/{role}/templates/{name}"
        for role in roles
        for name in roles[role]
    }
    texts = {name: text for role in roles for name, text in typed(role).items()}
    assert render(host, list(roles), sources, **LOOSE) == render(
        host, list(roles), sources, **LOOSE, **texts
    )


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_told_what_is_set(render, tmp_path, name):
    load, tokens, told, wanted = JOBS[name]
    said = render(SCHEDULER, [name], {"job": "{{ " + name + "_settings | to_json }}"}, **told)
    known = json.loads(said["job"])
    if tokens:
        known["tokens"] = {token: f"/etc/kepler-lens/tokens/{token}.token" for token in tokens}
    (tmp_path / "job.json").write_text(json.dumps(known))
    job = load(tmp_path / "job.json")
    assert {key: getattr(job, key) for key in wanted} == wanted
    if name == "import":
        chosen = job.selection
        assert set(chosen.stars) == {900000001, 900000002}
        assert set(chosen.segments) == {2, 3}
        assert (chosen.mission, chosen.cadence) == ("Kepler", "short")


def test_a_job_talks_to_the_servers_and_shows_the_address_that_are_set(render):
    jobs = ["import", "transits", "scores", "dataset"]
    settings = {name: f"tls://{name.replace('_', '-')}.example.org:1" for name in ADDRESSES}
    sources = {job: (PROJECT / f"roles/{job}/tasks/run.yml").read_text() for job in jobs}
    sources["servers"] = "{{ [" + ", ".join(f"{job}_settings.server" for job in jobs) + "] }}"
    stops = {"import_stop": "true", "transits_stop": "true", "scores_stop": "true"}
    said = render(SCHEDULER, jobs, sources, **settings, **stops, dataset_stop="true")
    for job in jobs:
        told = next(t for t in yaml.safe_load(said[job]) if "vars" in t)["vars"]
        assert told["job_scheduler"] == settings[f"{job}_scheduler"]
        assert told["job_url"] == settings[f"{job}_shown_url"]
        assert settings[f"{job}_server"] in said["servers"]
        assert told["job_action"] == "stop"


def test_the_folder_that_fills_is_that_of_the_server(render):
    sources = {"folder": "{{ import_server_data_dir }}"}
    for settings, wanted in (
        ({}, "/var/lib/warp10"),
        ({"warp10_data_dir": "/srv/database"}, "/srv/database"),
        ({"import_server_data_dir": "/srv/other"}, "/srv/other"),
    ):
        assert render(SCHEDULER, ["import"], sources, **settings)["folder"] == wanted


def test_the_server_searches_as_many_stars_at_once_as_are_set(render):
    sources = {"program": "roles/macros/templates/transits.j2", "names": "{{ macros_names }}"}
    sources["conf"] = "roles/warp10/templates/common.conf.j2"
    roles = ["warp10", "macros"]
    allowed = {"warp10_transits": "true", "warp10_transits_processes": "3"}
    said = render(SERVER, roles, sources, **LOOSE, **allowed)
    assert said["program"].splitlines()[-1].split()[2] == "3"
    assert "warpscript.call.maxcapacity = 5" in said["conf"]
    assert "TRANSITS" in said["names"]
    own = {"macros_transits": "false", "macros_transits_processes": "4"}
    said = render(SERVER, roles, sources, **LOOSE, **allowed, **own)
    assert said["program"].splitlines()[-1].split()[2] == "4"
    assert "TRANSITS" not in said["names"]


def test_a_training_has_the_limits_that_are_set(render):
    limits = {"training_hours": "7", "training_memory": "5G", "training_threads": "3"}
    said = render(SCHEDULER, ["training"], {"lines": "{{ training_limits }}"}, **limits)["lines"]
    for line in ("RuntimeMaxSec=7h", "MemoryMax=5G", "CPUQuota=300%"):
        assert line in said
