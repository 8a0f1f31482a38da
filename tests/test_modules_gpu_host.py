"""The module that reads what a host has for a training, from folders like those of real hosts."""

from __future__ import annotations

import sys

import pytest
from plays import PROJECT

sys.path.append(str(PROJECT / "molecule/training/tests"))

from machines import CARD, INTEL, KERNEL, machine


@pytest.fixture
def read(run_module, tmp_path):
    def run(**arguments: object) -> dict[str, object]:
        machine(tmp_path, **arguments)
        folder = str(tmp_path / "opt/not/there")
        return run_module("gpu_host_info", check=True, root=str(tmp_path), folder=folder)

    return run


def test_of_two_devices_of_a_card_one_is_a_gpu(read, tmp_path):
    said = read(modules=("nvidia", "drm"))
    assert said["gpus"] == [{"slot": "0000:01:00.0", "device": "0x2330", "driver": ""}]
    assert (said["changed"], said["kernel"], said["headers"]) == (False, KERNEL, True)
    assert said["modules"] == ["nvidia"]
    assert said["room"] > 0
    slot = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
    (slot / "driver").symlink_to("../../../bus/pci/drivers/nvidia")
    assert read()["gpus"][0]["driver"] == "nvidia"


def test_no_gpu_is_found_where_none_is(read):
    said = read(devices=INTEL | {"0000:01:00.1": CARD["0000:01:00.1"]}, headers=False)
    assert (said["gpus"], said["headers"], said["modules"]) == ([], False, [])


@pytest.mark.parametrize("enrolled", [False, True])
@pytest.mark.parametrize("secure_boot", [False, True])
def test_secure_boot_and_its_key_are_read(read, secure_boot, enrolled):
    said = read(secure_boot=secure_boot, enrolled=enrolled)
    assert (said["secure_boot"], said["key_enrolled"]) == (secure_boot, enrolled)
