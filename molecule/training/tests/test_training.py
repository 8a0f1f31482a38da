"""A training on the real labelled candidates: killed, resumed, copied, and evaluated."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from kepler_lens.classify.bundle import Bundle
from lab import playbook

HOST = "training1"
STATE = "/var/lib/kepler-lens/training"
RUNS = f"{STATE}/runs"
SMALL = {"members": 1, "folds": 2, "networks_per_fold": 1, "epochs": 3}
PYTHON = "/opt/kepler-lens-training/venv/bin/python"
SAME = """
import sys, numpy as np
one, other = (np.load(path) for path in sys.argv[1:])
names = sorted(n for n in one.files if n[0] == "w")
assert names == sorted(n for n in other.files if n[0] == "w") and len(names) > 10
print(all((one[n] == other[n]).all() for n in names))
"""


@pytest.fixture(scope="module")
def records(data, tmp_path_factory) -> Path:
    """A quarter of the published records, named as if they were all records."""
    folder = tmp_path_factory.mktemp("records") / "some"
    folder.mkdir()
    for k in range(2):
        source = data / "astronet" / f"train-{k:05d}-of-00008"
        shutil.copyfile(source, folder / f"train-{k:05d}-of-00002")
    return folder


def train(records: Path, brought: Path, **changes):
    settings = SMALL | {"records": records, "folder": brought} | changes
    words = [w for key, value in settings.items() for w in ("-e", f"training_{key}={value}")]
    return playbook("playbooks/training.yml", "--tags", "training", "--skip-tags", "lab", *words)


def state(lab, name: str = "status") -> dict:
    done = lab.host(HOST).run(f"cat {STATE}/{name}.json")
    return json.loads(done.stdout) if done.rc == 0 else {}


@pytest.fixture(scope="module")
def whole(records, tmp_path_factory):
    """An undisturbed training: the run of its play, and the folder with its bundle."""
    brought = tmp_path_factory.mktemp("brought")
    run = train(records, brought, name="whole")
    assert run.rc == 0, run.output[-4000:]
    return run, brought


def test_the_bundle_is_brought_and_scores(whole):
    run, brought = whole
    bundle = Bundle.load(brought / "whole")
    assert bundle.name in run.output
    assert (brought / "whole" / "card.md").read_text().startswith("# Model card")
    assert "astronet-1" in bundle.model["recipes"]


def test_a_model_that_is_worse_than_the_packages_own_is_not_worth_publishing(lab, whole):
    report = state(lab, "report")
    assert report["auc"] < report["published_auc"]
    assert report["worth_publishing"] is False
    assert "worth publishing" in whole[0].output


def test_a_second_run_trains_nothing(lab, records, whole):
    run = train(records, whole[1], name="whole")
    assert run.rc == 0, run.output[-4000:]
    assert set(run.changed.values()) == {0}, run.output[-4000:]
    assert state(lab, "report")["new_epochs"] == 0


def test_a_training_killed_twice_ends_with_the_same_weights(lab, records, whole, tmp_path):
    """One kill is in the middle of a network, the other between the last fold and the ensemble."""
    job = json.loads(lab.shell(HOST, "cat /etc/kepler-lens/training.json")) | {"name": "killed"}
    lab.shell(HOST, f"printf '%s' '{json.dumps(job)}' > /etc/kepler-lens/training.json")
    for reached in (
        lambda s: s.get("new_epochs", 0) >= 1,
        lambda s: s.get("networks_done", 0) >= 1 and s.get("new_epochs", 0) >= 1,
    ):
        lab.shell(HOST, f"rm -f {STATE}/*.json; systemctl reset-failed kepler-training || true")
        lab.shell(HOST, "systemctl start --no-block kepler-training")
        end = time.monotonic() + 240
        while not reached(state(lab)):
            assert time.monotonic() < end, lab.shell(HOST, "journalctl -u kepler-training -n 20")
            time.sleep(0.2)
        lab.shell(HOST, "systemctl kill --signal KILL kepler-training")
        # A start of a unit that has not noticed yet that it is dead would do nothing.
        ended = "systemctl show -p ActiveState --value kepler-training | grep -qE 'failed|inactive'"
        lab.shell(HOST, f'timeout 60 sh -c "until {ended}; do sleep 0.1; done"')
    run = train(records, tmp_path, name="killed")
    assert run.rc == 0, run.output[-4000:]
    # Three networks of three epochs each are nine: finished epochs were not repeated.
    assert 0 < state(lab, "report")["new_epochs"] < 9
    for network in ("fold0-network0", "fold1-network0", "member0"):
        pair = [f"{RUNS}/{name}/{network}.npz" for name in ("whole", "killed")]
        said = lab.host(HOST).run(f"{PYTHON} -c %s %s %s", SAME, *pair)
        assert said.stdout.strip() == "True", said.stdout + said.stderr


def test_a_cut_file_is_named_and_can_be_taken_up_to_there(lab, records, tmp_path):
    cut = tmp_path / "cut"
    shutil.copytree(records, cut)
    last = cut / "train-00001-of-00002"
    last.write_bytes(last.read_bytes()[:-1000])
    run = train(cut, tmp_path, name="cut")
    assert run.rc != 0
    assert "train-00001-of-00002" in run.output
    assert "is cut" in run.output, run.output[-3000:]
    taken = train(cut, tmp_path, name="cut", take_intact="true", epochs=1)
    assert taken.rc == 0, taken.output[-4000:]


def test_a_training_is_stopped_and_the_next_one_resumes(lab, records, tmp_path):
    job = json.loads(lab.shell(HOST, "cat /etc/kepler-lens/training.json"))
    on_host = str(Path(job["records"][0]).parent / records.name)
    job |= {"name": "stopped", "records": [on_host], "epochs": 3, "take_intact": False}
    lab.shell(HOST, f"printf '%s' '{json.dumps(job)}' > /etc/kepler-lens/training.json")
    lab.shell(HOST, f"rm -f {STATE}/*.json")
    lab.shell(HOST, "systemctl start --no-block kepler-training")
    end = time.monotonic() + 240
    while state(lab).get("new_epochs", 0) < 1:
        assert time.monotonic() < end, lab.shell(HOST, "journalctl -u kepler-training -n 20")
        time.sleep(0.2)
    run = playbook("playbooks/training.yml", "--tags", "training", "-e", "training_stop=true")
    assert run.rc == 0, run.output[-3000:]
    assert state(lab)["state"] == "stopped"
