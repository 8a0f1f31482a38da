"""The package's own tests that need a real server run against the lab's server."""

from __future__ import annotations

import os
import subprocess
import sys

from lab import PROJECT, SERVER

FILES = (
    "test_cli",
    "test_client_server",
    "test_importer_server",
    "test_macros",
    "test_named",
    "test_refusals",
    "test_second_try",
    "test_tags",
    "test_warp10",
)


def test_package_on_the_real_server(lab, tmp_path):
    tokens = tmp_path / "tokens"
    lab.docker("cp", f"{lab.name}-{SERVER}:/etc/warp10/tokens", str(tokens))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
        + [f"files/kepler_lens/tests/{name}.py" for name in FILES],
        cwd=PROJECT,
        env=os.environ | {"WARP10_URL": lab.url, "WARP10_TOKENS": str(tokens)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "WARP10_URL" not in done.stdout, done.stdout[-3000:]
