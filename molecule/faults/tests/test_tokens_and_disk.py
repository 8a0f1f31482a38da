"""A wrong or expired token, or a full disk of the server, ends an import with one sentence."""

from __future__ import annotations

import re
import time

import pytest
import yaml
from lab import PROJECT, SCHEDULER, SERVER, WORKERS, finite_points, module

TOKEN = "/etc/kepler-lens/tokens/write.token"
OWNER = "6a1f0c52-2f0e-4a57-9d0d-5b1f6f3c1d01"
# An expired validity in the syntax of each distribution's token generator.
OVER = {"wheel": "'ttl' 1", "archive": "'issuance' NOW 2 h - 'expiry' NOW 1 h -"}


@pytest.fixture
def write_token(lab):
    """A function that replaces the write token on every host of the fleet, until the test ends."""

    def put(text: str) -> None:
        for name in (SCHEDULER, *WORKERS):
            lab.shell(name, f"cp -np {TOKEN} {TOKEN}.kept; printf '%s\\n' '{text}' > {TOKEN}")

    yield put
    for name in (SCHEDULER, *WORKERS):
        lab.shell(name, f"mv {TOKEN}.kept {TOKEN}")


def expired_token(lab) -> str:
    """Create an expired token as the role creates tokens, with the server's own generator."""
    release = lab.shell(SERVER, "cat /etc/warp10/distribution").strip()
    known = yaml.safe_load((PROJECT / f"roles/warp10/vars/{release}.yml").read_text())
    start = lab.shell(SERVER, "cat /opt/warp10/start")
    java = re.search(r"^exec (\S+ .*?) \\$", start, re.MULTILINE)[1].split()
    lab.shell(SERVER, "mkdir -p -m 700 /run/expired && chown warp10: /run/expired")
    made = module(
        *(SERVER, "warp10_tokens"),
        folder="/run/expired",
        tokens=[{"name": "x", "type": "WRITE", "application": "helloexoworld", "owner": OWNER}],
        validity=OVER[release],
        generator=[*java, "-cp", re.search(r"-cp '(.*?)'", start)[1], known["warp10_token_class"]],
        configuration=["/etc/warp10/warp10.conf", "/etc/warp10/secrets.conf"],
        to_file=known["warp10_token_file"],
    )
    assert made.rc == 0, made.output
    return lab.shell(SERVER, "cat /run/expired/x.token && rm -r /run/expired").strip()


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
    """The database is on a small tmpfs, which a file fills in the middle of an import."""
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
