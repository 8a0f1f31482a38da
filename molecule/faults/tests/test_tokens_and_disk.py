"""A token that is wrong or expired, a server whose disk is full: one sentence, and no storm."""

from __future__ import annotations

import json
import time

import pytest
from lab import SCHEDULER, SERVER, WORKERS, finite_points

TOKEN = "/etc/kepler-lens/tokens/write.token"
# What the wheel's token generator takes: a program, and the file it writes to.
EXPIRED = """
{ 'id' 'expired' 'type' 'WRITE' 'owner' '6a1f0c52-2f0e-4a57-9d0d-5b1f6f3c1d01'
  'producer' '6a1f0c52-2f0e-4a57-9d0d-5b1f6f3c1d01' 'application' 'helloexoworld' 'ttl' 1 } TOKENGEN
"""


@pytest.fixture
def write_token(lab):
    """Lets a test replace the write token on every host of the fleet; puts the right one back."""

    def put(text: str) -> None:
        for name in (SCHEDULER, *WORKERS):
            lab.shell(name, f"cp -np {TOKEN} {TOKEN}.kept; printf '%s\\n' '{text}' > {TOKEN}")

    yield put
    for name in (SCHEDULER, *WORKERS):
        lab.shell(name, f"mv {TOKEN}.kept {TOKEN}")


def expired_token(lab) -> str:
    lab.shell(SERVER, f"cat > /run/expired.mc2 <<'END'\n{EXPIRED}END")
    lab.shell(
        SERVER,
        "$(ls /usr/lib/jvm/*/bin/java | head -1) -Dsensision.server.port=0 "
        "-cp $(ls /opt/warp10/warp10-*/bin/*.jar) io.warp10.worf.TokenGen "
        "/etc/warp10/warp10.conf /etc/warp10/secrets.conf /run/expired.mc2 /run/expired.json "
        ">/dev/null 2>&1",
    )
    said = json.loads(lab.shell(SERVER, "cat /run/expired.json && rm /run/expired.*"))
    return (said[0] if isinstance(said, list) else said)["token"]


@pytest.mark.parametrize("kind", ["wrong", "expired"])
def test_a_token_that_is_refused_ends_the_import_with_one_sentence(lab, data, write_token, kind):
    lab.clear()
    token = "wrongwrongwrongwrongwrong" if kind == "wrong" else expired_token(lab)
    write_token(token)
    began = time.monotonic()
    lab.start_import(lab.publish(data / "kepler"))
    status, _ = lab.wait_import()

    said = lab.journal().strip().splitlines()
    assert status == 1
    assert time.monotonic() - began < 40
    assert "token" in said[-1].lower()
    assert token not in "\n".join(said)
    assert sum("token" in line.lower() for line in said) == 1, said
    assert lab.counts() == {}


def test_a_full_disk_ends_the_import_and_loses_nothing(lab, data):
    """The database lies on a small tmpfs, which a file fills in the middle of an import."""
    lab.clear()
    url = lab.publish(data / "kepler", delay_ms=250)
    home = "/var/lib/warp10/leveldb"
    lab.shell(SERVER, f"systemctl stop warp10 && cp -a {home} {home}.kept")
    lab.shell(SERVER, f"mount -t tmpfs -o size=200m,mode=0700 tmpfs {home}")
    lab.shell(SERVER, f"cp -a {home}.kept/. {home}/ && chown warp10: {home}")
    try:
        lab.shell(SERVER, "systemctl start warp10")
        lab.start_import(url)
        lab.wait_until("the middle", lambda: lab.import_state().get("points", 0) > 0)
        lab.host(SERVER).run(f"dd if=/dev/zero of={home}/filler bs=1M")
        status, _ = lab.wait_import(timeout=400)
        said = lab.journal().strip().splitlines()
        assert status == 1
        assert "warp 10" in said[-1].lower()

        lab.shell(SERVER, f"rm {home}/filler && systemctl restart warp10")
        lab.start_import(url)
        assert lab.wait_import()[0] == 0
        assert lab.counts() == finite_points(data / "kepler")
    finally:
        lab.shell(SERVER, f"systemctl stop warp10; umount {home}; rm -rf {home}.kept")
        lab.shell(SERVER, "systemctl reset-failed warp10; systemctl start warp10")
