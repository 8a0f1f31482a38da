"""The module that asks apt; the scenario training asks it for the driver, with Debian's mirror."""

from __future__ import annotations

import shutil

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("apt-get"), reason="there is no apt here")


def test_a_repository_that_is_away_is_named(run_module):
    said = run_module(
        "apt_resolution",
        check=True,
        release="trixie",
        packages=["nvidia-smi"],
        keyring="http://127.0.0.1:9/cuda-keyring.deb",
    )
    assert (said["changed"], said["installable"], said["new"]) == (False, False, [])
    assert said["said"].startswith("http://127.0.0.1:9/cuda-keyring.deb: ")
    assert "refused" in said["said"]


def test_what_is_no_package_is_named(run_module, tmp_path):
    (tmp_path / "keyring.deb").write_text("no package\n")
    said = run_module(
        "apt_resolution",
        release="trixie",
        packages=["nvidia-smi"],
        keyring=f"file://{tmp_path}/keyring.deb",
    )
    assert said["installable"] is False
    assert "not a Debian format archive" in said["said"]
