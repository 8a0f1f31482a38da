"""The settings of the front and of the guest server reach their files."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from kepler_lens.client.endpoint import _PASSING
from plays import PROJECT

SERVER = "warp10.example.org"
GUEST = {
    "guest_port": "9101",
    "guest_health_port": "9102",
    "guest_warp10_url": "http://192.0.2.77:9091",
    "guest_memory": "4000",
    "guest_maxtime": "45",
    "guest_share": "0.7",
    "guest_cores": "1.5",
    "guest_maxpoints": "70001",
    "guest_maxgts": "70002",
    "guest_maxops": "70003",
    "guest_maxbuckets": "70004",
    "guest_maxdepth": "70005",
    "guest_maxsymbols": "706",
    "guest_maxrecursion": "77",
    "guest_maxpixels": "70008",
    "guest_asked_macros": {"SAMPLE": 7, "FOLD": 3},
    "guest_start_timeout": "90",
}
FRONT = {
    "front_name": "exoworld.example.org",
    "front_listen_address": "192.0.2.78",
    "front_port": "9443",
    "front_networks": ["198.51.100.0/24", "2001:db8:5::/48"],
    "front_title": "Our sky",
    "front_page": "/srv/no-page",
    "front_certificate": "/etc/ssl/ours.pem",
    "front_certificate_key": "/etc/ssl/ours.key",
    "front_hsts_seconds": "3600",
    "front_scripts_at_once": "7",
    "front_scripts_at_once_all": "19",
    "front_scripts_a_second": "11",
    "front_script_bytes": "12345",
}
LOOSE = {
    "warp10_java": "/usr/bin/java",
    "warp10_java_flags": "-Da=b -Dlog4j.configuration=file:/etc/x",
    "warp10_classpath": "/jar",
    "warp10_main_class": "Main",
    "warp10_artifact_checksum": "sum",
    "role_path": str(PROJECT / "roles/guest"),
}


@pytest.fixture(scope="module")
def said(render) -> dict[str, str]:
    sources = {
        "conf": "roles/guest/templates/guest.conf.j2",
        "keep": "roles/guest/templates/keep.json.j2",
        "unit": "roles/guest/templates/warp10-guest.service.j2",
        "nginx": "roles/front/templates/nginx.conf.j2",
        "explorer": "roles/front/templates/explorer.json.j2",
        "index": "roles/front/templates/index.html.j2",
        "kept": "{{ front_kept | to_json }}",
        "ask": "{{ guest_macros['GUEST/ASK'] }}",
        "fold": "{{ guest_macros['FOLD'] }}",
        "rules": "roles/base/templates/helloexoworld.nft.j2",
    }
    settings = GUEST | FRONT | LOOSE | {"front": True}
    return render(SERVER, ["base", "guest", "front"], sources, **settings)


def test_the_server_for_guests_has_the_limits_that_are_set(said):
    limits = dict(re.findall(r"^warpscript\.(\w+)\.hard = (\d+)$", said["conf"], re.MULTILINE))
    assert limits == {
        "maxops": "70003",
        "maxfetch": "70001",
        "maxgts": "70002",
        "maxbuckets": "70004",
        "maxdepth": "70005",
        "maxsymbols": "706",
        "maxrecursion": "77",
        "maxloop": "42000",
        "maxpixels": "70008",
    }
    # A script can raise a soft limit up to the hard one, so both are equal.
    for name, value in limits.items():
        assert f"warpscript.{name} = {value}\n" in said["conf"]
    assert "70001 LIMIT 70002 MAXGTS'" in said["ask"]


def test_guests_ask_the_data_server_for_the_macros_that_are_set(said):
    texts = re.search(r"\{ (.+) \} 'texts' STORE", said["ask"])[1]
    words = re.findall(r"'([^']*)'", texts)
    asked = dict(zip(words[::2], words[1::2], strict=True))
    assert asked.pop("SAMPLE") == "LIST-> DROP @HELLOEXOWORLD/SAMPLE"
    assert asked.pop("FOLD") == "LIST-> DROP @HELLOEXOWORLD/FOLD"
    # CURVE and SERIES read with a token that guests do not have.
    assert asked.pop("CURVE") == "LIST-> DROP @HELLOEXOWORLD/CURVE"
    assert asked.pop("SERIES") == "LIST-> DROP @HELLOEXOWORLD/SERIES"
    # The others are functions, and their texts are their names.
    assert all(name == text for name, text in asked.items())
    assert "FETCH" in asked
    assert said["fold"].startswith("{\n  'name' 'HELLOEXOWORLD/FOLD'")
    assert said["fold"].endswith("3 ->LIST 'FOLD' @HELLOEXOWORLD/GUEST/ASK\n%>")
    assert "TIMEMODULO" not in said["fold"]


def test_python_and_the_page_know_the_sentences_for_what_passes(said):
    page = (PROJECT / "explorer/src/warp10.ts").read_text()
    for words in _PASSING:
        assert words in said["ask"]
        assert words in page


def test_the_server_for_guests_stands_and_asks_where_it_is_told_to(said):
    assert "standalone.port = 9101\n" in said["conf"]
    assert "http://192.0.2.77:9091/api/v0/exec" in said["ask"]
    assert said["ask"].count("'http://127.0.0.1:9102/share'") == 2
    assert "rexec.endpoint.patterns = !.*,.?192[.]0[.]2[.]77.?" in said["conf"]
    keep = json.loads(said["keep"])
    wanted = {"port": 9101, "health_port": 9102, "maxtime": 45, "start_timeout": 90}
    wanted |= {"share": 0.7, "cores": 1.5}
    wanted |= {"guest": "http://127.0.0.1:9101", "data": "http://192.0.2.77:9091"}
    assert keep.items() >= wanted.items()
    assert "-Xmx2400m" in keep["command"]
    assert not any("/etc/x" in word for word in keep["command"])
    for line in ("MemoryMax=4000M", "TimeoutStartSec=120"):
        assert f"{line}\n" in said["unit"]


def test_the_front_has_the_limits_and_addresses_that_are_set(said):
    for words in (
        "listen 192.0.2.78:9443 ssl",
        "server_name exoworld.example.org ",
        "client_max_body_size 12345;",
        "zone=scripts_begun:10m rate=11r/s",
        "limit_conn scripts_running 7;",
        "limit_conn all_scripts_running 19;",
        "proxy_pass http://127.0.0.1:9101;",
        "proxy_pass http://127.0.0.1:9102;",
        "proxy_read_timeout 45s;",
        'Strict-Transport-Security "max-age=3600"',
    ):
        assert words in said["nginx"]
    about = {"maxtime": 45, "points": 70001, "script_bytes": 12345, "title": "Our sky"}
    assert json.loads(said["explorer"]) == about
    # Without a folder with a page, the role writes a start page.
    assert "<title>Our sky</title>" in said["index"]
    assert "https://exoworld.example.org:9443/api/v0/exec" in said["index"]
    kept = json.loads(said["kept"])
    assert (kept["certificate"], kept["key"]) == ("/etc/ssl/ours.pem", "/etc/ssl/ours.key")


@pytest.mark.parametrize(("cores", "most"), [("1", 9), ("4", 9), ("16", 32)])
def test_of_all_guests_two_scripts_a_core_run_and_two_more_than_of_one(render, cores, most):
    sources = {"nginx": "roles/front/templates/nginx.conf.j2"}
    settings = FRONT | {"front_scripts_at_once_all": "0", "front_cores": {"stdout": cores}}
    said = render(SERVER, ["base", "guest", "front"], sources, **settings)["nginx"]
    assert f"limit_conn all_scripts_running {most};" in said
    assert f"of all guests {most} run at a time" in said


def test_passwords_are_tried_as_slowly_as_scripts_begin(render):
    sources = {"nginx": "roles/front/templates/nginx.conf.j2"}
    accounts = [{"name": "ada", "hash": "$6$a$b"}]
    said = render(SERVER, ["base", "guest", "front"], sources, **FRONT, front_accounts=accounts)
    assert "limit_req zone=asked burst=100 nodelay;" in said["nginx"]
    said = render(SERVER, ["base", "guest", "front"], sources, **FRONT)
    assert "zone=asked" not in said["nginx"]


def test_the_fleets_authority_signs_what_is_set(render):
    (task,) = yaml.safe_load((PROJECT / "roles/front/tasks/certificate.yml").read_text())
    asked = {name: source for name, source in task["vars"].items() if "{{" in source}
    days = {"front_certificate_days": "41", "front_certificate_renew_days": "9"}
    said = render(SERVER, ["front"], asked, front_name="sky.example.org", **days)
    assert json.loads(said["certificate_names"]) == ["sky.example.org", SERVER, "localhost"]
    assert (said["certificate_days"], said["certificate_renew_days"]) == ("41", "9")
    assert task["vars"]["certificate_purposes"] == ["serverAuth"]


WRONG = {
    "guest": (
        {
            "guest_memory": "100",
            "guest_maxtime": "4",
            "guest_health_port": "8081",
            "guest_asked_macros": {"TRANSITS": 2, "../../ASK": 1},
        },
        [
            "needs 512 MiB at the least",
            "choose 5 to 600 seconds",
            "choose two ports",
            "names TRANSITS, ../../ASK: choose among LIGHTCURVE,",
        ],
    ),
    "front": (
        {
            "front_certificate": "/a",
            "front_networks": [],
            "front_accounts": [{"name": "ada", "hash": "lovelace"}],
            "front_scripts_at_once_all": "4",
        },
        [
            "go together: name both files",
            "nobody could come in",
            "openssl passwd -6 makes one",
            "one guest keeps all others out",
        ],
    ),
}


@pytest.mark.parametrize("role", WRONG)
def test_settings_that_cannot_work_are_refused_in_sentences(render, role):
    settings, sentences = WRONG[role]
    tasks = yaml.safe_load((PROJECT / f"roles/{role}/tasks/preflight.yml").read_text())
    conditions = {f"{role}_conditions": tasks[-1]["vars"][f"{role}_conditions"]}
    words = f"{{{{ {role}_conditions | rejectattr('holds') | map(attribute='otherwise') | list }}}}"
    said = {
        name: render(SERVER, ["guest", "front"], {"said": words}, **conditions, **given)["said"]
        for name, given in (("right", {}), ("wrong", settings))
    }
    assert said["right"] == "[]"
    for sentence in sentences:
        assert sentence in said["wrong"]
