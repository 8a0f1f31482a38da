"""Short cadence with every column, then long cadence with one column; a search of SAP flux."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from kepler_lens.gts import CLASS_OF_COLUMN
from lab import SCHEDULER, WORKERS, Lab, Run, playbook

COUNT = "<% DROP [ SWAP DUP NAME SWAP DUP LABELS SWAP SIZE ] %> LMAP"
SHORT = ("900000001", "short cadence")


def points(lab: Lab) -> dict[tuple[str, str, str], int]:
    """Return the number of points of light curves in the server by class, star and OBSMODE."""
    rows = lab.execute(
        f"[ @HELLOEXOWORLD/GETREADTOKEN '~.*sap.*' {{}} MAXLONG MINLONG ] FETCH {COUNT}"
    )[0]
    return {(name, labels["KEPLERID"], labels["OBSMODE"]): size for name, labels, size in rows}


def measured(sky: Path, pattern: str, columns: list[str]) -> dict[tuple[str, str, str], int]:
    """Count the finite points of files with astropy, by class, star and OBSMODE."""
    found: dict[tuple[str, str, str], int] = {}
    for path in sky.rglob(pattern):
        with fits.open(path) as units:
            head, rows = units[0].header, units[1].data
            for column in columns:
                key = (CLASS_OF_COLUMN[column], str(head["KEPLERID"]), head["OBSMODE"])
                finite = np.isfinite(rows["TIME"]) & np.isfinite(rows[column])
                found[key] = found.get(key, 0) + int(finite.sum())
    return found


def run_import(source: str, **settings: object) -> Run:
    words = {"import_source": source} | settings
    return playbook("import.yml", "--tags", "import", "-e", json.dumps(words))


@pytest.fixture(scope="module")
def short(source) -> Run:
    """The import with the choices of the inventory."""
    run = run_import(source)
    assert run.rc == 0, run.output[-3000:]
    return run


@pytest.fixture(scope="module")
def long(short, source) -> Run:
    """An import of one column of long cadence, of all quarters."""
    run = run_import(
        source, import_cadence="long", import_segments=[1, 2], import_columns=["SAP_FLUX"]
    )
    assert run.rc == 0, run.output[-3000:]
    return run


def test_short_cadence_has_every_column_and_nothing_else_is_there(lab, short, sky, choices):
    wanted = measured(sky, "*-2009166044711_slc.fits", choices["import_columns"])
    assert len(wanted) == 5
    assert points(lab) == wanted


def test_what_was_fetched_and_nothing_else_stays_in_the_cache_of_the_worker(
    lab, short, sky, choices
):
    (path,) = sky.rglob("*-2009166044711_slc.fits")
    said = lab.shell(WORKERS[0], f"find {choices['import_cache']} -name '*.fits' | xargs sha256sum")
    assert [line.split()[0] for line in said.splitlines()] == [
        sha256(path.read_bytes()).hexdigest()
    ]


def test_an_import_is_stopped(lab, short, source):
    # No host has this address, so the job waits.
    lab.start_import(f"http://{lab.prefix}.99/")
    stopped = run_import(source, import_stop=True)
    assert stopped.rc == 0, stopped.output[-2000:]
    assert stopped.changed[SCHEDULER] == 1
    assert not lab.host(SCHEDULER).service("kepler-import").is_running


def test_long_cadence_has_the_one_column(lab, long, sky):
    wanted = measured(sky, "*_llc.fits", ["SAP_FLUX"])
    assert len(wanted) == 2
    assert {key: n for key, n in points(lab).items() if key[2] != SHORT[1]} == wanted


def test_the_worker_searches_the_flux_that_was_measured(lab, long, tmp_path):
    words = {"transits_column": "SAP_FLUX", "transits_folder": str(tmp_path)}
    words |= {"transits_stars": "900000001", "transits_model": "shipped"}
    run = playbook("playbooks/transits.yml", "--tags", "transits", "-e", json.dumps(words))
    assert run.rc == 0, run.output[-3000:]
    rows = list(csv.DictReader((tmp_path / "catalogue.csv").open()))
    assert {row["kepid"] for row in rows} == {"900000001"}, run.output[-3000:]
    settings = json.loads(lab.shell(SCHEDULER, "cat /etc/kepler-lens/transits.json"))
    assert settings["column"] == "SAP_FLUX"
