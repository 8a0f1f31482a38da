"""Failures behind the front are reported at once, and end by themselves or by a run."""

from __future__ import annotations

import concurrent.futures
import time

import pytest
import requests
from kepler_lens import connect
from kepler_lens.errors import Warp10Error
from lab import SERVER, playbook
from lab_front import GUEST, sentence, slower

FETCH = "[ @HELLOEXOWORLD/GETREADTOKEN 'sap.flux' {} MAXLONG -1 ] FETCH SIZE"


def test_a_data_server_that_is_down_is_said_and_guests_are_back_by_themselves(front):
    guest = front.started("warp10-guest")
    front.lab.shell(SERVER, "systemctl stop warp10")
    try:
        begun = time.monotonic()
        answer = front.exec(FETCH)
        assert answer.status_code == 500
        assert "The database does not answer: try again in a minute." in sentence(answer)
        assert time.monotonic() - begun < 5 * slower()
        # Scripts that read no data still run.
        assert front.exec("1 1 +").json() == [2]
        until = time.monotonic() + 15 * slower()
        while (answer := front.get("/health")).status_code == 200:
            assert time.monotonic() < until
            time.sleep(0.5)
        assert answer.status_code == 503
        assert answer.json()["data"] is False
        assert "database" in answer.json()["error"]
    finally:
        front.lab.shell(SERVER, "systemctl start warp10")
    front.wait_health(30)
    assert front.exec(FETCH).json()[0] >= 2
    assert front.started("warp10-guest") == guest


def test_python_sends_nothing_again_that_may_have_ended_the_server_for_guests(front):
    """A script that has run gets 502 and is sent once; during the start, scripts wait."""
    ours = connect(front.url, verify=front.authority, patience=60)
    begun = front.lab.shell(SERVER, "date +%s").strip()
    lines = f"journalctl -t kepler_front -o cat --no-pager --since @{begun}"
    log = f"{lines} | grep -c ' /api/v0/exec 502 ' || true"
    before = int(front.lab.shell(SERVER, log))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        run = pool.submit(ours.execute, "<% true %> <% %> WHILE")
        time.sleep(2)
        front.lab.shell(SERVER, f"systemctl kill --signal=KILL {GUEST}")
        with pytest.raises(
            Warp10Error, match=r"\(502\): The server for guests has ended while it ran"
        ):
            run.result()
    # While the kernel ends it, the server for guests still takes connections: these get 502, too.
    answers = [front.get("/api/v0/exec", method="POST", data="1 1 +")]
    while answers[-1].status_code == 502 and len(answers) < 20:
        answers.append(front.get("/api/v0/exec", method="POST", data="1 1 +"))
    answer = answers[-1]
    assert answer.status_code == 503
    assert "has not run this script: send it again" in sentence(answer)
    assert ours.execute("1 1 +") == [2]
    front.wait_health(30)
    assert int(front.lab.shell(SERVER, log)) - before == len(answers)


# The tasks that a new certificate concerns, and the handler that makes it known to the front.
RENEWAL = {
    "certificate : Create the key",
    "certificate : Install the certificate and that of the authority",
    "front : Restart the front",
}


def test_an_expired_certificate_is_refused_by_guests_and_a_run_changes_nothing_else(front):
    lab = front.lab
    tls = "/etc/kepler-front/tls"
    request = lab.shell(
        SERVER,
        f"cd {tls} && "
        "openssl x509 -in host.pem -x509toreq -signkey host.key -copy_extensions copyall",
    )
    lab.shell(SERVER, f"cat > /tmp/request <<'END'\n{request}\nEND")
    # The host is the scheduler too, which has the authority.
    expired = lab.shell(
        SERVER,
        "cd /etc/kepler-lens/ca && openssl x509 -req -in /tmp/request -CA ca.pem -CAkey ca.key "
        "-not_before 20250101000000Z -not_after 20250201000000Z -copy_extensions copyall",
    )
    lab.shell(
        SERVER,
        f"cat > {tls}/host.pem <<'END'\n{expired}\nEND\nsystemctl reload kepler-front; sleep 2",
    )
    with pytest.raises(requests.exceptions.SSLError, match="expired"):
        front.get("/health")
    run = playbook("playbooks/front.yml")
    assert run.rc == 0, run.output[-2000:]
    assert run.tasks_changed == RENEWAL, run.output[-3000:]
    front.wait_health(30)


def test_the_certificate_is_renewed_on_demand_and_guests_still_trust_it(front):
    serial = "openssl x509 -noout -serial -in /etc/kepler-front/tls/host.pem"
    before = front.lab.shell(SERVER, serial)
    run = playbook("playbooks/certificates.yml")
    assert run.rc == 0, run.output[-2000:]
    assert front.lab.shell(SERVER, serial) != before
    front.wait_health(30)
