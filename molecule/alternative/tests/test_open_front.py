"""Guests come in by another host than the server's, with the choices of the inventory.

By its name this file runs after the import, whose light curves guests read.
"""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
import requests
from cryptography import x509
from lab import SCHEDULER, WORKERS
from test_base import FRONT, SSH, listening, reaches

STAR = 900000001
TOKEN = "@HELLOEXOWORLD/GETREADTOKEN"


class Front:
    """The front, as a guest with an account sees it."""

    def __init__(self, lab, port: int, authority: str) -> None:
        self.url = f"https://{lab.prefix}.51:{port}"
        self.authority = authority

    def ask(self, path: str, data: str | None = None, password: str = "lovelace"):
        return requests.request(
            "GET" if data is None else "POST",
            self.url + path,
            data=data,
            auth=("ada", password),
            verify=self.authority,
            timeout=60,
        )

    def exec(self, script: str):
        """Send a script; repeat it while too many have begun in this second."""
        for _ in range(20):
            answer = self.ask("/api/v0/exec", script)
            if answer.status_code != 429:
                break
            time.sleep(0.3)
        return answer


@pytest.fixture(scope="module")
def front(lab, choices, tmp_path_factory) -> Front:
    path = tmp_path_factory.mktemp("front") / "ca.pem"
    path.write_text(lab.shell(SCHEDULER, "cat /etc/kepler-lens/ca/ca.pem"))
    return Front(lab, choices["front_port"], str(path))


def test_guests_read_light_curves_of_the_server_on_the_other_host(lab, front):
    script = f"{STAR} 'sap.flux' @HELLOEXOWORLD/LIGHTCURVE <% DROP VALUES %> LMAP"
    answer = front.exec(script)
    assert answer.status_code == 200, answer.text[:500]
    (wanted,) = lab.execute(script)
    assert answer.json() == [wanted]
    assert sum(len(values) for values in wanted) > 1000


def test_who_has_no_account_stays_out(front):
    wrong = front.ask("/", password="byron")
    assert wrong.status_code == 401
    assert "account" in wrong.json()["error"]
    assert front.ask("/api/v0/exec", "1", password="byron").status_code == 401
    for path in ("/", "/explorer.json", "/api/v0/exec"):
        nobody = requests.post if path.endswith("exec") else requests.get
        answer = nobody(front.url + path, data="1", verify=front.authority, timeout=60)
        assert answer.status_code == 401, path
    assert front.ask("/").status_code == 200
    assert front.exec("1 1 +").json() == [2]
    # Whether guests are served may be asked by anyone.
    health = requests.get(front.url + "/health", verify=front.authority, timeout=60)
    assert health.json() == {"guest": True, "data": True}


def test_the_page_is_told_what_was_chosen(front, choices):
    assert front.ask("/explorer.json").json() == {
        "maxtime": choices["guest_maxtime"],
        "points": choices["guest_maxpoints"],
        "script_bytes": choices["front_script_bytes"],
        "title": choices["front_title"],
    }


@pytest.mark.parametrize(
    ("script", "limit"),
    [
        ("1 60000 <% DROP %> FOR", "guest_maxops"),
        (f"[ {TOKEN} 'sap.flux' {{}} MAXLONG MAXLONG ] FETCH", "guest_maxpoints"),
        (f"[ {TOKEN} '~.*' {{}} ] FIND", "guest_maxgts"),
        ("1 1000 <% %> FOR", "guest_maxdepth"),
        ("0 70 <% DUP TOSTRING STORE %> FOR", "guest_maxsymbols"),
        ("200 200 '2D' PGraphics", "guest_maxpixels"),
    ],
)
def test_a_script_beyond_a_limit_is_refused_by_it(front, choices, script, limit):
    answer = front.exec(script)
    assert answer.status_code == 500, answer.text[:500]
    assert re.search(rf"\b{choices[limit]}\b", answer.text), answer.text[:500]


def test_a_script_calls_itself_as_deeply_as_was_chosen(front, choices):
    answer = front.exec("<% 'deeper' LOAD EVAL %> 'deeper' STORE $deeper EVAL")
    assert f"recursion level reached ({choices['guest_maxrecursion'] + 1})" in answer.text


def test_a_script_is_as_long_as_was_chosen(front, choices):
    most = choices["front_script_bytes"]
    assert front.exec(" " * (most - 1) + "1").json() == [1]
    answer = front.exec(" " * most + "1")
    assert answer.status_code == 413
    assert f"{most} bytes" in answer.text


def test_the_certificate_has_the_name_and_the_days_that_were_chosen(lab, choices):
    text = lab.shell(FRONT, "cat /etc/kepler-front/tls/host.pem")
    certificate = x509.load_pem_x509_certificate(text.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert choices["front_name"] in names.get_values_for_type(x509.DNSName)
    valid = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert round(valid / timedelta(days=1)) == choices["front_certificate_days"]


def test_only_the_networks_that_were_chosen_get_in(lab, choices, source):
    """The container that publishes the sky is in these networks, a worker is not."""
    address, port = f"{lab.prefix}.51", choices["front_port"]
    assert reaches(lab, "archive", address, port)
    assert not reaches(lab, WORKERS[0], address, port)


def test_the_front_listens_on_its_other_ports_alone(lab, choices):
    found = {(a, p) for a, p in listening(lab, FRONT) if p != SSH}
    outside = {pair for pair in found if pair[0] != "127.0.0.1"}
    assert outside == {(f"{lab.prefix}.51", choices["front_port"])}
    inside = {("127.0.0.1", choices[f"guest_{name}"]) for name in ("port", "health_port")}
    assert inside <= found


def test_the_units_have_what_was_chosen(lab, choices):
    said = lab.shell(FRONT, "systemctl show -p MemoryMax --value warp10-guest")
    assert int(said) == choices["guest_memory"] * 1024**2
    words = lab.shell(FRONT, "systemctl cat warp10-guest kepler-front")
    # The unit waits 30 s longer than its readiness check, which says why.
    assert f"TimeoutStartSec={choices['guest_start_timeout'] + 30}" in words
    nginx = lab.shell(FRONT, "cat /etc/kepler-front/nginx.conf")
    assert f"rate={choices['front_scripts_a_second']}r/s" in nginx
    assert f"limit_conn scripts_running {choices['front_scripts_at_once']};" in nginx
    assert f"limit_conn all_scripts_running {choices['front_scripts_at_once_all']};" in nginx
