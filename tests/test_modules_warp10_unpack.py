"""The module that unpacks the server."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile

import pytest

FILES = {"bin/warp10-1.jar": b"jar", "etc/conf": b"conf", "runners/x/y.mc2": b"run"}
JAR = hashlib.sha256(b"jar").hexdigest()


@pytest.fixture
def unpack(run_module, tmp_path):
    def run(name: str, **arguments: object) -> dict[str, object]:
        given = {
            "artifact": str(tmp_path / name),
            "home": str(tmp_path / "opt/warp10-1"),
            "checksum": "sha512:abc",
            "jar": "bin/warp10-1.jar",
        }
        return run_module("warp10_unpack", **given | arguments)

    return run


@pytest.fixture
def release(tmp_path):
    with tarfile.open(tmp_path / "release.tar.gz", "w:gz") as tar:
        for name, content in FILES.items():
            member = tarfile.TarInfo(f"warp10-1/{name}")
            member.size, member.mode = len(content), 0o600
            tar.addfile(member, io.BytesIO(content))
    return "release.tar.gz"


def test_a_release_is_unpacked_once(unpack, release, tmp_path):
    home = tmp_path / "opt/warp10-1"
    said = unpack(release, diff=True)
    assert (said["changed"], said["before"]) == (True, ""), said
    assert said["diff"]["after"] == "sha512:abc\n"
    assert (home / "bin/warp10-1.jar").read_bytes() == b"jar"
    assert (home / "etc/conf").stat().st_mode & 0o777 == 0o644
    assert (home / "etc").stat().st_mode & 0o777 == 0o755
    assert not (home / "runners").exists()
    assert not (tmp_path / release).exists()
    assert [path.name for path in home.parent.iterdir()] == ["warp10-1"]
    # The artifact is gone, and is not needed.
    assert unpack(release)["changed"] is False


def test_of_a_wheel_only_the_server_is_unpacked(unpack, tmp_path):
    with zipfile.ZipFile(tmp_path / "server.whl", "w") as wheel:
        for name, content in FILES.items():
            wheel.writestr(f"warpscript/warp10-1/{name}", content)
        wheel.writestr("warpscript/other.py", b"")
    assert unpack("server.whl", prefix="warpscript/", jar_sha256=JAR)["changed"]
    assert (tmp_path / "opt/warp10-1/bin/warp10-1.jar").read_bytes() == b"jar"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"jar": "bin/warp10-2.jar"}, "it is not Warp 10 in the expected layout"),
        ({"jar_sha256": "0" * 64}, f"has SHA-256 {JAR}, not 0000"),
        ({"artifact": "/nowhere"}, "/nowhere"),
    ],
)
def test_what_is_not_the_server_leaves_what_was_there(unpack, release, tmp_path, wrong, words):
    home = tmp_path / "opt/warp10-1"
    home.mkdir(parents=True)
    (home / ".installed").write_text("sha512:old\n")
    said = unpack(release, **wrong)
    assert said["failed"]
    assert words in said["msg"]
    assert (home / ".installed").read_text() == "sha512:old\n"
    assert (tmp_path / release).exists()


def test_a_dry_run_of_a_fresh_host_needs_no_artifact(unpack, tmp_path):
    said = unpack("nowhere", check=True)
    assert said["changed"] is True
    assert not (tmp_path / "opt").exists()
