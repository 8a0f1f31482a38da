"""The scenario's lab, the choices of its inventory, and a sky to import."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from astropy.io import fits
from kepler_lens.missions.kepler import SHORT_STAMPS
from kepler_lens.simulation.simulate import simulate
from lab import Lab

INVENTORY = Path(__file__).resolve().parents[1] / "inventory"
os.environ["LAB_INVENTORY"] = str(INVENTORY)


def chosen() -> dict[str, object]:
    """Return the variables of all groups and hosts of the inventory."""
    found: dict[str, object] = {}

    def collect(group: dict) -> None:
        found.update(group.get("vars") or {})
        for one in (group.get("hosts") or {}).values():
            found.update(one)
        for child in (group.get("children") or {}).values():
            collect(child)

    collect(yaml.safe_load((INVENTORY / "hosts.yml").read_text())["lab"])
    return found


@pytest.fixture(scope="session")
def choices() -> dict[str, object]:
    return chosen()


@pytest.fixture(scope="session")
def lab(choices) -> Lab:
    return Lab(choices["warp10_port"])


@pytest.fixture(scope="session")
def sky(tmp_path_factory) -> Path:
    """Two stars, two quarters each; the first star in short cadence, too.

    The package simulates only long cadence, so the short files are long ones with other labels.
    """
    folder = tmp_path_factory.mktemp("sky")
    simulate(folder, stars=2, quarters=[1, 2])
    for path in sorted(folder.rglob("kplr900000001-*_llc.fits")):
        with fits.open(path) as units:
            quarter = units[0].header["QUARTER"]
            units[0].header["OBSMODE"] = "short cadence"
            name = f"kplr900000001-{SHORT_STAMPS[quarter][0]}_slc.fits"
            units.writeto(path.with_name(name), checksum=True)
    return folder


@pytest.fixture(scope="session")
def source(lab: Lab, sky: Path) -> str:
    """The URL of the sky for the lab's hosts."""
    sky.chmod(0o755)
    return lab.publish(sky)
