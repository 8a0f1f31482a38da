"""Nobody else can read a secret; services are hardened and listen only on their ports."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from lab import PROJECT, SCHEDULER, SCHEDULER_PORT, SERVER, SERVER_PORT, WORKERS

UNITS = {
    SERVER: ["warp10.service"],
    SCHEDULER: ["kepler-scheduler.service", "kepler-import.service"],
    WORKERS[0]: ["kepler-worker.service"],
}
SSH = 22
PORTS = {SERVER: {SERVER_PORT}, SCHEDULER: {SCHEDULER_PORT}, WORKERS[0]: {8790, 8890}}


@pytest.fixture(scope="module")
def secrets(lab) -> list[str]:
    """The values of all tokens and keys except the public one."""
    tokens = lab.shell(SERVER, "cat /etc/warp10/tokens/*.token").split()
    config = lab.shell(SERVER, "cat /etc/warp10/*.conf /etc/warp10/secrets* 2>/dev/null || true")
    keys = re.findall(r"hex:([0-9a-f]{32,})", config)
    private = [
        line
        for name in (SCHEDULER, *WORKERS)
        for line in lab.shell(name, "cat /etc/kepler-lens/tls/*.key").splitlines()
        if len(line) == 64
    ]
    assert len(tokens) >= 4
    assert len(keys) >= 8
    assert len(private) >= 6
    public = lab.execute("@HELLOEXOWORLD/GETREADTOKEN")[0]
    assert public in tokens
    return [secret for secret in [*tokens, *keys, *private] if secret != public]


def leaks(text: str, secrets: list[str]) -> list[str]:
    return [secret[:6] + "…" for secret in secrets if secret in text]


def test_no_secret_in_argument_lists_and_journals(lab, secrets):
    for name in lab.hosts:
        text = lab.shell(name, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        text += lab.shell(name, "journalctl --quiet --no-pager --output export | cat -v")
        text += lab.shell(name, "cat /var/log/warp10/* 2>/dev/null || true")
        assert not leaks(text, secrets), name


def test_no_secret_in_an_environment_that_others_can_read(lab, secrets):
    for name in lab.hosts:
        text = lab.shell(name, "systemctl show '*' --property Environment --no-pager")
        text += lab.shell(
            name, "runuser -u nobody -- sh -c 'cat /proc/[0-9]*/environ' 2>/dev/null || true"
        )
        assert not leaks(text, secrets), name


def test_no_secret_can_be_read_by_another_user(lab, secrets, tmp_path):
    # In a file: arguments of `runuser` would stay in the journals of the hosts.
    patterns = tmp_path / "patterns"
    patterns.write_text("\n".join([*secrets, "root:x:0:0:"]) + "\n")
    patterns.chmod(0o644)
    for name in lab.hosts:
        lab.docker("cp", str(patterns), f"{lab.name}-{name}:/mnt/patterns")
        found = lab.host(name).run(
            "runuser -u nobody -- grep -rlF --file /mnt/patterns"
            " /etc /opt/warp10 /var/lib /var/log /run /srv"
        )
        lab.shell(name, "rm /mnt/patterns")
        # The last pattern shows that the search finds what others can read.
        assert set(found.stdout.split()) - {"/etc/passwd-"} == {"/etc/passwd"}, name


def files_below(*places: Path) -> Iterator[Path]:
    """Yield files and those in folders, without what goes meanwhile."""
    for place in places:
        if not place.is_dir():
            yield place
        for folder, _, names in os.walk(place):
            yield from (Path(folder, name) for name in names)


def test_no_secret_in_the_output_of_ansible_nor_in_files_it_left_here(again, secrets):
    assert "Import light curves" in again.run.output
    assert not leaks(again.run.output, secrets)
    # A virtual environment is older than the secrets.
    own = [p for p in PROJECT.glob(".cache/*") if not (p / "pyvenv.cfg").exists()]
    read = 0
    for path in files_below(PROJECT / ".lab", *own, Path.home() / ".ansible"):
        # Another run of Ansible removes its files at its end.
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_size < 5_000_000:
                assert not leaks(path.read_text(errors="replace"), secrets), path
                read += 1
    assert read > 0


@pytest.mark.parametrize(("name", "unit"), [(n, u) for n, units in UNITS.items() for u in units])
def test_units_are_hardened(lab, name, unit):
    words = lab.shell(name, f"systemd-analyze security --no-pager {unit} | tail -1")
    exposure = float(re.search(r"([0-9.]+)\s+(OK|MEDIUM|EXPOSED|UNSAFE|SAFE|PERFECT)", words)[1])
    assert exposure <= 2.0, words


def test_the_server_fetches_no_macro_from_elsewhere(lab):
    lines = lab.shell(SERVER, "cat /etc/warp10/warp10.conf").splitlines()
    assert "warpfleet.macros.repos = none" in lines
    # A guest may be forbidden to call the function.
    assert lab.execute("<% WF.GETREPOS %> <% [] %> <% %> TRY") == [[]]
    with pytest.raises(AssertionError, match="Unknown macro"):
        lab.execute("@senx/none/such")


@pytest.mark.parametrize("name", PORTS)
def test_only_the_ports_of_the_inventory_are_open(lab, name):
    lines = lab.shell(name, "ss -Hltn").splitlines()
    sockets = [line.split()[3].rsplit(":", 1) for line in lines]
    # Docker's own resolver listens on 127.0.0.11, the rest of 127/8 and ::1 is the host's own.
    outside = {(a, int(p)) for a, p in sockets if not re.match(r"(127\.|\[::1\]|\[::ffff:127)", a)}
    address = lab.docker(
        "inspect",
        "-f",
        "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        f"{lab.name}-{name}",
    ).strip()
    # The tests themselves come in by ssh.
    outside = {(a, port) for a, port in outside if port != SSH}
    assert {port for _, port in outside} == PORTS[name]
    assert {a.removeprefix("[::ffff:").rstrip("]") for a, _ in outside} == {address}


def test_the_firewall_keeps_a_stranger_out(lab):
    """A container on the same network but not in the inventory reaches none of the ports."""
    image = lab.docker("inspect", "-f", "{{.Config.Image}}", f"{lab.name}-{SERVER}").strip()
    listening = {"10": SERVER_PORT, "20": SCHEDULER_PORT, "31": 8790}
    targets = [(f"{lab.prefix}.{number}", port) for number, port in listening.items()]
    script = (
        "import socket\n"
        f"for target in {targets}:\n"
        "    try: socket.create_connection(target, 3); print('open', target)\n"
        "    except OSError: print('closed')\n"
    )
    said = lab.docker("run", "--rm", "--network", lab.name, image, "python3", "-c", script)
    assert said.split() == ["closed"] * 3


def test_secrets_survive_another_run_and_belong_to_the_service(lab):
    for name, folder, owner in (
        (SERVER, "/etc/warp10/tokens", "warp10"),
        (SCHEDULER, "/etc/kepler-lens/tokens", "kepler"),
        (WORKERS[0], "/etc/kepler-lens/tokens", "kepler"),
    ):
        lines = lab.shell(name, f"stat -c '%U %a %n' {folder}/*.token").splitlines()
        assert lines
        assert all(line.startswith(f"{owner} 600 ") for line in lines), lines
