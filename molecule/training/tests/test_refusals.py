"""The roles accept machines and settings, or refuse them beforehand with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lab import DATA, PROJECT, Lab, playbook
from machines import all_machines

MORE = ("-i", str(PROJECT / "molecule/training/inventory/more.yml"))
SMI = """#!/bin/sh
echo 'GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-11111111-2222-3333-4444-555555555555)'
echo '  MIG 1g.5gb Device 0: (UUID: MIG-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee)'
"""
CARD, INSTANCE = (
    "GPU-11111111-2222-3333-4444-555555555555",
    "MIG-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
)
# For each case: the host, the machine that it looks like, the settings of the operator, and the
# sentence of the refusal, or None if the role accepts.
CASES = {
    "no GPU": ("spare", "none", {}, None),
    "sound is no GPU": ("spare", "sound", {"gpu": "required"}, "has no NVIDIA GPU on its PCI bus"),
    "required": ("spare", "none", {"gpu": "required"}, "and training_gpu is required"),
    "left alone": ("spare", "nouveau", {"gpu": "none"}, None),
    "cards without a GPU": ("spare", "none", {"uuids": [CARD]}, f"training_gpu_uuids names {CARD}"),
    "cards left alone": ("spare", "gpu", {"gpu": "none", "uuids": [CARD]}, "shall use no GPU"),
    "no room": ("bookworm", "none", {"room_gb": 99999}, "takes up to 99999 GB"),
    "nouveau": ("spare", "nouveau", {}, "the module nouveau is loaded"),
    "another driver": ("spare", "loaded", {}, "NVIDIA's module is loaded already"),
    "no headers": ("spare", "headless", {}, "there are no headers of it"),
    "Secure Boot": ("spare", "secure", {}, "Secure Boot is on at spare"),
    "key enrolled": ("spare", "enrolled", {}, None),
    "Debian 13, open": ("spare", "gpu", {"module": "open"}, None),
    "no driver": ("spare", "gpu", {"driver": "present"}, "nvidia-smi does not answer on spare"),
    "NVIDIA's repository away": (
        "spare",
        "gpu",
        {"driver": "nvidia"},
        "cannot be installed on spare (Debian 13)",
    ),
    "Debian 12": ("bookworm", "gpu", {}, None),
    "packages that do not fit": (
        "bookworm",
        "gpu",
        {"module": "open"},
        "nvidia-open-kernel-dkms : Depends: nvidia-open-kernel-support--v1",
    ),
}
# Cases of a driver that answers although no GPU exists.
WHOLE = {
    "card is not there": ({"uuids": ["GPU-none"]}, "names GPU-none, which spare does not have"),
    "computes nothing": (
        {"gpu": "required", "uuids": [CARD, INSTANCE]},
        "no matrix product could be computed on the GPU, and training_gpu is required",
    ),
    "computes nothing, and need not": ({"uuids": [CARD]}, None),
}


# Settings of a training, and the sentence of the refusal.
TRAININGS = {
    "no records": ({"records": ""}, "No records are named"),
    "no folder": ({"records": "/nowhere"}, "/nowhere is not there"),
    "no folder from here": ({"records": "nowhere/else"}, "/nowhere/else is not there"),
    "no labels": ({"labels": "/nowhere.csv"}, "/nowhere.csv is not there"),
    "two of a name": (
        {"records": f"{DATA / 'astronet'},{DATA / 'astronet'}"},
        "have the same name",
    ),
    "a path for a name": ({"name_of_bundle": "../../etc"}, "training_name is '../../etc'"),
    "no members": ({"members": 0}, "training_members is 0"),
    "no area": ({"min_auc": 99}, "training_min_auc is 99"),
    "not prepared": ({}, "spare is not prepared for a training"),
}


@pytest.fixture(scope="module", autouse=True)
def hosts(lab: Lab):
    """Two more hosts: a fresh one, and one of Debian 12."""
    image = (PROJECT / ".lab/image_training").read_text().strip()
    for name, words in {
        "spare": {"lab_image": image},
        "bookworm": {"lab_image_release": "bookworm", "lab_image_pull": False},
    }.items():
        run = playbook(
            *("playbooks/lab.yml", *MORE, "-e", json.dumps(words | {"lab_hosts": [name]}))
        )
        assert run.rc == 0, run.output[-3000:]
    # This host cannot install a package that the open module needs.
    pin = "Package: nvidia-open-kernel-support\nPin: release *\nPin-Priority: -1"
    lab.shell("bookworm", f"echo '{pin}' > /etc/apt/preferences.d/test")
    yield
    lab.docker("rm", "-f", "-v", f"{lab.name}-spare", f"{lab.name}-bookworm")


def ask(work: Path, cases: list[dict[str, object]]) -> dict[str, dict[str, object]]:
    """Return the role's answers for `cases`, from one run."""
    words = {"cases": cases, "machines": str(all_machines(work)), "said_to": str(work)}
    run = playbook("molecule/training/ask.yml", *MORE, "-e", json.dumps(words))
    assert run.rc == 0, run.output[-5000:]
    said = {}
    for name in ("spare", "bookworm"):
        said |= json.loads((work / f"{name}.json").read_text() or "{}")
    return said


def spare(lab: Lab, *words: str):
    only = ("-l", "spare", "--tags", "training_host", "--skip-tags", "lab")
    return playbook("playbooks/training.yml", *MORE, *only, *words)


@pytest.fixture(scope="module")
def said(hosts, tmp_path_factory) -> dict[str, dict[str, object]]:
    cases = [
        {"name": name, "on": on, "machine": machine, **wanted}
        for name, (on, machine, wanted, _) in CASES.items()
    ]
    cases += [
        {"name": name, "on": "spare", "role": "training", "records": str(DATA / "astronet"), **told}
        for name, (told, _) in TRAININGS.items()
    ]
    return ask(tmp_path_factory.mktemp("asked"), cases)


@pytest.mark.parametrize("name", CASES)
def test_a_machine_is_accepted_or_refused_in_a_sentence(said, name):
    sentence, answer = CASES[name][3], said[name]
    assert answer["accepted"] == (sentence is None), answer["words"]
    assert sentence is None or sentence in answer["words"]


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_that_cannot_be_is_refused_in_a_sentence(said, name):
    assert not said[name]["accepted"]
    assert TRAININGS[name][1] in said[name]["words"]


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("key enrolled", "nvidia-kernel-dkms"),
        ("Debian 13, open", "nvidia-open-kernel-dkms"),
        ("Debian 12", "nvidia-kernel-dkms"),
    ],
)
def test_the_driver_can_be_installed(said, name, package):
    new = said[name]["words"]
    assert {package, "nvidia-smi", "libcuda1", "nvidia-persistenced", "nvidia-modprobe"} <= set(new)
    assert not [name for name in new if name.startswith(("xserver", "libgl1", "nvidia-driver"))]


def test_a_dry_run_of_a_fresh_host_changes_nothing(lab, said):
    before = lab.shell("spare", "ls /etc /etc/apt/* /opt /var/lib")
    machine = ("-e", "training_host_root=/srv/machines/gpu")
    run = spare(lab, "--check", *machine)
    assert run.rc == 0, run.output[-3000:]
    assert run.changed["spare"] > 0
    assert "nvidia-kernel-dkms, nvidia-smi, libcuda1" in " ".join(run.output.split())
    assert lab.shell("spare", "ls /etc /etc/apt/* /opt /var/lib") == before


def test_the_tag_alone_provisions_a_fresh_host(lab):
    run = spare(lab)
    assert run.rc == 0, run.output[-3000:]
    assert "PLAY [Train the network]" not in run.output or "training : " not in run.output
    assert lab.host("spare").file("/etc/kepler-lens/training-host.json").exists
    assert not lab.host("spare").file("/etc/systemd/system/kepler-training.service").exists
    run = spare(lab)
    assert (run.rc, run.changed["spare"]) == (0, 0), run.output[-3000:]


@pytest.fixture(scope="module")
def whole(hosts, said, lab, tmp_path_factory) -> dict[str, dict[str, object]]:
    lab.shell("spare", f"cat > /usr/local/bin/nvidia-smi <<'END'\n{SMI}END")
    lab.shell("spare", "chmod 755 /usr/local/bin/nvidia-smi")
    cases = [
        {
            "name": name,
            "on": "spare",
            "machine": "gpu",
            "driver": "present",
            "tasks": "main.yml",
            **wanted,
        }
        for name, (wanted, _) in WHOLE.items()
    ]
    return ask(tmp_path_factory.mktemp("whole"), cases)


@pytest.mark.parametrize("name", WHOLE)
def test_a_gpu_that_does_not_compute_is_no_gpu(whole, name):
    sentence, answer = WHOLE[name][1], whole[name]
    assert answer["accepted"] == (sentence is None), answer["words"]
    assert sentence is None or sentence in answer["words"]


def test_a_gpu_that_computes_nothing_is_not_trained_on(lab, whole):
    record = json.loads(lab.shell("spare", "cat /etc/kepler-lens/training-host.json"))
    assert record["device"] == "cpu"
    assert len(record["gpus"]) == 2
    assert not [line for line in record["unit_lines"] if "DeviceAllow" in line]


def test_the_driver_is_held_back_from_unattended_upgrades(lab, whole):
    said = lab.shell("spare", "apt-config dump Unattended-Upgrade::Package-Blacklist")
    assert {"nvidia-", "libnvidia-", "libcuda1"} <= set(said.split('"'))


def test_a_restart_is_asked_for_and_has_a_status_of_its_own(lab, whole):
    started = lab.shell("spare", "stat -c %Y /proc/1")
    lab.shell(
        "spare",
        "printf '#!/bin/sh\\necho Driver/library version mismatch; exit 18\\n' "
        "> /usr/local/bin/nvidia-smi",
    )
    words = ("-e", "training_host_root=/srv/machines/gpu", "-e", "training_driver=present")
    run = spare(lab, *words, "-e", "training_host_lock=requirements-train.txt")
    assert run.rc == 10, run.output[-3000:]
    assert "needs a restart" in run.output
    assert lab.shell("spare", "stat -c %Y /proc/1") == started


def test_what_the_role_made_is_removed(lab, whole):
    run = spare(lab, "-e", "training_host_state=absent")
    assert run.rc == 0, run.output[-3000:]
    for path in (
        "/opt/kepler-lens-training",
        "/etc/kepler-lens/training-host.json",
        "/etc/systemd/system/kepler-training-devices.service",
        "/etc/apt/apt.conf.d/52helloexoworld-nvidia",
        "/var/lib/kepler-lens/records",
    ):
        assert not lab.host("spare").file(path).exists, path
    run = spare(lab, "-e", "training_host_state=absent")
    assert (run.rc, run.changed["spare"]) == (0, 0), run.output[-3000:]
