"""The server uses the folder, memory, limits, logs, Java and tokens that were chosen."""

from __future__ import annotations

import os

import pytest
import requests
from lab import SERVER, Lab, default

ARCHIVE = os.environ.get("WARP10_ARCHIVE")
JAVA = 21 if ARCHIVE else 8
READ = "@HELLOEXOWORLD/GETREADTOKEN"
RECURSE = "<% 'n' STORE <% $n 0 > %> <% $n 1 - $again EVAL %> IFT %> 'again' STORE @N@ $again EVAL"
# Each turn of the loop takes milliseconds but few operations.
LOOP = """'x' 1 20 <% DROP DUP + %> FOR 'UTF-8' ->BYTES 'text' STORE NOW 'begin' STORE
<% NOW $begin - @N@ 1000 * < %> <% $text SHA256 DROP %> WHILE"""
BUCKETS = "[ NEWGTS 1 NaN NaN NaN 1 ADDVALUE bucketizer.last 1 1 @N@ ] BUCKETIZE DROP"
# For each limit: a script, an allowed value, and a value that only the default allows.
LIMITS = {
    "maxops": ("1 @N@ <% DROP %> FOR", 900_000, 3_100_000),
    "maxfetch": (f"[ {READ} 'limit' {{ 'n' '0' }} MAXLONG -@N@ ] FETCH SIZE", 29_000, 31_000),
    "maxgts": (f"[ {READ} 'limit' {{ 'n' '~[0-9]{{@N@}}' }} ] FIND SIZE", 2, "1,3"),
    "maxbuckets": (BUCKETS, 19_000, 21_000),
    "maxdepth": ("1 @N@ <% %> FOR", 4_900, 5_100),
    "maxsymbols": ("1 @N@ <% 'v' SWAP TOSTRING + 1 SWAP STORE %> FOR", 80, 100),
    "maxrecursion": (RECURSE, 5, 14),
    "maxloop_ms": (LOOP, 1_000, 4_000),
    "maxpixels": ("@N@ 1 '2D' PGraphics DROP", 80_000, 100_000),
}


@pytest.fixture(scope="module")
def many(lab: Lab):
    """Points and series, more than one execution may have."""
    lines = [f"{n}// limit{{n=0}} 1" for n in range(31_000)]
    lines += [f"1// limit{{n={n}}} 1" for n in range(1, 450)]
    token = {"X-Warp10-Token": lab.shell(SERVER, "cat /etc/warp10/tokens/write.token").strip()}
    url = f"{lab.url}/api/v0"
    done = requests.post(f"{url}/update", data="\n".join(lines), headers=token, timeout=60)
    assert done.ok, done.text[:500]
    yield
    requests.get(f"{url}/delete?deleteall&selector=limit%7B%7D", headers=token, timeout=60)


@pytest.fixture
def server(lab: Lab):
    return lab.host(SERVER)


def refused(lab: Lab, script: str) -> str:
    """Return the server's error for a script; empty if the script runs."""
    answer = requests.post(f"{lab.url}/api/v0/exec", data=script, timeout=60)
    return "" if answer.ok else answer.headers.get("X-Warp10-Error-Message", answer.text)


def test_the_data_folder_has_the_database_and_the_usual_one_has_none(server, choices):
    assert server.file(f"{choices['warp10_data_dir']}/leveldb/CURRENT").exists
    assert not server.file(f"{default('warp10', 'warp10_data_dir')}/leveldb").exists


def test_the_process_has_the_heap_and_the_java_that_were_chosen(lab, server, choices):
    process = lab.shell(SERVER, "systemctl show -p MainPID --value warp10").strip()
    words = server.file(f"/proc/{process}/cmdline").content_string.split("\0")
    # The percentage of the unit's memory, which is less than the host's.
    mebibytes = 2 * 1024 * choices["warp10_heap_percent"] // 100
    assert f"-Xmx{mebibytes}m" in words
    assert words[0].startswith(f"/usr/lib/jvm/java-{JAVA}-openjdk")
    unit = lab.shell(SERVER, "systemctl show -p MemoryMax -p TimeoutStartUSec warp10").split("\n")
    assert f"MemoryMax={2 * 1024**3}" in unit
    # Half a minute more than the readiness check waits for the server.
    assert "TimeoutStartUSec=2min 30s" in unit
    assert server.package(f"openjdk-{JAVA}-jdk-headless").is_installed


@pytest.mark.skipif(bool(ARCHIVE), reason="the release archive needs neither")
def test_java_and_the_wheel_came_from_where_they_were_told_to(server):
    source = server.file("/etc/apt/sources.list.d/warp10-java.sources").content_string
    (uri,) = [line for line in source.splitlines() if line.startswith("URIs:")]
    pin = server.file("/etc/apt/preferences.d/warp10-java").content_string
    assert f"openjdk-{JAVA}-jdk-headless" in pin
    # The host's own mirror has a slash at its end.
    assert not uri.endswith("/")
    # No other index is reachable, see prepare.yml.
    assert "127.0.0.1:9/" in server.file("/etc/pip.conf").content_string
    assert server.file("/opt/warp10/warp10-2.1.0/bin/warp10-2.1.0.jar").exists


def test_logs_are_rotated_at_the_size_and_as_often_as_was_chosen(server, choices):
    """Each start of the server writes more than the size."""
    logs = sorted(name for name in server.file("/var/log/warp10").listdir() if "warp10.log" in name)
    kept = [f"warp10.log.{n}" for n in range(1, choices["warp10_log_count"] + 1)]
    assert logs == ["warp10.log", *kept]


def test_the_block_cache_is_as_large_as_was_chosen(server, choices):
    lines = server.file("/etc/warp10/warp10.conf").content_string.splitlines()
    assert f"leveldb.cache.size = {choices['warp10_cache_bytes']}" in lines


@pytest.mark.parametrize("name", LIMITS)
def test_an_execution_may_do_what_was_chosen_and_not_more(lab, many, choices, name):
    script, allowed, too_much = LIMITS[name]
    assert refused(lab, script.replace("@N@", str(allowed))) == ""
    said = refused(lab, script.replace("@N@", str(too_much)))
    assert ("recursion" if name == "maxrecursion" else str(choices[f"warp10_{name}"])) in said


def test_a_token_that_was_added_writes_for_itself_alone(lab, choices):
    token = lab.shell(SERVER, "cat /etc/warp10/tokens/guest.token").strip()
    done = requests.post(
        f"{lab.url}/api/v0/update",
        data="1// guest{} 1",
        headers={"X-Warp10-Token": token},
        timeout=30,
    )
    assert done.ok, done.text[:500]
    assert lab.execute(f"[ {READ} 'guest' {{}} ] FIND") == [[]]


def test_series_belong_to_the_application_that_was_chosen(lab, many, choices):
    (application,) = {t["application"] for t in choices["warp10_tokens"] if t["name"] == "read"}
    (series,) = lab.execute(f"[ {READ} 'limit' {{ 'n' '0' }} ] FIND")[0]
    assert series["l"][".app"] == application
