"""The training host after the play: its rights and limits; a second run changes nothing."""

from __future__ import annotations

import json
import re

import yaml
from lab import DATA, PROJECT, playbook

HOST = "training1"
RECORDS = DATA / "astronet"
TRAIN = ("playbooks/training.yml", "-e", f"training_records={RECORDS}")
PLAY = (*TRAIN, "-e", "training_action=write")
ALONE = ("--tags", "training", "--skip-tags", "lab")


def unit_lines(lab) -> list[str]:
    return lab.shell(HOST, "systemctl cat kepler-training.service").splitlines()


def test_the_training_is_hardened(lab):
    words = lab.shell(HOST, "systemd-analyze security --no-pager kepler-training.service | tail -1")
    assert float(re.search(r"(\d+\.\d+)", words)[1]) <= 2.0, words


def test_a_training_with_a_gpu_reaches_its_nodes_and_no_more(lab):
    """Check the unit of a host with a GPU, without starting it."""
    roles = PROJECT / "roles/training_host/vars/main.yml"
    added = yaml.safe_load(roles.read_text())["training_host_device_lines"]
    assert {line.split("=")[1].split()[0] for line in added if line.startswith("DeviceAllow")} == {
        f"char-nvidia{kind}" for kind in ("", "-frontend", "ctl", "-uvm", "-caps")
    }
    text = "\n".join([*unit_lines(lab), *added])
    lab.shell(HOST, f"cat > /run/kepler-gpu.service <<'END'\n{text}\nEND")
    said = lab.shell(
        HOST,
        "systemd-analyze security --offline=true --no-pager /run/kepler-gpu.service | tail -1; "
        "rm /run/kepler-gpu.service",
    )
    assert float(re.search(r"(\d+\.\d+)", said)[1]) <= 2.0, said


def test_the_training_has_limits(lab):
    lines = unit_lines(lab)
    assert {"MemoryMax=75%", "RuntimeMaxSec=12h", "CPUQuota=100%"} <= set(lines)
    assert "ExecStart=/opt/kepler-lens-training/venv/bin/kepler-lens train --job " in "\n".join(
        lines
    )
    assert not [line for line in lines if "DeviceAllow" in line]


def test_the_job_names_what_was_copied(lab):
    job = json.loads(lab.shell(HOST, "cat /etc/kepler-lens/training.json"))
    assert job["device"] == "cpu"
    (folder,) = job["records"]
    there = lab.shell(HOST, f"ls {folder}").split()
    assert there == sorted(path.name for path in RECORDS.iterdir())


def test_the_environment_is_that_of_training_alone(lab):
    python = "/opt/kepler-lens-training/venv/bin/python"
    lab.shell(HOST, f"{python} -c 'import importlib.util as u; assert u.find_spec(\"tensorflow\")'")
    assert not lab.host(HOST).file("/opt/kepler-lens").exists


def test_a_product_of_matrices_was_computed(lab):
    record = json.loads(lab.shell(HOST, "cat /etc/kepler-lens/training-host.json"))
    installed = lab.shell(HOST, "cat /opt/kepler-lens-training/venv/installed").strip()
    assert record["proved"] == installed
    assert record["device"] == "cpu"


def test_nothing_listens_but_what_the_host_has(lab):
    # The tests themselves come in by ssh.
    others = "ss -Hltn | grep -v -e '127[.]0[.]0' -e ':22 ' || true"
    assert lab.shell(HOST, others) == ""


def test_records_that_left_the_folder_leave_the_host(lab, tmp_path):
    lab.shell(HOST, "touch /var/lib/kepler-lens/records/astronet/train-00008-of-00009")
    run = playbook(*PLAY, *ALONE)
    assert run.rc == 0, run.output[-3000:]
    assert run.changed[HOST] == 1, run.output[-3000:]
    there = lab.shell(HOST, "ls /var/lib/kepler-lens/records/astronet").split()
    assert there == sorted(path.name for path in RECORDS.iterdir())


def test_a_second_run_changes_nothing(lab):
    run = playbook(*PLAY)
    assert run.rc == 0, run.output[-3000:]
    assert set(run.changed.values()) == {0}, run.output[-3000:]
    # The second run does not compute the product again either.
    assert "Multiply two matrices" not in run.output


def test_memory_that_does_not_suffice_is_named(lab):
    """The limit of the unit ends the training, and the play reports that in a sentence."""
    run = playbook(*TRAIN, *ALONE, "-e", "training_memory=20M")
    assert run.rc == 2
    assert "more memory than kepler-training.service allows" in run.output, run.output[-3000:]
